"""The deployed functions whose source is here, taken from the state."""
from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from ..build.source import Source
from ..core.model import URN, Snapshot, State
from ..engine.plan import name_of

__all__ = ["LiveFunction", "live_functions"]


@dataclass(frozen=True, slots=True)
class LiveFunction:
    arn: str
    name: str
    """Its name in Lambda."""
    title: str
    """The user's name for it: ``Api``, ``Done/Subscriber``."""
    source: Source
    timeout: float
    """Seconds."""
    memory: int
    """MB."""
    log_group: str
    log_format: str


def live_functions(snapshot: Snapshot, root: Path, *, skip: Collection[URN] = ()) -> dict[str, LiveFunction]:
    """By ARN. Left out are components in ``skip``, and runtimes that are not run from source."""
    builds = {s.parent: s for s in snapshot.resources.values() if s.type == "local.Build"}
    found = {}
    for state in snapshot.resources.values():
        if (state.type != "aws.lambda.Function" or state.retained or state.parent in skip
                or not (built := builds.get(state.parent))):
            continue
        source = Source.from_dict({**built.inputs["source"], "root": str(root), "host": True})
        if source.runtime.startswith(("python", "nodejs")):
            function = _function(state, source)
            found[function.arn] = function
    return found


def _function(state: State, source: Source) -> LiveFunction:
    values = state.values
    logging = values.get("logging_config") or {}
    name = str(values["name"])
    return LiveFunction(str(values["arn"]), name, name_of(state.urn).removesuffix("/Function"), source,
                        float(values["timeout"]),
                        int(values["memory_size"]), str(logging.get("LogGroup") or f"/aws/lambda/{name}"),
                        str(logging.get("LogFormat") or "Text"))
