"""After a crash: find out what became of each operation that had begun, and record it. No guess, no manual repair."""
from __future__ import annotations

from dataclasses import replace

from ..core.model import Entry, Op, Operation
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
    operation = {k: replace(p, known=ids.get(p.type, ())) for k, p in snapshot.pending.items()}
    after = {k: [d for d in p.deps if d in operation] for k, p in operation.items()}
    outcome = walk(after, lambda key: journal.write(*_settled(journal, key, operation[key], providers)),
                   parallel=parallel)
    for key, error in outcome.failed.items():
        if isinstance(error, ProviderError):
            raise StateError(f'it can\'t be told what became of {operation[key].type} "{name_of(operation[key].urn)}": '
                             f'{error}',
                             where=operation[key].where, hint="nothing was changed; try again") from error
        raise error
    return len(operation)


def _settled(journal: Journal, key: str, operation: Operation, providers: Providers) -> tuple[Entry, ...]:
    was = journal.find(operation.urn)
    provider = providers(operation.type)
    if operation.op is Op.UPDATE:
        return (Entry("unsure", operation.urn, unsure_state(was, operation)) if was else Entry("undone", operation.urn),
                )
    if operation.op is Op.DELETE:
        was = was if was and was.id == operation.old_id else journal.find(key)
        if was is None:
            return (Entry("undone", key),)
        return (Entry("gone", operation.urn, was),) if provider.read(was) is None else half_deleted(journal, operation)
    found = settled_create(journal, operation, provider)
    if isinstance(found, Entry):
        return (found,)
    raise StateError(f'{operation.type} "{name_of(operation.urn)}" was being created when the last command was cut '
                     'off, '
                     f"and it can't be told yet whether it exists: {found}", where=operation.where,
                     hint="try again in a minute; if that does not help, look in the cloud's console, then `sst adopt` "
                          "it, "
                          "or `sst state rm` to forget the attempt")
