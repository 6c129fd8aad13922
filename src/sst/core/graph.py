"""What a program declares: resources, their components, and the edges between them."""
from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import field, replace
from sys import intern
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from ..errors import Problems, SstError, UserError
from ..records import dataclass
from .context import Context
from .model import URN, Goal, name_of
from .names import did_you_mean, valid_name
from .output import Output, Tokens, applying, call_site, use_tokens

if TYPE_CHECKING:
    from .component import Component
    from .resource import ProviderInstance, Resource
    from .target import Target

__all__ = ["Check", "Graph", "Removal", "Scope", "current"]

Removal: TypeAlias = Literal["remove", "retain", "retain-all"]
Change: TypeAlias = Mapping[str, Any] | Callable[[dict[str, Any]], Any]
Check: TypeAlias = Callable[["Graph", Goal], None]
"""Looks at one resource of a whole program, and notes what is wrong as a problem of the graph."""

_current: ContextVar[Graph | None] = ContextVar("graph", default=None)


@dataclass(frozen=True)
class Scope:
    """Where a declaration stands: its parent, and what it inherits from it."""

    parent: URN | None = None
    types: str = ""
    names: str = ""
    aliases: tuple[tuple[str, str], ...] = ()
    """Former (type path, name path) of the parent."""
    transform: Mapping[str, Change] = field(default_factory=dict)
    protect: bool = False
    retain: bool | None = None
    depends_on: tuple[object, ...] = ()
    ignore_changes: tuple[str, ...] = ()
    providers: Mapping[str, ProviderInstance] = field(default_factory=dict)
    """Per cloud, the provider instance that manages what is declared here."""


