"""Puts folders of this machine where a program expects mounted file systems: at ``/mnt/efs``, which is not there.

On Linux each such process has a mount namespace of its own, as root or as any user whose kernel allows user namespaces:
nothing outside of the process sees the mount. Elsewhere a link at the path leads to the folder, if the path is free and
we may write there; else the process is started all the same, and says where its files are. A variable names the folder
in every case.

This file is also the program that does it, so it imports nothing of ours.
"""
from __future__ import annotations

import contextlib
import ctypes
import os
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Mounts"]

_BIND, _MOVE, _REC, _PRIVATE = 0x1000, 0x2000, 0x4000, 0x40000
_NEW_MOUNTS, _NEW_USER = 0x20000, 0x10000000


@dataclass(frozen=True)
class Mounts:
    """``at`` has pairs of a folder and the path at which it is mounted; ``home`` is a folder of ours, for links."""

    home: str
    at: tuple[tuple[str, str], ...]

    @property
    def environment(self) -> dict[str, str]:
        """``SST_VOLUME_MNT_EFS`` for ``/mnt/efs``: the folder."""
        return {_variable(path): folder for folder, path in self.at}

    def command(self, words: Sequence[str]) -> list[str]:
        """The command that runs ``words`` with the mounts; its process is that of ``words``."""
        return [sys.executable, "-I", "-S", __file__, self.home, *(word for pair in self.at for word in pair), "--",
                *words]

    def unlink(self) -> None:
        """Take away the links that lead to the folders."""
        record = Path(self.home) / "links"
        with contextlib.suppress(FileNotFoundError):
            for path in set(record.read_text(encoding="utf-8").splitlines()):
                link = Path(path)
                if link.is_symlink() and str(link.readlink()) in {folder for folder, _ in self.at}:
                    link.unlink()


def _variable(path: str) -> str:
    return f"SST_VOLUME_{re.sub(r'[^A-Za-z0-9]', '_', path.strip('/')).upper()}"


def _main(words: Sequence[str]) -> None:
    cut = words.index("--")
    home, pairs, command = words[0], words[1:cut], list(words[cut + 1:])
    at = list(zip(pairs[::2], pairs[1::2], strict=True))
    for folder, _ in at:
        os.makedirs(folder, exist_ok=True)  # noqa: PTH103  # paths are texts in this program
    try:
        _enter()
        here = os.readlink("/proc/self/cwd")  # noqa: PTH115
        for folder, path in at:
            _mount(folder, path, f"{home}/stage")
        os.chdir(here)
    except OSError as error:
        for folder, path in at:
            link(folder, path, home, str(error))
    try:
        os.execvp(command[0], command)
    except OSError as error:
        sys.exit(f"{command[0]}: {error.strerror}")


def _enter() -> None:
    """A mount namespace; for who is not root in a user namespace in which nothing but the user is known. Raises
    `OSError`."""
    if sys.platform != "linux":
        raise OSError("this system has no mount namespaces")
    user, group = os.geteuid(), os.getegid()
    try:
        _call("unshare", _NEW_MOUNTS)
    except OSError:
        _call("unshare", _NEW_USER | _NEW_MOUNTS)
        for file, text in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
            with open(f"/proc/self/{file}", "w") as out:  # noqa: PTH123
                out.write(text)
    _call("mount", None, b"/", None, ctypes.c_ulong(_REC | _PRIVATE), None)


def _mount(folder: str, path: str, stage: str) -> None:
    if os.path.isdir(path):  # noqa: PTH112
        _bind(folder, path)
        return
    base = os.path.dirname(path)  # noqa: PTH120
    while not os.path.isdir(base):  # noqa: PTH112
        base = os.path.dirname(base)  # noqa: PTH120
    # the folder above gets a twin in memory, with all that is in it and the path that is not
    os.makedirs(stage, exist_ok=True)  # noqa: PTH103
    _call("mount", b"tmpfs", stage.encode(), b"tmpfs", ctypes.c_ulong(0), b"mode=755")
    for entry in os.scandir(base):
        with contextlib.suppress(OSError):  # what this user can't reach
            _twin(entry, f"{stage}/{entry.name}")
    place = f"{stage}/{os.path.relpath(path, base)}"
    os.makedirs(place)  # noqa: PTH103
    _bind(folder, place)
    if base == "/":
        os.chroot(stage)
    else:
        _call("mount", stage.encode(), base.encode(), None, ctypes.c_ulong(_MOVE), None)


def _twin(entry: os.DirEntry[str], place: str) -> None:
    if entry.is_symlink():
        os.symlink(os.readlink(entry.path), place)  # noqa: PTH115, PTH211
        return
    if entry.is_dir(follow_symlinks=False):
        os.mkdir(place)  # noqa: PTH102
    else:
        os.close(os.open(place, os.O_CREAT | os.O_EXCL))
    _bind(entry.path, place)


def _bind(source: str, place: str) -> None:
    _call("mount", source.encode(), place.encode(), None, ctypes.c_ulong(_BIND | _REC), None)


def _call(name: str, *arguments: object) -> None:
    if getattr(ctypes.CDLL(None, use_errno=True), name)(*arguments) != 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))


def link(folder: str, path: str, home: str, why: str) -> None:
    """A link at ``path``, where that is free or an old link of ours; else a line that says where the files are."""
    try:
        if os.path.islink(path) and not os.path.exists(path) and "/.sst/local/efs/" in os.readlink(path):  # noqa: PTH110, PTH114, PTH115
            os.unlink(path)  # noqa: PTH108
        os.symlink(folder, path)  # noqa: PTH211
    except OSError:
        if not os.path.islink(path) or os.readlink(path) != folder:  # noqa: PTH114, PTH115
            sys.stderr.write(f"sst: nothing can be mounted at {path} on this machine ({why}); its files are in "
                             f"{folder}, which {_variable(path)} names\n")
            sys.stderr.flush()
        return
    with open(f"{home}/links", "a", encoding="utf-8") as record:  # noqa: PTH123
        record.write(f"{path}\n")


if __name__ == "__main__":
    _main(sys.argv[1:])
