"""Data classes whose methods are written late behave as those of the standard library."""
from __future__ import annotations

import copy
import dataclasses
import sys
from collections.abc import Callable
from dataclasses import FrozenInstanceError, field
from functools import partial
from threading import Barrier, Thread
from typing import Any

import pytest

from sst import records


def _classes(made: Callable[..., Any]) -> dict[str, Any]:
    """The same classes by another decorator."""
    @made
    class Plain:
        a: int
        b: str = "b"
        c: list[int] = field(default_factory=list)

    @made(frozen=True)
    class Frozen:
        """Words."""

        a: int
        b: tuple[int, ...] = ()
        hidden: str = field(default="h", repr=False, compare=False)

        @property
        def double(self) -> int:
            return self.a * 2

    @made(frozen=True)
    class Derived(Frozen):
        a: int = 5
        more: dict[str, int] = field(default_factory=dict, hash=False)

    @made(frozen=True, slots=True)
    class Slots:
        a: int
        b: int = 2

    @made(frozen=True, kw_only=True)
    class Named:
        a: int
        b: int = 2

    @made(eq=False, slots=True)
    class Identity:
        a: int
        b: int = 2

    @made
    class Counted:
        a: int
        b: int = field(default=2, kw_only=True)
        log: list[int] = field(init=False, default_factory=list)
        kind: str = field(init=False, default="counted")
        total: int = field(init=False)

        def __post_init__(self) -> None:
            self.total = self.a + self.b
            self.log.append(self.total)

    @made(frozen=True)
    class Own:
        a: int
        b: int = 2

        def __repr__(self) -> str:
            return "own"

        def __hash__(self) -> int:
            return 7

    class Subclass(Slots):
        def __init__(self, a: int) -> None:
            super().__init__(a, b=a + 1)

    @made
    class Empty:
        pass

    return {c.__name__: c for c in (Plain, Frozen, Derived, Slots, Named, Identity, Counted, Own, Subclass, Empty)}


OURS, THEIRS = _classes(records.dataclass), _classes(dataclasses.dataclass)
GIVEN: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
    ((), {}), ((1,), {}), ((1, 3), {}), ((), {"a": 1}), ((), {"a": 1, "b": 3}), ((1, 2, 3, 4), {}), ((1,), {"a": 1}),
    ((1,), {"odd": 1})]


def _outcome(do: Callable[[], Any]) -> Any:
    try:
        return do()
    except (TypeError, AttributeError) as error:
        return f"{type(error).__name__}: {error}"


@pytest.mark.parametrize("name", OURS)
def test_a_class_does_as_the_standard_librarys(name: str) -> None:
    def facts(cls: Any, args: tuple[Any, ...], named: dict[str, Any]) -> Any:
        made, again = cls(*args, **named), cls(*args, **named)
        return [repr(made).rpartition(".<locals>.")[2].replace(hex(id(made)), ""), made == again, made != again,
                made == 1, made == copy.copy(made),
                _outcome(lambda: hash(made) == hash(again)), _outcome(lambda: setattr(made, "a", 9)),
                _outcome(lambda: setattr(made, "unknown", 9)) if name not in ("Slots", "Subclass") else None,
                _outcome(lambda: delattr(made, "b")), _outcome(lambda: dataclasses.asdict(made)),
                _outcome(lambda: dataclasses.replace(made, b=8) == made), cls.__match_args__,
                [(f.name, f.default, f.init, f.kw_only) for f in dataclasses.fields(cls)]]

    for args, named in GIVEN:
        ours, theirs = (_outcome(partial(facts, c, args, named)) for c in (OURS[name], THEIRS[name]))
        assert str(ours) == str(theirs)


def test_defaults_that_are_made_are_not_shared() -> None:
    assert OURS["Plain"](1).c is not OURS["Plain"](1).c
    assert OURS["Derived"]().more is not OURS["Derived"]().more


def test_what_is_frozen_stays_so_in_a_class_that_inherits_from_it() -> None:
    made = OURS["Subclass"](1)
    made.more = 1       # a class without slots may add what is its own
    assert made.b == 2 and made.more == 1
    with pytest.raises(FrozenInstanceError, match="cannot assign to field 'b'"):
        made.b = 3
    with pytest.raises(FrozenInstanceError, match="cannot delete field 'b'"):
        del made.b


@records.dataclass(frozen=True, slots=True)
class Kept:
    a: int
    b: tuple[int, ...] = ()


def test_frozen_slots_are_copied() -> None:
    made = Kept(1, (2, 3))
    assert copy.copy(made) == copy.deepcopy(made) == made


def test_a_method_is_written_at_its_first_call() -> None:
    """Also where two threads call at once."""
    @records.dataclass(frozen=True)
    class Fresh:
        a: int

    late = Fresh.__init__
    assert Fresh.__init__.__code__.co_filename == records.__file__
    together, made = Barrier(8), list[Fresh]()

    def make() -> None:
        together.wait()
        made.append(Fresh(1))

    threads = [Thread(target=make) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made == [Fresh(1)] * 8
    assert Fresh.__init__ is not late and Fresh.__init__.__code__.co_varnames == ("self", "a")
    assert Fresh.__init__.__qualname__ == f"{Fresh.__qualname__}.__init__"
    late(again := object.__new__(Fresh), 2)
    assert again.a == 2


def test_a_module_of_many_data_classes_compiles_none_of_their_methods() -> None:
    compiled: list[str] = []
    hear = True
    sys.addaudithook(lambda event, given: compiled.append(event) if hear and event == "compile" else None)
    names = {f"C{n}": records.dataclass(frozen=True, slots=True)(type(f"C{n}", (), {"__annotations__": {"a": int}}))
             for n in range(10)}
    assert not compiled
    names["C1"](1)
    hear = False
    assert len(compiled) == 1


@pytest.mark.parametrize(("one", "other"), [(records.dataclass, dataclasses.dataclass),
                                            (dataclasses.dataclass, records.dataclass)])
def test_classes_of_both_decorators_inherit_from_each_other(one: Any, other: Any) -> None:
    @one(frozen=True)
    class Base:
        a: int

    @other(frozen=True)
    class Derived(Base):
        b: int = 2

    assert Derived(1) == Derived(1, 2) != Derived(2) and hash(Derived(1)) == hash(Derived(1))
    with pytest.raises(FrozenInstanceError):
        Derived(1).b = 3
    with pytest.raises(TypeError, match="cannot inherit non-frozen dataclass from a frozen one"):
        @other
        class Loose(Base):
            b: int = 2
