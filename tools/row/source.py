"""A draft as Python, and a sample for it."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from typing import Any

from .draft import TAGS, Draft, Field, default_wire
from .model import snake

__all__ = ["module_name", "sample_source", "source"]

TYPES = {
    "string": "str",
    "integer": "int",
    "long": "int",
    "float": "float",
    "double": "float",
    "boolean": "bool",
    "timestamp": "str",
    "blob": "bytes",
    "structure": "Mapping[str, Any]",
    "map": "Mapping[str, Any]",
}


def module_name(service: str) -> str:
    """File of a service's rows: ``lambda_``, ``cognito_idp``."""
    import keyword

    name = service.replace("-", "_")
    return f"{name}_" if keyword.iskeyword(name) else name


def source(made: Draft, problems: tuple[str, ...] = (), decide: tuple[str, ...] = ()) -> str:
    """The row; ``decide`` is left to a person, ``problems`` are what the lint says of it."""
    service = made.service
    body = [*_fields(made), "", *_columns(made)]
    names = [n for n in ("Import", "Listing", "Tagging", "call") if any(f"{n}(" in line for line in body)]
    text = "\n".join(body)
    abc = [n for n in ("Mapping", "Sequence") if f"{n}[" in text]
    head = [
        f'"""{service.name}: {service.model.documentation and _link(made)}"""',
        "from __future__ import annotations",
        "",
    ]
    head += [f"from collections.abc import {', '.join(abc)}"] if abc else []
    head += ["from typing import Any"] if "Any]" in text else []
    head += [""] if head[-1] else []
    head += ["from ...core.output import Output"] if made.outputs else []
    head += [
        f"from ...core.resource import {'Arg, out, prop' if made.outputs else 'Arg, prop'}",
        f"from .columns import {', '.join(names)}",
        "from .table import AwsResource",
        "",
        f'__all__ = ["{service.noun}"]',
        "",
        "",
    ]
    notes = [f"# decide: {d}" for d in decide] + [f"# lint: {p}" for p in problems]
    notes = [line for n in notes for line in textwrap.wrap(n, 116, subsequent_indent="#   ")]
    row = [
        f'class {service.noun}(AwsResource, type="aws.{service.name}.{service.noun}", service="{service.name}"):',
        f'    """{_sentence(made)}"""',
        "",
    ]
    return (
        "\n".join(
            [*head, *notes, *row, *(part for text in body for line in text.split("\n") for part in _fit(line))]
        )
        + "\n"
    )


def _fit(text: str) -> list[str]:
    """A line of the class body with at most 120 characters, or several; strings are not broken."""
    line = f"    {text}" if text else ""
    if len(line) <= 120 or text.startswith('"""'):
        return [line]
    kept = line.find("(") + 1 if " = " in line else 0
    whole = line[:kept].replace(" ", "\0") + re.sub(r'"[^"]*"', lambda m: m[0].replace(" ", "\0"), line[kept:])
    if kept and len(whole[kept:].split()[0]) > 120 - kept:
        return [line[:kept], *_fit(" " * 4 + line[kept:])]
    indent = " " * (kept if 0 < kept < 60 else 8 if kept else len(line) - len(line.lstrip()) + 5)
    return [
        part.replace("\0", " ")
        for part in textwrap.wrap(
            whole, 120, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
        )
    ]


def _link(made: Draft) -> str:
    return f"https://docs.aws.amazon.com/ (the API reference of {made.service.model.metadata['serviceFullName']})"


def _sentence(made: Draft) -> str:
    words = snake(made.service.noun).replace("_", " ")
    return f"{'An' if words[0] in 'aeiou' else 'A'} {words}. decide: what it is, with units and limits."


def _type(shape: Any) -> str:
    if shape.type_name == "list":
        inner = TYPES.get(shape.member.type_name, "Any")
        return f"Sequence[{inner}]"
    if shape.type_name == "map" and shape.value.type_name == "string":
        return "Mapping[str, str]"
    return TYPES.get(shape.type_name, "Any")


def _fields(made: Draft) -> Iterator[str]:
    for p in made.properties:
        args = [] if default_wire(p.name) == p.member else [f'"{p.member}"']
        args += [f"limit={p.limit}"] if p.limit else []
        args += ["default=None"] if p.limit or not p.required else []
        args += ["replace=True"] if p.replace else []
        args += ["secret=True"] if p.secret else []
        args += ['read=""'] if p.hidden else []
        yield f"{p.name}: Arg[{_type(p.shape)}] = prop({', '.join(args)})"
        notes = [p.text] if p.text else []
        notes += [f"One of {', '.join(p.shape.enum)}"] if getattr(p.shape, "enum", None) else []
        least, most = p.shape.metadata.get("min"), p.shape.metadata.get("max")
        notes += [f"{least} to {most}"] if p.shape.type_name in ("integer", "long") and most else []
        if notes:
            yield from textwrap.wrap(
                '"""' + ". ".join(n.replace('"', "'").replace("\\", "") for n in notes) + '."""', 112
            )
    if made.tags:
        yield "tags: Arg[Mapping[str, str]] = prop(default=None)"
    if made.outputs:
        yield ""
    for o in made.outputs:
        yield f'{o.name}: Output[str] = out("{" || ".join(o.paths)}")'


