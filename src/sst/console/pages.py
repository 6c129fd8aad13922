"""What each page shows, as data for JSON."""
from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from ..core.model import Op
from ..core.names import in_order
from ..errors import SstError
from ..project.deploy_record import read_records
from .layout import label_places
from .model import View, planned, used, view_of
from .permission import Permission
from .records import COUNTED, LIMIT, Filter
from .server import NotThere
from .source import Seen, Source
from .svg import svg
from .tracebacks import is_traceback, told_error

__all__ = ["Pages"]

Query = Mapping[str, str]
_BUCKETS = 40


class Pages:
    """Each method is a route; what it raises is shown on its page, and the others work."""

    def __init__(self, source: Source, permission: Permission | None = None) -> None:
        self._source = source
        self._permission = permission or Permission(source.project, read_only=True)
        self._overview: tuple[object, dict[str, Any]] = None, {}

    def app(self, query: Query) -> dict[str, Any]:
        project = self._source.project
        try:
            news: dict[str, Any] = self.news()
        except SstError:     # each page says it, and those that need no state work
            news = {}
        return {"app": project.name, "stage": project.stage, "local": project.is_local, "protected":
                bool(project.config.protect), "writes": self._permission.writes, "root": str(project.root),
                "can_unlock": self._permission.can_unlock, "unlocked": round(self._permission.seconds_left),
                "news": news}

    def news(self) -> dict[str, Any]:
        """Changes whenever something was recorded or deployed."""
        calls, lines, ended, used = self._source.records.newest()
        return {"calls": calls, "lines": lines, "ended": ended, "used": used,
                "serial": self._source.seen().snapshot.serial}

    # overview

    def overview(self, query: Query) -> dict[str, Any]:
        """Made anew when something was recorded or deployed."""
        seen, news = self._source.seen(), self._source.records.newest()
        if self._overview[0] != (key := (news, seen.snapshot.serial, len(seen.snapshot.resources))):
            self._overview = key, self._source.hidden(self._made_overview(seen))
        return {**self._overview[1], "deploy": self._source.hidden(self._last_deploy())}

    def _made_overview(self, seen: Seen) -> dict[str, Any]:
        recent = self._source.records.recent()
        view = self._view(seen)
        by_function: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
        for call in recent:
            by_function[call["function"]].append(call)
        began = min((c["began"] for c in recent), default=time.time())
        ended = max((c["began"] for c in recent), default=time.time())
        wide = [{"source": e.source, "target": e.target, "verdict": verdict} for e in view.picture.edges
                if (use := view.uses.get((e.source, e.target))) and e.kind == "grant"
                and (verdict := use.verdict(e.label))]
        parts = [{**part, **_numbers(by_function.get(part["function"], ()), began, ended),
                  "uses": sum(view.uses[k].count for k in view.uses if k[1] == part["name"])}
                 for part in view.json()["parts"]]
        return {"resources": len(seen.snapshot.resources), "serial": seen.snapshot.serial,
                "outputs": dict(seen.snapshot.outputs), "parts": parts, "wide": wide,
                "total": _numbers(recent, began, ended), "began": began, "failing": self._failing(by_function, seen)}

    def _failing(self, by_function: Mapping[str, Sequence[Mapping[str, Any]]], seen: Seen) -> dict[str, Any] | None:
        """The function that failed last. Events count, not tries: those of one event have one parent."""
        failed = [c for calls in by_function.values() for c in calls if c["failed"]]
        if not failed:
            return None
        last = max(failed, key=lambda c: c["id"])
        calls = by_function[last["function"]]
        row = self._source.records.one(str(last["id"])) or {}
        error = told_error(row.get("response", ""), self._texts(row.get("request", "")), self._source.project.root)
        own = next((f for s in reversed(error["sections"]) for f in reversed(s["frames"]) if f["own"]), None)
        events = {c["parent"] or c["id"] for c in calls}
        return {"function": seen.titles.get(last["function"], last["function"]), "id": last["id"],
                "events": len(events), "failed": len({c["parent"] or c["id"] for c in calls if c["failed"]}),
                "tries": sum(1 for c in calls if c["failed"] and c["parent"] and c["parent"] == last["parent"]),
                "type": row.get("error") or error["sections"][-1]["type"] or str(row.get("status", "")),
                "at": last["began"],
                "place": f"{own['file']}:{own['line']}" if own else ""}

    def _last_deploy(self) -> dict[str, Any] | None:
        records = read_records(self._source.backend.stage.store, self._source.backend.stage.prefix)
        return records[max(records)] if records else None

    def plan(self, query: Query) -> dict[str, Any]:
        """What is not deployed yet."""
        plan, snapshot = self._source.plan()
        steps = [{"op": str(s.op), "name": s.name, "type": s.type, "where": s.where, "changed": sorted(s.changed),
                  "loses_data": s.loses_data} for s in plan.steps if s.op not in (Op.SAME, Op.READ)]
        return {"steps": steps, "unchanged": sum(s.op is Op.SAME for s in plan.steps), "serial": snapshot.serial}

    def secrets(self, query: Query) -> list[dict[str, Any]]:
        """By name alone: values are never sent."""
        store = self._source.backend.secrets
        own, shared = store.get_all(own=True), store.fallback()
        declared = self._source.seen().snapshot.links
        return [{"name": name, "set": "stage" if name in own else "fallback" if name in shared else "",
                 "linked": name in declared}
                for name in sorted({*own, *shared, *(
                    n for n, link in declared.items() if str(link.get("type", "")).endswith(".Secret"))}, key=in_order)]

    # graph

    def graph(self, query: Query) -> dict[str, Any]:
        view = self._view(self._source.seen())
        problem = None
        if query.get("plan"):
            try:
                planned(view, self._source.plan()[0])
            except SstError as error:
                problem = str(error)
        made = view.layout()
        texts = {(e.source, e.target): view.label(e) for e in view.picture.edges}
        return {**view.json(), "width": made.width, "height": made.height, "problem": problem,
                "places": {name: [round(x, 1), round(y, 1)] for name, (x, y) in made.nodes.items()},
                "labels": {f"{a}|{b}": [round(x, 1), round(y, 1), texts[a, b]]
                           for (a, b), (x, y) in label_places(made, texts).items()},
                "lines": {f"{a}|{b}": [[round(x, 1), round(y, 1)] for x, y in points]
                          for (a, b), points in made.edges.items()}}

    def drawing(self) -> str:
        """The graph as SVG."""
        return self._source.redactor.redact(svg(self._view(self._source.seen())))

    def _view(self, seen: Seen) -> View:
        view = view_of(seen.picture)
        used(view, self._source.records.uses(), self._source.records.calls(), self._source.use_of)
        return view

    # calls

    def invocations(self, query: Query) -> dict[str, Any]:
        seen, before = self._source.seen(), query.get("before", "")
        where = Filter.parse(query.get("filter", ""), seen.functions).and_text(query.get("search", ""))
        limit = min(int(query.get("limit", "200")), LIMIT)
        rows = self._source.records.latest(where, before=int(before) if before.isdigit() else 0, limit=limit)
        count = len(rows) if len(rows) < limit and not before else self._source.records.count(where)
        return {"rows": self._source.hidden([self._named(row, seen) for row in rows]), "count": count,
                "counted": not where.text or count < COUNTED, "total": self._source.records.count(Filter("1", ()))}

    def invocation(self, id: str, query: Query) -> dict[str, Any]:
        """One call with its lines, its whole trace, and the places in the source where it failed."""
        found = self.call(id)
        return {**found, "trace_of": self.trace(found["trace"], query)}

    def recorded(self, id: str) -> dict[str, Any] | None:
        """A call as it was recorded, by its number or its request."""
        return self._source.records.one(id)

    def call(self, id: str) -> dict[str, Any]:
        """One call with its lines, and the places in the source where it failed."""
        seen, row = self._source.seen(), self.recorded(id)
        if row is None:
            raise NotThere(f"call {id} is not recorded", hint="the oldest are deleted; `sst invocations` lists them")
        lines = self._source.records.lines(row["request"])
        error = told_error(row["response"], [line["text"] for line in lines], self._source.project.root) \
            if row["error"] or (row["failed"] and any(is_traceback(line["text"]) for line in lines)) else None
        shown: dict[str, Any] = self._source.hidden({**self._named(row, seen), "lines": lines, "failure": error})
        return shown

    def trace(self, root: str, query: Query) -> dict[str, Any]:
        """One request over all hops."""
        seen, found = self._source.seen(), self._source.records.trace(root)
        names = {i: p for p in seen.picture.parts for i in p.ids}
        for call in found["calls"]:
            first, slash, rest = call["resource"].partition("/")
            if part := names.get(call["resource"]) or names.get(first):
                call["part"], call["kind"] = part.name, part.kind
                call["resource"] = rest if slash else part.name
        shown: dict[str, Any] = self._source.hidden({
            "root": root, "invocations": [self._named(row, seen) for row in found["invocations"]],
            "calls": found["calls"]})
        return shown

    def logs(self, query: Query) -> list[dict[str, Any]]:
        seen, before = self._source.seen(), query.get("before", "")
        function = query.get("fn", "")
        rows = self._source.records.search(
            query.get("text", ""), function=seen.functions.get(function, function), level=query.get("level", ""),
            before=int(before) if before.isdigit() else 0, limit=int(query.get("limit", "500")))
        shown: list[dict[str, Any]] = self._source.hidden(
            [{**row, "function": seen.titles.get(row["function"], row["function"])} for row in rows])
        return shown

    def _texts(self, request: str) -> list[str]:
        return [line["text"] for line in self._source.records.lines(request)]

    def _named(self, row: Mapping[str, Any], seen: Seen) -> dict[str, Any]:
        name = seen.titles.get(row["function"], "")
        part = next((p for p in seen.picture.parts if p.name == name), None)
        trigger = row["trigger"]
        for other in seen.picture.parts:
            if other.ids:  # in what is shown, never in what is sent again
                trigger = trigger.replace(other.ids[0], other.name)
        return {**row, "trigger": trigger, "function": name or row["function"],
                "title": part.title if part else row["function"],
                "detail": part.detail if part else "", "where": part.where if part else ""}


def _numbers(calls: Sequence[Mapping[str, Any]], began: float, ended: float) -> dict[str, Any]:
    """Counts, percentiles, and how many calls there were in each part of the time."""
    plot, bad = [0] * (_BUCKETS + 1), [0] * (_BUCKETS + 1)
    share = _BUCKETS / max(ended - began, 1.0)
    for call in calls:
        at = int((call["began"] - began) * share)
        plot[at] += 1
        bad[at] += call["failed"]
    for counts in (plot, bad):      # the last call is in the last part
        counts[-2] += counts.pop()
    times = sorted(c["ms"] for c in calls if c["ms"] is not None)
    return {"calls": len(calls), "errors": sum(c["failed"] for c in calls), "cold": sum(c["cold"] for c in calls),
            "p50": _percentile(times, 0.5), "p95": _percentile(times, 0.95), "plot": plot, "bad": bad}


def _percentile(times: Sequence[float], share: float) -> float | None:
    return times[min(len(times) - 1, int(share * len(times)))] if times else None
