"""The entry point, ``sst``. Saying the version needs nothing but Python itself, so that it takes no longer than
that."""
from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence

__all__ = ["main", "run"]


def main() -> None:
    """What the ``sst`` script calls."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:  # closed by who started us: the next file opened must not take its place
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: PTH123, SIM115  # as long as the process
    try:
        code = run(sys.argv[1:])
        if not code:
            gc.freeze()     # all is closed: no last search for garbage in what ends with the process anyway
        sys.exit(code)
    except KeyboardInterrupt:  # before there is somebody to catch it: while modules are imported
        sys.stderr.write("\n")
        sys.exit(130)


def run(argv: Sequence[str]) -> int:
    """Run one command line and give its exit code."""
    if list(argv) in (["version"], ["--version"]):
        import sst

        # else another package of that name was installed over this one, which `dispatch` says
        if hasattr(sst, "_HOMES"):
            sys.stdout.write(f"sst {sst.__version__}\n")
            return 0
    from .dispatch import run as dispatch

    return dispatch(argv)