def _columns(made: Draft) -> Iterator[str]:
    service = made.service
    if made.identity != "name":
        yield f'identity = "{made.identity}"'
    if made.identifier != "$name":
        yield f'identifier = "{made.identifier}"'
    token: dict[str, Any] = {}
    if made.token:
        outer, _, inner = made.token.rpartition(".")
        token = {outer: {inner: "$token"}} if outer else {inner: "$token"}
    spec = _tag_specification(made)
    yield f"create = {_call(made, made.create, {**token, **spec}, wait=('exists', 'active', 'available', 'running'))}"
    if made.read:
        yield f"read = {_call(made, made.read, made.params(made.read))}"
        if made.target.root:
            yield f'response_root = "{made.target.root}"'
        if made.target.item:
            yield f'item = "{_item(made)}"'
    if made.identity in ("tag", "content") and made.list:
        yield f"find = {_call(made, made.list, made.params(made.list, listing=True))}"
        yield f'list_path = "{_list_path(made)}"'
    if made.updates:
        yield from _updates(made)
    if made.delete:
        gone = ("deleted", "not_exists", "terminated")
        yield f"delete = {_call(made, made.delete, made.params(made.delete), wait=gone)}"
    codes = service.errors(made.read or made.delete or made.create, "NotFound|NoSuch|DoesNotExist|Nonexist")
    yield f"not_found_codes = {codes!r}".replace("'", '"')
    yield from _tagging(made)
    if made.list and made.tags:
        yield from _listing(made)
    yield f'imports = Import("aws_{module_name(service.name).rstrip("_")}_{snake(service.noun)}", "{_template(made)}")'


def _item(made: Draft) -> str:
    """Of a list that is not asked for one alone, the entry with the id."""
    if made.params(made.read):
        return made.target.item
    key = next(
        (
            (m, f.name)
            for f in (*made.outputs, *made.properties)
            for m in made.target.members
            if m == f.member and f"${f.name}" in made.identifier
        ),
        None,
    )
    return made.target.item.replace("[0]", f"[?{key[0]} == ${key[1]}] | [0]") if key else made.target.item


def _updates(made: Draft) -> Iterator[str]:
    if "create" in made.updates:
        yield "update = (create,)"
    else:
        by_call = {made.service.call(op): op for op in made.service.updates()}
        calls = []
        for name, properties in made.updates.items():
            sent = {p.member.partition(".")[0] for p in made.properties if p.name in properties}
            params = {k: v for k, v in made.params(by_call[name]).items() if k not in sent}
            calls.append(_call(made, by_call[name], params, properties=" ".join(properties)))
        yield "update = (" + ",\n          ".join(calls) + ("," if len(calls) == 1 else "") + ")"
    updated = {n for names in made.updates.values() for n in names}
    if sticky := [p.name for p in made.properties if p.name in updated and not p.required]:
        yield f"sticky = frozenset({{{', '.join(repr(n) for n in sticky)}}})".replace("'", '"')


def _call(made: Draft, op: str, params: dict[str, Any], *, properties: str = "", wait: tuple[str, ...] = ()) -> str:
    name = made.service.call(op)
    args = [f'"{name}"']
    args += ["properties=" + " ".join(_strings(properties))] if properties else []
    found = next(
        (
            w
            for end in wait
            for w, how in made.service.waiters.items()
            if how.operation == made.read and w.endswith(end)
        ),
        "",
    )
    if found and made.read:
        args += [f'wait="{found}"', f"wait_on={_literal(made.params(made.read))}"]
    args += [f"{k}={_literal(v)}" for k, v in params.items()]
    return f"call({', '.join(args)})"


def _strings(names: str) -> list[str]:
    """A string of names as literals that fit into lines."""
    lines = textwrap.wrap(names, 80)
    return [f'"{line} "' for line in lines[:-1]] + [f'"{lines[-1]}"']


def _literal(value: Any) -> str:
    return repr(value).replace("'", '"')


def _tag_specification(made: Draft) -> dict[str, Any]:
    if made.tags != "TagSpecifications":
        return {}
    return {made.tags: [{"ResourceType": snake(made.service.noun).replace("_", "-"), "Tags": "$tags"}]}


