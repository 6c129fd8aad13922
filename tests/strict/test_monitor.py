"""Lines and counts that the console shows of functions in AWS, over an account that throttles."""
from __future__ import annotations

from datetime import UTC, datetime

import pytest

from sst.clouds.aws.browse.monitor import AwsMonitor
from sst.clouds.aws.client import Aws
from sst.core.model import State

from .clock import Clock
from .cloud import StrictCloud

pytestmark = [pytest.mark.emulator, pytest.mark.strict]


@pytest.mark.parametrize("strict", ["moto"], indirect=True)
def test_lines_and_counts(strict: StrictCloud, aws: Aws, clock: Clock) -> None:
    functions = [State(f"u{n}", "aws.lambda.Function", name, {"name": name}) for n, name in enumerate(("api", "idle"))]
    group, now = "/aws/lambda/api", clock()
    aws.call("logs", "create_log_group", {"logGroupName": group})
    aws.call("logs", "create_log_stream", {"logGroupName": group, "logStreamName": "s"})
    aws.call("logs", "put_log_events", {"logGroupName": group, "logStreamName": "s", "logEvents": [
        {"timestamp": int(now * 1000) - 5000 + n, "message": text} for n, text in enumerate((
            "START RequestId: 1", "order 4711 failed", "order 4712"))]})
    aws.call("cloudwatch", "put_metric_data", {"Namespace": "AWS/Lambda", "MetricData": [
        {"MetricName": metric, "Dimensions": [{"Name": "FunctionName", "Value": "api"}], "Value": value,
         "Timestamp": datetime.fromtimestamp(now - 90, UTC)} for metric, value in (("Invocations", 3), ("Errors", 1))]})
    monitor = AwsMonitor(lambda: aws)
    found = monitor.lines(functions, text="", since=now - 900, until=now)
    assert [line.text for line in found.lines] == ["order 4712", "order 4711 failed"] and found.next == ""
    assert [line.text for line in monitor.lines(functions, text="4711", since=now - 900, until=now).lines] == [
        "order 4711 failed"]
    api, idle = monitor.series(functions, since=now - 900, until=now, step=60)
    assert sum(v or 0 for v in api.points["calls"]) == 3 and sum(v or 0 for v in api.points["errors"]) == 1
    assert set(idle.points["calls"]) == {0} and set(idle.points["p95"]) == {None}

    strict.throttle = lambda request, number: True
    began, asked = clock(), monitor.calls
    assert monitor.lines(functions, text="", since=now - 900, until=now).slow
    assert clock() - began < 5 and monitor.calls == asked + 1
