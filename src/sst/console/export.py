"""What the console shows, as one HTML file that needs nothing else: for a bug report, or kept by a CI job."""
from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from html import escape
from typing import Any

from ..errors import UserError
from .pages import Pages
from .trace_rows import trace_rows

__all__ = ["CALLS", "LINES", "export"]

CALLS = 500
"""The newest calls whose traces are in it."""
LINES = 200
"""Of a call that are in it."""
_TEXT = 8 * 1024
_STYLE = """body{font:14px/1.5 system-ui,sans-serif;margin:2em auto;max-width:1200px;padding:0 16px;color-scheme:light
dark}table{border-collapse:collapse;width:100%}td,th{padding:4px 12px 4px 0;text-align:left;border-top:1px solid #8884;
vertical-align:top}.r{text-align:right}.bad{color:#c22b2b}.dim{opacity:.7}code,pre{font:12px/1.5 ui-monospace,monospace}
pre{white-space:pre-wrap;overflow-wrap:anywhere;background:#8881;padding:8px 12px;border-radius:6px;margin:6px 0}
details{border-top:1px solid #8884;padding:6px 0}summary{cursor:pointer}svg{max-width:100%;height:auto}mark{color:
inherit;background:#c22b2b33}@media(prefers-color-scheme:dark){.bad{color:#ff6f6f}}"""


def export(pages: Pages, trace: str = "") -> str:
    """Overview, graph and traces: that of one call or root (``trace``), or those of the newest calls. Secrets are
    replaced, as on the page. Raises ``UserError`` for a trace that is not recorded."""
    app, overview = pages.app({}), pages.overview({})
    title = f"{app['app']}/{app['stage']}"
    roots = [_root(pages, trace)] if trace else list(dict.fromkeys(
        row["trace"] for row in pages.invocations({"limit": str(CALLS)})["rows"]))
    parts = [*_overview(overview), "<h2>Graph</h2>", pages.drawing(), "<h2>Traces</h2>",
             *(_trace(pages, root, open=bool(trace)) for root in roots), *(() if roots else ["<p>No calls.</p>"])]
    return ("<!doctype html><html lang=en><meta charset=utf-8><meta http-equiv=Content-Security-Policy content=\""
            "default-src 'none'; style-src 'unsafe-inline'\"><meta name=viewport content=width=device-width>"
            f"<title>{escape(title)}</title><style>{_STYLE}</style><h1>{escape(title)}</h1><p class=dim>"
            f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, version {overview['serial']} of the state. Values of secrets are "
            f"replaced.</p>{''.join(parts)}</html>\n")


def _root(pages: Pages, id: str) -> str:
    if pages.trace(id, {})["invocations"]:
        return id
    row = pages.recorded(id)
    if row is None:
        raise UserError(f"there is no recorded call or trace {id}", hint="`sst invocations` lists them")
    return str(row["trace"])


def _overview(d: Mapping[str, Any]) -> Iterator[str]:
    if failing := d["failing"]:
        yield (f"<p class=bad><b>{escape(failing['function'])} failed for {failing['failed']} of {failing['events']} "
               f"events</b>: {escape(failing['type'])} {escape(failing['place'])}</p>")
    yield "<h2>Components</h2>" + _table(("Component", "Kind", "Calls", "Errors", "p50", "p95", "Declared"), (
        (p["title"], p["detail"] or p["kind"], p["calls"] or "", p["errors"] or "", _ms(p["p50"]), _ms(p["p95"]),
         p["where"]) for p in d["parts"]))
    if d["outputs"]:
        yield "<h2>Outputs</h2>" + _table(("Name", "Value"), (
            (k, v if isinstance(v, str) else json.dumps(v)) for k, v in d["outputs"].items()))
    if d["wide"]:
        yield "<h2>May do more than it does</h2>" + _table(("From", "To", "Use"), (
            (w["source"], w["target"], w["verdict"]) for w in d["wide"]))


def _trace(pages: Pages, root: str, *, open: bool) -> str:
    found = pages.trace(root, {})
    rows = list(trace_rows(found))
    began = min(row["began"] for _, row in rows)
    first = found["invocations"][0]
    failed = any(i["failed"] for i in found["invocations"])
    steps = _table(("", "At", "Took"), ((f"{'  ' * depth}{_step(row)}", _ms((row["began"] - began) * 1000),
                                         _ms(row["ms"])) for depth, row in rows))
    calls = "".join(_call(pages.call(str(i["id"]))) for i in found["invocations"][:CALLS])
    return (f"<details{' open' if open else ''}><summary{' class=bad' if failed else ''}>{_at(first['began'])} "
            f"{escape(first['trigger'])} <span class=dim>{len(found['invocations'])} calls, {len(found['calls'])} "
            f"calls of the cloud, {escape(root)}</span></summary>{steps}{calls}</details>")


def _call(i: Mapping[str, Any]) -> str:
    lines = "\n".join(line["text"] for line in i["lines"][:LINES])
    more = f"\n… {len(i['lines']) - LINES} more lines" if len(i["lines"]) > LINES else ""
    errors = "".join(_section(s) for s in (i["failure"] or {}).get("sections", ()))
    parts = [(name, text) for name, text in (("Log", lines + more), ("Request", i["event"]),
                                             ("Response", i["response"])) if text]
    return (f"<details><summary>{escape(i['title'])} {escape(i['detail'])} <span class=dim>{_ms(i['ms'])}, request "
            f"{escape(i['request'])}</span></summary>{errors}"
            + "".join(f"<b>{name}</b><pre>{escape(_cut(text))}</pre>" for name, text in parts) + "</details>")


def _section(s: Mapping[str, Any]) -> str:
    own = [f for f in s["frames"] if f["own"]]
    source = "".join(_line(own[-1], n, text) for n, text in enumerate(own[-1].get("source", ()))) if own else ""
    places = "<br>".join(f"<code>{escape(f['file'])}:{f['line']} {escape(f['name'])}</code>" for f in own)
    return f"<p class=bad><b>{escape(s['type'])}</b> {escape(s['message'])}</p>{places}" + (
        f"<pre>{source}</pre>" if source else "")


def _line(frame: Mapping[str, Any], n: int, text: str) -> str:
    at = frame["first"] + n
    made = f"{at:5} {escape(text)}"
    return f"<mark>{made}</mark>\n" if at == frame["line"] else f"{made}\n"


def _step(row: Mapping[str, Any]) -> str:
    if "action" in row:
        refused = f" {row['status']} {row['error']}" if row["status"] >= 400 else ""
        return f"{row['action']} {row.get('part') or ''} {row['resource']}{refused}"
    return f"{row['title']}: {row['error'] or row['status'] or ('runs' if row['ms'] is None else 'done')}"


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    return ("<table><tr>" + "".join(f"<th>{escape(name)}</th>" for name in head) + "</tr>" + "".join(
        "<tr>" + "".join(f"<td style=white-space:pre-wrap>{escape(str(cell))}</td>" for cell in row) + "</tr>"
        for row in rows) + "</table>")


def _ms(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f} ms"


def _at(began: float) -> str:
    return datetime.fromtimestamp(began, UTC).strftime("%H:%M:%S")


def _cut(text: str) -> str:
    return text if len(text) <= _TEXT else f"{text[:_TEXT]}… {len(text):,} characters"