def _tagging(made: Draft) -> Iterator[str]:
    if not made.tags:
        return
    service = made.service
    shape = service.members(made.create).get(made.tags)
    style = "list"
    if shape is not None and shape.type_name == "map":
        style = "map"
    elif shape is not None and shape.type_name == "list" and "key" in getattr(shape.member, "members", {}):
        style = "lower"
    wire = "" if made.tags == "TagSpecifications" else made.tags
    args = [f'"{style}"', f'"{wire}"']
    noun = service.noun.lower()
    for column, verbs in (
        ("add", ("AddTagsTo", "TagResource", "CreateTags", "AddTags")),
        ("remove", ("RemoveTagsFrom", "UntagResource", "DeleteTags", "RemoveTags")),
        ("show", ("ListTagsFor", "ListTagsOf", "ListTags", "GetTags", "DescribeTags")),
    ):
        ops = [op for op in service.operations if op.startswith(verbs)]
        own = [op for op in ops if noun in op.lower()] or [
            op for op in ops if op.lower().endswith(("resource", "tags"))
        ]
        shown = column == "show" and any(t in made.target.members for t in TAGS)
        if own and not shown:
            args.append(f"{column}={_call(made, own[0], _tag_params(made, own[0], column))}")
    if len(args) == 2:
        made.decide.append("how tags are changed: no operation was found")
    yield "tagging = Tagging(" + ",\n                  ".join([", ".join(args[:2]), *args[2:]]) + ")"


def _tag_params(made: Draft, op: str, column: str) -> dict[str, Any]:
    params: dict[str, Any] = {}
    members = made.service.members(op)
    for name, shape in members.items():
        if "tag" in name.lower():
            if name in made.service.required(op) or column != "show":
                keys = column == "remove" and shape.type_name == "list" and shape.member.type_name == "string"
                params[name] = "$tag_keys" if keys else "$tag_list" if column == "remove" else "$tags"
        elif name in made.service.required(op):
            if (value := made.reference(name, shape)) is None:
                made.decide.append(f"{made.service.call(op)} needs {name!r}")
            params[name] = value or ""
    if not params.keys() - {n for n in params if "tag" in n.lower()}:
        params |= dict(
            [(n, v) for n, s in members.items() if "tag" not in n.lower() and (v := made.reference(n, s))][:1]
        )
    return params


def _list_path(made: Draft) -> str:
    members = made.service.members(made.list, "output")
    for name, shape in members.items():
        inner = getattr(shape, "members", None) or {}
        if shape.type_name == "list" or (len(members) == 1 and "Items" in inner):
            return name if shape.type_name == "list" else f"{name}.Items"
    return ""


def _listing(made: Draft) -> Iterator[str]:
    service = made.service
    path = _list_path(made)
    if not path:
        return
    outer, _, inner = path.partition(".")
    shape = service.members(made.list, "output")[outer]
    shape = (shape.members[inner] if inner else shape).member
    fields: list[Field] = [
        f for f in (*made.properties, *made.outputs) if f"${f.name}" in made.identifier or f.name == "arn"
    ]
    if shape.type_name == "structure":
        taken = {
            f.name: m
            for f in fields
            for m in shape.members
            if m.lower() == f.member.lower() or made.short(m) == f.name
        }
        tags = next((m for m in shape.members if m in TAGS), "")
        taken |= {"tags": tags} if tags else {}
        items = f"{path}[].{{{', '.join(f'{k}: {v}' for k, v in taken.items())}}}"
    else:
        name = fields[0].name if fields else "name"
        items, tags = f"{path}[].{{{name}: @}}", ""
    made.decide.append(
        "listing: whether it lists all, its order, and its ARN in the account's list of tags (see columns.py)"
    )
    yield f'listing = Listing("{service.call(made.list)}", "{items}", {_literal(service.page(made.list))})'


def _template(made: Draft) -> str:
    def camel(found: re.Match[str]) -> str:
        first, *rest = found[1].strip("_").split("_")
        return "{" + first + "".join(w.capitalize() for w in rest) + "}"

    return re.sub(r"\$(\w+)", camel, made.identifier)


def sample_source(made: Draft) -> str:
    """A sample for ``tests/clouds/aws/samples.py``: what must be filled in is written as ``...``."""

    def entry(p: Field) -> str:
        return f'"{p.name}": {_example(p.shape)}'

    needed = [entry(p) for p in made.properties if p.required and not p.limit]
    updated = {n for names in made.updates.values() for n in names}
    change = [entry(p) for p in made.properties if p.name in updated][:1]
    other = [entry(p) for p in made.properties if p.replace and p.shape.type_name == "string"][:1]
    tags = ['"tags": {"a": "1"}'] if made.tags else []
    return (
        "\n".join(
            [
                f'@sample("aws.{made.service.name}.{made.service.noun}")',
                "def _(w: World) -> Sample:",
                f"    return Sample({{{', '.join([*needed, *tags])}}}, {{{', '.join(change)}}},",
                f"                  {{{', '.join(other)}}})",
            ]
        )
        + "\n"
    )


def _example(shape: Any) -> str:
    if getattr(shape, "enum", None):
        return f'"{shape.enum[0]}"'
    match shape.type_name:
        case "integer" | "long":
            return str(shape.metadata.get("min") or 1)
        case "boolean":
            return "True"
    return "..."
