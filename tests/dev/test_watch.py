"""What is told of saved files."""
from __future__ import annotations

import asyncio
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path

from sst.dev.watch import Watch, folders

from .live import write


def play(root: Path, story: Callable[[Watch, Callable[[str], Awaitable[None]]], Awaitable[None]]) -> None:
    """A story with a watch that runs: ``told(name)`` waits until the file is among what was told."""
    async def whole() -> None:
        watch, seen, began, news = Watch([root]), set[str](), asyncio.Event(), asyncio.Condition()

        async def listen() -> None:
            async for paths in watch:
                began.set()
                async with news:
                    seen.update(paths)
                    news.notify_all()

        async def told(name: str) -> None:
            async with asyncio.timeout(20), news:
                await news.wait_for(lambda: str(root / name) in seen)
                seen.clear()

        listening = asyncio.create_task(listen())
        await began.wait()
        await asyncio.sleep(0.2)  # until the kernel watches
        try:
            await story(watch, told)
        finally:
            watch.stop()
            await listening

    asyncio.run(whole())


def test_only_what_is_the_users_own_is_watched(tmp_path: Path) -> None:
    names = ("a.py", "src/b.py", ".git/x", "node_modules/p/x.js", ".sst/x", "src/__pycache__/b.pyc", "venv/pyvenv.cfg",
             "venv/lib/x.py",
             "web/node_modules/x/y.js", "web/src/app.ts")
    write(tmp_path, dict.fromkeys(names, ""))
    assert {f.relative_to(tmp_path).as_posix() for f in folders([tmp_path])} == {".", "src", "web", "web/src"}


def test_saves_new_folders_and_deletions_are_told(tmp_path: Path) -> None:
    root = write(tmp_path.resolve(), {"a.py": "1", "src/b.py": "1"})

    async def story(watch: Watch, told: Callable[[str], Awaitable[None]]) -> None:
        (root / "a.py").write_text("2")
        await told("a.py")
        write(root, {"new/deep/c.py": "1"})
        await told("new/deep/c.py")
        for text in ("2", "3"):  # the new folder is watched by now
            await asyncio.sleep(0.3)
            (root / "new/deep/c.py").write_text(text)
            await told("new/deep/c.py")
        (root / "src/b.py").rename(root / "src/d.py")
        await told("src/d.py")
        shutil.rmtree(root / "new")
        await told("new/deep/c.py")
        (root / ".env").write_text("A=1")
        await told(".env")

    play(root, story)


def test_other_roots_are_watched_while_it_runs(tmp_path: Path) -> None:
    root = write(tmp_path.resolve() / "app", {"a.py": "1"})
    other = write(tmp_path.resolve() / "core", {"b.py": "1"})

    async def story(watch: Watch, told: Callable[[str], Awaitable[None]]) -> None:
        watch.look_at([root, other])
        await asyncio.sleep(0.5)
        (other / "b.py").write_text("2")
        await told(str(other / "b.py"))

    play(root, story)
