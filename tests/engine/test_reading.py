"""Existing resources that a program only reads, and provider instances."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sst.clouds.instances import Instances
from sst.core.graph import Graph
from sst.core.model import Goal, Op, Operation, Snapshot, State, name_of
from sst.core.provider import Provider
from sst.core.resource import ProviderInstance, Resource, prop
from sst.engine.deploy import deploy, remove
from sst.engine.plan import Plan, plan
from sst.engine.rollback import goals_of
from sst.errors import Problems, UserError
from tests.fakes import Cloud, MemoryJournal, Thing, agree, ignore, unsent


class FakeInstance(ProviderInstance, type="fake.Provider"):
    region: str = prop(default=None)


class World:
    """Two clouds: the default one and that of the instance ``Us``."""

    def __init__(self) -> None:
        self.home, self.us, self.journal = Cloud(), Cloud(), MemoryJournal()
        self.instances = Instances(lambda reference, settings: {"account": "1", "region": str(settings.get("region"))})

    def of(self, item: Goal | State | Operation) -> Provider:
        return {"fake": self.home, "sst": self.instances}.get(item.provider, self.us)

    def graph(self, program: Callable[[], Any]) -> Graph:
        graph = Graph("app", "test")
        with graph.active():
            program()
        graph.seal()
        return graph

    def plan(self, program: Callable[[], Any]) -> Plan:
        self.instances.load(self.journal.snapshot)
        return plan(self.graph(program), self.journal.snapshot, self.of)

    def deploy(self, program: Callable[[], Any]) -> None:
        self.journal = MemoryJournal(self.journal.snapshot)
        self.instances.load(self.journal.snapshot)
        for cloud in (self.home, self.us):
            cloud.calls.clear()
        deploy(self.graph(program), self.journal, self.of, ignore, confirm=agree).check()
        self.journal.verify()

    def state(self, name: str) -> State:
        return next(s for s in self.journal.snapshot.resources.values() if name_of(s.urn) == name)


@pytest.fixture
def world() -> World:
    world = World()
    world.home.live["ext"] = {"name": "theirs", "size": 3, "#urn": "", "#token": "", "#version": 4}
    return world


def reads(size: int = 1) -> Callable[[], None]:
    def program() -> None:
        found = Thing.get("Found", name="theirs")
        Thing("Mine", uses=[found.key], size=size)
    return program


def test_an_existing_resource_is_read_and_never_created_changed_or_deleted(world: World) -> None:
    step = next(s for s in world.plan(reads()).changes if s.name == "Mine")
    assert step.inputs["uses"] == ["ext"], "the plan knows it"
    world.deploy(reads())
    assert {op for op, urn in world.home.calls} == {"look up", "create"}
    assert world.state("Found").read and world.state("Found").id == "ext"
    assert not world.plan(reads()).changes
    world.deploy(lambda: Thing("Mine"))
    assert "ext" in world.home.live and {name_of(u) for u in world.journal.snapshot.resources} == {"Mine"}
    world.deploy(reads())
    world.journal = MemoryJournal(world.journal.snapshot)
    remove(Graph("app", "test"), world.journal, world.of, ignore, confirm=agree).check()
    assert set(world.home.live) == {"ext"} and not world.journal.snapshot.resources


def test_what_uses_it_follows_when_it_changes(world: World) -> None:
    def program() -> None:
        Thing("Mine", note=Thing.get("Found", name="theirs").turn)

    world.deploy(program)
    world.home.live["ext"]["#version"] = 9
    assert [(s.op, s.name) for s in world.plan(program).changes] == [(Op.READ, "Found"), (Op.UPDATE, "Mine")]
    world.deploy(program)
    assert world.state("Mine").inputs["note"] == "9" and not world.plan(program).changes


def test_one_that_does_not_exist_is_an_error_of_the_plan(world: World) -> None:
    with pytest.raises(UserError, match="\"Found\" does not exist: there is none with name 'nobody'") as e:
        world.plan(lambda: Thing.get("Found", name="nobody"))
    assert "test_reading.py" in e.value.where


def test_without_a_network_what_the_state_kept_counts(world: World) -> None:
    def offline(op: str, inputs: Any) -> None:
        raise unsent(op)

    world.deploy(reads())
    world.home.fail = offline
    assert not world.plan(reads()).changes
    assert [s.name for s in world.plan(reads(size=2)).changes] == ["Mine"]


def test_what_the_app_created_can_not_become_something_that_it_only_reads(world: World) -> None:
    world.deploy(lambda: Thing("Mine", name="mine"))
    with pytest.raises(UserError, match='"Mine" was created by this app, and the program only reads it now'):
        world.plan(lambda: Thing.get("Mine", name="mine"))


def test_resources_of_an_instance_are_managed_by_it_and_deleted_without_the_program(world: World) -> None:
    def program() -> None:
        us = FakeInstance("Us", region="us")
        Thing("Home")
        Thing("Away", provider=us)

    world.deploy(program)
    assert (len(world.us.live), world.state("Away").provider, world.state("Away").deps) == (
        1, "fake::Us", ("fake.Provider::Us",))
    world.instances = Instances(lambda reference, settings: {"account": "1", "region": "us"})
    world.instances.load(world.journal.snapshot)
    assert world.instances.settings("fake::Us")["region"] == "us"
    world.journal = MemoryJournal(world.journal.snapshot)
    remove(Graph("app", "test"), world.journal, world.of, ignore, confirm=agree).check()
    assert not world.us.live and "fake.Provider::Us" not in world.journal.snapshot.resources


def test_a_resource_that_moves_to_another_instance_is_replaced_there(world: World) -> None:
    def program(away: bool, used: bool = True) -> Callable[[], None]:
        def declare() -> None:
            us = FakeInstance("Us", region="us")
            one = Thing("One", provider=us) if away else Thing("One")
            Thing("Two", uses=[one.key] if used else None)
        return declare

    world.deploy(lambda: Thing("One"))          # alone: it is the one with the id that the new one gets too
    world.deploy(program(False, used=False))
    step = next(s for s in world.plan(program(True, used=False)).changes if s.name == "One" and s.op is Op.REPLACE)
    assert step.reason == "the move to another provider instance" and not step.delete_first
    world.deploy(program(True, used=False))     # the new one has the same id as the old one, in another cloud
    assert set(world.us.live) == {"id1"} and set(world.home.live) == {"ext", "id2"}
    assert not world.plan(program(True, used=False)).changes
    world.us.count = 7
    world.deploy(program(False))
    world.deploy(program(True))
    assert world.state("Two").inputs["uses"] == [world.state("One").id] and len(world.us.live) == 1


def test_an_instance_with_resources_can_not_move(world: World) -> None:
    def program(region: str) -> Callable[[], None]:
        return lambda: Thing("Away", provider=FakeInstance("Us", region=region))

    world.deploy(program("us"))
    with pytest.raises(UserError, match="the region of provider \"Us\" can't change from 'us' to 'eu'"):
        world.plan(program("eu"))


def test_what_is_no_instance_is_refused_with_what_to_write() -> None:
    graph = Graph("app", "test")
    with graph.active():
        Thing("One", provider="us-east-1")
    with pytest.raises((UserError, Problems), match="provider takes a provider instance, not 'us-east-1'"):
        graph.seal()


def test_a_class_with_its_own_provider_must_be_findable_without_the_program() -> None:
    graph = Graph("app", "test")
    with graph.active():
        class Note(Resource, type="fake.Note"):
            provider = Cloud()

        Note("N")
    del Resource.kinds["fake.Note"]
    with pytest.raises((UserError, Problems), match="brings its own provider and is defined inside of a function"):
        graph.seal()


def test_a_rollback_tells_things_apart_that_share_an_id(world: World) -> None:
    """A bucket holds data, and its policy and CORS rules have its name for their id, too."""
    bucket = State("fake.Store::B", "fake.Store", "photos", {"name": "photos"}, {"key": "photos"}, provider="fake")
    parts = [State(f"fake.Thing::B/{n}", "fake.Thing", "photos", {"name": "photos", "size": n}, {"key": "photos"},
                   deps=(bucket.urn,), provider="fake") for n in (1, 2)]
    before = Snapshot({s.urn: s for s in (bucket, *parts)})
    graph = goals_of(before, before, world.of, app="app", stage="test")
    assert set(graph.goals) == {bucket.urn, *(p.urn for p in parts)}


def test_a_name_that_was_only_read_can_become_one_that_the_app_creates(world: World) -> None:
    world.deploy(reads())
    world.deploy(lambda: Thing("Found"))
    state = world.state("Found")
    assert not state.read and state.inputs["name"].startswith("app-test-Found-") and "ext" in world.home.live


@pytest.mark.parametrize(("settings", "message"), [
    ({"region": 3}, "region of an aws.Provider must be text, not 3"),
    ({"region": ""}, "region of an aws.Provider must be text, not ''"),
    ({"access_key": "AK"}, "needs the other key, too"),
    ({"account": "12"}, "account of an aws.Provider is 12 digits"),
    ({"role_arn": "nonsense"}, "role_arn of an aws.Provider is the ARN of a role"),
])
def test_settings_that_can_not_work_are_refused_by_the_plan(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        Instances(lambda reference, given: {"account": "1", "region": "x"}).plan("aws.Provider", None, settings)


def test_an_instance_that_manages_something_can_not_be_renamed(world: World) -> None:
    def program(name: str, alias: str | None) -> Callable[[], None]:
        return lambda: Thing("Away", provider=FakeInstance(name, region="us", alias=alias))

    world.deploy(program("Us", None))
    with pytest.raises((UserError, Problems), match='provider "Us" manages resources and can\'t be renamed to "Eu"'):
        world.plan(program("Eu", "Us"))


def test_two_instances_of_one_cloud_are_refused() -> None:
    graph = Graph("app", "test")
    with graph.active():
        Thing("One", provider=[FakeInstance("Us", region="us"), FakeInstance("Eu", region="eu")])
    with pytest.raises((UserError, Problems), match="takes one instance for each cloud, and there are two of fake"):
        graph.seal()
