from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .live import FILES, Dev, write


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dev]:
    """A session that several tests share; each leaves the files as it found them."""
    dev = Dev(write(tmp_path_factory.mktemp("app"), FILES)).ready()
    yield dev
    dev.close()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Dev]]:
    """Start ``sst dev`` on an app of given files."""
    begun = list[Dev]()

    def started(files: dict[str, str], *words: str, **more: str) -> Dev:
        begun.append(Dev(write(tmp_path, files), *words, **more))
        return begun[-1]

    yield started
    for dev in begun:
        dev.close()
