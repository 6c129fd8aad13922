"""The suite of providers, over builds on this machine, over a REST API and over a provider that is a process of its
own."""
from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from sst.build.artefact import fingerprint
from sst.build.source import Source
from sst.clouds.local.artefacts import Artefacts
from sst.clouds.local.build import Builder
from sst.core.model import Entry, Op
from sst.core.output import UNKNOWN
from sst.engine.record import pending
from sst.errors import UserError
from sst.events import Planned
from sst.state.keys import MemoryKeys
from sst.state.records import Box, entry_record

from .demo.provider import DemoProvider
from .provider_suite import Case, ProviderSuite, Stage
from .rest.provider import RestProvider
from .rest.server import rest_api


def build_of(root: Path, name: str) -> dict[str, object]:
    source = Source(str(root), f"{name}.handler", f"python3.{sys.version_info[1]}", host=True)
    return {"source": {k: v for k, v in source.to_dict().items() if k != "root"},
            "fingerprint": fingerprint(source, cache=root.with_name("cache"))}


class TestBuilds(ProviderSuite):
    @pytest.fixture
    def case(self, tmp_path: Path) -> Case:
        project = tmp_path / "project"
        project.mkdir()
        (project / "requirements.txt").write_text("")
        for name in ("one", "two"):
            (project / f"{name}.py").write_text(f"def handler(event, context):\n    return {name!r}\n")
        return Case(Builder(Artefacts(project, tmp_path / "cache")), "local", "local.Build", build_of(project, "one"),
                    build_of(project, "two"), {}, "sha256", keeps_id=False,
                    reads=False)


class TestRest(ProviderSuite):
    @pytest.fixture
    def case(self) -> Iterator[Case]:
        with rest_api() as address:
            yield Case(RestProvider(address), "rest", "rest:Monitor",
                       {"name": "one", "url": "https://example.com", "password": "s3cret-password"},
                       {"interval": 120}, {"region": "us", "name": "other"}, "region",
                       user={"name": "two", "url": "https://example.org"}, uses="region",
                       lost={"name": "lost", "url": "https://example.com"})

    def test_what_a_lost_answer_made_is_found(self, case: Case) -> None:
        stage = Stage(case)
        goal = stage.goal("One", case.type, case.inputs)
        operation = pending(goal, Op.CREATE, "app-test-one", dict(case.inputs), None)
        made = case.provider.create(operation, lambda text: None)
        stage.journal.write(Entry("begin", goal.urn, pending=operation))
        stage.deploy(case.inputs).check()
        assert stage.state().id == made.id

    def test_what_it_refuses_is_refused_by_the_plan(self, case: Case) -> None:
        with pytest.raises(UserError, match="interval is at least 30 seconds"):
            Stage(case).plan({**case.inputs, "interval": 5})


