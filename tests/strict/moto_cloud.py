"""moto's server as a process of its own: an account in memory, gone with the process. Ends when its input ends.

with moto_cloud() as endpoint: ...
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["ACCOUNT", "moto_cloud"]

ACCOUNT = "123456789012"
SETTINGS = {"MOTO_ACM_VALIDATION_WAIT": "1", "MOTO_IAM_LOAD_MANAGED_POLICIES": "true"}


@contextmanager
def moto_cloud() -> Iterator[str]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.strict.moto_cloud"],
        text=True,
        env={**os.environ, **SETTINGS},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdout and process.stdin
    try:
        yield process.stdout.readline().strip()
    finally:
        process.stdin.close()
        process.wait(30)
        process.stdout.close()


def _serve() -> None:
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    print("http://{}:{}".format(*server.get_host_and_port()), flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    _serve()
