"""A simple model of a stage and its cloud: what there must be after each command, told without plan, journal or
retries."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Known", "Model", "Wish"]

Key = tuple[str, str]
"""Type and name."""


@dataclass(frozen=True)
class Wish:
    """What a program asks for; ``uses`` are keys of what it declares before."""

    key: Key
    shape: str
    settings: Mapping[str, Any]
    uses: tuple[Key, ...] = ()
    retain: bool = False
    protect: bool = False
    former: Key | None = None


@dataclass
class Known:
    """A thing: as the state knows it, and as the cloud has it. Its identity outlives renames and changes in place."""

    identity: int
    shape: str
    known: dict[str, Any]
    cloud: dict[str, Any]
    retain: bool = False
    protect: bool = False
    retained: bool = False
    unsure: bool = False
    """Restored from a former version: all of it is sent again by the next deploy that goes through."""


class Births:
    """Numbers for identities, one after the other. (``itertools.count`` can't be copied from Python 3.14 on.)"""

    def __init__(self) -> None:
        self.last = -1

    def __next__(self) -> int:
        self.last += 1
        return self.last


@dataclass
class Model:
    """``live``: what the state holds. ``left``: replaced things that still exist, each with its name; those that are
    not to be retained go with the next deploy that goes through."""

    live: dict[Key, Known] = field(default_factory=dict)
    left: list[tuple[Key, Known]] = field(default_factory=list)
    births: Births = field(default_factory=lambda: Births())

    @property
    def there(self) -> dict[int, Known]:
        """All that exists."""
        return {t.identity: t for t in (*self.live.values(), *(t for _, t in self.left))}

    def emptied(self, wishes: Sequence[Wish], data: str) -> bool:
        """Whether the data of something that holds data would go, or stay behind with an empty successor in use."""
        live, _ = self._renamed(wishes)
        asked = {w.key: w for w in wishes}
        goes = [k for k, t in live.items() if k not in asked and not t.retained and not t.retain]
        goes += [k for k, w in asked.items() if k in live and live[k].shape != w.shape]
        return any(type == data for type, _ in (*goes, *(k for k, t in self.left if not t.retain)))

    def _renamed(self, wishes: Sequence[Wish]) -> tuple[dict[Key, Known], dict[Key, Key]]:
        asked, live, moves = {w.key for w in wishes}, dict(self.live), dict[Key, Key]()
        for w in wishes:
            if w.former and w.key not in live and w.former in live and w.former not in asked:
                live = {w.key if k == w.former else k: t for k, t in live.items()}
                moves[w.former] = w.key
        return live, moves

    def deploy(self, wishes: Sequence[Wish]) -> None:
        """Nothing at all, if a protected thing would be lost."""
        live, moves = self._renamed(wishes)
        asked = {w.key for w in wishes}
        for w in wishes:
            if (was := live.get(w.key)) and was.shape != w.shape and (was.protect or w.protect):
                return
        dropped = {k: t for k, t in live.items() if k not in asked and not t.retained}
        if any(t.protect and not t.retain for t in dropped.values()):
            return
        self.left = [(moves.get(k, k), t) for k, t in self.left if t.retain]
        for w in wishes:
            live[w.key] = self._made(w, live.get(w.key),
                                     {**w.settings, "uses": tuple(live[u].identity for u in w.uses)})
        for k, t in dropped.items():
            if t.retain:
                t.retained = True
            else:
                del live[k]
        self.live = live

    def _made(self, wish: Wish, was: Known | None, settings: dict[str, Any]) -> Known:
        if was is None or was.shape != wish.shape:
            if was and (was.retain or wish.retain):
                was.retain = True
                self.left.append((wish.key, was))
            return Known(next(self.births), wish.shape, settings, dict(settings), wish.retain, wish.protect)
        was.cloud |= {k: v for k, v in settings.items() if was.unsure or was.known[k] != v}
        was.known, was.retain, was.protect, was.retained = settings, wish.retain, wish.protect, False
        was.unsure = False
        return was

    def refresh(self) -> None:
        """The state learns what the cloud has, as far as a read tells: not what is not set."""
        for t in self.live.values():
            t.known |= {k: v for k, v in t.cloud.items() if v and t.known[k]}

    def vanish(self, key: Key) -> None:
        """Somebody deleted it, and a refresh found that out."""
        del self.live[key]
        self.refresh()

    def restore(self, before: Model) -> None:
        """The state is as it was then, but for what is no more. What it did not know is kept: under its name, or as
        something that was replaced where that name is taken."""
        there, was = self.there, deepcopy(before)
        known = {t.identity for t in (*was.live.values(), *(t for _, t in was.left))}
        newest = {t.identity for t in self.live.values()}
        for t in (*was.live.values(), *(t for _, t in was.left)):
            if t.identity in there:
                t.cloud, t.known = there[t.identity].cloud, there[t.identity].known
        new = [(k, t) for k, t in self.live.items() if t.identity not in known]
        live = {**dict(new), **was.live}
        left = [*((k, t) for k, t in new if k in was.live), *was.left,
                *((k, t) for k, t in self.left if t.identity not in known)]
        self.left = [(k, t) for k, t in left if t.identity in there]
        self.live = {}
        for key, t in live.items():
            after = next((i for i in self.left if i[0] == key and i[1].identity in newest), None)
            if t.identity not in there and after:
                self.left.remove(after)
                t = after[1]
            if t.identity in there:
                self.live[key] = t
                t.unsure = True

    def rollback(self, before: Model, data: str) -> None:
        """Things as they were then; those of the type ``data`` stay as they are. Only where nothing is protected or
        retained."""
        names = {t.identity: k for k, t in before.live.items()}
        homes = {t.identity: k for k, t in self.live.items()}
        stays = {k: t for k, t in self.live.items() if k[0] == data}
        wanted = {k: t for k, t in before.live.items()
                  if k not in {names.get(s.identity) for s in stays.values()}} | stays
        wishes = []
        for k in sorted(wanted, key=lambda k: wanted[k].identity if k in stays else -1):
            t = wanted[k]
            uses = () if k in stays else tuple(names[i] for i in t.known["uses"])
            home = homes.get(t.identity)
            wishes.append(Wish(k, t.shape, {s: v for s, v in t.known.items() if s != "uses"}, uses, t.retain, t.protect,
                               home if home != k else None))
        self.deploy(_users_last(wishes))


def _users_last(wishes: Sequence[Wish]) -> list[Wish]:
    done: dict[Key, Wish] = {}
    todo = list(wishes)
    while todo:
        ready = [w for w in todo if all(u in done for u in w.uses)]
        done |= {w.key: w for w in ready}
        todo = [w for w in todo if w.key not in done]
    return list(done.values())
