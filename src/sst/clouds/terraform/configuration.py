"""From what a program says of a resource to what a plugin is asked: the configuration, and the proposed new state.

The rules are those of docs/resource-instance-change-lifecycle.md in opentofu/opentofu: every attribute and block of the
schema is there, null where the program says nothing; the proposed state has the program's values, and the former ones
where only the provider computes them.
"""
from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ...core.names import did_you_mean
from ...core.output import UNKNOWN
from .lifecycle import OWN
from .schema import Attribute, Block, Nested, Nesting, wire_name
from .values import Dynamic, Path, fitted, same, shown_path, wholly_known

__all__ = ["configured", "proposed", "view"]


def configured(block: Block, given: Mapping[str, Any], path: Path = ()) -> dict[str, Any]:
    """The configuration object. Raises ``ValueError`` that names the path of what does not fit."""
    known = {*block.attributes, *block.blocks}
    for name in given.keys() - known:
        raise ValueError(f"{shown_path((*path, str(name)))}: there is no such argument; "
                         f"{did_you_mean(str(name), sorted(known))}")
    made: dict[str, Any] = {}
    for name, attribute in block.attributes.items():
        value = made[name] = _attribute(attribute, given.get(name), (*path, name))
        if value is None and attribute.required:
            raise ValueError(f"{shown_path((*path, name))} is required")
        if value is not None and not attribute.settable:
            raise ValueError(f"{shown_path((*path, name))} is set by the provider and can't be given")
    return made | {name: _blocks(n, given.get(name), (*path, name)) for name, n in block.blocks.items()}


def of_program(block: Block, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration of what a program gives, by its names and without what is ours. Raises as `configured`."""
    return configured(block, {wire_name(k): v for k, v in inputs.items() if k not in OWN})


def _attribute(attribute: Attribute, value: Any, path: Path) -> Any:
    if attribute.nested is not None and isinstance(value, Mapping) and attribute.nesting in (Nesting.LIST, Nesting.SET):
        value = [value]
    return fitted(value, attribute.type, path)


def _blocks(nested: Nested, value: Any, path: Path) -> Any:
    if value is UNKNOWN:
        return value
    match nested.nesting:
        case Nesting.LIST | Nesting.SET:
            items = [value] if isinstance(value, Mapping) else list(value or ())
            if all(map(wholly_known, items)):
                _check_number(nested, len(items), path)
            return [x if x is UNKNOWN else configured(nested.block, _mapping(x, p), p)
                    for i, x in enumerate(items) for p in [path if nested.alone else (*path, i)]]
        case Nesting.MAP:
            return {str(k): configured(nested.block, _mapping(x, (*path, str(k))), (*path, str(k)))
                    for k, x in (value or {}).items()}
        case Nesting.GROUP:
            return configured(nested.block, _mapping(value or {}, path), path)
    return None if value is None else configured(nested.block, _mapping(value, path), path)


def _mapping(value: Any, path: Path) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise ValueError(f"{shown_path(path)}: {value!r} is not a mapping")
    return value


def _check_number(nested: Nested, number: int, path: Path) -> None:
    if number < nested.least:
        raise ValueError(f"{shown_path(path)} is required" if nested.least == 1 else
                         f"{shown_path(path)}: at least {nested.least} are needed, there are {number}")
    if nested.most and number > nested.most:
        raise ValueError(f"{shown_path(path)}: at most {nested.most} can be given, there are {number}")


def proposed(block: Block, prior: Mapping[str, Any] | None, config: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The state that a plugin is asked to plan; None to delete."""
    return None if config is None else _proposed(block, prior or block.empty, config)


def _proposed(block: Block, prior: Mapping[str, Any] | None, config: Mapping[str, Any]) -> dict[str, Any]:
    made = _proposed_attributes(block.attributes, prior, config)
    for name, nested in block.blocks.items():
        inner = nested.block

        def merge(old: Any, new: Any, inner: Block = inner) -> Any:
            return new if new is UNKNOWN or new is None else _proposed(inner, old or inner.empty, new)

        made[name] = _collection(nested.nesting, merge, (prior or {}).get(name), config.get(name), inner)
    return made


def _proposed_attributes(attributes: Mapping[str, Attribute], prior: Mapping[str, Any] | None,
                         config: Mapping[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name, a in attributes.items():
        asked, was = config.get(name), (prior or {}).get(name)
        if a.write_only:
            made[name] = None
        elif a.computed and asked is None:
            made[name] = was
        elif a.nested is not None and asked is not None and asked is not UNKNOWN:
            nested = a.nested

            def merge(old: Any, new: Any, nested: Mapping[str, Attribute] = nested) -> Any:
                return new if new is UNKNOWN or new is None else _proposed_attributes(nested, old, new)

            made[name] = _collection(a.nesting, merge, was, asked, Block(nested))
        else:
            made[name] = asked
    return made


def _collection(nesting: Nesting, merge: Callable[[Any, Any], Any], prior: Any, config: Any, block: Block) -> Any:
    if config is None or config is UNKNOWN:
        return config
    before = None if prior is UNKNOWN else prior
    match nesting:
        case Nesting.LIST:
            return [merge(before[i] if before and i < len(before) else None, x) for i, x in enumerate(config)]
        case Nesting.MAP:
            return {k: merge((before or {}).get(k), x) for k, x in config.items()}
        case Nesting.SET:
            return list(_paired(before or [], config, merge, block))
    return merge(before, config)


def _paired(before: list[Any], config: list[Any], merge: Callable[[Any, Any], Any], block: Block) -> Iterator[Any]:
    """Each element of a set with the former one that has all that the program sets in it."""
    left = list(before)
    for element in config:
        at = next((i for i, old in enumerate(left) if _matches(block, old, element)), None)
        yield merge(None if at is None else left.pop(at), element)


def _matches(block: Block, old: Any, config: Any) -> bool:
    if config is UNKNOWN or config is None or old is None:
        return False
    for name, a in block.attributes.items():
        if not (a.computed and config.get(name) is None) and not same(old.get(name), config.get(name), a.type):
            return False
    for name, nested in block.blocks.items():
        one, two = _listed(old.get(name)), _listed(config.get(name))
        if len(one) != len(two) or not all(any(_matches(nested.block, x, y) for x in one) for y in two):
            return False
    return True


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else list(value.values()) if isinstance(value, dict) else (
        [value] if value else [])


def view(block: Block, value: Mapping[str, Any]) -> dict[str, Any]:
    """An object as a program reads it: blocks of which there is at most one are mappings, or None."""
    made = {name: _plain(value.get(name)) for name in block.attributes}
    for name, nested in block.blocks.items():
        there = value.get(name)
        if there is UNKNOWN or there is None:
            made[name] = there
        elif nested.nesting in (Nesting.LIST, Nesting.SET):
            items = [x if x is UNKNOWN else view(nested.block, x) for x in there]
            made[name] = (items[0] if items else None) if nested.alone else items
        elif nested.nesting is Nesting.MAP:
            made[name] = {k: view(nested.block, x) for k, x in there.items()}
        else:
            made[name] = view(nested.block, there)
    return made


def _plain(value: Any) -> Any:
    match value:
        case Mapping():
            return {k: _plain(x) for k, x in value.items()}
        case list():
            return [_plain(x) for x in value]
    return _plain(value.value) if isinstance(value, Dynamic) else value