@dataclass(eq=False)
class Graph:
    """All that one run of a program declares.

        with Graph("app", "test").active() as graph:
            sqs.Queue("Jobs")
        graph.seal()
    """

    app: str
    stage: str
    region: str = "us-east-1"
    removal: Removal = "remove"
    root: str = ""
    """Folder of ``sst_config.py``; paths in the program are relative to it."""
    goals: dict[URN, Goal] = field(default_factory=dict)
    components: dict[URN, Component] = field(default_factory=dict)
    resources: dict[URN, Resource] = field(default_factory=dict)
    children: dict[URN, list[Resource | Component]] = field(default_factory=dict)
    """Per component, what was declared right inside of it."""
    taken: dict[str, str] = field(default_factory=dict)
    """Names of the outermost components, in lower case → where."""
    twice: set[URN] = field(default_factory=set)
    """Components that were declared twice: what is in them is not reported again."""
    transforms: list[tuple[type, Change]] = field(default_factory=list)
    laters: list[tuple[Output[Any], Callable[[Any], object], Scope, str]] = field(default_factory=list)
    endings: list[tuple[Callable[[], None], Scope, str]] = field(default_factory=list)
    problems: list[SstError] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    """What a plan tells beside its steps: choices that the program left open."""
    scope: Scope = field(default_factory=Scope)
    stack: str = ""
    frozen: bool = False
    tokens: Tokens = field(default_factory=Tokens)
    grown: dict[object, Graph] = field(default_factory=dict, repr=False)
    """This graph with what ``later`` added, by the values that it was called with."""
    context: Context = field(default_factory=Context)

    @property
    def target(self) -> Target:
        """Where this program is deployed, and whether `sst dev` runs it."""
        return self.context.target

    def copy(self) -> Graph:
        """A graph that can grow without a change of this one."""
        return replace(self, goals=dict(self.goals), components=dict(self.components), resources=dict(self.resources),
                       children={k: list(v) for k, v in self.children.items()}, taken=dict(self.taken),
                       transforms=list(self.transforms), laters=list(self.laters), endings=list(self.endings),
                       problems=list(self.problems), remarks=list(self.remarks), grown={})

    @contextmanager
    def active(self) -> Iterator[Graph]:
        """Declarations inside belong to this graph."""
        mark, tokens = _current.set(self), use_tokens(self.tokens)
        try:
            yield self
        finally:
            tokens.var.reset(tokens)
            _current.reset(mark)

    @contextmanager
    def within(self, scope: Scope) -> Iterator[None]:
        before, self.scope = self.scope, scope
        try:
            yield
        finally:
            self.scope = before

    def problem(self, message: str, *, hint: str = "", where: str = "", code: str = "") -> None:
        """Record an error and continue, so that one report can show all of them."""
        self.problems.append(UserError(message, hint=hint, where=self.short(where or call_site(2)), code=code))

    def remark(self, text: str) -> None:
        """Have the plan say how a choice was made that the program left open."""
        if text not in self.remarks:
            self.remarks.append(text)

    def short(self, where: str) -> str:
        """``/home/me/app/sst_config.py:12`` → ``sst_config.py:12``."""
        return intern(where.removeprefix(self.root.rstrip("/") + "/") if self.root else where)

    def check_name(self, name: object, what: str, where: str) -> str:
        if valid_name(name):
            return str(name)
        self.problem(f"{what} can't be named {name!r}", where=where,
                     hint="a name starts with a letter and holds letters, digits, - and _; at most 128")
        return "Invalid"

    def check_options(self, what: str, given: Mapping[str, Any], known: frozenset[str], where: str) -> dict[str, Any]:
        """The options that exist; a misspelt one is a problem that says what was probably meant."""
        odd = given.keys() - known
        for k in odd:
            self.problem(f"{what} has no option {k!r}", hint=did_you_mean(str(k), sorted(known)), where=where)
        return {k: v for k, v in given.items() if k not in odd}

    def add(self, goal: Goal, resource: Resource) -> None:
        if self.frozen:
            raise UserError("a resource can't be created after the program has ended", where=goal.where,
                            hint="if its number depends on a deploy-time value, use sst.later(value, declare)")
        if was := self.goals.get(goal.urn):
            if goal.parent not in self.twice:       # then it was said of the component
                self.problem(f'two resources are named "{name_of(goal.urn)}"', where=goal.where,
                             hint=f"the other one is at {was.where}; give each its own name", code="name-taken")
            return
        self.goals[goal.urn] = goal
        self.resources[goal.urn] = resource
        if goal.parent is not None:
            self.children.setdefault(goal.parent, []).append(resource)

    def add_component(self, component: Component, where: str) -> None:
        if self.frozen:
            raise UserError("a component can't be created after the program has ended", where=where,
                            hint="if its number depends on a deploy-time value, use sst.later(value, declare)")
        if self.scope.parent is None:
            self._check_unique(component.logical_name, where)
        if component.urn in self.components:
            if component.parent is not None and component.parent not in self.twice:
                self.problem(f'two components are named "{name_of(component.urn)}"', where=where,
                             code="name-taken")
            self.twice.add(component.urn)
        self.components[component.urn] = component
        if component.parent is not None:
            self.children.setdefault(component.parent, []).append(component)

    def _check_unique(self, name: str, where: str) -> None:
        if name.lower() == "app":
            self.problem('the name "App" is reserved: Resource.App holds the app\'s name and stage', where=where)
        if (other := self.taken.get(name.lower())) is None:
            self.taken[name.lower()] = where
        else:
            self.problem(f'two components are named "{name}"', where=where,
                         hint=f"the other one is at {other}; names differ by more than upper and lower case",
                         code="name-taken")

    def at_end(self, declare: Callable[[], None], scope: Scope) -> None:
        """Call ``declare`` when the program has ended: for one resource that gathers what several calls asked for."""
        self.endings.append((declare, scope, self.stack))

    def seal(self) -> None:
        """The program has ended: explicit dependencies are resolved, and all problems are raised in one report."""
        endings, self.endings = self.endings, []
        for declare, scope, stack in endings:
            self._declare(declare, scope, stack)
        members: dict[URN, list[URN]] = {}
        for urn, resource in self.resources.items():
            if resource.__sst__.depends_on:
                goal = self.goals[urn]
                extra = frozenset(d for o in resource.__sst__.depends_on
                                  for d in self._urns(o, goal.where, members)) - {urn}
                self.goals[urn] = replace(goal, deps=goal.deps | extra)
        self.frozen = True
        self._check_edges()
        if not self.problems and not self.laters:  # what is missing may still come
            for urn, resource in self.resources.items():
                for check in type(resource).__checks__:
                    check(self, self.goals[urn])
        if self.problems:
            raise self.problems[0] if len(self.problems) == 1 else Problems(self.problems)

    def reopen(self, declare: Callable[[], object], scope: Scope, stack: str) -> None:
        """Declare more after the program has ended; ``seal`` it again afterwards."""
        self.frozen = False
        with self.active():
            try:
                self._declare(declare, scope, stack)
            except Exception as e:
                self.problem(f"the function given to later failed: {type(e).__name__}: {e}")

    def _declare(self, declare: Callable[[], object], scope: Scope, stack: str) -> None:
        before, self.stack = self.stack, stack
        try:
            with self.within(scope):
                declare()
        except SstError as e:
            self.problems.append(e)
        finally:
            self.stack = before

    def _urns(self, item: object, where: str, members: dict[URN, list[URN]]) -> Sequence[URN]:
        urn = getattr(getattr(item, "__sst__", item), "urn", None)
        if urn in self.goals:
            return (urn,)
        if urn in self.components:
            if not members:
                members.update(self._members())
            return members.get(urn, ())
        self.problem(f"depends_on takes resources and components, not {item!r}", where=where)
        return ()

    def _members(self) -> dict[URN, list[URN]]:
        """The resources of each component, those of its inner components too."""
        members: dict[URN, list[URN]] = {}
        for urn, goal in self.goals.items():
            above = goal.parent
            while above is not None:
                members.setdefault(above, []).append(urn)
                owner = self.components.get(above)
                above = owner.parent if owner else None
        return members

    def _check_edges(self) -> None:
        before = set[URN]()
        for urn, goal in self.goals.items():
            if not goal.deps <= before:
                break
            before.add(urn)
        else:
            return      # each uses only what was declared before it
        from graphlib import CycleError, TopologicalSorter

        for goal in self.goals.values():
            for d in (d for d in goal.deps if d not in self.goals):
                self.problem(f'"{name_of(goal.urn)}" uses a value of {d}, which this program does not '
                             'declare',
                             where=goal.where, hint="an output belongs to the run of the program that made it")
        try:
            TopologicalSorter({u: [d for d in g.deps if d in self.goals] for u, g in self.goals.items()}).prepare()
        except CycleError as e:
            ring = [self.goals[u] for u in reversed(e.args[1])]
            way = " → ".join(f'"{name_of(g.urn)}" ({g.where})' for g in ring)
            self.problem(f"these depend on each other in a circle: {way}", where=ring[0].where,
                         hint="break the circle: pass one of the values at run time (for example through link) or a "
                              "fixed name")


def current() -> Graph:
    """The graph that is being declared."""
    graph = _current.get()
    if where := applying():
        raise UserError("a resource or component can't be created inside .apply", where=call_site(2),
                        hint=f"the .apply is at {where}; create it in the program and pass outputs to it; if its "
                             "number depends on a "
                             "deploy-time value, use sst.later(value, declare)")
    if graph is None:
        raise UserError("resources can only be declared while sst runs the program", where=call_site(2),
                        hint="declare them inside stacks(app) or run() of sst_config.py, or in a function called from "
                             "there")
    return graph
