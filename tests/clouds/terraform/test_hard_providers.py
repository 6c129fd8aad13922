"""What providers do that is hard on a plan, a deploy, or the user who waits for them."""
from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from sst.clouds.context import StageContext
from sst.clouds.terraform.catalogue import Catalogue, activate
from sst.clouds.terraform.configuration import configured
from sst.clouds.terraform.plugins import Plugins
from sst.clouds.terraform.private import Private
from sst.clouds.terraform.provider import PluginProvider
from sst.clouds.terraform.schema_cache import Schemas
from sst.clouds.terraform.stubs import stub_files
from sst.clouds.terraform.types import Types
from sst.clouds.terraform.wire import encode
from sst.core.model import Op
from sst.core.output import UNKNOWN
from sst.engine.deploy import deploy
from sst.engine.rollback import goals_of
from sst.plugins.lock import Lock
from tests.clouds.provider_suite import Case
from tests.clouds.provider_suite import Stage as Bare
from tests.fakes import MemoryJournal, agree, ignore

from .test_programs import Stage, local, stage, things
from .test_provider import TYPE, FakeProvider, case_of, provider

__all__ = ["local", "provider", "stage"]


@pytest.fixture
def case(provider: FakeProvider) -> Case:
    return case_of(provider)


@pytest.fixture
def bare(case: Case) -> Bare:
    return Bare(case)


@pytest.mark.long
def test_a_provider_that_is_slow_to_configure_is_named_while_the_user_waits(project: Catalogue) -> None:
    """The plugin goes on once the note was given."""
    notes = list[str]()

    def note(text: str) -> None:
        notes.append(text)
        (Path(project.environ["FAKE_FOLDER"]) / "go").touch()

    activate(Catalogue(project.root, project.environ, note))
    plugins = Plugins(StageContext("app", "test", project.root, "us-east-1", None, None, project.environ,
                                   defaults={"fake": {"url": "slow"}}), patience=0.05)
    with plugins.provider("fake", lambda: {"url": "slow"})._plugin():    # type: ignore[attr-defined]  # of plugins
        assert notes == ["waiting for the provider fake to get ready"]
    plugins.close()


@pytest.mark.long
def test_aws_on_stage_local_gets_the_cloud_of_this_machine_without_a_block_of_endpoints(project: Catalogue) -> None:
    """Such a block takes the provider seconds; variables do not."""
    one = project.lock.named("fake")
    source = replace(one.source, namespace="hashicorp", type="aws")
    package = next((project.root.parent / "mirror").rglob("1.0.0"))
    place = project.root.parent / "mirror" / str(source) / "1.0.0"
    place.parent.mkdir(parents=True)
    place.symlink_to(package)
    Lock().with_provider(replace(one, name="aws_tf", source=source)).write(project.root)
    activate(Catalogue(project.root, project.environ))
    folder = Path(project.environ["FAKE_FOLDER"])
    context = StageContext("app", "local", project.root, "us-east-1", None, None, project.environ,
                           defaults={"aws_tf": {"local": "real"}}, local=lambda: None)    # type: ignore[arg-type,return-value]  # never asked
    plugins = Plugins(context, lambda: {"FAKE_SEEN": "http://127.0.0.1:4566"})
    with plugins.provider("aws_tf", dict)._plugin():    # type: ignore[attr-defined]  # of plugins
        assert '"seen": "http://127.0.0.1:4566"' in (folder / "settings").read_text()
        assert '"settings": {"url": null, "token": null}' in (folder / "settings").read_text()
    plugins.close()


