"""Starts a custom runtime's ``bootstrap`` and ends it when the executor is gone, however it went."""
from __future__ import annotations

import os
import select
import subprocess
import sys
import threading


def main() -> None:
    fd = int(os.environ.pop("SST_PARENT_FD"))
    child = subprocess.Popen(sys.argv[1:], cwd=os.environ["LAMBDA_TASK_ROOT"])

    def watch() -> None:
        try:
            while os.read(fd, 1):
                pass
        finally:
            os.killpg(os.getpgid(0), 9)

    threading.Thread(target=watch, daemon=True).start()
    code = child.wait()
    select.select([fd], [], [], 0.2)  # it may have ended because the executor is gone: then the thread ends the rest
    sys.exit(code)


main()
