"""A rule of AWS that emulators do not have: what it is about, what AWS says, and where that is written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from tests.torture.proxy import Refuse

from .request import ApiRequest

if TYPE_CHECKING:
    from .account import Account

__all__ = ["AFTER", "RULES", "SHOWN", "Rule", "after", "rule", "shown"]

Refusing: TypeAlias = "Callable[[ApiRequest, Account], Refuse | None]"
Learning: TypeAlias = "Callable[[ApiRequest, Account], None]"
Showing: TypeAlias = "Callable[[ApiRequest, Account, dict[str, Any]], Mapping[str, Any]]"


@dataclass(frozen=True)
class Rule:
    """``on`` are the operations that may be refused, ``lambda.CreateFunction``; ``source`` is the page that says so."""

    name: str
    says: str
    on: frozenset[str]
    source: str
    refuse: Refusing


RULES: list[Rule] = []
"""In the order in which AWS checks."""
AFTER: dict[str, list[Learning]] = {}
"""What the account remembers of a call that was carried out."""
SHOWN: dict[str, list[tuple[Showing, str]]] = {}
"""AWS's own form of an answer, with its source."""


def rule(*on: str, source: str) -> Callable[[Refusing], Refusing]:
    def keep(refuse: Refusing) -> Refusing:
        said = " ".join((refuse.__doc__ or "").split())
        RULES.append(Rule(refuse.__name__, said, frozenset(" ".join(on).split()), source, refuse))
        return refuse

    return keep


def after(*on: str) -> Callable[[Learning], Learning]:
    def keep(learn: Learning) -> Learning:
        for name in " ".join(on).split():
            AFTER.setdefault(name, []).append(learn)
        return learn

    return keep


def shown(*on: str, source: str) -> Callable[[Showing], Showing]:
    def keep(show: Showing) -> Showing:
        for name in " ".join(on).split():
            SHOWN.setdefault(name, []).append((show, source))
        return show

    return keep
