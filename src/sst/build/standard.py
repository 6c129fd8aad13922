"""The modules of Python's standard library, which nothing in a bundle may stand before.

Lambda looks into the bundle first: there a ``queue.py`` at its root is what every library gets that imports ``queue``.
"""
from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from ..errors import UserError

__all__ = ["refuse_hiding", "refuse_names", "standard_modules"]

_REMOVED = {
    (3, 12): ("asynchat", "asyncore", "distutils", "imp", "smtpd"),
    (3, 13): ("aifc", "audioop", "cgi", "cgitb", "chunk", "crypt", "imghdr", "lib2to3", "mailcap", "msilib", "nis",
              "nntplib", "ossaudiodev", "pipes", "sndhdr", "spwd", "sunau", "telnetlib", "uu", "xdrlib")}
"""Source: https://docs.python.org/3/whatsnew/3.12.html#removed, https://docs.python.org/3/whatsnew/3.13.html#removed"""


def standard_modules(version: str) -> frozenset[str]:
    """The names of the modules of a Python version, ``3.13``. ``test`` is left out: no library needs it.

    >>> "queue" in standard_modules("3.13"), "cgi" in standard_modules("3.12"), "cgi" in standard_modules("3.13")
    (True, True, False)
    """
    at = tuple(int(part) for part in version.split(".")[:2])
    found = {*sys.stdlib_module_names, *(name for names in _REMOVED.values() for name in names)}
    return frozenset(found - {name for since, names in _REMOVED.items() if at >= since for name in names} - {"test"})


def refuse_hiding(folders: Iterable[Path], version: str, root: Path) -> None:
    """UserError for a module or package directly in one of these folders that has the name of one of Python."""
    standard = standard_modules(version)
    for folder in folders:
        for name in sorted(os.listdir(folder)) if folder.is_dir() else ():  # noqa: PTH208  # names are all it takes
            module = name.removesuffix(".py")
            if module not in standard or not (folder / name / "__init__.py" if name == module
                                              else folder / name).is_file():
                continue
            path = folder / name
            shown = path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)
            raise UserError(f"{shown} has the name of a module of Python: libraries that import {module} would get "
                            "yours in its place", where=shown,
                            hint=f"rename it, or move it into a folder that is a package: app/{name} is app.{module}")


def refuse_names(files: Mapping[str, str], version: str) -> None:
    """The same for files by their names in a bundle; the values are shown."""
    standard = standard_modules(version)
    for name, shown in files.items():
        top, _, rest = name.partition("/")
        module = top.removesuffix(".py")
        if module in standard and (rest == "__init__.py" if top == module else not rest):
            raise UserError(f"{shown} would be {name} in the bundle, which has the name of a module of Python: "
                            f"libraries that import {module} would get yours in its place", where=shown,
                            hint="leave it out, rename it, or copy it into a folder that is a package")
