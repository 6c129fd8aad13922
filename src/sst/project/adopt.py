"""Take over what exists (``sst adopt``), let go of it (``sst state rm``), rename it (``sst state mv``).

All of these write the state alone; the cloud is read at most. Each runs under the lock, is verified, and keeps the
former version.
"""
from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TypeAlias

from ..core.graph import Graph
from ..core.model import URN, Entry, Op, Snapshot, State, fold, name_of
from ..core.names import did_you_mean
from ..core.output import plain
from ..core.provider import Existing, Providers
from ..engine.adopt import Adoption, adoption, differing, with_edges
from ..engine.plan import Plan, Step, plan
from ..errors import Problems, SstError, UserError
from ..state.session import Session
from .backend import Backend
from .run import Run, locked, prepared_graph, types_of

__all__ = ["Agree", "adopt", "adoptions", "forget", "rename"]

Agree: TypeAlias = Callable[[Sequence[Adoption]], None]
"""Gets what would be written; raises ``UserError`` to stop."""


def adopt(backend: Backend, run: Run, wanted: Callable[[Plan, Snapshot], Mapping[str, Existing]], agree: Agree,
          refused: Callable[[Step, UserError], None] | None = None) -> list[Adoption]:
    """Write to the state that these things exist; the next deploy brings them in line with the program.

    ``wanted`` gets the plan of the program over the state and gives names (``Jobs``, ``Api/Role`` or a urn) with the
    ids of existing things. Raises ``UserError``, or ``Problems``, for a name that the program does not declare or the
    state has already, for an id that nothing has, and for what could not be brought in line without being replaced.
    With ``refused`` these last two are left out, and it hears of them.
    """
    backend.ask_account()
    graph = prepared_graph(backend, run.hide)
    backend.project.declare(graph)
    with locked(backend, "adopt", run) as session:
        backend.remember(session, types_of(graph), sure=bool(graph.laters))
        snapshot = session.snapshot
        providers = run.providers or backend.registry(session.snapshot, session=session)
        found, entries = adoptions(graph, snapshot, providers, wanted, refused)
        if found:
            agree(found)
            session.write(*entries)
            session.save()
    return found


def adoptions(graph: Graph, snapshot: Snapshot, providers: Providers,
              wanted: Callable[[Plan, Snapshot], Mapping[str, Existing]],
              refused: Callable[[Step, UserError], None] | None = None) -> tuple[list[Adoption], list[Entry]]:
    """What there is to adopt, and what the state is told; see ``adopt``.

    Where one uses another, what they differ in is looked at once more with both in the state.
    """
    todo, problems = plan(graph, snapshot, providers), list[SstError]()
    found: list[tuple[Step, Adoption]] = []

    def keep(step: Step, look: Callable[[], Adoption]) -> Iterator[tuple[Step, Adoption]]:
        try:
            one = look()
            _check(one)
            yield step, one
        except UserError as e:
            if refused is None:
                problems.append(e)
            else:
                refused(step, e)

    for name, what in wanted(todo, snapshot).items():
        try:
            step = _goal(todo, snapshot, name)
        except UserError as e:
            problems.append(e)
            continue
        found += keep(step, partial(adoption, step, what, providers, snapshot))
    if any(not plain(step.inputs) for step, _ in found):
        later = {s.urn: s for s in plan(graph, fold(snapshot, _made(found, snapshot)), providers).steps}
        found = [kept for step, one in found for kept in keep(step, partial(_again, later[step.urn], one, providers))]
    if problems:
        raise problems[0] if len(problems) == 1 else Problems(problems)
    return [one for _, one in found], _made(found, snapshot)


def _again(step: Step, one: Adoption, providers: Providers) -> Adoption:
    return replace(one, differences=differing(step, step.inputs, one.state, providers))


