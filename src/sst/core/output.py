"""Values that are not known until a deploy has made them.

An ``Output`` is symbolic: reading ``queue.url`` makes an edge of the graph, not a call. ``f"{queue.url}?x=1"`` embeds a
token that becomes the value at deploy time. The token carries a quote character; how that quote arrives (``"``,
``\\"``, ``%22``, ``&quot;`` ...) tells how the value itself must be escaped, so ``json.dumps`` and URL quoting around
it stay right.
"""
from __future__ import annotations

import json
import re
import secrets
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from itertools import product
from typing import TYPE_CHECKING, Any, ClassVar, Generic, NoReturn, TypeAlias, TypeVar, Union, overload
from urllib.parse import quote
from weakref import WeakValueDictionary, finalize

from ..errors import SstError, UserError
from .model import URN

__all__ = ["UNKNOWN", "Input", "Output", "Resolve", "Tokens", "Unknown", "call_site", "combine", "leaves", "plain",
           "resolve"]

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
U = TypeVar("U")
K = TypeVar("K")
V = TypeVar("V")

Resolve: TypeAlias = Callable[[URN, str], Any]
"""Returns the value of a resource's property or output; raises ``Unknown`` while it is not known."""


class Unknown(Exception):
    """Raised by a look-up whose resource has not been made yet."""


class _UnknownValue:
    """Stands for a value known after deploy. Differs from everything, including itself."""

    def __repr__(self) -> str:
        return "(known after deploy)"

    def __eq__(self, other: object) -> bool:
        return False

    __hash__ = object.__hash__


UNKNOWN = _UnknownValue()


class Tokens:
    """The outputs that were put into strings; belongs to one graph."""

    def __init__(self) -> None:
        self.nonce = secrets.choice("abcdef") + secrets.token_hex(4)[1:]  # a letter, so that str.title changes it
        self.outputs: list[Output[Any]] = []
        _registries[self.nonce] = self

    def add(self, output: Output[Any]) -> str:
        if not self.outputs:
            _nonces.append(self.nonce)
            finalize(self, _nonces.remove, self.nonce)
        self.outputs.append(output)
        return f'__Sst_{self.nonce}_{len(self.outputs) - 1}_"__'


_registries: WeakValueDictionary[str, Tokens] = WeakValueDictionary()
_nonces: list[str] = []
"""Of those that have put anything into a string: what a piece of a cut token is known by."""

_HTML = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#x27;"})
"""What ``html.escape`` does. That module has a table of 2,000 entities, which every command would import."""
_ESCAPERS: tuple[Callable[[str], str], ...] = (
    lambda s: json.dumps(s)[1:-1], lambda s: quote(s, safe=""), lambda s: s.translate(_HTML))


def _forms(depth: int = 3) -> dict[str, tuple[Callable[[str], str], ...]]:
    """How a quote arrives after each chain of escapers, shortest chain first."""
    forms: dict[str, tuple[Callable[[str], str], ...]] = {}
    for n in range(depth + 1):
        for chain in product(_ESCAPERS, repeat=n):
            text = '"'
            for escape in chain:
                text = escape(text)
            forms.setdefault(text, chain)
    return forms


_FORMS = _forms()
_QUOTES = "|".join(sorted(map(re.escape, _FORMS), key=len, reverse=True))
_TOKEN = re.compile(rf"__Sst_([0-9a-f]{{8}})_(\d+)_({_QUOTES})__")
_tokens: ContextVar[Tokens] = ContextVar("tokens")
_stray = Tokens()
_applying: ContextVar[str] = ContextVar("applying", default="")


def use_tokens(tokens: Tokens) -> Any:
    return _tokens.set(tokens)


def applying() -> str:
    """Where the ``.apply`` was written whose function runs now, or nothing."""
    return _applying.get()


def call_site(skip: int = 1) -> str:
    """``file:line`` of the nearest caller outside this package."""
    frame = sys._getframe(skip)
    while frame.f_back and frame.f_globals.get("__name__", "").partition(".")[0] == "sst":
        frame = frame.f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"


_NONE: frozenset[URN] = frozenset()


