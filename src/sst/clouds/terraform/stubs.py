"""Types of a provider's classes, for type checkers and editors, as the text of stub files."""
from __future__ import annotations

import keyword
import re
from collections.abc import Iterator, Mapping
from typing import Any

from .classes import class_name
from .schema import Attribute, Block, Nested, Nesting, python_name
from .schema_cache import Schemas

__all__ = ["stub_files"]

_HEAD = """# Written by sst from the schema of {name}; changes are overwritten.
from collections.abc import Mapping, Sequence
from typing import Any

from sst.core.output import Input, Output
from sst.core.resource import ProviderInstance, Resource

from . import _shapes as s
"""
_SHAPES = """# Written by sst from the schema of {name}; changes are overwritten.
from collections.abc import Mapping, Sequence
from typing import Any, Literal, Required, TypedDict

from sst.core.output import Input, Output

Str = Input[str] | None
Num = Input[float] | None
Bool = Input[bool] | None
Strs = Input[Sequence[Input[str]]] | None
Map = Input[Mapping[str, Input[str]]] | None
Names = str | Sequence[str] | None
Existing = str | Mapping[str, object] | None
Many = Sequence[object]
Paths = Sequence[str]
Order = Literal["create_first", "delete_first"]
Text = Output[str]
Texts = Output[list[str]]
TextMap = Output[dict[str, str]]
Flag = Output[bool]
Out = Output[Any]
"""
_SHORT = {"Input[str]": "Str", "Input[float]": "Num", "Input[bool]": "Bool", "Input[Sequence[Input[str]]]": "Strs",
          "Input[Mapping[str, Input[str]]]": "Map"}
"""What may be given, or None. The stubs of a large provider are a fifth longer without these; its classes are indented
by one space for the same reason."""
_SHORT_OUTPUT = {"str": "s.Text", "list[str]": "s.Texts", "dict[str, str]": "s.TextMap", "bool": "s.Flag",
                 "Any": "s.Out"}
_OPTIONS = ("protect: bool=...", "retain: bool | None=...", "depends_on: s.Many=...",
            "ignore_changes: s.Paths=...", "alias: s.Names=...", "import_: s.Existing=...",
            "provider: object=...", "replace: s.Order=...", "replace_when: s.Many=...")
_PLAIN = {"string": "str", "number": "float", "bool": "bool", "dynamic": "Any"}


def stub_files(name: str, prefix: str, schemas: Schemas) -> dict[str, str]:
    """File name → text, for a folder that is called like the provider. Blocks of the same form share a class."""
    shapes = _Shapes()
    main, data = [_HEAD.format(name=name), "from . import data as data", ""], [_HEAD.format(name=name)]
    main += _class("Provider", "ProviderInstance", schemas.settings.block, shapes)
    for type in sorted(schemas.resources):
        main += _class(class_name(type, prefix), "Resource", schemas.resource(type).block, shapes)
    for type in sorted(schemas.data):
        data += _class(class_name(type, prefix), "Resource", schemas.data_source(type).block, shapes, options=False)
    return {"__init__.pyi": "\n".join(main), "data.pyi": "\n".join(data),
            "_shapes.pyi": "\n".join([_SHAPES.format(name=name), *shapes.lines])}


