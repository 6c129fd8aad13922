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


class Births:
    """Numbers for identities, one after the other. (``itertools.count`` can't be copied from Python 3.14 on.)"""

    def __init__(self) -> None:
        self.last = -1

    def __next__(self) -> int:
        self.last += 1
        return self.last


@dataclass
class Model:
    """``live``: what the state holds. ``left``: replaced, and kept because it was to be retained. ``lost``: in no state
    any more."""

    live: dict[Key, Known] = field(default_factory=dict)
    left: list[Known] = field(default_factory=list)
    lost: list[Known] = field(default_factory=list)
    births: Births = field(default_factory=lambda: Births())

    @property
    def there(self) -> dict[int, Known]:
        """All that exists."""
        return {t.identity: t for t in (*self.live.values(), *self.left, *self.lost)}

    def deploy(self, wishes: Sequence[Wish]) -> None:
        """Nothing at all, if a protected thing would be lost."""
        asked, live = {w.key for w in wishes}, dict(self.live)
        for w in wishes:
            if w.former and w.key not in live and w.former in live and w.former not in asked:
                live = {w.key if k == w.former else k: t for k, t in live.items()}
        for w in wishes:
            if (was := live.get(w.key)) and was.shape != w.shape and (was.protect or w.protect):
                return
        dropped = {k: t for k, t in live.items() if k not in asked and not t.retained}
        if any(t.protect and not t.retain for t in dropped.values()):
            return
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
                self.left.append(was)
            return Known(next(self.births), wish.shape, settings, dict(settings), wish.retain, wish.protect)
        was.cloud |= {k: v for k, v in settings.items() if was.known[k] != v}
        was.known, was.retain, was.protect, was.retained = settings, wish.retain, wish.protect, False
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
        """The state is as it was then, the cloud as it is; a refresh drops what is no more. The rest nobody knows any
        more."""
        there = self.there
        was = deepcopy(before)
        for t in (*was.live.values(), *was.left):
            if t.identity in there:
                t.cloud = there[t.identity].cloud
        self.live = {k: t for k, t in was.live.items() if t.identity in there}
        self.left = [t for t in was.left if t.identity in there]
        kept = {t.identity for t in (*self.live.values(), *self.left)}
        self.lost = [t for i, t in there.items() if i not in kept]
        self.refresh()

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
