"""A fake plugin, and the program that starts it."""
from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sst.clouds.terraform.catalogue import Catalogue, activate
from sst.clouds.terraform.plugin import Plugin
from sst.plugins.lock import Lock, Locked
from sst.plugins.source import host_platform, source_of

REPOSITORY = Path(__file__).parents[3]


@pytest.fixture
def fake_environ(tmp_path: Path) -> dict[str, str]:
    folder = tmp_path / "cloud"
    folder.mkdir()
    return {"FAKE_FOLDER": str(folder), "PATH": os.environ["PATH"]}


@pytest.fixture(scope="session")
def fake_program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An executable file, as a package of a provider holds one."""
    file = tmp_path_factory.mktemp("plugin") / "terraform-provider-fake_v1.0.0"
    file.write_text(f"#!/bin/sh\nPYTHONPATH={REPOSITORY} exec {sys.executable} -m "
                    "tests.clouds.terraform.fake_plugin\n")
    file.chmod(0o755)
    return file


@pytest.fixture
def start(fake_program: Path, fake_environ: dict[str, str]) -> Iterator[Callable[..., Plugin]]:
    """Start the fake plugin; the arguments are more of its environment."""
    started: list[Plugin] = []

    def start(timeout: float = 20, **more: str) -> Plugin:
        started.append(Plugin("fake 1.0.0", [str(fake_program)], {**fake_environ, **more}, timeout=timeout))
        return started[-1]

    yield start
    for plugin in started:
        plugin.close()


@pytest.fixture
def project(tmp_path: Path, fake_program: Path, fake_environ: dict[str, str]) -> Iterator[Catalogue]:
    """A project whose ``sst.lock`` has the fake provider, installed in a mirror. Its modules are those of
    ``sst.providers`` for as long as the test runs."""
    source, root = source_of("acme/fake"), tmp_path / "project"
    package = tmp_path / "mirror" / str(source) / "1.0.0" / host_platform()
    package.mkdir(parents=True)
    (package / fake_program.name).symlink_to(fake_program)
    root.mkdir()
    Lock().with_provider(Locked("fake", source, "1.0.0", protocol=6)).write(root)
    catalogue = Catalogue(root, {**fake_environ, "SST_PROVIDER_DIR": str(tmp_path / "mirror"),
                                 "XDG_CACHE_HOME": str(fake_program.parent / "cache"),
                                 "SST_SECRET_X": "not for plugins"})
    activate(catalogue)
    yield catalogue
    activate(None)
