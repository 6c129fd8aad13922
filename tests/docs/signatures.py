"""The tables of the component pages, made from the signatures and TypedDicts of the components.

A page keeps the last column, its own words; names, types and defaults come from the code. ``SST_ACCEPT=1`` writes them.
"""
from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import sst
from sst import aws
from sst.aws.relational import Relational
from sst.core.component import Component, Options

FOLDER = Path(__file__).parents[2] / "docs/components"

WORDS = {
    "Any": "any value",
    "Dns": "[`aws.dns`](dns.md)",
    "Vpc": "[`Vpc`](vpc.md)",
    "Cluster": "[`Cluster`](cluster.md)",
    "Efs": "[`Efs`](efs.md)",
    "Handler": "[handler](README.md#handlers)",
    "Access": "[access](../link_permissions.md)",
    "LinkItem": "[linkable](README.md#links)",
    "LinkableThing": "[linkable](README.md#links)",
    "Link": "link",
    "Include": "[permission](README.md#permissions)",
    "Statement": "[permission](README.md#permissions)",
    "Transform": "[transform](README.md#transforms)",
}
"""What a type is called on a page, and where it is explained."""


@dataclass(frozen=True)
class Page:
    """A page, its component, and the modules whose TypedDicts it explains."""

    name: str
    component: Any
    modules: tuple[str, ...]

    @property
    def path(self) -> Path:
        return FOLDER / f"{self.name}.md"


PAGES = (
    Page("function", aws.Function, ("aws.function", "aws.function.code", "aws.function.logs", "aws.function.url",
                                    "aws.function.network", "aws.function.container")),
    Page("bucket", aws.Bucket, ("aws.bucket", "aws.bucket_policy")),
    Page("queue", aws.Queue, ("aws.queue",)),
    Page("sns_topic", aws.SnsTopic, ("aws.sns_topic",)),
    Page("bus", aws.Bus, ("aws.bus",)),
    Page("email", aws.Email, ("aws.email",)),
    Page("dynamo", aws.Dynamo, ("aws.dynamo",)),
    Page("cron", aws.Cron, ("aws.cron",)),
    Page("api_gateway_v2", aws.ApiGatewayV2, ("aws.api_gateway_v2", "aws.api_gateway_v2.auth",
                                              "aws.api_gateway_v2.domain",
                                              "aws.api_gateway_v2.route")),
    Page("cluster", aws.Cluster, ("aws.cluster",)),
    Page("task", aws.Task, ("aws.task",)),
    Page("alb", aws.Alb, ("aws.alb", "aws.listeners.domain")),
    Page("service", aws.Service, ("aws.service", "aws.service.load_balancer", "aws.service.registry",
                                  "aws.service.scaling",
                                  "aws.fargate.containers",
                                  "aws.listeners.domain", "aws.fargate.dev", "aws.fargate.sizes", "aws.images")),
    Page("vpc", aws.Vpc, ("aws.vpc", "aws.vpc.nat")),
    Page("postgres", aws.Postgres, ("aws.postgres", "aws.database_options", "aws.network")),
    Page("mysql", aws.Mysql, ("aws.mysql",)),
    Page("aurora", aws.Aurora, ("aws.aurora",)),
    Page("cdn", aws.Cdn, ("aws.cdn", "aws.cdn.domain", "aws.cdn.injection")),
    Page("router", aws.Router, ("aws.router", "aws.router.target", "aws.cdn.firewall")),
    Page("static_site", aws.StaticSite, ("aws.static_site", "aws.site", "aws.site.dev", "aws.cdn.auth")),
    Page("efs", aws.Efs, ("aws.efs", "aws.volume")),
    Page("redis", aws.Redis, ("aws.redis",)),
    Page("open_search", aws.OpenSearch, ("aws.open_search",)),
    Page("migration", aws.Migration, ("aws.migration",)),
    *(Page(name, component, ()) for name, component in (
        ("nextjs", aws.Nextjs), ("remix", aws.Remix), ("tan_stack_start", aws.TanStackStart),
        ("solid_start", aws.SolidStart), ("analog", aws.Analog), ("angular", aws.Angular),
        ("react", aws.React), ("astro", aws.Astro), ("svelte_kit", aws.SvelteKit), ("nuxt", aws.Nuxt),
        ("flask", aws.Flask), ("django", aws.Django))),
    Page("node_server", aws.NodeServer, ("aws.ssr_site",)),
    Page("fast_api", aws.FastApi, ("aws.python_site", "aws.site.in_cluster")),
    Page("dns", aws.dns, ("aws.dns_records",)),
    Page("secret", sst.Secret, ("secret",)),
    Page("linkable", sst.Linkable, ("linkable",)),
    Page("dev_command", sst.DevCommand, ("dev_command",)),
)


@dataclass(frozen=True)
class Table:
    """The cells that the code decides: a row is a name, a type, and a default where the table has one."""

    heading: str
    rows: tuple[tuple[str, ...], ...]


def typed_dicts(module: ModuleType) -> Iterator[Any]:
    """The TypedDicts that a module defines."""
    for value in vars(module).values():
        if hasattr(value, "__total__") and value.__module__ == module.__name__:
            yield value


def of(page: Page) -> Iterator[Any]:
    for module in page.modules:
        yield from typed_dicts(import_module(f"sst.{module}"))