class TestProcess(ProviderSuite):
    @pytest.fixture
    def case(self, tmp_path: Path) -> Iterator[Case]:
        provider = DemoProvider(tmp_path)
        yield Case(provider, "demo", "demo:Thing", {"name": "one", "size": 1, "password": "s3cret-password"},
                   {"size": 2}, {"name": "other"}, "serial", user={"name": "two"}, uses="mode", lost={"name": "lost"})
        provider.close()

    def test_what_did_not_change_starts_no_process(self, case: Case) -> None:
        stage = Stage(case)
        stage.deploy(case.inputs, user=True).check()
        again = DemoProvider(case.provider.folder)   # type: ignore[attr-defined]  # the next command
        case.provider = again
        stage.deploy(case.inputs, user=True).check()
        assert again.starts == 0
        again.traits = replace(again.traits, fingerprint="another version")
        stage.deploy(case.inputs, user=True).check()
        assert again.starts == 1
        again.close()

    def test_a_create_is_planned_once_more_only_if_something_was_unknown(self, case: Case) -> None:
        stage = Stage(case)
        stage.deploy(case.inputs, user=True).check()
        assert case.provider.calls == ["plan", "plan", "create", "plan", "create"]  # type: ignore[attr-defined]

    def test_an_output_that_the_plan_calls_unknown_is_unknown_to_its_users(self, case: Case) -> None:
        stage = Stage(case)
        stage.deploy(case.inputs, user=True).check()
        changes = stage.plan({**case.inputs, "size": 5}, user=True).changes
        assert [(s.op, s.name) for s in changes] == [(Op.UPDATE, "One"), (Op.UPDATE, "Two")]
        assert changes[1].inputs["mode"] is UNKNOWN

    def test_it_deletes_first_where_it_says_so(self, case: Case) -> None:
        stage = Stage(case)
        first = {**case.inputs, "order": "delete_first"}
        stage.deploy(first).check()
        step, = stage.plan({**first, "name": "new"}).changes
        assert step.op is Op.REPLACE and step.delete_first
        before = len(case.provider.calls)  # type: ignore[attr-defined]
        stage.deploy({**first, "name": "new"}).check()
        calls = case.provider.calls[before:]  # type: ignore[attr-defined]
        assert calls.index("delete") < calls.index("create")

    def test_a_create_that_left_a_damaged_resource_is_replaced(self, case: Case) -> None:
        stage = Stage(case)
        broken = {**case.inputs, "mode": "half"}
        result = stage.deploy(broken)
        assert [f.name for f in result.failures] == ["One"] and stage.state().damaged
        step, = stage.plan(case.inputs).changes
        assert (step.op, step.delete_first, step.reason) == (Op.REPLACE, True, "its failed creation")
        stage.deploy(case.inputs).check()
        assert not stage.state().damaged and not stage.plan(case.inputs).changes
        assert len(list(case.provider.folder.glob("*.json"))) == 1  # type: ignore[attr-defined]

    def test_a_refusal_without_a_resource_leaves_nothing_pending(self, case: Case) -> None:
        stage = Stage(case)
        stage.deploy(case.inputs).check()
        other = Stage(case)
        assert "exists" in str(other.deploy(case.inputs).failures[0].error)
        assert not other.journal.snapshot.pending

    def test_a_process_that_dies_in_a_create_leaves_that_resource_unsure(self, case: Case) -> None:
        stage = Stage(case)
        result = stage.deploy({**case.inputs, "mode": "dies"}, user=True)
        assert [f.name for f in result.failures] == ["One"] and result.skipped == 1
        again = stage.deploy({**case.inputs, "mode": "dies"}, user=True)
        assert [(f.name, f.op) for f in again.failures] == [("One", "unsure")] and again.skipped == 1
        id = next(case.provider.folder.glob("*.json")).stem  # type: ignore[attr-defined]
        stage.deploy({**case.inputs, "mode": None}, user=True, adopt=id).check()
        assert stage.state().id == id and stage.state("Two").inputs["mode"] == stage.state().outputs["serial"]

    def test_what_it_refuses_to_plan_is_an_error_of_the_program(self, case: Case) -> None:
        with pytest.raises(UserError, match="size 13 is not available") as e:
            Stage(case).plan({**case.inputs, "size": 13})
        assert e.value.where == "sst_config.py:3"

    def test_a_state_of_an_older_schema_is_upgraded(self, case: Case) -> None:
        stage = Stage(case)
        stage.deploy(case.inputs).check()
        old = stage.state()
        stage.journal.write(Entry("made", old.urn, replace(old, outputs={**old.outputs, "serial": "1"})))
        case.provider.close()
        case.provider = DemoProvider(case.provider.folder, version=2)  # type: ignore[attr-defined]
        stage.deploy({**case.inputs, "size": 7}).check()
        assert (stage.state().version, stage.state().outputs["serial"]) == (2, 2)
        case.provider.close()

    def test_its_own_notes_come_back_to_it_and_are_sealed_in_the_state(self, case: Case) -> None:
        stage = Stage(case)
        stage.deploy(case.inputs).check()
        assert json.loads(stage.state().private)["note"] == "private notes"
        record = json.dumps(entry_record(Entry("made", "", stage.state()), Box(MemoryKeys(), "l")))
        assert "private notes" not in record and "s3cret-password" not in record and "token of" not in record
        stage.deploy({**case.inputs, **case.update}).check()    # the provider asserts that it got them back


class TestLyingProcess(ProviderSuite):
    """An update changes an output that the plan promised to keep."""

    @pytest.fixture
    def case(self, tmp_path: Path) -> Iterator[Case]:
        provider = DemoProvider(tmp_path)
        yield Case(provider, "demo", "demo:Thing", {"name": "one", "size": 1, "mode": "lies"}, {"size": 2}, {}, "ip",
                   user={"name": "two"}, uses="password", lost={"name": "lost"})
        provider.close()

    def test_its_users_follow_in_the_same_deploy(self, case: Case) -> None:
        stage = Stage(case)
        stage.deploy(case.inputs, user=True).check()
        stage.deploy({**case.inputs, "size": 2}, user=True).check()
        assert stage.state("Two").inputs["password"] == stage.state().outputs["ip"] == "10.0.0.2"
        assert sum(isinstance(e, Planned) for e in stage.events) == 2