class Output(Generic[T_co]):
    """A value of a resource that is known once the resource exists.

        queue = sqs.Queue("Jobs")
        queue.url                                   # Output[str]
        f"{queue.url}?x=1"                          # a string that holds it
        queue.url.apply(lambda url: url.upper())    # another Output[str]

    ``output["key"]`` and ``output[0]`` are outputs too. It has no truth value or length before it is deployed, and
    can't be iterated; those raise ``TypeError`` and name the fix.
    """

    __slots__ = ("_eval", "deps", "key", "secret")

    def __init__(self, evaluate: Callable[[Resolve], T_co], deps: frozenset[URN] = _NONE, *, secret: bool = False,
                 key: tuple[URN, str] | None = None) -> None:
        self._eval = evaluate
        self.deps = deps
        self.secret = secret
        self.key = key
        """The resource and property this reads, if it reads just one."""

    @staticmethod
    def of(urn: URN, attr: str, *, secret: bool = False) -> Output[Any]:
        """The output that reads one property of one resource."""
        return Output(lambda look: look(urn, attr), frozenset((urn,)), secret=secret, key=(urn, attr))

    def apply(self, fn: Callable[[T_co], U]) -> Output[U]:
        """The value changed by ``fn`` at deploy time. ``fn`` gets and gives plain values and may not create
        resources."""
        where = call_site(2)
        if not callable(fn):
            raise UserError(f".apply takes a function, not {type(fn).__name__}", where=where,
                            hint=".apply(lambda value: ...)")

        def evaluate(look: Resolve) -> U:
            value = resolve(self._eval(look), look)
            mark = _applying.set(where)
            try:
                return fn(value)
            except (SstError, Unknown):
                raise
            except Exception as e:
                raise UserError(f"the function given to .apply failed: {type(e).__name__}: {e}", where=where,
                                code="program-failed") from e
            finally:
                _applying.reset(mark)

        return Output(evaluate, self.deps, secret=self.secret)

    def as_secret(self) -> Output[T_co]:
        """The same value, encrypted in state and never printed."""
        return Output(self._eval, self.deps, secret=True, key=self.key)

    def __str__(self) -> str:
        return _tokens.get(_stray).add(self)

    def __repr__(self) -> str:
        return f"<sst_output {'.'.join(self.key) if self.key else hex(id(self))}>"

    __hash__ = object.__hash__

    if TYPE_CHECKING:
        @overload
        def __getitem__(self: Output[Mapping[K, V]], item: K) -> Output[V]: ...
        @overload
        def __getitem__(self: Output[Sequence[V]], item: int) -> Output[V]: ...
        def __getitem__(self: Output[Any], item: Any) -> Output[Any]: ...
        __iter__: ClassVar[None]    # pyright would iterate by __getitem__
    else:
        def __getitem__(self, item):
            """One item of a mapping or list: ``certificate.records[0]["Name"]``."""
            if isinstance(item, Output):
                self._refuse("be indexed with another output", "..., after sst.combine(value=..., key=...)")
            where = call_site(2)

            def pick(value):
                try:
                    return value[item]
                except (KeyError, IndexError, TypeError):
                    raise UserError(f"the value has no item {item!r}; {_items(value)}", where=where) from None

            return self.apply(pick)

    if not TYPE_CHECKING:
        def __format__(self, spec: str) -> str:
            if spec:
                raise TypeError(f"an output can't be formatted with {spec!r}; use .apply(lambda v: f'{{v:{spec}}}')")
            return str(self)

        def __eq__(self, other: object) -> bool:
            if isinstance(other, Output):
                return self is other
            self._refuse("be compared")

        def __bool__(self) -> NoReturn:
            self._refuse("be used as a condition")

        def __iter__(self) -> NoReturn:
            self._refuse("be iterated")

        def __len__(self) -> NoReturn:
            self._refuse("give its length")

        def __contains__(self, item: object) -> NoReturn:
            self._refuse("be searched")

        def __add__(self, other: object) -> NoReturn:
            raise TypeError('an output can\'t be added to a string with +; write an f-string: f"{output}..."')

        __radd__ = __add__

        def __int__(self) -> NoReturn:
            self._refuse("be turned into a number", "int")

        __lt__ = __gt__ = __le__ = __ge__ = lambda self, other: self._refuse("be compared")

        def __getattr__(self, name: str) -> NoReturn:
            raise AttributeError(f"the value is not known before it is deployed, so it has no {name!r} yet; "
                                 f"use .apply(lambda v: v.{name})")

        def _refuse(self, what: str, fix: str = "lambda v: ...") -> NoReturn:
            raise TypeError(f"an output can't {what} before it is deployed; use .apply({fix})")


def _items(value: object) -> str:
    match value:
        case Mapping():
            return f"it has {', '.join(map(repr, value)) or 'none'}"
        case list() | tuple() | str():
            return f"it has {len(value)}"
    return f"it is of type {type(value).__name__}"


_SURROGATE = re.compile("[\ud800-\udfff]")
_LEAFLESS = frozenset((bool, int, float, type(None)))

Input: TypeAlias = Union[T, Output[T]]
"""A plain value, or one that is known at deploy time."""


