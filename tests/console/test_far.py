"""Lines and counts of a stage in AWS: asked for when their page is opened, in parts, and later when AWS says so."""
from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from sst.clouds.aws.browse.monitor import AwsMonitor
from sst.clouds.aws.client import Aws
from sst.console.far import Far
from sst.console.metrics import Metrics
from sst.console.source import Seen, Source
from sst.core.model import Entry, State
from sst.core.monitor import Monitor
from sst.errors import ProviderError
from sst.project.project import Project, open_project
from tests.browser import needs_browser
from tests.clouds.aws.stand_in import Answer, StandIn, refusal, stand_in

from .conftest import ask, function, opened, served, shown

if TYPE_CHECKING:
    from playwright.sync_api import Browser

KEYS = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
        "AWS_REGION": "eu-west-1"}
NOW = 1_800_000_000.0
BUSY = refusal("ThrottlingException", "Rate exceeded")
SECRET = "hush-hush-hush-42"


def lines(*texts: str, at: float = NOW - 60, token: str = "") -> Answer:
    return Answer(body={"events": [{"timestamp": int((at + n) * 1000), "message": f"{text}\n", "eventId": f"{at}{n}"}
                                   for n, text in enumerate(texts)], **({"nextToken": token} if token else {})})


class Cloudy(Source):
    """Its functions are in AWS, which is a server of this test."""

    aws: Aws

    def monitors(self, seen: Seen, function: str = "") -> list[tuple[Monitor, list[State]]]:
        states = [s for s in seen.snapshot.resources.values() if s.type == "aws.lambda.Function"
                  and function in ("", s.values["name"])]
        return [(AwsMonitor(lambda: self.aws), states)]


@contextmanager
def far(project: Project, answers: Sequence[Answer], count: int = 1) -> Iterator[tuple[Far, StandIn, list[float]]]:
    """With ``count`` functions; each pause of the client takes no time."""
    backend = opened(project)
    with backend.stage.locked("deploy") as session:
        for n in range(count):
            state = function(f"shop-f{n}", f"F{n}")
            session.write(Entry("made", state.urn, state=state))
        session.save()
    backend.secrets.set("Hush", SECRET)
    backend.close()
    now = [NOW]
    with stand_in(lambda n: answers[min(n, len(answers) - 1)]) as server, Aws(
            environment={**KEYS, "AWS_ENDPOINT_URL": server.url}, sleep=lambda s: None, clock=lambda: now[0]) as aws:
        source = Cloudy(project, opened, lambda: open_project(project.program.file, stage="local", environ={}))
        source.aws = aws
        yield Far(source, clock=lambda: now[0]), server, now


def test_lines_come_in_parts(project: Project) -> None:
    """Five calls a part: what was found so far is shown, and where it goes on."""
    answers = [lines("START RequestId: 1", f"one {SECRET}", token="more"), lines("two", at=NOW - 30),
               refusal("ResourceNotFoundException"), lines("three"), lines(), lines("last", at=NOW - 5)]
    with far(project, answers, count=5) as (pages, server, _):
        first = pages.logs({"text": 'say "hi"'})
        assert [(line["function"], line["text"]) for line in first["lines"]] == [
            ("F0", "two"), ("F0", "one [secret Hush]"), ("F2", "three")]
        assert (first["searched"], first["total"], first["calls"], first["wait"]) == (4, 5, 5, 0)
        assert server.bodies[0] == {
            "logGroupName": "/aws/lambda/shop-f0", "startTime": int((NOW - 900) * 1000), "endTime": int(NOW * 1000),
            "limit": 500, "filterPattern": '"say \\"hi\\""'}
        assert server.bodies[1]["nextToken"] == "more"
        second = pages.logs({"text": "x", "next": first["next"], "until": str(first["until"])})
        assert [line["text"] for line in second["lines"]] == ["last"] and second["next"] == ""
        assert (second["searched"], second["calls"]) == (5, 6)


def test_it_backs_off_and_says_so(project: Project) -> None:
    """The client's own pauses take minutes; the page is told at once, and asks again after 2, 4, 8... seconds."""
    with far(project, [lines("one", token="t"), BUSY, BUSY, lines("two")], count=2) as (pages, server, now):
        first = pages.logs({})
        assert [line["text"] for line in first["lines"]] == ["one"] and first["wait"] == 2 and first["next"] == "0|0:t"
        again = {"next": first["next"], "until": str(first["until"])}
        assert pages.logs(again) | {"until": 0} == {
            "lines": [], "until": 0, "back": "15 minutes", "searched": 0, "next": "0|0:t", "total": 2, "wait": 2.0,
            "calls": 2}
        assert len(server.requests) == 2, "nothing is sent before the time has come"
        now[0] += 2.5
        assert pages.logs(again)["wait"] == 4 and len(server.requests) == 3
        now[0] += 4.5
        done = pages.logs(again)
        assert [line["text"] for line in done["lines"]] == ["two", "two"] and done["wait"] == 0 and not done["next"]


