"""One cache for all tests, and the way from a project to an answer of its handler."""
from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sst.build.artefact import build
from sst.build.source import Source

from .projects import RUNTIME, Run, call, unpack


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One cache for all tests, as one machine has."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def run(tmp_path: Path, cache: Path) -> Run:
    """Build a handler for Lambda, unpack it, call it."""
    def do(root: Path, handler: str, **more: Any) -> Any:
        artefact = build(Source(str(root), handler, RUNTIME, **more), cache=cache)
        return call(unpack(artefact, tmp_path / "unpacked"), artefact.handler)

    return do
