"""What happens in a deploy and in a session of `sst dev`, as data: terminals, CI logs, JSON lines and other sessions
render the same events."""
from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, TypeAlias, get_args

from .core.model import URN, Op
from .errors import DeployError, Failure, Problems, ProviderError, SstError, UserError

__all__ = ["AnyEvent", "CallBegan", "CallEnded", "DeployBegan", "DeployEnded", "Event", "Finished", "FunctionBroken",
           "FunctionRecovered", "FunctionReloaded", "LogLine", "Notice", "Planned", "ProcessOutput", "ProcessState",
           "Ready", "SessionEvent", "Sink", "StepDone", "StepFailed", "StepNote", "StepSkipped", "StepStarted",
           "Unsettled", "error_from_json", "error_to_json", "from_json", "to_json"]


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


# sessions of `sst dev`

@dataclass(frozen=True, slots=True)
class DeployBegan:
    """A session deploys; the steps follow as `Planned`, `StepStarted`, ..."""

    app: str
    stage: str
    first: bool = False


@dataclass(frozen=True, slots=True)
class DeployEnded:
    """``outputs`` are those of the program, secret ones masked. ``error``: why nothing, or not everything, was
    deployed."""

    app: str
    stage: str
    done: dict[Op, int] = field(default_factory=dict)
    skipped: int = 0
    outputs: dict[str, Any] = field(default_factory=dict)
    error: Exception | None = None
    to_confirm: tuple[str, ...] = ()
    """What would have been deleted with its data; the session waits for a yes."""


@dataclass(frozen=True, slots=True)
class CallBegan:
    """A function was called. ``number`` counts the calls of the session."""

    number: int
    function: str
    """The user's name for it: ``Api``, ``Done/Subscriber``."""
    trigger: str
    """``GET /photos``, ``sqs Jobs (3 messages)``."""
    request_id: str
    at: float
    """Seconds since 1970."""
    request: str
    """The event that it was given; its first 64 KB."""
    replay_of: int = 0
    """The number of the call whose event it was given; 0 for a call from outside."""


@dataclass(frozen=True, slots=True)
class CallEnded:
    number: int
    function: str
    at: float
    ms: float
    init_ms: float = 0.0
    """Of a cold start; else 0."""
    memory_mb: int = 0
    status: int = 0
    """The HTTP status in the response, if it has one."""
    error: str = ""
    """``Unhandled`` if the function failed; then ``response`` is Lambda's error document."""
    response: str = ""
    """Its first 64 KB."""
    trace: str = ""
    """Of a failed Python function: the whole traceback, with causes and groups."""


@dataclass(frozen=True, slots=True)
class LogLine:
    """Something that a function wrote. A text of several lines (a traceback) is one event."""

    function: str
    at: float
    text: str
    level: str = ""
    """``WARN``, ``ERROR``, ...; "" for plain output."""
    number: int = 0
    """The call it belongs to; 0 if it was written outside of one."""


@dataclass(frozen=True, slots=True)
class FunctionReloaded:
    """Files that the function has read were saved: it restarts."""

    functions: tuple[str, ...]
    files: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FunctionBroken:
    """The function can't start. ``document`` is Lambda's error document."""

    function: str
    document: str
    also: bool = False
    """Another function broke for the same reason before, and that was reported."""


@dataclass(frozen=True, slots=True)
class FunctionRecovered:
    function: str


@dataclass(frozen=True, slots=True)
class ProcessState:
    """A command beside the app. ``state``: ``waiting`` (for what it is linked to), ``running``, ``ready`` (its server
    answers at ``url``), ``exited``, ``restarting``, ``removed``."""

    title: str
    state: str
    detail: str = ""
    url: str = ""
    code: int | None = None


@dataclass(frozen=True, slots=True)
class ProcessOutput:
    """A line that a command wrote, without control sequences but colours."""

    title: str
    text: str


@dataclass(frozen=True, slots=True)
class TaskOutput:
    """A line that a task of the app wrote; ``task`` is its id."""

    title: str
    task: str
    text: str


@dataclass(frozen=True, slots=True)
class TaskEnded:
    title: str
    task: str
    code: int


@dataclass(frozen=True, slots=True)
class Notice:
    """A message of the session itself, about its ``deploy`` or its ``functions``."""

    about: str
    text: str
    level: str = ""
    """``warn`` or ""."""
    error: Exception | None = None


@dataclass(frozen=True, slots=True)
class Ready:
    """The first deploy is done; ``functions`` run from their source."""

    functions: int


SessionEvent: TypeAlias = (DeployBegan | DeployEnded | CallBegan | CallEnded | LogLine | FunctionReloaded
                           | FunctionBroken | FunctionRecovered | ProcessState | ProcessOutput | TaskOutput | TaskEnded
                           | Notice | Ready)
AnyEvent: TypeAlias = Event | SessionEvent

_TYPES: dict[str, Any] = {}


def _kind(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


for _type in (*get_args(Event), *get_args(SessionEvent)):
    _TYPES[_kind(_type.__name__)] = _type


def to_json(event: AnyEvent) -> dict[str, Any]:
    """One flat mapping; ``event`` names the kind in snake case: ``{"event": "step_done", "key": ..., "op": "create"}``.

    Values are texts, numbers, lists and mappings; errors are mappings, see `error_to_json`.
    """
    return {"event": _kind(type(event).__name__), **{f.name: _plain(getattr(event, f.name)) for f in fields(event)}}


def from_json(data: Mapping[str, Any]) -> AnyEvent | None:
    """The event again; None for a kind that this version does not know. Errors come back as `SstError`."""
    kind = _TYPES.get(str(data.get("event")))
    if kind is None:
        return None
    made: AnyEvent = kind(**{f.name: _typed(f.name, data[f.name]) for f in fields(kind) if f.name in data})
    return made


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


def _typed(name: str, value: Any) -> Any:
    match name, value:
        case "op", str():
            return Op(value)
        case ("done" | "counts"), dict():
            return {Op(k): v for k, v in value.items()}
        case "error", dict():
            return error_from_json(value)
        case _, list():
            return tuple(value)
    return value


def error_to_json(error: BaseException) -> dict[str, Any]:
    """An error as data: ``kind``, ``message``, and what else is known of it."""
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
    if data.get("code") or data.get("operation"):
        return ProviderError(str(data["message"]), code=str(data.get("code", "")), hint=hint, where=where,
                             operation=str(data.get("operation", "")), request_id=str(data.get("request_id", "")))
    if "exit_code" in data:
        return UserError(str(data["message"]), hint=hint, where=where)
    return UserError(f"{data.get('kind', 'Error')}: {data['message']}", hint=hint, where=where)
