"""Plugins under the engine: the suite of providers over a fake plugin, honest and lying, and over what is theirs
alone."""
from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sst.clouds.terraform.plugin import Plugin
from sst.clouds.terraform.pool import Pool
from sst.clouds.terraform.provider import PluginProvider
from sst.clouds.terraform.schema_cache import Schemas
from sst.clouds.terraform.types import Types
from sst.clouds.terraform.values import pack
from sst.core.model import Entry, Op
from sst.core.output import UNKNOWN
from sst.errors import ProviderError, UserError
from sst.events import Planned, StepNote
from sst.state.keys import MemoryKeys
from sst.state.records import Box, entry_record
from tests.clouds.provider_suite import Case, ProviderSuite, Stage

TYPE = "fake:Thing"


_known: dict[str, Schemas] = {}


def _schemas(program: Path, environ: Mapping[str, str]) -> Schemas:
    """Asked for once for each kind of plugin."""
    key = environ.get("FAKE_PROTOCOL", "6") + environ.get("FAKE_VERSION", "2")
    if key not in _known:
        plugin = Plugin("fake 1.0.0", [str(program)], environ)
        _known[key] = Schemas.of_answer(plugin.call("GetProviderSchema"), plugin.protocol)
        plugin.close()
    return _known[key]


class FakeProvider(PluginProvider):
    """Over a plugin of the tests, with what its cloud holds and which calls it got."""

    def __init__(self, program: Path, environ: Mapping[str, str], settings: Mapping[str, Any] | None = None) -> None:
        self.folder, self.pool = Path(environ["FAKE_FOLDER"]), Pool()
        schemas = _schemas(program, environ)

        def start() -> Plugin:
            plugin = Plugin("fake 1.0.0", [str(program)], environ)
            config = {"msgpack": pack({"url": None, "token": None, **(settings or {})}, schemas.settings.block.type)}
            plugin.call("ConfigureProvider", config=config)
            return plugin

        super().__init__("fake 1.0.0", Types("fake", schemas, "fake"), lambda: self.pool.plugin("fake", start),
                         "fake 1.0.0")
        (self.folder / "log").unlink(missing_ok=True)

    @property
    def calls(self) -> list[str]:
        log = self.folder / "log"
        return log.read_text().split() if log.exists() else []

    def things(self) -> list[dict[str, Any]]:
        return [json.loads(f.read_text()) for f in self.folder.glob("*.json")]

    def close(self) -> None:
        self.pool.close()


def case_of(provider: FakeProvider, **more: Any) -> Case:
    given: dict[str, Any] = {
        "inputs": {"name": "one", "size": 1, "password": "s3cret-password", "tags": {"a": "b"},
                   "rule": {"port": 80}, "user": [{"login": "me", "key": "s3cret-key"}], "type": "large",
                   "alias_": "uno", "from_": "here"},
        "update": {"size": 2, "rule": {"port": 81}}, "replace": {}, "user": {"name": "two"}, "uses": "zone",
        "lost": {"name": "lost"}, **more}
    return Case(provider, "fake", TYPE, given["inputs"], given["update"], given["replace"], more.get("output", "ip"),
                user=given["user"], uses=given["uses"], lost=given["lost"])


@pytest.fixture
def provider(fake_program: Path, fake_environ: dict[str, str]) -> Iterator[FakeProvider]:
    made = FakeProvider(fake_program, fake_environ)
    yield made
    made.close()


class TestHonest(ProviderSuite):
    @pytest.fixture
    def case(self, provider: FakeProvider) -> Case:
        return case_of(provider)


@pytest.fixture
def lying(fake_program: Path, fake_environ: dict[str, str]) -> Iterator[Case]:
    """Protocol 5, and an update that changes an output which its plan promised to keep."""
    provider = FakeProvider(fake_program, {**fake_environ, "FAKE_PROTOCOL": "5"})
    yield case_of(provider, inputs={"name": "one", "size": 1, "mode": "lies"}, update={"size": 2})
    provider.close()


@pytest.mark.skipif(os.environ.get("SST_PLUGINS") != "1", reason="make plugins")
class TestLying(ProviderSuite):
    @pytest.fixture
    def case(self, lying: Case) -> Case:
        return lying