@pytest.mark.long
def test_an_interrupted_deploy_records_what_a_plugin_was_just_creating(stage: Stage, project: Catalogue) -> None:
    """The call is not given up: a provider whose call is cancelled forgets what it made."""
    def program() -> None:
        from sst.providers import fake

        one = fake.Thing("One", name="one", mode="waits")
        fake.Thing("Two", name=one.zone)

    folder, stop, results = Path(project.environ["FAKE_FOLDER"]), Event(), list[Any]()
    graph = stage.declare(program)
    work = Thread(target=lambda: results.append(deploy(graph, stage.journal, stage.registry(), ignore, confirm=agree,
                                                       stop=stop)))
    work.start()
    while not (folder / "waiting").exists():
        assert work.is_alive()
        work.join(0.01)
    stop.set()
    while not (folder / "stopped").exists():    # it is asked to end soon
        assert work.is_alive()
        work.join(0.01)
    (folder / "go").touch()
    work.join(60)
    assert [t["name"] for t in things(project)] == ["one"] and stage.state("One").id == things(project)[0]["id"]
    assert not stage.journal.snapshot.pending and not results[0].failures
    stage.deploy(program).check()
    assert len(things(project)) == 2


@pytest.mark.long
def test_an_output_as_a_key_is_known_only_after_the_deploy(stage: Stage) -> None:
    def program(key: str = "") -> None:
        from sst.providers import fake

        one = fake.Thing("One", name="one")
        fake.Thing("Two", name="two", tags={f"{one.ip}{key}": "x", "plain": "y"}, config={one.ip: 1})

    step = next(s for s in stage.plan(program).changes if s.name == "Two")
    assert step.change and step.change.planned
    assert step.change.planned["tags"] is UNKNOWN and step.change.planned["config"] is UNKNOWN
    stage.deploy(program).check()
    assert stage.state("Two").outputs["tags"] == {"10.0.0.1": "x", "plain": "y"}
    assert not stage.plan(program).changes
    step, = stage.plan(lambda: program("-b")).changes
    assert (step.op, step.changed) == (Op.UPDATE, {"tags"})


def shouting(**options: Any) -> Any:
    def program() -> None:
        from sst.providers import fake

        fake.Thing("One", name="one", label="quiet", mode="shouts", **options)

    return program


@pytest.mark.long
def test_a_difference_that_never_ends_is_not_told_each_time(stage: Stage) -> None:
    """Nobody is asked where nothing changed. Where the provider is asked, ``ignore_changes`` ends it."""
    stage.deploy(shouting()).check()
    assert stage.state("One").outputs["label"] == "QUIET"
    assert not stage.plan(shouting()).changes
    forgotten = replace(stage.state("One"), fingerprint="")    # as after an upgrade of the provider
    stage.journal.snapshot.resources[forgotten.urn] = forgotten    # type: ignore[index]  # a dict in tests
    step, = stage.plan(shouting()).changes
    assert (step.op, step.changed) == (Op.UPDATE, {"label"})
    assert not stage.plan(shouting(ignore_changes=["label"])).changes


@pytest.mark.long
def test_two_providers_may_have_types_of_one_name(project: Catalogue) -> None:
    lock = Lock.read(project.root)
    lock.with_provider(replace(lock.named("fake"), name="other")).write(project.root)
    activate(Catalogue(project.root, project.environ))
    stage = Stage(project, other={"url": "https://other.test"})

    def program() -> None:
        from sst.providers import fake, other

        assert fake.Thing is not other.Thing
        fake.Thing("One", name="one")
        other.Thing("One", name="two")

    stage.deploy(program).check()
    assert {(s.urn, s.provider) for s in stage.journal.snapshot.resources.values()} == {
        ("fake:Thing::One", "fake"), ("other:Thing::One", "other")}
    stage.remove().check()
    assert not things(project)
    stage.clouds.close()


def test_types_whose_plan_depends_on_files_or_time_are_always_asked_about() -> None:
    empty = encode("Schema", {"block": {}})
    schemas = Schemas(6, empty, {"local_file": empty, "local_thing": empty}, {})
    made = PluginProvider("local 2.0", Types("local_tf", schemas, "local"), lambda: None, "local 2.0")
    assert made.traits.always == {"local_tf:File"}


