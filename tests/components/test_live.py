"""What `sst dev` on an AWS stage changes in functions, and that it changes nothing else."""
from __future__ import annotations

from base64 import b64decode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import sst
from sst import aws
from sst.clouds.aws import appsync
from sst.core.dev_parts import LiveFunction
from sst.core.graph import Graph
from sst.core.output import resolve
from sst.core.target import LEASE_SECONDS, Lease, Target
from tests.components.graphs import program, shown

LEASED = Target("aws", dev=True, lease=Lease(1_800_000_000))


def declared(target: Target | None, *arguments: Any, **more: Any) -> dict[str, dict[str, Any]]:
    with program(target=target) as graph:
        aws.Function("Api", *arguments, **more)
    return {row["urn"].rpartition("::")[2].removeprefix("Api/"): row["inputs"] for row in shown(graph)}


def test_a_python_function_gets_handler_variables_and_rights() -> None:
    plain, live = declared(None, "src/job.handler"), declared(LEASED, "src/job.handler")
    assert live["Function"]["handler"] == "sst/runtime/live.handler"
    assert live["Function"]["environment"] == {**plain["Function"]["environment"],
                                               "SST_LIVE_HANDLER": "<Api/Code.handler>",
                                               "SST_LIVE_HTTP": "<SstLive.http>",
                                               "SST_LIVE_REALTIME": "<SstLive.realtime>",
                                               "SST_LIVE_CHANNEL": "/<SstLiveChannels.name>",
                                               "SST_LIVE_UNTIL": "1800000000"}
    added = [s for s in live["Policy"]["policy"]["Statement"] if s not in plain["Policy"]["policy"]["Statement"]]
    allowed = {tuple(s["Action"]): s["Resource"] for s in added}
    channels = "<SstLive.arn>/channelNamespace/<SstLiveChannels.name>"
    assert allowed == {("appsync:EventConnect",): ["<SstLive.arn>"],
                       ("appsync:EventPublish", "appsync:EventSubscribe"): [channels, f"{channels}/*"]}
    same = {"Function": ("handler", "environment"), "Policy": ("policy",)}
    for name, inputs in plain.items():
        assert {k: v for k, v in live[name].items() if k not in same.get(name, ())} == {
            k: v for k, v in inputs.items() if k not in same.get(name, ())}


@pytest.mark.parametrize("links", [False, True])
def test_a_node_function_gets_a_file_beside_its_own(links: bool) -> None:
    with program(target=LEASED) as graph:
        aws.Function("Api", "src/node.handler", streaming=True, link=[sst.Secret("Token")] if links else [])
    inputs = next(goal.inputs for goal in graph.goals.values() if goal.urn.endswith("Api/Function"))
    assert inputs["handler"] == "sst_live.handler" and inputs["environment"]["SST_LIVE_STREAM"] == "1"
    files = resolve(inputs["files"], lambda urn, attribute: "")
    assert set(files) == {"sst_live.mjs", *(["resource.enc"] if links else [])}
    assert b"export const handler" in b64decode(files["sst_live.mjs"])


@pytest.mark.parametrize("more", [{"dev": False}, {"role": "arn:aws:iam::123456789012:role/mine"}])
def test_who_does_not_take_part_is_left_alone(more: dict[str, Any]) -> None:
    assert declared(LEASED, "src/job.handler", **more) == declared(None, "src/job.handler", **more)


def test_the_bridge_is_that_of_the_session_whatever_api_the_program_has() -> None:
    with program(target=LEASED) as graph:
        chat = appsync.Api("Chat", event_config=appsync.signed_by_iam())
        fn = aws.Function("Api", "src/job.handler")
        aws.Function("Other", "src/job.handler")
        appsync.ChannelNamespace("Rooms", api_id=chat.id)
    bridges = {shown_bridge(graph, part) for c in graph.components.values() for part in c.dev_parts()}
    assert bridges == {("<SstLive.http>", "<SstLive.realtime>", "/<SstLiveChannels.name>")}
    assert fn.dev_parts() and len([g for g in graph.goals.values() if g.type == "aws.appsync.Api"]) == 2


def shown_bridge(graph: Graph, part: Any) -> tuple[str, str, str]:
    assert isinstance(part, LiveFunction) and part.bridge

    def look(urn: str, attribute: str) -> str:
        return f"<{urn.rpartition('::')[2]}.{attribute}>"

    b = part.bridge
    with graph.active():
        return resolve(b.http, look), resolve(b.realtime, look), resolve(b.channel, look)


@pytest.mark.parametrize(("target", "more", "count"), [
    (Target("local", dev=True), {}, 1), (Target("local"), {}, 0), (Target("local", dev=True), {"dev": False}, 0),
    (LEASED, {"role": "arn:aws:iam::123456789012:role/mine"}, 0), (LEASED, {}, 1)])
def test_what_a_function_adds_to_a_session(target: Target, more: dict[str, Any], count: int) -> None:
    with program(target=target):
        assert len(aws.Function("Api", "src/job.handler", **more).dev_parts()) == count


def test_a_deployed_python_site_stays_what_it_is_while_its_own_server_runs() -> None:
    for target, ignored in ((LEASED, ("source", "fingerprint")), (Target("aws"), ())):
        with program(target=target, stage="me") as graph:
            aws.FastApi("Api", app="src/web:app",
                        dev={"command": "fastapi dev src/web.py", "url": "http://127.0.0.1:8000"})
        [build] = [goal for goal in graph.goals.values() if goal.type == "local.Build"]
        assert build.ignore_changes == ignored


@given(st.floats(1e9, 4e9), st.floats(0, LEASE_SECONDS / 2))
def test_a_lease_changes_where_less_than_half_is_left(now: float, later: float) -> None:
    end = Lease.starting(now).until
    assert LEASE_SECONDS / 2 - 1 <= end - now <= LEASE_SECONDS
    if (renewed := Lease.starting(now + later).until) != end:
        assert end - (now + later) <= LEASE_SECONDS / 2 + 1
        assert renewed - end == LEASE_SECONDS / 2
