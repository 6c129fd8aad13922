"""What `sst dev` on an AWS stage changes in functions, and that it changes nothing else."""
from __future__ import annotations

from base64 import b64decode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import sst
from sst import aws
from sst.aws.function.live import LEASE, LiveSettings, lease_end
from sst.core.output import resolve
from tests.components.graphs import program, shown

LIVE = LiveSettings("id.appsync-api.eu-west-1.amazonaws.com", "id.appsync-realtime-api.eu-west-1.amazonaws.com",
                    "arn:aws:appsync:eu-west-1:123456789012:apis/id", "shop-test", 1_800_000_000)


def declared(live: object, *arguments: Any, **more: Any) -> dict[str, dict[str, Any]]:
    with program(**({"live": lambda: live} if live else {})) as graph:
        aws.Function("Api", *arguments, **more)
    return {row["urn"].rpartition("::")[2].rpartition("/")[2]: row["inputs"] for row in shown(graph)}


def test_a_python_function_gets_handler_variables_and_rights() -> None:
    plain, live = declared(None, "src/job.handler"), declared(LIVE, "src/job.handler")
    assert live["Function"]["handler"] == "sst/runtime/live.handler"
    assert live["Function"]["environment"] == {**plain["Function"]["environment"],
                                               "SST_LIVE_HANDLER": "<Api/Code.handler>",
                                               "SST_LIVE_HTTP": LIVE.http, "SST_LIVE_REALTIME": LIVE.realtime,
                                               "SST_LIVE_CHANNEL": "/shop-test", "SST_LIVE_UNTIL": "1800000000"}
    added = [s for s in live["Policy"]["policy"]["Statement"] if s not in plain["Policy"]["policy"]["Statement"]]
    allowed = {tuple(s["Action"]): s["Resource"] for s in added}
    channels = f"{LIVE.api_arn}/channelNamespace/shop-test"
    assert allowed == {("appsync:EventConnect",): [LIVE.api_arn],
                       ("appsync:EventPublish", "appsync:EventSubscribe"): [channels, f"{channels}/*"]}
    same = {"Function": ("handler", "environment"), "Policy": ("policy",)}
    for name, inputs in plain.items():
        assert {k: v for k, v in live[name].items() if k not in same.get(name, ())} == {
            k: v for k, v in inputs.items() if k not in same.get(name, ())}


@pytest.mark.parametrize("links", [False, True])
def test_a_node_function_gets_a_file_beside_its_own(links: bool) -> None:
    with program(live=lambda: LIVE) as graph:
        aws.Function("Api", "src/node.handler", streaming=True, link=[sst.Secret("Token")] if links else [])
    inputs = next(goal.inputs for goal in graph.goals.values() if goal.urn.endswith("Api/Function"))
    assert inputs["handler"] == "sst_live.handler" and inputs["environment"]["SST_LIVE_STREAM"] == "1"
    files = resolve(inputs["files"], lambda urn, attribute: "")
    assert set(files) == {"sst_live.mjs", *(["resource.enc"] if links else [])}
    assert b"export const handler" in b64decode(files["sst_live.mjs"])


@pytest.mark.parametrize("more", [{"dev": False}, {"role": "arn:aws:iam::123456789012:role/mine"}])
def test_who_does_not_take_part_is_left_alone(more: dict[str, Any]) -> None:
    assert declared(LIVE, "src/job.handler", **more) == declared(None, "src/job.handler", **more)


@given(st.floats(1e9, 4e9), st.floats(0, LEASE / 2))
def test_a_lease_changes_where_less_than_half_is_left(now: float, later: float) -> None:
    end = lease_end(now)
    assert LEASE / 2 - 1 <= end - now <= LEASE
    if (renewed := lease_end(now + later)) != end:
        assert end - (now + later) <= LEASE / 2 + 1
        assert renewed - end == LEASE / 2
