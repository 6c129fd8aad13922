"""What happens in a deploy, as data: terminals, CI logs, JSON lines and records render the same events."""
from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import field, fields
from typing import TYPE_CHECKING, Any, TypeAlias

from .core.model import URN, Op
from .errors import DeployError, Failure, Problems, ProviderError, SstError, UserError
from .records import dataclass

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

__all__ = ["Event", "Finished", "Planned", "Sink", "StepDone", "StepFailed", "StepNote", "StepSkipped", "StepStarted",
           "Unsettled", "error_from_json", "error_to_json", "kind_of", "to_json"]


@dataclass(frozen=True, slots=True)
class Planned:
    """A round was planned: how many steps of each kind will run."""

    counts: dict[Op, int]
    round: int = 1


@dataclass(frozen=True, slots=True)
class StepStarted:
    key: str
    """Identifies the step: the urn, or ``urn#id`` for a delete."""
    urn: URN
    op: Op
    name: str
    """Path of names as the user wrote them: ``Api/Role``."""
    type: str
    parent: URN | None
    where: str


@dataclass(frozen=True, slots=True)
class StepNote:
    """A sub-step of a running step: ``waiting for the certificate``, ``retrying: role not yet assumable``."""

    key: str
    text: str


@dataclass(frozen=True, slots=True)
class StepDone:
    key: str
    op: Op
    """What was really done: a planned update may turn out to be ``same``."""
    seconds: float
    id: str = ""


@dataclass(frozen=True, slots=True)
class StepFailed:
    key: str
    error: Exception
    seconds: float


@dataclass(frozen=True, slots=True)
class StepSkipped:
    key: str
    urn: URN
    name: str
    because: str
    """Name of the failed resource it waited for, or ``interrupted``."""


@dataclass(frozen=True, slots=True)
class Unsettled:
    """Outputs that changed again in every round; what uses them may hold former values."""

    outputs: tuple[str, ...]
    rounds: int


@dataclass(frozen=True, slots=True)
class Finished:
    done: dict[Op, int]
    failed: int
    skipped: int
    seconds: float
    outputs: dict[str, Any]
    calls: dict[str, int] = field(default_factory=dict)
    """Requests to the cloud till now by ``sqs.create_queue``, without the polls of waiters; filled in by who knows the
    cloud."""


Event: TypeAlias = Planned | StepStarted | StepNote | StepDone | StepFailed | StepSkipped | Unsettled | Finished
Sink: TypeAlias = Callable[[Event], None]
"""Called from worker threads; must not block for long and must not raise."""


def kind_of(name: str) -> str:
    """The name of an event's type in snake case: ``step_done``."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


def to_json(event: DataclassInstance) -> dict[str, Any]:
    """One flat mapping; ``event`` names the kind in snake case: ``{"event": "step_done", "key": ..., "op": "create"}``.

    Values are texts, numbers, lists and mappings; errors are mappings, see `error_to_json`.
    """
    return {"event": kind_of(type(event).__name__), **{f.name: _plain(getattr(event, f.name)) for f in fields(event)}}


def _plain(value: Any) -> Any:
    match value:
        case Exception():
            return error_to_json(value)
        case Mapping():
            return {str(k): _plain(v) for k, v in value.items()}
        case list() | tuple():
            return [_plain(v) for v in value]
        case float():
            return round(value, 3)
        case None | str() | int():
            return value
    return str(value)


def error_to_json(error: BaseException) -> dict[str, Any]:
    """An error as data: ``kind``, ``code``, ``message``, and what else is known of it. ``code`` of a cloud's error is
    the cloud's own word."""
    facts: dict[str, Any] = {"kind": type(error).__name__, "message": getattr(error, "message", None) or str(error)}
    for name in ("hint", "where", "code", "operation", "request_id"):
        if value := getattr(error, name, ""):
            facts[name] = value
    if inner := getattr(error, "errors", None):
        facts["errors"] = [error_to_json(e) for e in inner]
    if failures := getattr(error, "failures", None):
        facts["failures"] = [{"urn": f.urn, "name": f.name, "type": f.type, "op": str(f.op), "where": f.where,
                              "error": error_to_json(f.error)} for f in failures]
    if skipped := getattr(error, "skipped", 0):
        facts["skipped"] = skipped
    if isinstance(error, SstError):
        facts["exit_code"] = error.exit_code
    return facts


def error_from_json(data: Mapping[str, Any]) -> SstError:
    """An error that reads as the one it was made from."""
    hint, where = str(data.get("hint", "")), str(data.get("where", ""))
    if data.get("failures"):
        return DeployError([Failure(f["urn"], f["name"], f["type"], f["op"], f["where"], error_from_json(f["error"]))
                            for f in data["failures"]], skipped=int(data.get("skipped", 0)))
    if data.get("errors"):
        return Problems([error_from_json(e) for e in data["errors"]])
    word = data.get("code") or data.get("operation")
    if data["exit_code"] == ProviderError.exit_code if "exit_code" in data else word:
        return ProviderError(str(data["message"]), code=str(data.get("code", "")), hint=hint, where=where,
                             operation=str(data.get("operation", "")), request_id=str(data.get("request_id", "")))
    if "exit_code" in data:
        return UserError(str(data["message"]), hint=hint, where=where, code=str(data.get("code", "")))
    return UserError(f"{data.get('kind', 'Error')}: {data['message']}", hint=hint, where=where)
