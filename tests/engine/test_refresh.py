"""Drift is found by reading, recorded where accepted, and reverted by the next deploy; a rollback is a deploy of an
earlier state."""
from __future__ import annotations

import json
from typing import Any

import pytest

from sst.core.graph import Graph
from sst.core.output import UNKNOWN
from sst.engine.deploy import deploy
from sst.engine.plan import plan
from sst.engine.plan_json import check, plan_data
from sst.engine.refresh import Drift, drifts
from sst.engine.rollback import goals_of
from sst.errors import ProviderError, UserError
from tests.fakes import Store, Thing, agree, busy, ignore, refresh, refused

from .test_lifecycle import Program, Stage, pair


@pytest.fixture
def stage() -> Stage:
    return Stage()


def found(stage: Stage, **options: Any) -> list[Drift]:
    return refresh(stage.journal, stage.cloud.provider, ignore, **options)


class TestDrift:
    def test_a_clean_stage_shows_nothing_and_records_nothing(self, stage: Stage) -> None:
        stage.deploy(pair())
        before = len(stage.journal.entries)
        assert found(stage) == [] and len(stage.journal.entries) == before

    def test_a_change_by_hand_is_found_and_reverted_by_the_next_deploy(self, stage: Stage) -> None:
        stage.deploy(lambda: Thing("One", size=2))
        stage.cloud.live["id1"] |= {"size": 9, "note": "not told by the program"}
        (drift,) = found(stage)
        assert (drift.name, drift.property, drift.state_value, drift.cloud_value) == ("One", "size", 2, 9)
        stage.deploy(lambda: Thing("One", size=2)).check()
        assert stage.calls == ["update One"] and stage.cloud.live["id1"]["size"] == 2 and found(stage) == []

    def test_a_thing_deleted_by_hand_is_made_again_and_its_users_follow(self, stage: Stage) -> None:
        stage.deploy(pair())
        del stage.cloud.live["id1"]
        (drift,) = found(stage)
        assert drift.gone and drift.name == "One"
        stage.deploy(pair()).check()
        assert stage.calls == ["create One", "update Two"]

    def test_what_is_not_accepted_is_not_recorded(self, stage: Stage) -> None:
        stage.deploy(lambda: Thing("One", size=2))
        stage.cloud.live["id1"]["size"] = 9
        assert len(found(stage, accept=lambda drift: False)) == 1 and stage.state("One").inputs["size"] == 2

    def test_secret_values_are_marked(self, stage: Stage) -> None:
        stage.deploy(lambda: Thing("One", password="a"))
        stage.cloud.live["id1"]["password"] = "b"
        assert [d.secret for d in drifts(stage.journal.snapshot, stage.cloud.provider, ignore)] == [True]

    def test_what_can_not_be_read_is_not_gone(self, stage: Stage) -> None:
        stage.deploy(lambda: Thing("One"))

        def fail(op: str, inputs: Any) -> None:
            raise busy("things describe")

        stage.cloud.fail = fail
        with pytest.raises(ProviderError, match=r'Throttling: fake.Thing "One" could not be read: rate exceeded   '
                                                r'\[things describe\]'):
            found(stage)
        assert stage.names == {"One"}


