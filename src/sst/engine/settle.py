"""After a crash: find out what became of each operation that had begun, and record it. No guess, no manual repair."""
from __future__ import annotations

from dataclasses import replace

from ..core.model import Entry, Op, Pending
from ..errors import ProviderError, StateError
from .choice import name_of
from .plan import Providers
from .record import Journal, half_deleted, ids_by_type, settled_create, unsure_state
from .walk import walk

__all__ = ["settle"]


def settle(journal: Journal, providers: Providers, *, parallel: int = 32) -> int:
    """Settle every pending operation; gives their number. Raises ``StateError`` where the cloud can't tell.

    An interrupted create is looked up by what identifies the thing: found means made, absent means not done. An
    interrupted update is sent again in full by the next plan. An interrupted delete is repeated.
    """
    snapshot = journal.snapshot
    if not snapshot.pending:
        return 0
    ids = ids_by_type(snapshot)
    todo = {k: replace(p, known=ids.get(p.type, ())) for k, p in snapshot.pending.items()}
    after = {k: [d for d in p.deps if d in todo] for k, p in todo.items()}
    outcome = walk(after, lambda key: journal.write(*_settled(journal, key, todo[key], providers)), parallel=parallel)
    for key, error in outcome.failed.items():
        if isinstance(error, ProviderError):
            raise StateError(f'it can\'t be told what became of {todo[key].type} "{name_of(todo[key].urn)}": {error}',
                             where=todo[key].where, hint="nothing was changed; try again") from error
        raise error
    return len(todo)


def _settled(journal: Journal, key: str, todo: Pending, providers: Providers) -> tuple[Entry, ...]:
    was = journal.find(todo.urn)
    provider = providers(todo.type)
    if todo.op is Op.UPDATE:
        return (Entry("unsure", todo.urn, unsure_state(was, todo)) if was else Entry("undone", todo.urn),)
    if todo.op is Op.DELETE:
        was = was if was and was.id == todo.old_id else journal.find(key)
        if was is None:
            return (Entry("undone", key),)
        return (Entry("gone", todo.urn, was),) if provider.read(was) is None else half_deleted(journal, todo)
    found = settled_create(journal, todo, provider)
    if isinstance(found, Entry):
        return (found,)
    raise StateError(f'{todo.type} "{name_of(todo.urn)}" was being created when the last command was cut off, '
                     f"and it can't be told yet whether it exists: {found}", where=todo.where,
                     hint="try again in a minute; if that does not help, look in the cloud's console, then `sst adopt` it, "
                          "or `sst state rm` to forget the attempt")