def _made(found: Sequence[tuple[Step, Adoption]], snapshot: Snapshot) -> list[Entry]:
    deps = {step.urn: step.goal.deps for step, _ in found if step.goal}
    states = with_edges({one.state.urn: one.state for _, one in found}, deps, frozenset(snapshot.resources))
    return [Entry("made", s.urn, s) for s in _used_first(states)]


def _goal(todo: Plan, snapshot: Snapshot, name: str) -> Step:
    steps = [s for s in todo.steps if s.goal and name in (s.name, s.urn)]
    if not steps:
        names = sorted({s.name for s in todo.steps if s.goal})
        inside = [n for n in names if n.startswith(f"{name}/")]
        raise UserError(f'"{name}" is a component; its parts are adopted one by one' if inside else
                        f'the program declares no resource "{name}"',
                        hint=f"its parts: {', '.join(inside)}" if inside else
                        did_you_mean(name, names) or "declare it in sst_config.py first, then adopt it",
                        code="unknown-name")
    if len(steps) > 1:
        raise UserError(f'"{name}" is the name of several resources',
                        hint="give one of these urns: " + ", ".join(s.urn for s in steps))
    if (was := snapshot.resources.get(steps[0].urn)) is not None:
        raise UserError(f'"{name}" is in the state already, as {was.id}',
                        hint=f"to release that one: sst state rm {name}")
    return steps[0]


def _check(one: Adoption) -> None:
    if fixed := [d for d in one.differences if d.fixed]:
        words = ", ".join(d.property if d.secret else f"{d.property} (there {d.there!r}, in the program {d.asked!r})"
                          for d in fixed)
        raise UserError(f'{one.state.type} {one.state.id!r} differs in {words}, which can\'t be changed in place',
                        where=one.state.where,
                        hint="set the same values in the program, then adopt it")


def _used_first(states: Sequence[State]) -> list[State]:
    """Each after what it uses, so that every prefix of the journal is a whole state."""
    left, done, order = {s.urn: s for s in states}, set[URN](), list[State]()
    while left:
        ready = [s for s in left.values() if not (set(s.deps) & left.keys()) - {s.urn}] or list(left.values())
        for s in ready:
            order.append(left.pop(s.urn))
            done.add(s.urn)
    return order


def forget(backend: Backend, run: Run, names: Sequence[str], agree: Callable[[Sequence[str]], None]) -> list[str]:
    """Drop resources from the state: by name, by component, or by urn. The things stay in the cloud; their names are
    returned.

    What used them no longer depends on them. An operation on them that never ended is forgotten too.
    """
    with locked(backend, "state rm", run) as session:
        snapshot = session.snapshot
        entries: list[Entry] = []
        shown: list[str] = []
        for name in names:
            live = [s for u, s in snapshot.resources.items() if _is(u, name)]
            old = [s for s in snapshot.deposed.values() if _is(s.urn, name)]
            begun = {k: p for k, p in snapshot.pending.items() if _is(p.urn, name)}
            if not (live or old or begun):
                raise _unknown(snapshot, name)
            entries += [Entry("undone", k) for k in begun]
            entries += [Entry("gone", s.urn, s) for s in (*old, *_users_first(live))]
            shown += [f"{name_of(s.urn)}  {s.type}  {s.id}" for s in live]
            shown += [f"{name_of(s.urn)}  {s.type}  {s.id}  (replaced, to be deleted)" for s in old]
            shown += [f"{name_of(p.urn)}  {p.type}  ({p.op} that has not ended)" for p in begun.values()]
        agree(shown)
        session.write(*entries)
        session.save()
    return shown


def resolve_absent(backend: Backend, run: Run, names: Sequence[str]) -> list[str]:
    """Record that these resources, whose creation was cut off, do not exist; their names are returned. The next deploy
    creates them."""
    with locked(backend, "state resolve", run) as session:
        entries: list[Entry] = []
        for name in names:
            begun = [u for u, p in session.snapshot.pending.items()
                     if _is(p.urn, name) and p.op not in (Op.UPDATE, Op.DELETE)]
            if not begun:
                cut = sorted(name_of(p.urn) for p in session.snapshot.pending.values()
                             if p.op not in (Op.UPDATE, Op.DELETE))
                raise UserError(f'no creation of "{name}" was cut off', hint=did_you_mean(name, cut) if cut else "")
            entries += [Entry("undone", u) for u in begun]
        session.write(*entries)
        session.save()
    return [name_of(e.urn) for e in entries]


