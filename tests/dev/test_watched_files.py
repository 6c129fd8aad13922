"""Files that a deploy depends on although the program does not import them."""
from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from sst.core.component import Component
from sst.core.dev_parts import DevPart, WatchedFiles
from sst.core.graph import Graph
from sst.core.model import Snapshot
from sst.dev.parts import Deployed
from sst.dev.parts.files import FilesPart


class Steps(Component, kind="test.Steps"):
    def dev_parts(self) -> Sequence[DevPart]:
        return (WatchedFiles(("db/*.sql",)),)


def declared(root: Path, *names: str) -> Deployed:
    graph = Graph("shop", "local", root=str(root))
    with graph.active():
        for name in names:
            Steps(name)
        graph.seal()
    return Deployed(graph, Snapshot(), good=True)


def test_a_new_or_changed_file_asks_for_a_deploy_and_others_do_not(tmp_path: Path) -> None:
    asked: list[None] = []
    part, first = FilesPart(tmp_path, lambda: asked.append(None)), tmp_path / "db/1.sql"
    first.parent.mkdir()
    first.write_text("select 1")

    def saved(name: str, text: str) -> int:
        before = len(asked)
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
        asyncio.run(part.changed({str(tmp_path / name)}))
        return len(asked) - before

    assert saved("db/2.sql", "select 2") == 0, "nothing is declared yet"
    asyncio.run(part.resume(declared(tmp_path, "Schema")))
    assert saved("db/1.sql", "select 1") == 0
    assert saved("db/1.sql", "select 10") == 1
    assert saved("db/3.sql", "select 3") == 1
    assert saved("other/4.sql", "select 4") == 0 and saved("db/notes.txt", "x") == 0
    asyncio.run(part.use(declared(tmp_path, "Schema")))
    first.unlink()
    asyncio.run(part.changed({str(first)}))
    assert len(asked) == 3
    asyncio.run(part.use(declared(tmp_path)))
    assert saved("db/5.sql", "select 5") == 0, "it left the program"
