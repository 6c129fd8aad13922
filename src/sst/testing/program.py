"""The user's program as data: what it declares and what a first deploy would do. No account, no network, no state."""
from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from itertools import islice
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from ..core.component import Component
from ..core.context import Context
from ..core.graph import Graph
from ..core.model import Goal, Snapshot, name_of
from ..core.names import did_you_mean
from ..core.output import Output, resolve
from ..core.resource import Resource
from ..errors import UserError
from ..project.backend import Backend
from ..project.project import Project, open_project
from .contained import contained
from .crons import crons_of, find_cron
from .crons import times as when

if TYPE_CHECKING:
    from ..engine.plan import Plan

__all__ = ["Declared", "Program", "declared"]

LATER = "<known after deploy>"
SECRET = "(secret)"


@dataclass(frozen=True)
class Declared:
    """One resource of the program.

    In ``inputs``, values known after deploy are shown as ``<Name.attribute>``, also inside longer text, and secret
    values as ``(secret)``: ``declared.inputs["policy"]["Statement"]``.
    """

    name: str
    """Path of names: ``Api/Role``."""
    type: str
    """``aws.iam.Role``"""
    inputs: Mapping[str, Any]
    stack: str
    where: str
    protect: bool
    retain: bool

    def __getitem__(self, name: str) -> Any:
        """An input by its name: ``resource["memory_size"]``; ``None`` if the program does not set it."""
        return self.inputs.get(name)


class Program:
    """What the program declares on one stage.

        def test_buckets_are_private(sst_graph: Program) -> None:
            for block in sst_graph.resources("aws.s3.PublicAccessBlock"):
                assert block["block_public_acls"]
    """

    def __init__(self, project: Project, graph: Graph, plan: Callable[[], Plan], outputs: Mapping[str, Any],
                 secrets: Mapping[str, str]) -> None:
        self.name, self.stage, self.region = project.name, project.stage, project.region
        self.graph = graph
        """The graph itself, as the engine sees it."""
        self._plan, self._outputs = plan, outputs
        self.secrets = dict(secrets)
        """The secrets that the program asks for, each with the value that it has in tests."""

    @cached_property
    def plan(self) -> Plan:
        """What a deploy of an empty stage would do."""
        return self._plan()

    @property
    def outputs(self) -> dict[str, Any]:
        """What the program returns, in the form of ``Declared.inputs``."""
        with self.graph.active():
            return {k: _told(v) for k, v in self._outputs.items()}

    @cached_property
    def _all(self) -> dict[str, Declared]:
        with self.graph.active():
            made = [_declared(goal) for goal in self.graph.goals.values()]
        return {d.name if [m.name for m in made].count(d.name) == 1 else f"{d.name} ({d.type})": d for d in made}

    def __iter__(self) -> Iterator[Declared]:
        return iter(self._all.values())

    def __len__(self) -> int:
        return len(self._all)

    def resources(self, type: str | type[Resource] | type[Component] | None = None) -> list[Declared]:
        """All resources, or those of one type: ``"aws.sqs.Queue"``, or a class of resources or of components (then
        everything inside).

        Raises ``UserError`` for a type that does not exist, so that a misspelt one is not taken for none.
        """
        __tracebackhide__ = True
        if isinstance(type, str) or type is None:
            _check_type(type)
            return [d for d in self if type in (None, d.type)]
        if issubclass(type, Component):
            inside = [f"{c.urn.rpartition('::')[2]}/" for c in self.graph.components.values() if isinstance(c, type)]
            return [d for d in self if any(d.name.startswith(name) for name in inside)]
        return [d for d in self if d.type == type.type]

    def resource(self, name: str) -> Declared:
        """The one at this path of names, ``Api/Role``. Raises ``UserError`` if there is none."""
        __tracebackhide__ = True
        if found := self._all.get(name):
            return found
        raise UserError(f'the program declares no resource "{name}" on stage {self.stage}',
                        hint=did_you_mean(name, sorted(self._all))
                        or "a component's resources are inside of it: Api/Role")

    def components(self, kind: type[Component] | None = None) -> list[str]:
        """Names of the program's own components, or of those of one kind: ``components(aws.Bucket)``."""
        return [c.logical_name for c in self.graph.components.values() if c.parent is None
                and isinstance(c, kind or Component)]


    def times(self, cron: str, *, after: datetime, count: int = 5) -> list[datetime]:
        """When a ``Cron`` runs next, in UTC: ``sst_graph.times("Nightly", after=datetime(2030, 1, 1, tzinfo=UTC))``.

        Rates count from ``after``. Raises ``UserError`` if there is no such cron, or for a time without a zone.
        """
        __tracebackhide__ = True
        if after.tzinfo is None:
            raise UserError(f"{after} has no time zone", hint="datetime(2030, 1, 2, tzinfo=UTC)")
        return list(islice(when(find_cron(crons_of(self.graph), cron), after=after, since=after), count))


