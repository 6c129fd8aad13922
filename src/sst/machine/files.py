"""Files that only their owner can read, and that are never seen half written."""
from __future__ import annotations

import contextlib
import errno
import json
import os
import secrets
import stat
from collections.abc import Callable, Iterator
from io import BufferedReader
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")

__all__ = ["cached", "create_private", "open_regular", "private_draft", "remove_tree", "replace_cached", "replace_file",
           "write_private"]


def write_private(path: Path, text: str, *, sync: bool = False) -> None:
    """Replace the file in one step (mode 0600, UTF-8). With ``sync`` it survives a power cut from then on."""
    with private_draft(path) as draft:
        _write(draft, text, sync)
        draft.replace(path)
    if sync:
        _sync_folder(path)


def create_private(path: Path, text: str, *, sync: bool = False) -> bool:
    """Like `write_private`, but False, and nothing changes, if the file exists."""
    with private_draft(path) as draft:
        _write(draft, text, sync)
        try:
            os.link(draft, path)
        except FileExistsError:
            return False
    if sync:
        _sync_folder(path)
    return True


def open_regular(path: str | Path) -> BufferedReader:
    """A file to be read. What is none (any more) is not there: a FIFO would wait for a writer."""
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    if stat.S_ISREG(os.fstat(handle).st_mode):
        return os.fdopen(handle, "rb")
    os.close(handle)
    raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))


def cached(path: Path, parse: Callable[[Any], T]) -> T | None:
    """What ``parse`` makes of the JSON in a file of a cache; None if that can't be read, as if it were not there."""
    try:
        return parse(json.loads(path.read_bytes()))
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return None


def replace_file(path: Path, content: bytes) -> None:
    """Replace the file in one step, with the permissions that a new file gets; makes its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}-{os.urandom(4).hex()}.part")
    try:
        draft.write_bytes(content)
        draft.replace(path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise


def replace_cached(path: Path, value: Any) -> None:
    """Keep a value as JSON in a file of a cache, for `cached`. A folder in its place goes."""
    content = json.dumps(value).encode()
    try:
        replace_file(path, content)
    except IsADirectoryError:
        remove_tree(path)
        replace_file(path, content)


def remove_tree(folder: Path) -> None:
    """Delete a folder with all that is in it, read-only folders too; nothing to do if it is not there, and a file is
    deleted like one. Raises ``OSError``."""
    if not folder.is_dir() or folder.is_symlink():
        return folder.unlink(missing_ok=True)
    import shutil

    for at, _, _ in os.walk(folder):
        with contextlib.suppress(OSError):
            Path(at).chmod(0o700)
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(folder)


@contextlib.contextmanager
def private_draft(path: Path) -> Iterator[Path]:
    """An empty file (mode 0600) beside ``path``, to be filled and then renamed or linked to it; removed at the end."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    try:
        yield draft
    finally:
        draft.unlink(missing_ok=True)


def _write(draft: Path, text: str, sync: bool) -> None:
    with draft.open("w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        if sync:
            os.fsync(stream.fileno())


def _sync_folder(path: Path) -> None:
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
