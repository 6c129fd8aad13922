"""Where a bug's traceback goes."""
from __future__ import annotations

import os
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path

__all__ = ["write_log"]


def write_log(root: Path | None, error: BaseException, redact: Callable[[str], str]) -> Path:
    """Write the traceback to ``.sst/log/`` of the project, or to the temporary folder; readable by its owner only."""
    text = redact(f"sst {' '.join(sys.argv[1:])}\n" + "".join(traceback.format_exception(error)))
    name = f"sst-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.log"
    for own in ([root / ".sst" / "log"] if root else []) + [None]:
        try:
            folder = own or Path(tempfile.gettempdir())     # fails where nothing can be written
            folder.parent.mkdir(mode=0o700, exist_ok=True)
            folder.mkdir(mode=0o700, exist_ok=True)
            with os.fdopen(os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(text)
            return folder / name
        except OSError:
            continue
    return Path(os.devnull)