def declared(file: Path, stage: str, *, secrets: Mapping[str, str]) -> Program:
    """Run the program of a config file for a stage. Nothing is written but hashes of files, in the cache of builds."""
    with contained(file.parent):
        project = open_project(file, stage=stage, environ=_anywhere(os.environ))
        _ = project.folder  # made here, it keeps itself out of git
        graph = project.graph()
        standins = _Standins(secrets)
        graph.context = Context(graph.target, secrets=standins, read_stage_key=lambda: bytes(32),
                                registry=project.config.registry, engine=graph.context.engine,
                                encrypt=lambda key, text: b"", open_lookups=_Lookups)
        app = project.declare(graph)

    def plan() -> Plan:
        from ..engine.plan import plan as make

        backend = Backend(project, _no_cloud)
        with contained(file.parent):
            return make(graph, Snapshot(), backend.registry(Snapshot()))

    return Program(project, graph, plan, app.outputs, standins.asked)


def _anywhere(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment without what this machine says of AWS: a program is the same everywhere. The region is the
    config's, else that of the ``.env`` files, else ``us-east-1``."""
    return {**{k: v for k, v in environ.items() if not k.startswith("AWS_")}, "AWS_DEFAULT_REGION": "us-east-1"}


class _Lookups:
    """Answers what components ask of the account, without one."""

    def account(self) -> str:
        return "123456789012"

    def hosted_zone(self, domain: str) -> str:
        return "Z0123456789EXAMPLE"

    def network(self, id: str) -> SimpleNamespace:
        return SimpleNamespace(cidr="10.0.0.0/16", public=("subnet-public1", "subnet-public2"), nat=True, endpoints=(),
                               private=("subnet-private1", "subnet-private2"), groups=("sg-default",))


class _Standins(dict[str, str]):
    """Every secret has a value, so that a test needs none: its own, its placeholder, or any text."""

    def __init__(self, values: Mapping[str, str]) -> None:
        super().__init__(values)
        self.asked: dict[str, str] = {}

    def get(self, key: str, default: Any = None) -> Any:
        self.asked[key] = super().get(key, f"the secret {key}" if default is None else default)
        return self.asked[key]


def _no_cloud() -> Any:
    raise AssertionError("a plan makes no calls")


def _check_type(type: str | None) -> None:
    from ..clouds.registry import has_type

    __tracebackhide__ = True
    if type is not None and not has_type(type):
        raise UserError(f'there is no type of resource "{type}"', hint=did_you_mean(type, sorted(Resource.kinds)))


def _declared(goal: Goal) -> Declared:
    inputs = {k: SECRET if k in goal.secret else _told(v) for k, v in goal.inputs.items()}
    return Declared(name_of(goal.urn), goal.type, inputs, goal.stack, goal.where, goal.protect, goal.retain)


def _told(value: Any) -> Any:
    """A value as far as the program knows it. The user's own functions in ``apply`` may not take a placeholder."""
    if isinstance(value, Output) and value.secret:
        return SECRET
    try:
        return resolve(value, lambda urn, attr: f"<{urn.rpartition('::')[2]}.{attr}>")
    except Exception:
        return LATER