HOME = {kind.__name__: page.name for page in PAGES for kind in of(page)}


def tables(page: Page) -> Iterator[Table]:
    """All tables that a page must have."""
    component = page.component
    if not inspect.isclass(component):
        yield Table("## Arguments", arguments(component, page))
        return
    yield Table("## Arguments", arguments(component.__init__, page))
    for name, member in vars(component).items():
        plain = getattr(member, "__func__", member)
        if name.startswith("_") or not callable(plain):
            continue
        if rows := arguments(plain, page):
            yield Table(f"### `{name}`", rows)
    owners = [kind for kind in (component, Relational) if issubclass(component, kind)]
    properties = [(n, described(_returns(m.fget), page)) for kind in owners for n, m in vars(kind).items()
                  if isinstance(m, property)]
    if properties:
        yield Table("## Properties", tuple(properties))
    for kind in of(page):
        if kind.__name__ != "FunctionArgs":
            yield Table("## Transform" if kind.__name__ == f"{component.__name__}Transform"
                        else f"### `{kind.__name__}`",
                        keys(kind, page))


def arguments(function: Callable[..., Any], page: Page) -> tuple[tuple[str, ...], ...]:
    """Name, type and default of each argument; the shared options are told once, on the index."""
    rows = []
    for p in inspect.signature(function).parameters.values():
        if p.name in ("self", "cls") or p.kind is p.VAR_KEYWORD:
            continue
        default = "required" if p.default is p.empty else "none" if p.default in (None, (), "") else code(p.default)
        if isinstance(p.default, tuple) and p.default:
            default = "all"
        rows.append((p.name, described(p.annotation, page), default))
    return tuple(rows)


def keys(kind: Any, page: Page) -> tuple[tuple[str, ...], ...]:
    return tuple((k, described(getattr(a, "__forward_arg__", a), page)) for k, a in kind.__annotations__.items())


def options() -> Table:
    page = Page("README", Component, ())
    return Table("## Options", keys(Options, page))


def code(value: object) -> str:
    return f'`"{value}"`' if isinstance(value, str) else f"`{value}`"


def described(annotation: Any, page: Page) -> str:
    """``Sequence[Input[str]] | None`` in words: list of `str` or output."""
    text = annotation if isinstance(annotation, str) else annotation.__name__ if isinstance(annotation, type) else \
        re.sub(r"\b(\w+\.)+(?=\w)", "", str(annotation)).replace("Union[str, Output[str]]", "Input[str]")
    return _words(ast.parse(text, mode="eval").body, page)


def _words(node: ast.expr, page: Page) -> str:
    match node:
        case ast.BinOp():
            parts = [p for side in (node.left, node.right) if (p := _words(side, page)) != "`None`"]
            return " or ".join(parts)
        case ast.Constant(value=str(text)):
            return _words(ast.parse(text, mode="eval").body, page)
        case ast.Constant(value=None):
            return "`None`"
        case ast.Name(id=name):
            return _name(name, page)
        case ast.Attribute():
            return f"`{ast.unparse(node)}`"
        case ast.Subscript(value=ast.Name(id=outer), slice=inner):
            return _of(outer, inner.elts if isinstance(inner, ast.Tuple) else [inner], page)
    return f"`{ast.unparse(node)}`"


def _of(outer: str, inner: list[ast.expr], page: Page) -> str:
    if outer == "Literal":
        values = [ast.literal_eval(i) for i in inner]
        return ", ".join(f'`"{value}"`' if isinstance(value, str) else f"`{value}`" for value in values)
    last = _words(inner[-1], page)
    words: Mapping[str, str] = {"Sequence": f"list of {last}", "Mapping": f"mapping of {last}",
                                "Input": f"{last} or output",
                                "Output": f"output, {last}", "type": "a kind of resource", "Callable": "function"}
    return words.get(outer) or f"{outer} of {', '.join(_words(i, page) for i in inner)}"


def _name(name: str, page: Page) -> str:
    if name in WORDS:
        return WORDS[name]
    if name == f"{getattr(page.component, '__name__', '')}Transform":
        return "[transform](#transform)"
    if name == "_Definition":
        return "mapping"
    if name in HOME:
        here = name in {kind.__name__ for kind in of(page)}
        return f"[`{name}`]({'' if here else HOME[name] + '.md'}#{name.lower()})"
    return f"`{name}`"


def _returns(function: Any) -> str:
    return str(inspect.signature(function).return_annotation)


def written(text: str, table: Table) -> str:
    """The page with this table's cells as the code has them; the last column is kept."""
    found = re.search(rf"^{re.escape(table.heading)}\n.*?(?P<table>^\|.*?)(?=\n\n|\Z)", text, re.MULTILINE | re.DOTALL)
    assert found, f"there is no section {table.heading} with a table"
    head, rule, *rows = found["table"].split("\n")
    said = {m[1]: row.split("|")[-2].strip() for row in rows if (m := re.match(r"\| `([^`]+)`", row))}
    made = [f"| `{name}` | {' | '.join((*cells, said.get(name, '')))} |" for name, *cells in table.rows]
    return text[: found.start("table")] + "\n".join([head, rule, *made]) + text[found.end("table"):]