def test_of_one_function(project: Project) -> None:
    with far(project, [lines("one")], count=3) as (pages, server, _):
        assert pages.logs({"fn": "F1", "back": "1 hour"})["total"] == 1
        assert [b["logGroupName"] for b in server.bodies] == ["/aws/lambda/shop-f1"]
        assert server.bodies[0]["startTime"] == int((NOW - 3600) * 1000)


def test_a_refusal_is_told(project: Project) -> None:
    with far(project, [refusal("AccessDeniedException", "not authorized to perform: logs:FilterLogEvents")]) as (
            pages, _, _), pytest.raises(ProviderError, match="not authorized"):
        pages.logs({})


def test_nothing_is_asked_until_a_page_is_opened(project: Project) -> None:
    """Of a stage in AWS: without credentials each call would fail; these two pages are the ones that call."""
    (project.root / "sst_config.py").write_text(
        "import sst\n\ndef config(input):\n    return sst.Config(name='shop', home='local', region='us-east-1')\n\n"
        "def run():\n    pass\n")
    environ = {"HOME": str(project.root), "XDG_STATE_HOME": str(project.root / "state"), "AWS_EC2_METADATA_DISABLED":
               "true"}
    there = open_project(project.program.file, stage="far", environ=environ)
    backend = opened(there)
    with backend.stage.locked("deploy") as session:
        session.write(Entry("made", (state := function("shop-api", "Api")).urn, state=state))
        session.save()
    backend.close()
    server = served(there)
    try:
        for page in ("app", "overview", "graph", "deploys", "invocations", "logs", "secrets", "browse", "cost", "job"):
            assert ask(server, f"api/{page}")[0] == 200, page
        for page in ("cloud-logs", "metrics"):
            status, told, _ = ask(server, f"api/{page}")
            assert status == 409 and "credentials" in json.dumps(told), told
    finally:
        server.close()


@pytest.mark.slow
@needs_browser
def test_its_pages_are_drawn(browser: Browser, project: Project) -> None:
    (project.root / "sst_config.py").write_text(
        "import sst\n\ndef config(input):\n    return sst.Config(name='shop', home='local', region='us-east-1')\n\n"
        "def run():\n    pass\n")
    environ = {"HOME": str(project.root), "XDG_STATE_HOME": str(project.root / "state")}
    server = served(open_project(project.program.file, stage="far", environ=environ))
    page, errors = browser.new_context().new_page(), list[str]()
    page.on("pageerror", lambda error: errors.append(str(error)))
    try:
        page.goto(server.url)
        page.wait_for_selector("nav")
        shown(page, "logs")
        page.wait_for_selector("text=Searched 15 minutes, 0 of 0 logs. 0 calls of the cloud")
        page.select_option("select[aria-label='How far back']", "6 hours")
        page.wait_for_selector("text=Searched 6 hours")
        shown(page, "metrics")
        page.wait_for_selector("text=what the cloud counted. 0 calls of it were made")
        shown(page, "cost")
        page.wait_for_selector("text=No fixed cost")
        assert errors == []
    finally:
        page.context.close()
        server.close()


def test_counts_are_asked_for_together(project: Project) -> None:
    asked: list[dict[str, Any]] = []

    class Counting(Aws):
        def call(self, service: str, operation: str, params: Any = None, **more: Any) -> dict[str, Any]:
            from datetime import UTC, datetime

            asked.append(params)
            assert (service, operation) == ("cloudwatch", "get_metric_data")
            at = datetime.fromtimestamp(NOW - 60, UTC)
            return {"MetricDataResults": [{"Id": "calls_0", "Timestamps": [at], "Values": [7.0]},
                                          {"Id": "p95_0", "Timestamps": [at], "Values": [12.5]}]}

    with far(project, [BUSY], count=101) as (pages, _, _):
        source = pages._source
        assert isinstance(source, Cloudy)
        source.aws = Counting(environment=KEYS)
        found = pages.metrics(NOW - 900, NOW, 60.0)
        assert [len(p["MetricDataQueries"]) for p in asked] == [500, 5]
        one = found["functions"][0]
        assert one["calls"][-1] == 7 and one["p95"][-1] == 12.5 and one["p50"] == [None] * 15
        assert sum(one["errors"]) == 0
        assert len(found["functions"]) == 2, "those that were not called are left out"
        assert Metrics(source, pages, clock=lambda: NOW).show({"span": "15m"})["span"] == "15m"


def test_counts_back_off_too(project: Project) -> None:
    with far(project, [BUSY]) as (pages, server, now):
        assert pages.metrics(NOW - 900, NOW, 60.0) == {"functions": [], "wait": 2.0, "cloud_calls": 1}
        assert pages.metrics(NOW - 900, NOW, 60.0)["cloud_calls"] == 1 == len(server.requests)
        now[0] += 3
        assert pages.metrics(NOW - 900, NOW, 60.0)["wait"] == 4.0