class _Shapes:
    """Typed dictionaries of blocks and objects, each content once."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._names: dict[str, str] = {}
        self._taken = set(re.findall(r"^(\w+) = ", _SHAPES, re.MULTILINE))

    def of(self, wanted: str, fields: Mapping[str, tuple[str, bool]]) -> str:
        """The name of the class with these fields (type, whether it is required)."""
        key = repr(sorted(fields.items()))
        if key not in self._names:
            name = self._names[key] = self._free(wanted)
            self.lines += self._written(name, fields)
        return self._names[key]

    def _free(self, wanted: str) -> str:
        name, n = wanted, 2
        while name in self._taken:
            name, n = f"{wanted}{n}", n + 1
        self._taken.add(name)
        return name

    @staticmethod
    def _written(name: str, fields: Mapping[str, tuple[str, bool]]) -> list[str]:
        typed = {k: f"Required[{t}]" if required else _SHORT.get(t, t) for k, (t, required) in sorted(fields.items())}
        if all(k.isidentifier() and not keyword.iskeyword(k) for k in typed):
            body = [f"    {k}: {t}" for k, t in typed.items()] or ["    pass"]
            return [f"class {name}(TypedDict, total=False):", *body, ""]
        inner = ", ".join(f"{k!r}: {t}" for k, t in typed.items())
        return [f"{name} = TypedDict({name!r}, {{{inner}}}, total=False)", ""]


def _class(name: str, base: str, block: Block, shapes: _Shapes, *, options: bool = True) -> list[str]:
    arguments = list(_arguments(name, block, shapes))
    required = [f"{k}: {t}" for k, t, needed in arguments if needed]
    optional = [f"{k}: s.{_SHORT[t]}=..." if t in _SHORT else f"{k}: {t} | None=..."
                for k, t, needed in arguments if not needed]
    given = [*required, *optional, *(_OPTIONS if options else ("provider: object=...",))]
    lines = [f"class {name}({base}):",
             f" def __init__(self, logical_name: str, /, *, {', '.join(given)}) -> None: ..."]
    read = {python_name(k): _read(a.type) for k, a in sorted(block.attributes.items()) if not a.write_only}
    lines += [f" {k}: {_SHORT_OUTPUT.get(t, f'Output[{t}]')}" for k, t in read.items()]
    lines += [f" {python_name(k)}: s.Out" for k in sorted(block.blocks)]
    return [*lines, ""]


def _arguments(name: str, block: Block, shapes: _Shapes) -> Iterator[tuple[str, str, bool]]:
    for k, a in sorted(block.attributes.items()):
        if a.settable:
            yield python_name(k), _given(a, f"{name}{_camel(k)}", shapes, "s."), a.required
    for k, n in sorted(block.blocks.items()):
        yield python_name(k), _nested(n, f"{name}{_camel(k)}", shapes, "s."), n.least > 0


def _nested(nested: Nested, name: str, shapes: _Shapes, module: str) -> str:
    inner = nested.block
    fields = {k: (_given(a, f"{name}{_camel(k)}", shapes, ""), a.required)
              for k, a in inner.attributes.items() if a.settable}
    fields |= {k: (_nested(n, f"{name}{_camel(k)}", shapes, ""), n.least > 0) for k, n in inner.blocks.items()}
    one = module + shapes.of(name, fields)
    if nested.nesting is Nesting.MAP:
        return f"Mapping[str, {one}]"
    return f"Input[{one}]" if nested.nesting in (Nesting.SINGLE, Nesting.GROUP) else (
        f"{one} | Sequence[{one}]" if nested.alone else f"Sequence[{one}]")


def _given(attribute: Attribute, name: str, shapes: _Shapes, module: str) -> str:
    if attribute.nested is None:
        return _value(attribute.type, name, shapes, module)
    fields = {k: (_given(a, f"{name}{_camel(k)}", shapes, ""), a.required)
              for k, a in attribute.nested.items() if a.settable}
    one = module + shapes.of(name, fields)
    match attribute.nesting:
        case Nesting.MAP:
            return f"Input[Mapping[str, {one}]]"
        case Nesting.LIST | Nesting.SET:
            return f"Input[Sequence[{one}]]"
    return f"Input[{one}]"


def _value(type: Any, name: str, shapes: _Shapes, module: str) -> str:
    match type:
        case str():
            return f"Input[{_PLAIN[type]}]"
        case ["list" | "set", inner]:
            return f"Input[Sequence[{_value(inner, name, shapes, module)}]]"
        case ["map", inner]:
            return f"Input[Mapping[str, {_value(inner, name, shapes, module)}]]"
        case ["object", fields]:
            made = {k: (_value(t, f"{name}{_camel(k)}", shapes, ""), False) for k, t in fields.items()}
            return f"Input[{module}{shapes.of(name, made)}]"
    return "Input[Sequence[Any]]"


def _read(type: Any) -> str:
    match type:
        case str():
            return _PLAIN[type]
        case ["list" | "set", inner]:
            return f"list[{_read(inner)}]"
        case ["map", inner]:
            return f"dict[str, {_read(inner)}]"
    return "Any"


def _camel(name: str) -> str:
    return "".join(word[:1].upper() + word[1:] for word in name.replace("-", "_").split("_") if word)
