from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .session import Session


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Session]]:
    sessions = list[Session]()

    def started(body: str, **more: object) -> Session:
        folder = tmp_path / str(len(sessions))
        folder.mkdir()
        sessions.append(Session(folder, body, **more))  # type: ignore[arg-type]
        return sessions[-1]

    yield started
    for session in sessions:
        session.close()