def leaves(value: object) -> Iterator[Output[Any]]:
    """Every output inside a value: in mappings (keys too), sequences, sets, strings and bytes."""
    if isinstance(value, str):
        if _suspect(value):
            yield from _in_text(value)
    elif isinstance(value, Output):
        yield value
    elif isinstance(value, Mapping):
        for k, v in value.items():
            yield from leaves(k)
            yield from leaves(v)
    elif isinstance(value, list | tuple | set | frozenset):
        for v in value:
            yield from leaves(v)
    elif isinstance(value, bytes | bytearray):
        yield from leaves(value.decode("latin-1"))


def _suspect(text: str) -> bool:
    """Whether a text holds tokens or pieces of one, or what can't be sent to any cloud."""
    if not text.isascii() and _SURROGATE.search(text):
        return True
    low = text.lower()
    if "__sst_" in low or "<sst_output " in low:
        return True
    return bool(_nonces) and any(nonce in low for nonce in _nonces)


def _in_text(text: str) -> Iterator[Output[Any]]:
    if odd := _SURROGATE.search(text):
        raise UserError(f"a string holds {odd[0]!r}, which is half of a character and can't be encoded as UTF-8",
                        hint="bytes of a file name or of a variable that are not UTF-8 become that: "
                             'text.encode(errors="surrogateescape") gives them back')
    yield from (_output(m) for m in _TOKEN.finditer(text))
    rest = _TOKEN.sub("", text)
    if "<sst_output " in rest:
        raise UserError("a string holds the repr of an output instead of its value",
                        hint='write f"{output}" without !r; a list or dict of outputs in a string: json.dumps with '
                             'f-strings inside')
    if _suspect(rest):
        raise UserError("a string operation changed or cut an output that is part of the string",
                        hint="change the value itself: output.apply(lambda v: ...), then put it into the f-string")


def _output(m: re.Match[str]) -> Output[Any]:
    tokens = _registries.get(m[1])
    if tokens is None:
        raise UserError("a string holds an output of an earlier run of the program",
                        hint="make the string in the same run as the resource whose output it holds")
    if int(m[2]) >= len(tokens.outputs):
        raise UserError("a string operation changed an output that is part of the string",
                        hint="change the value itself: output.apply(lambda v: ...), then put it into the f-string")
    return tokens.outputs[int(m[2])]


def resolve(value: Any, look: Resolve, *, unknown: bool = False) -> Any:
    """The value with every output replaced by what it stands for.

    With ``unknown=True`` what can't be known yet becomes ``UNKNOWN``; otherwise ``Unknown`` is raised.
    """
    if isinstance(value, str):
        return _resolve_text(value, look, unknown) if "__Sst_" in value else value
    if type(value) in _LEAFLESS:
        return value
    if isinstance(value, Output):
        try:
            return resolve(value._eval(look), look, unknown=unknown)
        except Unknown:
            if unknown:
                return UNKNOWN
            raise
    if type(value) is dict or isinstance(value, Mapping):
        return {resolve(k, look, unknown=unknown): resolve(v, look, unknown=unknown) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [resolve(v, look, unknown=unknown) for v in value]
    if isinstance(value, set | frozenset):
        return sorted((resolve(v, look, unknown=unknown) for v in value), key=repr)
    if isinstance(value, bytes | bytearray) and b"__Sst_" in value:
        text = _resolve_text(value.decode("latin-1"), look, unknown)
        return text if text is UNKNOWN else text.encode()
    return value


def _resolve_text(text: str, look: Resolve, unknown: bool) -> Any:
    def value(m: re.Match[str]) -> str:
        found = resolve(_output(m)._eval(look), look)
        shown = found if isinstance(found, str) else json.dumps(found)
        for escape in _FORMS[m[3]]:
            shown = escape(shown)
        return shown

    try:
        return _TOKEN.sub(value, text)
    except Unknown:
        if unknown:
            return UNKNOWN
        raise


def plain(value: object) -> bool:
    """Whether no part of a resolved value is unknown."""
    if value is UNKNOWN:
        return False
    if type(value) is str or type(value) in _LEAFLESS:
        return True
    if isinstance(value, Mapping):
        return all(plain(v) for v in value.values())
    if isinstance(value, list):
        return all(plain(v) for v in value)
    return True


def gather(values: Iterable[object]) -> tuple[frozenset[URN], bool]:
    """What some values depend on, and whether any of them is secret."""
    deps, secret = _NONE, False
    for value in values:
        if (type(value) is str and not _suspect(value)) or type(value) in _LEAFLESS:
            continue
        for leaf in leaves(value):
            deps = deps | leaf.deps if deps else leaf.deps     # most have one: the set is shared
            secret = secret or leaf.secret
    return deps, secret


def combine(**parts: Input[Any]) -> Output[dict[str, Any]]:
    """One output that holds several values.

        sst.combine(url=queue.url, name=table.name).apply(json.dumps)      # Output[str]
    """
    deps, secret = gather(parts.values())
    return Output(lambda look: resolve(parts, look), deps, secret=secret)