class TestLegacy:
    @pytest.fixture
    def case(self, lying: Case) -> Case:
        return lying

    def test_its_users_follow_in_the_same_deploy(self, case: Case) -> None:
        stage = Stage(case)
        stage.deploy(case.inputs, user=True).check()
        stage.deploy({**case.inputs, "size": 2}, user=True).check()
        assert stage.state("Two").inputs["zone"] == stage.state().outputs["ip"] == "10.0.0.2"
        assert sum(isinstance(e, Planned) for e in stage.events) == 2


@pytest.fixture
def case(provider: FakeProvider) -> Case:
    return case_of(provider)


@pytest.fixture
def stage(case: Case) -> Stage:
    return Stage(case)


def test_a_create_is_validated_and_planned_once_and_once_more_where_something_was_unknown(
        stage: Stage, case: Case, provider: FakeProvider) -> None:
    stage.deploy(case.inputs, user=True).check()
    assert {c: provider.calls.count(c) for c in set(provider.calls)} == {
        "start": 1, "ConfigureProvider": 1, "ValidateResourceConfig": 3, "PlanResourceChange": 3,
        "ApplyResourceChange": 2}


def test_what_did_not_change_starts_no_process(stage: Stage, case: Case, provider: FakeProvider) -> None:
    stage.deploy(case.inputs, user=True).check()
    before = provider.pool.starts
    provider.close()
    provider.pool = Pool()
    stage.deploy(case.inputs, user=True).check()
    assert (provider.pool.starts, before) == (0, 1)
    provider.traits = replace(provider.traits, fingerprint="fake 1.0.1")
    assert not stage.plan(case.inputs, user=True).changes and provider.pool.starts == 1


def test_a_new_name_replaces_and_the_old_one_goes_first(stage: Stage, case: Case, provider: FakeProvider) -> None:
    stage.deploy(case.inputs).check()
    before = stage.state()
    step = next(s for s in stage.plan({**case.inputs, "name": "new"}, user=True).changes if s.name == "One")
    assert (step.op, step.replace, step.delete_first) == (Op.REPLACE, {"name"}, True)
    stage.deploy({**case.inputs, "name": "new"}, user=True).check()
    assert stage.state().id != before.id and len(provider.things()) == 2
    assert not stage.plan({**case.inputs, "name": "new"}, user=True).changes


def test_the_plan_knows_what_an_update_leaves_open(stage: Stage, case: Case) -> None:
    stage.deploy(case.inputs, user=True).check()
    step, = stage.plan({**case.inputs, "size": 5}, user=True).changes
    assert step.change and step.change.unknown == {"serial"} and step.changed == {"size"}


def test_what_the_plugin_refuses_is_an_error_of_the_plan_with_its_place(stage: Stage, case: Case) -> None:
    with pytest.raises(UserError, match="fake:Thing: size: size must be positive") as e:
        stage.plan({**case.inputs, "size": -1})
    assert e.value.where == "sst_config.py:3"


def test_what_the_schema_refuses_needs_no_process(stage: Stage, case: Case, provider: FakeProvider) -> None:
    with pytest.raises(UserError, match=r"fake:Thing: rule\.port: 'x' is not a number"):
        stage.plan({**case.inputs, "rule": {"port": "x"}})
    assert provider.pool.starts == 0


def test_a_create_that_left_a_damaged_resource_is_replaced(stage: Stage, case: Case, provider: FakeProvider) -> None:
    result = stage.deploy({**case.inputs, "mode": "half"})
    assert [f.name for f in result.failures] == ["One"] and stage.state().damaged
    step, = stage.plan(case.inputs).changes
    assert (step.op, step.delete_first, step.reason) == (Op.REPLACE, True, "its failed creation")
    stage.deploy(case.inputs).check()
    assert not stage.state().damaged and len(provider.things()) == 1


def test_a_refusal_without_a_resource_leaves_nothing_open(stage: Stage, case: Case) -> None:
    result = stage.deploy({**case.inputs, "mode": "refuses"})
    assert "one already exists" in str(result.failures[0].error) and not stage.journal.snapshot.pending
    assert result.failures[0].error.hint == "if it is of this app: sst adopt One ID"
    stage.deploy(case.inputs).check()