def rename(backend: Backend, run: Run, old: str, new: str) -> list[tuple[str, str]]:
    """Give a resource, or a component with all its parts, another name in the state; pairs of urns. The cloud is left
    alone.

    ``old`` and ``new`` are names of the same depth (``Jobs``, ``Api/Role``), or two urns. Raises ``UserError`` if the
    new name is taken or something has not ended.
    """
    with locked(backend, "state mv", run) as session:
        snapshot = session.snapshot
        moves = _moves(snapshot, old, new)
        begun = sorted({name_of(p.urn) for p in snapshot.pending.values() if p.urn in moves})
        if begun:
            raise UserError(f"an operation on {', '.join(begun)} has not ended",
                            hint="the next `sst deploy` settles it; then move it")
        if taken := sorted(name_of(n) for n in moves.values() if n in snapshot.resources and n not in moves):
            raise UserError(f"the state has {', '.join(taken)} already",
                            hint="give another name, or `sst state rm` that one first")
        session.write(*_moved(session, snapshot, moves, old, new))
        session.save()
    return list(moves.items())


def _moves(snapshot: Snapshot, old: str, new: str) -> dict[URN, URN]:
    urns = list(dict.fromkeys([*snapshot.resources, *(s.urn for s in snapshot.deposed.values())]))
    if "::" in old or "::" in new:
        if not ("::" in old and "::" in new):
            raise UserError("a urn can only be moved to a urn", hint="give two names, or two urns")
        if old not in urns:
            raise _unknown(snapshot, old)
        if old.rpartition("::")[0].rpartition("/")[2] != new.rpartition("::")[0].rpartition("/")[2]:
            raise UserError(f"{old} and {new} are of different types",
                            hint="the type at the end of the type path must stay")
        return {old: new}
    if old.count("/") != new.count("/"):
        raise UserError(f'"{old}" and "{new}" are not on the same level',
                        hint="give the two urns: `sst state list --json` shows them")
    if not new or not all(new.split("/")):
        raise UserError(f'"{new}" is no name')
    found = [u for u in urns if _is(u, old)]
    if not found:
        raise _unknown(snapshot, old)
    return {u: f"{u.rpartition('::')[0]}::{new}{name_of(u)[len(old):]}" for u in found}


def _moved(session: Session, snapshot: Snapshot, moves: Mapping[URN, URN], old: str, new: str) -> list[Entry]:
    """The moves, then the parents of the parts: those are components, which the state does not hold themselves."""
    session.write(*(Entry("moved", n, old=u) for u, n in moves.items()))
    made = []
    for urn, s in session.snapshot.resources.items():
        above = name_of(s.parent) if s.parent else ""
        if s.parent and "::" not in old and (above == old or above.startswith(f"{old}/")):
            made.append(Entry("made", urn, replace(s,
                                                   parent=f"{s.parent.rpartition('::')[0]}::{new}{above[len(old):]}")))
    return made


def _is(urn: URN, name: str) -> bool:
    return name in (urn, name_of(urn)) or name_of(urn).startswith(f"{name}/")


def _users_first(states: Sequence[State]) -> list[State]:
    return _used_first(states)[::-1]


def _unknown(snapshot: Snapshot, name: str) -> UserError:
    names = sorted({name_of(u) for u in snapshot.resources}
                   | {name_of(u).partition("/")[0] for u in snapshot.resources})
    return UserError(f'the state has nothing named "{name}"',
                     hint=did_you_mean(name, names) or "`sst state list` shows what it has", code="unknown-name")
