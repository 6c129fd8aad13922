"""A real plugin of protocol 6, workato 0.16.0, where the package workato-terraform-provider of PyPI is installed. Its
license is its maker's own, so it is no dependency."""
from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from sst.clouds.terraform.catalogue import Catalogue, activate
from sst.core.model import Op
from sst.errors import UserError
from sst.plugins.lock import Lock, Locked
from sst.plugins.source import host_platform, source_of

from .test_programs import Stage

FOUND = importlib.util.find_spec("workato_terraform_provider")
SOURCE = source_of("registry.terraform.io/local/workato")

pytestmark = [pytest.mark.long, pytest.mark.skipif(FOUND is None, reason="workato-terraform-provider is not installed")]


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    """Nothing listens where the plugin sends its calls."""
    assert FOUND and FOUND.origin
    kept = Path("mirror", str(SOURCE), "0.16.0", host_platform())
    shutil.copytree(Path(FOUND.origin).parent / "payload" / kept.relative_to("mirror"), tmp_path / kept)
    root = tmp_path / "project"
    root.mkdir()
    Lock().with_provider(Locked("workato", SOURCE, "0.16.0")).write(root)
    catalogue = Catalogue(root, {"PATH": os.environ["PATH"], "SST_PROVIDER_DIR": str(tmp_path / "mirror"),
                                 "XDG_CACHE_HOME": str(tmp_path / "cache")})
    activate(catalogue)
    made = Stage(catalogue, workato={"api_key": "no-real-key", "base_url": "https://127.0.0.1:9"})
    yield made
    made.clouds.close()
    activate(None)


def test_its_types_are_planned_and_a_refusal_leaves_nothing_open(stage: Stage) -> None:
    def program(title: object = "One") -> None:
        from sst.providers import workato

        connector = workato.CustomConnector("C", code="{}", title=title)
        workato.ProjectProperty("P", project_id=1, name="note", value=f"{connector.name}!")

    todo = stage.plan(program)
    assert [(s.op, s.type) for s in todo.changes] == [(Op.CREATE, "workato:CustomConnector"),
                                                      (Op.CREATE, "workato:ProjectProperty")]
    with pytest.raises(UserError, match="title"):
        stage.plan(lambda: program({"no": "text"}))
    result = stage.deploy(program)
    assert len(result.failures) == 1 and "no-real-key" not in str(result.failures)
    assert not stage.journal.snapshot.resources and not stage.journal.snapshot.pending