def test_a_lost_answer_leaves_one_resource_unsure_and_it_can_be_adopted(stage: Stage, case: Case,
                                                                          provider: FakeProvider) -> None:
    result = stage.deploy({**case.inputs, "mode": "dies"}, user=True)
    assert [f.name for f in result.failures] == ["One"] and result.skipped == 1
    again = stage.deploy({**case.inputs, "mode": "dies"}, user=True)
    assert [(f.name, f.op) for f in again.failures] == [("One", "unsure")]
    id = provider.things()[0]["id"]
    stage.deploy({**case.inputs, "mode": None}, user=True, adopt=id).check()
    assert stage.state().id == id and len(provider.things()) == 2
    assert not stage.plan({**case.inputs, "mode": None}, user=True).changes


def test_drift_is_told_in_the_words_of_the_program(stage: Stage, case: Case, provider: FakeProvider) -> None:
    from sst.engine.refresh import drifts

    stage.deploy(case.inputs).check()
    assert not drifts(stage.journal.snapshot, lambda item: provider, stage.events.append)
    thing = provider.things()[0]
    (provider.folder / f"{thing['id']}.json").write_text(json.dumps(thing | {"size": 77}))
    found, = drifts(stage.journal.snapshot, lambda item: provider, stage.events.append)
    assert (found.property, found.state_value, found.cloud_value) == ("size", 1, 77)


def test_a_state_of_an_older_schema_is_upgraded(fake_program: Path, fake_environ: dict[str, str]) -> None:
    old = FakeProvider(fake_program, {**fake_environ, "FAKE_VERSION": "1"})
    case = case_of(old, inputs={"title": "one", "size": 1})
    stage = Stage(case)
    stage.deploy(case.inputs).check()
    old.close()
    new = FakeProvider(fake_program, fake_environ)
    new.traits = replace(new.traits, fingerprint="fake 2.0.0")
    case.provider = new
    assert not stage.plan({"name": "one", "size": 1}).changes
    stage.deploy({"name": "one", "size": 3}).check()
    assert (stage.state().version, stage.state().outputs["name"], stage.state().outputs["size"]) == (2, "one", 3)
    new.close()
    old = FakeProvider(fake_program, {**fake_environ, "FAKE_VERSION": "1"})
    case.provider = old
    with pytest.raises(UserError, match="recorded by a newer version of fake"):
        stage.plan({"title": "one"})
    old.close()


def test_a_write_only_value_is_kept_nowhere_and_another_one_is_sent(stage: Stage, case: Case,
                                                                     provider: FakeProvider) -> None:
    inputs = {**case.inputs, "pin": "1234-write-only"}
    stage.deploy(inputs).check()
    state = stage.state()
    assert "1234-write-only" not in repr(state) and state.outputs["pin"] is None
    assert not stage.plan(inputs).changes
    step, = stage.plan({**inputs, "pin": "5678-write-only"}).changes
    assert (step.op, step.changed) == (Op.UPDATE, {"pin"})
    stage.deploy({**inputs, "pin": "5678-write-only"}).check()
    assert (provider.folder / "pins").read_text().split() == ["1234-write-only", "5678-write-only"]
    assert not stage.plan({**inputs, "pin": "5678-write-only"}).changes


@pytest.mark.long
def test_the_version_of_a_write_only_value_is_counted_where_the_program_leaves_it_out(stage: Stage, case: Case) -> None:
    """Providers send the value again only if ``pin_version`` is another one."""
    def version() -> object:
        return stage.state().outputs["pin_version"]

    stage.deploy(case.inputs).check()
    assert version() is None
    for pin, counted in (("1234", 1), ("1234", 1), ("5678", 2)):
        stage.deploy({**case.inputs, "pin": pin}).check()
        assert version() == counted and not stage.plan({**case.inputs, "pin": pin}).changes
    own = {**case.inputs, "pin": "5678", "pin_version": 7}
    assert [s.changed for s in stage.plan(own).changes] == [{"pin_version"}]
    stage.deploy(own).check()
    assert version() == 7 and not stage.plan(own).changes
    stage.deploy({**case.inputs, "name": "new", "pin": "5678"}).check()
    assert version() == 1, "a replacement is a new one"


