"""What grows inside of one resource: found anew at each checkpoint, at the cost of what changed.

Each class knows one shape: rows of a table, messages of a queue, lists that are appended to. `changes` compares with
what it wrote last; `light` is the resource without it; `fill` puts it back when a saved state is read.
"""
from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from sst.embedded.database import Changes

__all__ = ["Growing", "Lists", "Messages", "Rows"]

Place = tuple[str, str, str]
"""Service, part, key."""
Saved = Sequence[tuple[str, int, Any]]
"""Sub, number, value."""


class Growing(Protocol):
    def light(self, entry: Any) -> Any: ...

    def changes(self, place: Place, entry: Any, into: Changes, copied: Callable[[Any], Any]) -> None: ...

    def fill(self, entry: Any, saved: Saved) -> None:
        """Put what was saved into an entry that was read from the database."""
        ...

    def known(self, place: Place, entry: Any) -> None:
        """The entry was just taken up from the database: only what changes from now on is written."""
        ...

    def forget(self, key: str) -> None:
        """The entry is gone."""
        ...

    def forget_all(self) -> None:
        """What was written is in doubt: write all of it the next time."""
        ...


class Rows:
    """The items of a table: ``{"items": {partition: {sort: item}}}``. Who changes them says so (`note`)."""

    def __init__(self) -> None:
        self._written: dict[str, Any] = {}
        self._noted: dict[str, dict[tuple[str, str], None]] = {}

    def note(self, key: str, partition: str, sort: str) -> None:
        self._noted.setdefault(key, {})[partition, sort] = None

    def light(self, entry: Any) -> Any:
        return {**entry, "items": {}}

    def changes(self, place: Place, entry: Any, into: Changes, copied: Callable[[Any], Any]) -> None:
        items: dict[str, dict[str, Any]] = entry["items"]
        noted = self._noted.setdefault(place[2], {})
        if self._written.get(place[2]) is not items:
            self._written[place[2]] = items
            noted.clear()
            into.cleared.append((*place, None))
            for partition, sorts in list(items.items()):
                into.rows += [(*place, json.dumps([partition, sort]), 0, copied(item))
                              for sort, item in list(sorts.items())]
            return
        while noted:
            (partition, sort), _ = noted.popitem()
            sub, sorts = json.dumps([partition, sort]), items.get(partition)
            item = sorts.get(sort) if sorts else None
            if item is None:
                into.gone.append((*place, sub, 0))
            else:
                into.rows.append((*place, sub, 0, copied(item)))

    def fill(self, entry: Any, saved: Saved) -> None:
        for sub, _, item in saved:
            partition, sort = json.loads(sub)
            entry["items"].setdefault(partition, {})[sort] = item

    def known(self, place: Place, entry: Any) -> None:
        self._written[place[2]] = entry["items"]

    def forget(self, key: str) -> None:
        self._written.pop(key, None)

    def forget_all(self) -> None:
        self._written.clear()


class Messages:
    """The messages of a queue: ``{"messages": [message, ...]}``, each with an id, changed when it is received."""

    def __init__(self) -> None:
        self._written: dict[str, dict[str, tuple[Any, ...]]] = {}

    def light(self, entry: Any) -> Any:
        return {**entry, "messages": []}

    def changes(self, place: Place, entry: Any, into: Changes, copied: Callable[[Any], Any]) -> None:
        messages, before = list(entry["messages"]), self._written.get(place[2])
        now = {message["id"]: _state(message) for message in messages}
        self._written[place[2]] = now
        if before is None:
            into.cleared.append((*place, None))
            before = {}
        if before == now:
            return
        into.gone += [(*place, gone, 0) for gone in before.keys() - now.keys()]
        into.rows += [(*place, message["id"], 0, copied(message)) for message in messages
                      if before.get(message["id"]) != now[message["id"]]]

    def fill(self, entry: Any, saved: Saved) -> None:
        entry["messages"] = [message for _, _, message in saved]

    def known(self, place: Place, entry: Any) -> None:
        self._written[place[2]] = {message["id"]: _state(message) for message in entry["messages"]}

    def forget(self, key: str) -> None:
        self._written.pop(key, None)

    def forget_all(self) -> None:
        self._written.clear()


def _state(message: Mapping[str, Any]) -> tuple[Any, ...]:
    return message.get("visible_at"), message.get("receive_count"), message.get("receipt_handle")


class Lists:
    """Collections of lists that are appended to and cut at the front: ``{collection: {sub: {list: [...], ...}}}``, as
    the lines in the streams of a log group. What else a sub has is its row number -1."""

    def __init__(self, collection: str, member: str) -> None:
        self._collection, self._member = collection, member
        self._written: dict[str, dict[str, tuple[Any, int, Any, int, Any]]] = {}
        """Key -> sub -> the list, how much of it is written, its first member, the next row number, the rest."""

    def light(self, entry: Any) -> Any:
        return {**entry, self._collection: {}}

    def changes(self, place: Place, entry: Any, into: Changes, copied: Callable[[Any], Any]) -> None:
        before, subs = self._written.get(place[2]), dict(entry[self._collection])
        if before is None:
            into.cleared.append((*place, None))
            before = self._written[place[2]] = {}
        for sub in before.keys() - subs.keys():
            del before[sub]
            into.cleared.append((*place, sub))
        for sub, value in subs.items():
            members = value[self._member]
            count, first = len(members), members[0] if members else None
            was, written, was_first, number, was_rest = before.get(sub) or (None, 0, None, 0, None)
            if was is not members or count < written or (written and was_first is not first):
                if was is not None:
                    into.cleared.append((*place, sub))
                written, number, was_rest = 0, 0, None
            rest = {name: part for name, part in value.items() if name != self._member}
            if rest != was_rest:
                rest = copied(rest)
                into.rows.append((*place, sub, -1, rest))
            if count > written:
                into.rows.append((*place, sub, number, copied(members[written:count])))
                number += 1
            before[sub] = members, count, first, number, rest

    def fill(self, entry: Any, saved: Saved) -> None:
        subs: dict[str, list[tuple[int, Any]]] = {}
        for sub, number, value in saved:
            subs.setdefault(sub, []).append((number, value))
        for sub, rows in subs.items():
            rows.sort(key=lambda row: row[0])
            members = [member for number, value in rows if number >= 0 for member in value]
            rest: dict[str, Any] = next((value for number, value in rows if number == -1), {})
            entry[self._collection][sub] = {**rest, self._member: members}

    def known(self, place: Place, entry: Any) -> None:
        """Numbers of rows are not known here: the next checkpoint that sees the entry rewrites it."""

    def forget(self, key: str) -> None:
        self._written.pop(key, None)

    def forget_all(self) -> None:
        self._written.clear()
