"""Variables of functions that Lambda or our runtime needs."""
from __future__ import annotations

from ...core.output import Input

__all__ = ["stream_environment"]


def stream_environment(runtime: str) -> dict[str, Input[str]]:
    """What lets a function send its response in parts. Lambda's Python runtime can't: our client takes its place."""
    if not runtime.startswith("python"):
        return {}
    return {"SST_STREAMING": "1", "AWS_LAMBDA_EXEC_WRAPPER": "/var/task/sst/runtime/stream.sh"}
