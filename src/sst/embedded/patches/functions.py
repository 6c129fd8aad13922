"""Every invocation, whoever asks for it, goes to our own executor; its logs go to streams named after the sandbox."""
from __future__ import annotations

from sst.embedded.settings import Settings

__all__ = ["NEEDS", "apply", "close"]

NEEDS = ("services.lambda_svc:_execute_function_dispatch", "services.lambda_svc:_write_code_blob")


def apply(settings: Settings) -> None:
    pass


def close() -> None:
    """End all sandboxes."""
