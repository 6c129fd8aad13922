"""``python -m tests.strict.smoke``: see docs/smoke_aws.md."""

from __future__ import annotations

import os
import sys
import tempfile
from datetime import datetime
from pathlib import Path

from .run import run
from .session import Session


def main() -> int:
    account = os.environ.get("SMOKE_ACCOUNT", "")
    if not (len(account) == 12 and account.isdigit()):
        print("SMOKE_ACCOUNT names no account: set it to the 12 digits of the one that may be used", file=sys.stderr)
        return 2
    environment = {"AWS_REGION": "eu-central-1", **os.environ}
    with tempfile.TemporaryDirectory(prefix="smoke-") as folder, Path("smoke.log").open("a") as log:

        def say(text: str) -> None:
            print(text, flush=True)
            log.write(f"{datetime.now():%F %T} {text}\n")
            log.flush()

        return (
            0
            if run(Session(Path(folder), account, environment, zone=environment.get("SMOKE_ZONE", ""), say=say))
            else 1
        )


if __name__ == "__main__":
    sys.exit(main())