def test_secrets_are_sealed_nested_ones_and_notes_of_the_provider_too(stage: Stage, case: Case) -> None:
    stage.deploy({**case.inputs, "pin": "write-only-pin"}).check()
    record = json.dumps(entry_record(Entry("made", "", stage.state()), Box(MemoryKeys(), "l")))
    for text in ("s3cret-password", "s3cret-key", "token-of", "private notes", "write-only-pin"):
        assert text not in record
    stage.deploy({**case.inputs, **case.update}).check()    # the plugin asserts that it got its notes back


def test_a_message_of_the_plugin_does_not_show_a_secret(stage: Stage, case: Case) -> None:
    stage.deploy({**case.inputs, "name": "a s3cret-password", "mode": "refuses"})
    failure, = stage.deploy({**case.inputs, "name": "a s3cret-password", "mode": "refuses"}).failures
    assert "a (secret) already exists" in str(failure.error) and "s3cret-password" not in str(failure.error)


def test_a_promise_that_a_provider_breaks_is_told_and_what_it_made_is_recorded(stage: Stage, case: Case) -> None:
    stage.deploy({**case.inputs, "mode": "odd"}).check()
    assert "fake 1.0.0 made size another value than it planned" in [
        e.text for e in stage.events if isinstance(e, StepNote)]
    assert stage.state().outputs["size"] == 99


def test_blocks_and_odd_names_read_as_they_are_written(stage: Stage, case: Case, provider: FakeProvider) -> None:
    stage.deploy(case.inputs).check()
    values = provider.schema(TYPE).values(stage.state())
    assert (values["rule"]["port"], values["user"][0]["login"], values["alias_"], values["from_"], values["type"]) == (
        80, "me", "uno", "here", "large")
    assert provider.things()[0]["alias"] == "uno"


def test_dynamic_and_nested_attributes(stage: Stage, case: Case) -> None:
    inputs = {"name": "one", "config": {"a": [1, "x", None]}, "parts": [{"key": "k"}]}
    stage.deploy(inputs).check()
    values = case.provider.schema(TYPE).values(stage.state())
    assert values["config"] == {"a": [1, "x", None]} and values["parts"] == [{"key": "k", "value": "value of k"}]
    assert not stage.plan(inputs).changes


def test_it_finds_what_a_program_reads(stage: Stage, case: Case, provider: FakeProvider) -> None:
    stage.deploy(case.inputs).check()
    found = provider.look_up("fake:data.Lookup", {"name": "one"})
    assert found and found.outputs["ip"] == "10.0.0.1" and found.id == stage.state().id
    with pytest.raises(ProviderError, match="name: there is no thing named none"):
        provider.look_up("fake:data.Lookup", {"name": "none"})


def test_settings_that_are_not_known_yet_never_reach_a_process(case: Case, stage: Stage,
                                                              provider: FakeProvider) -> None:
    use, provider._use = provider._use, lambda: None
    step, = stage.plan(case.inputs).changes
    assert step.op is Op.CREATE and step.change and step.change.planned
    assert step.change.planned["ip"] is UNKNOWN and step.change.planned["zone"] is UNKNOWN, "a default is no promise"
    provider._use = use
    stage.deploy(case.inputs).check()
    provider._use = lambda: None
    provider.traits = replace(provider.traits, fingerprint="another")
    assert not stage.plan(case.inputs).changes
    assert [s.op for s in stage.plan({**case.inputs, "size": 5}).changes] == [Op.UPDATE]


def test_a_process_for_each_set_of_settings_and_never_more_than_the_limit(fake_program: Path,
                                                                         fake_environ: dict[str, str]) -> None:
    pool = Pool(limit=2)
    for key in ("a", "b", "c", "a"):
        with pool.plugin(key, lambda: Plugin("fake", [str(fake_program)], fake_environ)):
            assert len(pool.running()) <= 2
    assert pool.starts == 4
    pool.close()
    assert not pool.running()
    with pytest.raises(ProviderError, match="the command is over"), pool.plugin("a", lambda: None):  # type: ignore[arg-type,return-value]  # never called
        pass
