"""After a crash: find out what became of each operation that had begun, and record it. No guess, no manual repair."""
from __future__ import annotations

from dataclasses import replace

from ..core.model import URN, Entry, Op, Operation, State, deposed_key, name_of
from ..core.provider import Providers
from ..errors import ProviderError, StateError
from .record import Journal, half_deleted, ids_by_type, settled_create, unsure_state
from .walk import walk

__all__ = ["see", "settle"]


def settle(journal: Journal, providers: Providers, *, parallel: int = 32) -> dict[URN, str]:
    """Settle every pending operation. An interrupted create is looked up by what identifies the resource: found means
    made, absent means not done. An interrupted update is sent again in full by the next plan. An interrupted delete is
    repeated. What was restored from a former version of the state is read first, see ``see``.

    Gives the creates of which nobody can tell yet whether they happened, with the reason. They stay pending: only these
    resources and what uses them wait.
    """
    see(journal, providers, parallel=parallel)
    snapshot = journal.snapshot
    if not snapshot.pending:
        return {}
    ids = ids_by_type(snapshot)
    operations = {k: replace(p, known=ids.get(p.type, ())) for k, p in snapshot.pending.items()}
    after = {k: [d for d in p.deps if d in operations] for k, p in operations.items()}
    unsure: dict[URN, str] = {}

    def visit(key: str) -> None:
        settled = _settled(journal, key, operations[key], providers)
        if isinstance(settled, str):
            unsure[key] = settled
        else:
            journal.write(*settled)

    for error in walk(after, visit, parallel=parallel).failed.values():
        raise error
    return unsure


def _settled(journal: Journal, key: str, operation: Operation, providers: Providers) -> tuple[Entry, ...] | str:
    """What to record, or why it can't be told."""
    was, provider = journal.find(operation.urn), providers(operation)
    if operation.op is Op.UPDATE:
        return (Entry("unsure", operation.urn, unsure_state(was, operation, provider.schema(operation.type)))
                if was else Entry("undone", operation.urn),)
    if operation.op is Op.DELETE:
        was = was if was and deposed_key(was) == key else journal.find(key)
        if was is None:
            return (Entry("undone", key),)
        try:
            gone = provider.read(was) is None
        except ProviderError:
            gone = False
        return (Entry("gone", operation.urn, was),) if gone else half_deleted(journal, operation)
    try:
        found = settled_create(journal, operation, provider)
    except ProviderError as e:
        return str(e)
    return (found,) if isinstance(found, Entry) else found


def see(journal: Journal, providers: Providers, *, parallel: int = 32) -> None:
    """Read what was restored from a former version of the state. What is gone leaves the state; where a successor of it
    exists, that one takes its place. What is there is unsure: the next plan sends all of it again.

    Raises ``StateError`` where one can't be read: without that a deploy would guess.
    """
    snapshot = journal.snapshot
    live = {u: s for u, s in snapshot.resources.items() if s.unseen}
    deposed = {k: s for k, s in snapshot.deposed.items() if s.unseen}
    if not live and not deposed:
        return
    there: dict[str, bool] = {}

    def visit(key: str) -> None:
        state = live.get(key) or deposed[key]
        there[key] = providers(state).read(state) is not None

    for key, error in walk(dict.fromkeys((*live, *deposed), ()), visit, parallel=parallel).failed.items():
        if not isinstance(error, ProviderError):
            raise error
        state = live.get(key) or deposed[key]
        raise StateError(f'{state.type} "{name_of(state.urn)}" was restored from a former version, and can\'t be read: '
                         f"{error}",
                         hint="nothing was changed: run it again once it can be read; or `sst state rm "
                              f"{name_of(state.urn)}` drops it from the state") from error
    entries: list[Entry] = []
    last: list[Entry] = []  # what is gone last: then nothing depends on it any more
    successors: dict[URN, State] = {}
    for key, s in deposed.items():
        if there[key]:
            successors.setdefault(s.urn, s)
        else:
            entries.append(Entry("gone", s.urn, s))
    for urn, s in live.items():
        if there[urn]:
            entries.append(Entry("unsure", urn, replace(s, unseen=False, unsure=True)))
        elif after := successors.get(urn):
            deps = tuple(d for d in after.deps if d in snapshot.resources)
            entries += [Entry("replaced", urn, replace(after, unseen=False, unsure=True, deps=deps))]
            last.append(Entry("gone", urn, s))
        else:
            last.append(Entry("gone", urn, s))
    if entries or last:
        journal.write(*entries, *last)
