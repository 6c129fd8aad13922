"""Data classes as the standard library has them, except that a method is written when it is first called.

``dataclasses`` writes and compiles up to six methods for each class while its module is imported. That is a quarter of
the time of a deploy that changes nothing, and most of these classes have no instance then. So the modules that such a
deploy imports take ``dataclass`` from here; ``field``, ``replace`` and the rest are the standard library's.
"""
from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from dataclasses import MISSING, FrozenInstanceError
from typing import TYPE_CHECKING, Any

__all__ = ["dataclass"]

_NOT_GIVEN = object()


def _dataclass(cls: type | None = None, /, *, frozen: bool = False, eq: bool = True, slots: bool = False,
               kw_only: bool = False) -> Any:
    """It may inherit from classes of the standard library's decorator, and they from it."""
    def made(cls: type) -> type:
        own = {name for name in cls.__dict__ if name != "__hash__" or cls.__dict__[name] is not None}
        if cls.__doc__ is None:
            cls.__doc__ = cls.__name__      # the standard library would work out the signature for one
        below = any(getattr(vars(base).get("__dataclass_params__"), "frozen", False) for base in cls.__mro__[1:])
        cls = dataclasses.dataclass(init=False, repr=False, eq=False, frozen=frozen and below, slots=slots,
                                    kw_only=kw_only)(cls)
        cls.__dataclass_params__.frozen = frozen    # type: ignore[attr-defined]  # what inherits from it goes by that
        for name, method in _methods(cls, frozen=frozen, eq=eq, slots=slots).items():
            if name not in own:
                setattr(cls, name, method)
        return cls

    return made if cls is None else made(cls)


if TYPE_CHECKING:
    from dataclasses import dataclass
else:
    dataclass = _dataclass


def _methods(cls: type, *, frozen: bool, eq: bool, slots: bool) -> dict[str, Any]:
    found: dict[str, Any] = {"__init__": _later(cls, "__init__", lambda: _init(cls, frozen=frozen)), "__repr__": _repr}
    if eq:
        found["__eq__"] = _later(cls, "__eq__", lambda: _eq(cls))
        found["__hash__"] = _later(cls, "__hash__", lambda: _hash(cls)) if frozen else None
    if frozen:
        found |= {"__setattr__": _refusing(cls, "__setattr__", "assign to"),
                  "__delattr__": _refusing(cls, "__delattr__", "delete")}
        if slots:
            found |= {"__getstate__": _getstate, "__setstate__": _setstate}
    return found


def _later(cls: type, name: str, write: Callable[[], Callable[..., Any]]) -> Callable[..., Any]:
    """Stands for a method until its first call. Threads may call at once: each writes the same."""
    def method(self: Any, *args: Any, **named: Any) -> Any:
        written = write()
        written.__qualname__ = f"{cls.__qualname__}.{name}"
        setattr(cls, name, written)
        return written(self, *args, **named)

    return method


def _init(cls: type, *, frozen: bool) -> Callable[..., Any]:
    place: dict[str, Any] = {"_set": object.__setattr__, "_not_given": _NOT_GIVEN}
    parameters: dict[bool, list[str]] = {False: ["self"], True: []}
    lines = []
    for f in dataclasses.fields(cls):
        value, default = f.name, ""
        if f.default is not MISSING:
            place[default := f"_default_{f.name}"] = f.default
        elif f.default_factory is not MISSING:
            place[f"_make_{f.name}"] = f.default_factory
            default, value = "_not_given", f"_make_{f.name}() if {f.name} is _not_given else {f.name}"
        if f.init:
            parameters[f.kw_only is True].append(f"{f.name}={default}" if default else f.name)
        elif default:
            value = default if f.default is not MISSING else f"_make_{f.name}()"
        else:
            continue
        lines.append(f"_set(self, {f.name!r}, {value})" if frozen else f"self.{f.name} = {value}")
    if hasattr(cls, "__post_init__"):
        lines.append("self.__post_init__()")
    given = [*parameters[False], *(["*", *parameters[True]] if parameters[True] else [])]
    return _written(f"__init__({', '.join(given)})", lines or ["pass"], place)


def _eq(cls: type) -> Callable[..., Any]:
    names = [f.name for f in dataclasses.fields(cls) if f.compare]
    return _written("__eq__(self, other)", ["if other.__class__ is not self.__class__:", " return NotImplemented",
                                            f"return {_tuple('self', names)} == {_tuple('other', names)}"], {})


def _hash(cls: type) -> Callable[..., Any]:
    names = [f.name for f in dataclasses.fields(cls) if (f.compare if f.hash is None else f.hash)]
    return _written("__hash__(self)", [f"return hash({_tuple('self', names)})"], {})


def _tuple(of: str, names: Iterable[str]) -> str:
    return f"({''.join(f'{of}.{name}, ' for name in names)})"


def _written(head: str, lines: Iterable[str], place: dict[str, Any]) -> Callable[..., Any]:
    exec("\n ".join((f"def {head}:", *lines)), place)       # noqa: S102  # names and defaults of a class of ours
    method: Callable[..., Any] = place[head.partition("(")[0]]
    return method


def _repr(self: Any) -> str:
    shown = ", ".join(f"{f.name}={getattr(self, f.name)!r}" for f in dataclasses.fields(self) if f.repr)
    return f"{type(self).__qualname__}({shown})"


def _refusing(cls: type, name: str, what: str) -> Callable[..., None]:
    """Fields can't be changed, nor anything of an object of the class itself."""
    def method(self: Any, attribute: str, *value: Any) -> None:
        if type(self) is cls or attribute in cls.__dataclass_fields__:      # type: ignore[attr-defined]  # it has
            raise FrozenInstanceError(f"cannot {what} field {attribute!r}")
        getattr(super(cls, self), name)(attribute, *value)

    return method


def _getstate(self: Any) -> list[Any]:
    return [getattr(self, f.name) for f in dataclasses.fields(self)]


def _setstate(self: Any, state: list[Any]) -> None:
    for f, value in zip(dataclasses.fields(self), state, strict=True):
        object.__setattr__(self, f.name, value)
