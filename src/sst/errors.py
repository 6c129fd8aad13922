"""The errors of this project.

    SstError
    ├── UserError          the user can fix it: config, program, declaration, stage, flags (exit 1)
    │   └── Problems       several of them, found at once
    ├── DeployError        steps that failed in a deploy; holds each (exit 2)
    ├── ProviderError      a cloud refused a call; raised low with facts, the engine adds the resource's name
    │   └── Throttled      the cloud is busy: never read as "gone"
    ├── StateError         state is damaged, locked or does not fit; never fixed silently (exit 3)
    │   ├── Locked         somebody else holds the lock
    │   └── Fenced         our lease was taken over: stop at once
    └── InternalError      a bug of ours (exit 70)
"""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["DeployError", "Failure", "Fenced", "InternalError", "Locked", "Problems", "ProviderError", "SstError",
           "StateError", "Throttled", "UserError"]


class SstError(Exception):
    """Something went wrong, said in the user's words: what, where in their files, and the next step."""

    exit_code = 1
    code = "invalid"
    """What is wrong, in a word that stays: a script or an agent goes by it. `sst docs errors` lists them."""

    def __init__(self, message: str, *, hint: str = "", where: str = "", code: str = "") -> None:
        super().__init__(message)
        self.message, self.hint, self.where = message, hint, where
        if code:
            self.code = code

    def __str__(self) -> str:
        at = f" ({self.where})" if self.where else ""
        hint = f"\n  hint: {self.hint}" if self.hint else ""
        return f"{self.message}{at}{hint}"


class UserError(SstError):
    """The config, the program or the command line is wrong."""


class Problems(UserError):
    """Several user errors in one report."""

    code = "several"

    def __init__(self, errors: Sequence[SstError]) -> None:
        super().__init__("\n".join(str(e) for e in errors))
        self.errors = tuple(errors)


class ProviderError(SstError):
    """A cloud refused a call. ``code`` is the cloud's own word, ``operation`` is like ``sqs create_queue``."""

    exit_code = 2

    def __init__(self, message: str, *, code: str = "", operation: str = "", request_id: str = "", status: int = 0,
                 hint: str = "", where: str = "", sent: bool = True) -> None:
        super().__init__(message, hint=hint, where=where)
        self.code, self.operation, self.request_id, self.status = code, operation, request_id, status
        self.sent = sent
        """False only if the request certainly never reached the cloud."""

    def __str__(self) -> str:
        facts = ", ".join(x for x in (self.operation, f"request {self.request_id}" if self.request_id else "") if x)
        head = f"{self.code}: {self.message}" if self.code else self.message
        return head + (f"   [{facts}]" if facts else "") + (f"\n  hint: {self.hint}" if self.hint else "")


class Throttled(ProviderError):
    """The cloud answered "slow down" until we gave up."""


@dataclass(frozen=True)
class Failure:
    """One step that failed: the resource's name and type, what was tried, the user's line, and the cause."""

    urn: str
    name: str
    type: str
    op: str
    where: str
    error: Exception


class DeployError(SstError):
    """One or more steps of a deploy failed. What was done is in the state; the rest can be tried again."""

    exit_code = 2
    code = "deploy-failed"

    def __init__(self, failures: Sequence[Failure], *, skipped: int = 0) -> None:
        n = len(failures)
        super().__init__(f"{n} resource{'s' if n > 1 else ''} could not be deployed")
        self.failures, self.skipped = tuple(failures), skipped


class StateError(SstError):
    """State can't be read, is held by someone else, or does not belong to this account."""

    exit_code = 3
    code = "state-unusable"


class Locked(StateError):
    """Another command holds the stage's lock."""

    code = "locked"


class Fenced(StateError):
    """The lock was taken over while this command was paused; nothing more may be written."""

    code = "lock-lost"


class InternalError(SstError):
    """A bug in sst itself."""

    exit_code = 70
    code = "internal"
