"""What a resource holds, as people see it: rows, one of them whole, and what may be done. A provider brings its own."""
from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ..errors import UserError

__all__ = ["Act", "Action", "Browser", "Column", "Field", "Item", "Listing", "Row"]

Query = Mapping[str, str]
"""What was filled in, by the names of ``Field``, and ``after``: the ``next`` of the listing before."""


@dataclass(frozen=True, slots=True)
class Field:
    """Something to fill in. ``text`` is one line, ``json`` many that must be JSON, ``sql`` a statement, ``file``
    comes as base64."""

    name: str
    label: str
    kind: Literal["text", "long", "json", "sql", "choice", "file"] = "text"
    value: str = ""
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Action:
    """What may be done with all of it, or with one item. ``command`` says it in the shell."""

    verb: str
    label: str
    fields: tuple[Field, ...] = ()
    command: str = ""
    loses: str = ""
    """What is lost, as a sentence: the user is asked first."""
    checked: bool = False
    """``old`` is the body of the item as it was seen: it is refused if the item is another by now."""
    reads: bool = False
    """It changes nothing: allowed where nothing else is."""


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    kind: Literal["text", "size", "time", "number", "json"] = "text"
    """``time``: seconds since 1970. ``size``: bytes."""


@dataclass(frozen=True, slots=True)
class Row:
    id: str
    """Of the item; of a folder, what ``folder`` is filled in with."""
    cells: tuple[str | float | None, ...]
    folder: bool = False


@dataclass(frozen=True, slots=True)
class Listing:
    columns: tuple[Column, ...] = ()
    rows: tuple[Row, ...] = ()
    next: str = ""
    """Where the rows go on; empty at the end."""
    facts: Mapping[str, str | float] = field(default_factory=dict)
    fields: tuple[Field, ...] = ()
    """What narrows the list."""
    actions: tuple[Action, ...] = ()
    note: str = ""
    """What is to be known of this list: ``a scan reads the whole table``."""


@dataclass(frozen=True, slots=True)
class Item:
    title: str
    body: str | bytes = ""
    form: Literal["text", "json", "image", "bytes"] = "text"
    media: str = ""
    """Of an image: ``image/png``."""
    facts: Mapping[str, str | float] = field(default_factory=dict)
    actions: tuple[Action, ...] = ()


Act = Callable[[str, Mapping[str, str]], Any]
"""Carries out an action for an item (empty: for all of it) with the fields; what it gives is shown as JSON."""


class Browser(ABC):
    """Of one resource. Failures are raised as ``ProviderError``, wrong fields as ``UserError``."""

    @abstractmethod
    def rows(self, query: Query) -> Listing:
        """One page of rows. Changes nothing, and consumes nothing."""

    def item(self, id: str) -> Item:
        """One item. Raises ``UserError`` for one that is not there."""
        raise UserError(f"there is no item {id}")

    @property
    @abstractmethod
    def acts(self) -> Mapping[str, Act]:
        """By verb of ``Action``."""