class TestRollback:
    def back(self, stage: Stage, before: Any) -> None:
        graph = goals_of(before, stage.journal.snapshot, stage.cloud.provider, app="app", stage="test")
        stage._run(lambda: deploy(graph, stage.journal, stage.cloud.provider, ignore, confirm=agree)).check()

    def world(self, stage: Stage) -> dict[str, dict[str, Any]]:
        ids = {s.id: s.urn for s in stage.journal.snapshot.resources.values()}
        assert set(ids) == set(stage.cloud.live)
        return {u: {k: [ids.get(i, i) for i in x] if k == "uses" else x for k, x in stage.cloud.live[id].items()
                    if not k.startswith("#") and k != "name"} for id, u in ids.items()}

    @pytest.mark.parametrize("after", [
        lambda: None, pair("y"), lambda: Thing("One", size=5), lambda: Thing("Three"),
        lambda: Thing("Two", uses=[Thing("Uno", alias="One").key]), lambda: Thing("Two", shape="y", size=3)],
        ids=["removed", "replaced", "changed and dropped", "others", "renamed", "user replaced"])
    @pytest.mark.parametrize("failing", ["", "create", "update", "delete"])
    def test_the_world_is_as_before(self, stage: Stage, after: Program, failing: str) -> None:
        stage.deploy(pair(size=2)).check()
        before, world = stage.journal.snapshot, self.world(stage)

        def fail(op: str, inputs: Any) -> None:
            if op == failing:
                raise refused()

        stage.cloud.fail = fail
        stage.deploy(after)
        stage.cloud.fail = lambda op, inputs: None
        self.back(stage, before)
        assert self.world(stage) == world
        self.back(stage, before)
        assert not stage.calls

    def test_data_stays_as_it_is(self, stage: Stage) -> None:
        stage.deploy(lambda: (Store("Files", size=1), Thing("One", size=1)))
        before = stage.journal.snapshot
        stage.deploy(lambda: (Store("Files", size=2), Store("New"), Thing("One", size=2)))
        self.back(stage, before)
        assert stage.calls == ["update One"] and stage.names == {"Files", "New", "One"}
        assert stage.state("Files").inputs["size"] == 2


class TestPlanAsData:
    def test_it_is_the_same_each_time_and_goes_through_json(self, stage: Stage) -> None:
        stage.deploy(pair())
        one, two = (plan_data(stage.plan(pair("y")), key=b"k") for _ in range(2))
        assert one == two == json.loads(json.dumps(one))
        assert [(s["op"], s["name"]) for s in one["steps"]] == [("replace", "One"), ("update", "Two"),
                                                                ("delete", "One")]
        assert one["steps"][0]["inputs"]["name"] == "${minted}" and one["steps"][0]["replace"] == ["shape"]
        assert one["steps"][1]["inputs"]["uses"] == [{"$unknown": True}] and one["steps"][1]["changed"] == ["uses"]

    def test_a_secret_shows_that_it_changed_and_not_what_it_is(self, stage: Stage) -> None:
        stage.deploy(lambda: Thing("One", password="p4ssword"))
        data = plan_data(stage.plan(lambda: Thing("One", password="n3wword", note="x")), key=b"k")
        (step,) = data["steps"]
        text = json.dumps(data)
        assert "p4ssword" not in text and "n3wword" not in text
        assert step["inputs"]["password"]["$hmac"] != step["old"]["password"]["$hmac"]
        assert plan_data(stage.plan(lambda: Thing("One", password="n3wword", note="x")), key=b"other") != data

    def test_a_saved_plan_is_checked_against_what_would_be_done_now(self, stage: Stage) -> None:
        saved = json.loads(json.dumps(plan_data(stage.plan(pair()), key=b"k")))
        check(saved, stage.plan(pair()), key=b"k")
        with pytest.raises(UserError, match=r"differs from the current plan\ndifferent: create One \(size\)\n  hint: "
                                            r"review the new plan"):
            check(saved, stage.plan(pair(size=3)), key=b"k")
        with pytest.raises(UserError, match="no longer: create Two"):
            check(saved, stage.plan(lambda: Thing("One")), key=b"k")
        with pytest.raises(UserError, match="saved by another version"):
            check({"version": 9}, stage.plan(pair()), key=b"k")


def test_an_unknown_value_equals_nothing(stage: Stage) -> None:
    made = plan(stage.graph(pair()), stage.journal.snapshot, stage.cloud.provider)
    assert made.steps[1].inputs["uses"][0] is UNKNOWN and made.steps[1].inputs["uses"][0] != UNKNOWN
    assert isinstance(stage.graph(pair()), Graph)
