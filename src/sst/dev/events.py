"""What happens in a session of `sst dev`, as data, beside the events of its deploys: panes, plain lines, JSON lines and
other sessions render the same events."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, TypeAlias, get_args

from ..core.model import Op
from ..events import Event, error_from_json, kind_of

__all__ = ["AnyEvent", "CallBegan", "CallEnded", "DeployBegan", "DeployEnded", "FunctionBroken", "FunctionRecovered",
           "FunctionReloaded", "LiveFunctions", "LogLine", "Notice", "ProcessOutput", "ProcessState", "Ready",
           "SessionEvent", "TaskEnded", "TaskOutput", "from_json"]


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
class LiveFunctions:
    """The functions that run from their source from now on; there are others than before."""

    titles: tuple[str, ...]


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


SessionEvent: TypeAlias = (DeployBegan | DeployEnded | CallBegan | CallEnded | LogLine | LiveFunctions
                           | FunctionReloaded | FunctionBroken | FunctionRecovered | ProcessState | ProcessOutput
                           | TaskOutput | TaskEnded
                           | Notice | Ready)
AnyEvent: TypeAlias = Event | SessionEvent

_TYPES: dict[str, Any] = {}


for _type in (*get_args(Event), *get_args(SessionEvent)):
    _TYPES[kind_of(_type.__name__)] = _type


def from_json(data: Mapping[str, Any]) -> AnyEvent | None:
    """The event again; None for a kind that this version does not know. Errors come back as `SstError`."""
    kind = _TYPES.get(str(data.get("event")))
    if kind is None:
        return None
    made: AnyEvent = kind(**{f.name: _typed(f.name, data[f.name]) for f in fields(kind) if f.name in data})
    return made


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
