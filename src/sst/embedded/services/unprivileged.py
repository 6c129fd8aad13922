"""An account without rights, for programs that refuse to run as root: who it is, and where its data and programs lie.

A process of root starts them as ``nobody``. That account can't enter the folders of root (a project below ``/root``,
for one), so the data of each service has a folder below `BASE`, which the account alone can read; the folder of the
service has a file that names it. Where sst does not run as root, nothing of this is done. Standard library only.
"""
from __future__ import annotations

import contextlib
import hashlib
import os
import pwd
import shutil
import threading
from pathlib import Path

from sst.errors import SstError

__all__ = ["BASE", "account", "forget", "place", "readable", "sweep"]

BASE = Path("/var/lib/sst-python")
_NAME = "nobody"
_OWNER = ".of"
"""Beside each folder of data: the path of the service's folder, which it goes with."""


def account() -> tuple[int, int] | None:
    """User and group that programs run as; None stands for those of this process."""
    if os.geteuid() != 0:
        return None
    try:
        found = pwd.getpwnam(_NAME)
    except KeyError:
        raise SstError(f"this process runs as root, and there is no user {_NAME} that a database could run as",
                       hint="run sst as another user than root") from None
    return found.pw_uid, found.pw_gid


def place(folder: Path) -> Path:
    """Where the data of a service lies that is ``folder`` to the supervisor."""
    if (who := account()) is None:
        return folder
    at = BASE / _digest(str(folder))
    try:
        BASE.mkdir(mode=0o711, parents=True, exist_ok=True)
        BASE.chmod(0o711)
        at.with_suffix(_OWNER).write_text(str(folder))
        at.mkdir(mode=0o700, exist_ok=True)
        os.chown(at, *who)
    except OSError as error:
        raise SstError(f"{BASE} can't be used for the data of databases: {error}",
                       hint="run sst as another user than root") from error
    return at


def readable(package: Path) -> Path:
    """A copy of a wheel's package, with the libraries beside it, that the account can read; made once."""
    if account() is None:
        return package
    at = BASE / f"programs-{_digest(f'{package} {package.stat().st_mtime_ns}')}"
    if not at.exists():
        BASE.mkdir(mode=0o711, parents=True, exist_ok=True)
        BASE.chmod(0o711)
        new = at.with_name(f"{at.name}.{os.getpid()}.{threading.get_ident()}")
        for part in (package, package.with_name(f"{package.name}.libs")):
            if part.exists():
                shutil.copytree(part, new / part.name, symlinks=True)
        for path in (new, *new.rglob("*")):
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
        try:
            new.rename(at)
        except OSError:  # another was faster
            shutil.rmtree(new)
    return at / package.name


def forget(folder: Path) -> None:
    """Delete the data of a service that is gone."""
    at = BASE / _digest(str(folder))
    if os.geteuid() == 0 and at.with_suffix(_OWNER).exists():
        shutil.rmtree(at, ignore_errors=True)
        at.with_suffix(_OWNER).unlink(missing_ok=True)


def sweep() -> None:
    """Delete the data of all services whose folders are gone."""
    for owner in BASE.glob(f"*{_OWNER}") if os.geteuid() == 0 else ():
        with contextlib.suppress(FileNotFoundError):    # swept by another project's cloud
            folder = Path(owner.read_text())
            if not folder.exists():
                forget(folder)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:20]
