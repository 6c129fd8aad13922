"""After a crash: find out what became of each operation that had begun, and record it. No guess, no manual repair."""
from __future__ import annotations

from dataclasses import replace

from ..core.model import Entry, Op, Pending
from ..core.provider import Absent, Found
from ..errors import StateError
from .apply import Journal, found_entry
from .plan import Providers, name_of
from .walk import walk

__all__ = ["settle"]


def settle(journal: Journal, providers: Providers, *, parallel: int = 32) -> int:
    """Settle every pending operation; gives their number. Raises ``StateError`` where the cloud can't tell.

    An interrupted create is looked up by what identifies the thing: found means made, absent means not done. An
    interrupted update is sent again in full by the next plan. An interrupted delete is repeated.
    """
    todo = dict(journal.snapshot.pending)
    if not todo:
        return 0
    after = {k: [d for d in p.deps if d in todo] for k, p in todo.items()}
    outcome = walk(after, lambda key: journal.write(_settled(journal, key, todo[key], providers)), parallel=parallel)
    if outcome.failed:
        raise next(iter(outcome.failed.values()))
    return len(todo)


def _settled(journal: Journal, key: str, todo: Pending, providers: Providers) -> Entry:
    was = journal.find(todo.urn)
    provider = providers(todo.type)
    if todo.op is Op.UPDATE:
        return Entry("unsure", todo.urn, replace(was, unsure=True)) if was else Entry("undone", todo.urn)
    if todo.op is Op.DELETE:
        gone = was is not None and was.id == todo.old_id and provider.read(was) is None
        return Entry("gone", todo.urn, was) if gone else Entry("undone", key)
    found = provider.find(todo)
    if isinstance(found, Found):
        return found_entry(journal, todo, found.made)
    if isinstance(found, Absent):
        return Entry("undone", todo.urn)
    raise StateError(f'{todo.type} "{name_of(todo.urn)}" was being created when the last command was cut off, '
                     f"and it can't be told whether it exists: {found.why}", where=todo.where,
                     hint="look in the cloud's console; then `sst adopt` it, or `sst state rm` to forget the attempt")
