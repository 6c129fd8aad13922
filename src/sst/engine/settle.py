"""After a crash: find out what became of each operation that had begun, and record it. No guess, no manual repair."""
from __future__ import annotations

from dataclasses import replace

from ..core.model import URN, Entry, Op, Operation, deposed_key
from ..core.provider import Providers
from ..errors import ProviderError
from .record import Journal, half_deleted, ids_by_type, settled_create, unsure_state
from .walk import walk

__all__ = ["settle"]


def settle(journal: Journal, providers: Providers, *, parallel: int = 32) -> dict[URN, str]:
    """Settle every pending operation. An interrupted create is looked up by what identifies the resource: found means
    made, absent means not done. An interrupted update is sent again in full by the next plan. An interrupted delete is
    repeated.

    Gives the creates of which nobody can tell yet whether they happened, with the reason. They stay pending: only these
    resources and what uses them wait.
    """
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
