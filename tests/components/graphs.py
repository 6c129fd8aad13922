"""Programs in a small project, and their graphs as text that can be compared."""
from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from sst.clouds.aws.lookup import Existing
from sst.core.context import Context
from sst.core.graph import Graph
from sst.core.output import resolve
from sst.core.target import Target
from sst.errors import UserError

APP = Path(__file__).parent / "app"


class Lookups:
    """Answers what components ask of the account."""

    def account(self) -> str:
        return "123456789012"

    def hosted_zone(self, domain: str) -> str:
        return "Z0EXAMPLE"

    def access_point(self, file_system: str) -> str:
        return "fsap-old"

    def network(self, id: str) -> Existing:
        zones = {"subnet-c": "us-east-1a", "subnet-d": "us-east-1b", "subnet-e": "us-east-1b"}
        return Existing("10.0.0.0/16", ("subnet-a", "subnet-b"), ("subnet-c", "subnet-d"), ("sg-default",), True, (),
                        zones, "i-bastion")


@contextmanager
def program(*, stage: str = "test", target: Target | None = None, root: Path = APP,
            region: str = "us-east-1") -> Iterator[Graph]:
    """An active graph of the small project, or of another; sealed at the end."""
    context = Context(target or Target(), secrets={"Token": "s3cret-value"}, python="3.12",
                      read_stage_key=lambda: b"k" * 32, encrypt=lambda key, text: b"sealed", open_lookups=Lookups)
    graph = Graph("shop", stage, region, root=str(root), context=context)
    with graph.active():
        yield graph
        graph.seal()


def shown(graph: Graph) -> list[dict[str, Any]]:
    """What a graph declares: inputs with ``<Name.attribute>`` for what a deploy tells, in the order of declaration."""
    def look(urn: str, attr: str) -> str:
        return f"<{urn.rpartition('::')[2]}.{attr}>"

    rows = []
    for goal in graph.goals.values():
        inputs = {k: "(secret)" if k in goal.secret else resolve(v, look) for k, v in goal.inputs.items()}
        if hashed := {"local.Build": "fingerprint", "local.Site": "source"}.get(goal.type):
            inputs[hashed] = "(hash)"
        row = {"urn": goal.urn, "inputs": inputs, "needs": sorted(d.rpartition("::")[2] for d in goal.deps)}
        flags = {k: v for k in ("protect", "retain", "ignore_changes", "aliases") if (v := getattr(goal, k))}
        rows.append({**row, **flags})
    return json.loads(json.dumps(rows, default=list))


def refused(declare: Callable[[], object]) -> str:
    """The report that a program gets. What a method raises has no place yet: ``Program.blame`` adds the user's line."""
    with pytest.raises((UserError, AttributeError)) as e, program():
        declare()
    return str(e.value)