def test_no_setting_is_required_since_it_may_come_from_the_environment() -> None:
    """The schema depends on the environment in which it was asked for, and is kept."""
    raw = encode("Schema", {"block": {"attributes": [{"name": "region", "type": b'"string"', "required": True}]}})
    schemas = Schemas(6, raw, {}, {})
    assert configured(schemas.settings.block, {}) == {"region": None}
    assert "region: s.Str=..." in stub_files("fake", "fake", schemas)["__init__.pyi"]


@pytest.mark.long
def test_an_update_that_turns_out_to_be_a_replacement_is_not_made_unseen(bare: Bare, case: Case,
                                                                       provider: FakeProvider) -> None:
    """Its settings are known only during the deploy."""
    bare.deploy(case.inputs).check()
    use, provider._use = provider._use, lambda: None
    provider.traits = replace(provider.traits, fingerprint="another")

    def confirm(plan: Any) -> None:
        assert [s.op for s in plan.changes] == [Op.UPDATE]
        provider._use = use

    bare.journal = MemoryJournal(bare.journal.snapshot)
    result = deploy(bare.graph({**case.inputs, "name": "new"}), bare.journal, lambda item: provider, ignore,
                    confirm=confirm)
    failure, = result.failures
    assert "a change of name needs a new one" in str(failure.error)
    assert [t["name"] for t in provider.things()] == ["one"] and not bare.journal.snapshot.pending


def test_notes_of_a_provider_come_back_byte_for_byte() -> None:
    notes = bytes(range(256))
    assert Private.read(Private(notes).text()).notes == notes


@pytest.fixture
def two_states(bare: Bare, case: Case) -> Iterator[tuple[Any, Any]]:
    bare.deploy(case.inputs, user=True).check()
    before = bare.journal.snapshot
    bare.deploy({**case.inputs, "size": 7}).check()
    yield before, bare.journal.snapshot


@pytest.mark.long
def test_a_rollback_brings_plugin_resources_back(bare: Bare, case: Case, provider: FakeProvider,
                                                two_states: tuple[Any, Any]) -> None:
    before, now = two_states
    assert len(provider.things()) == 1
    graph = goals_of(before, now, lambda item: provider, app="app", stage="test")
    bare.journal = MemoryJournal(now)
    deploy(graph, bare.journal, lambda item: provider, ignore, confirm=agree).check()
    assert {t["name"]: t["size"] for t in provider.things()} == {"one": 1, "two": None}
    assert not bare.plan(case.inputs, user=True).changes


@pytest.mark.long
def test_after_an_adoption_the_provider_is_asked_once_more(bare: Bare, case: Case, provider: FakeProvider) -> None:
    """What it holds may differ from the program in ways that the adoption could not show."""
    bare.deploy(case.inputs).check()
    id = bare.state().id
    taken = Bare(case)
    inputs: Mapping[str, Any] = {**case.inputs, "size": 9}
    taken.deploy(inputs, adopt=id).check()
    assert taken.state().id == id and provider.things()[0]["size"] == 9
    assert not taken.plan(inputs).changes


@pytest.mark.long
def test_another_instance_of_the_provider_takes_over_what_exists(project: Catalogue) -> None:
    stage = Stage(project)

    def program(other: bool) -> None:
        from sst.providers import fake

        instance = fake.Provider("Other", url="https://other.test")
        fake.Thing("One", name="one", provider=instance if other else None)

    stage.deploy(lambda: program(False)).check()
    before = stage.state("One")
    todo = stage.plan(lambda: program(True))
    stage.deploy(lambda: program(True)).check()
    after = stage.state("One")
    assert after.provider == "fake::Other" and len(things(project)) == 1
    assert (after.id == before.id) == (not any(s.op is Op.REPLACE for s in todo.changes))
    assert not stage.plan(lambda: program(True)).changes
    stage.clouds.close()
    assert TYPE in after.urn
