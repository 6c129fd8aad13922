"""Resources that exist already: from the state of Terraform or Pulumi, and by identity."""
from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sst.clouds.terraform.catalogue import Catalogue, activate
from sst.core.model import Entry, State
from sst.engine.adopt import Adoption
from sst.errors import UserError
from sst.plugins.lock import Lock, Locked
from sst.plugins.source import source_of
from sst.project.adopt import adoptions
from sst.project.foreign import match, read_foreign
from tests.clouds.provider_suite import Stage as Bare

from .test_programs import Stage, stage, things, two
from .test_provider import FakeProvider, case_of, provider

__all__ = ["provider", "stage"]


def tfstate(*resources: Mapping[str, Any]) -> str:
    return json.dumps({"version": 4, "terraform_version": "1.11.4", "resources": [
        {"mode": "managed", "name": "one", "provider": 'provider["registry.terraform.io/acme/fake"]', **r}
        for r in resources]})


def adopted(stage: Stage, program: Any, text: str) -> list[Adoption]:
    """Those of the file that fit, in the state now."""
    found = read_foreign(text, "terraform.tfstate")
    made, entries = adoptions(stage.declare(program), stage.journal.snapshot, stage.registry(),
                              lambda plan, snapshot: match(found.things, plan, {}, snapshot).ids)
    stage.journal.write(*entries)
    return made


def test_a_resource_is_taken_over_by_what_terraform_recorded(stage: Stage, project: Catalogue) -> None:
    """By the whole object, in the form of an older schema, with the provider's notes; nothing is imported."""
    stage.deploy(two).check()
    there, log = stage.state("One"), Path(project.environ["FAKE_FOLDER"]) / "log"
    thing = next(t for t in things(project) if t["name"] == "one")
    old = {k: v for k, v in thing.items() if k != "name"} | {"title": "one"}
    text = tfstate({"type": "fake_thing", "instances": [{
        "schema_version": 1, "attributes": old, "private": base64.b64encode(b"notes of terraform").decode()}]})
    log.unlink()
    fresh = Stage(project)
    one, = adopted(fresh, two, text)
    assert (one.state.id, one.state.version, one.differences) == (there.id, 2, ())
    assert base64.b64encode(b"notes of terraform").decode() in one.state.private
    calls = log.read_text().split()
    assert "ImportResourceState" not in calls and {"UpgradeResourceState", "ReadResource"} <= set(calls)
    assert [s.name for s in fresh.plan(two).changes] == ["Two"]
    found = read_foreign(text, "f")
    assert match(found.things, fresh.plan(two), {}, fresh.journal.snapshot).rest[0][1] == (
        "it is in the state already, as One")
    fresh.clouds.close()


def test_what_can_not_be_taken_over_is_listed_with_the_reason(stage: Stage, project: Catalogue) -> None:
    text = tfstate(
        {"type": "fake_thing", "instances": [{"attributes": {"id": "1"}, "status": "tainted"}]},
        {"type": "fake_other", "instances": [{"attributes": {"id": "1"}}]},
        {"type": "vercel_project", "provider": 'provider["registry.terraform.io/vercel/vercel"].eu',
         "instances": [{"attributes": {"id": "prj"}}]},
        {"type": "aws_neptune_cluster", "provider": 'module.a.provider["registry.terraform.io/hashicorp/aws"]',
         "instances": [{"attributes": {"id": "db"}}]},
        {"type": "fake_thing", "name": "my_site", "module": "module.web",
         "instances": [{"attributes": {"id": "2"}, "index_key": "eu"}]})
    found = read_foreign(text, "terraform.tfstate")
    assert [why for _, _, why in found.others] == [
        "Terraform has marked it as tainted, to be replaced", "fake has no such type",
        "its provider is missing: sst add vercel/vercel",
        "sst has no row for this type; `sst add aws` has it, as a class of aws_tf"]
    rest = match(found.things, stage.plan(two), {}).rest
    assert [(t.name, why) for t, why in rest] == [
        ('module.web.my_site["eu"]',
         'the program declares nothing of that type and name, as fake.Thing("MySiteEu")')]


@pytest.mark.long
def test_one_that_is_gone_is_told(stage: Stage, project: Catalogue) -> None:
    with pytest.raises(UserError, match="there is no fake:Thing with the id 'gone'"):
        adopted(stage, two, tfstate({"type": "fake_thing", "instances": [
            {"schema_version": 2, "attributes": {"id": "gone", "name": "one"}}]}))


@pytest.mark.long
def test_a_pulumi_export_gives_ids(stage: Stage, project: Catalogue) -> None:
    stage.deploy(two).check()
    fresh, id = Stage(project), stage.state("One").id
    one, = adopted(fresh, two, json.dumps({"version": 3, "deployment": {"resources": [
        {"urn": "urn:pulumi:dev::x::fake:index/thing:Thing::One", "type": "fake:index/thing:Thing", "custom": True,
         "id": id, "outputs": {"name": "one"}}]}}))
    assert one.state.id == id and not one.differences
    fresh.clouds.close()


def test_what_one_uses_of_another_is_compared_once_both_are_known(stage: Stage, project: Catalogue) -> None:
    def program(key: str = "password") -> None:
        from sst.providers import random

        password = random.Password("Db", length=16)
        random.Pet("Name", keepers={key: password.result})

    text = tfstate(
        {"type": "random_pet", "name": "name", "instances": [{"schema_version": 0, "attributes": {
            "id": "calm-otter", "length": 2, "separator": "-", "keepers": {"password": "kept-as-it-is-16"}}}]},
        {"type": "random_password", "name": "db", "instances": [{"schema_version": 3, "attributes": PASSWORD}]})
    with pytest.raises(UserError, match="random:Pet 'calm-otter' differs in keepers"):
        adopted(Stage(project), lambda: program("word"), text)
    assert [a.differences for a in adopted(stage, program, text)] == [(), ()]
    assert not stage.plan(program).changes and stage.state("Name").deps == (stage.state("Db").urn,)


def generated(length: int = 16) -> None:
    from sst.providers import random

    random.Password("Db", length=length)
    random.Pet("Name")


PASSWORD = {"id": "none", "length": 16, "result": "kept-as-it-is-16", "special": True, "upper": True, "lower": True,
            "numeric": True, "min_lower": 0, "min_upper": 0, "min_numeric": 0, "min_special": 0, "keepers": None,
            "number": True, "bcrypt_hash": "$2a$", "override_special": None}


def test_values_of_random_stay_what_terraform_made(stage: Stage, project: Catalogue) -> None:
    password = {"type": "random_password", "name": "db", "instances": [{"schema_version": 3, "attributes": PASSWORD}]}
    made = adopted(stage, generated, tfstate(
        password, {"type": "random_pet", "name": "name", "instances": [
            {"schema_version": 0, "attributes": {"id": "calm-otter", "length": 2, "separator": "-"}}]}))
    assert [a.differences for a in made] == [(), ()]
    assert stage.state("Db").outputs["result"] == "kept-as-it-is-16" and "result" in stage.state("Db").secret
    assert not stage.plan(generated).changes
    fresh = Stage(project)
    with pytest.raises(UserError, match=r"differs in length \(there 16, in the program 20\), which can't be changed"):
        adopted(fresh, lambda: generated(20), tfstate(password))
    old = tfstate({**password, "instances": [{"schema_version": 1, "attributes": PASSWORD}]})
    with pytest.raises(UserError, match="random_password 'none' was recorded with schema 1, and sst has 3"):
        adopted(Stage(project), generated, old)
    fresh.clouds.close()


def test_it_is_imported_by_its_identity(provider: FakeProvider) -> None:
    case = case_of(provider)
    made, taken = Bare(case), Bare(case)
    made.deploy(case.inputs).check()
    taken.deploy(case.inputs, adopt={"name": "one"}).check()
    assert taken.state().id == made.state().id and not taken.plan(case.inputs).changes
    for identity, message in (({"nam": "one"}, "the identity of fake_thing has no 'nam'"),
                              ({"zone": "a"}, "the identity of fake_thing needs 'name'"),
                              ({"name": ["one"]}, "the identity of fake_thing: name: a list is not text")):
        failure, = Bare(case).deploy(case.inputs, adopt=identity).failures
        assert message in str(failure.error)
    failure, = Bare(case).deploy(case.inputs, adopt={"name": "none"}).failures
    assert "there is no thing" in str(failure.error)


@pytest.mark.long
def test_a_provider_without_identities_says_so(fake_program: Path, fake_environ: dict[str, str]) -> None:
    old = FakeProvider(fake_program, {**fake_environ, "FAKE_PROTOCOL": "5"})
    with pytest.raises(UserError, match="gives fake_thing no identity") as e:
        old.existing("fake:Thing", {"name": "one"})
    assert e.value.hint == 'import it by its id: import_="..."'
    old.close()


def continued(alias: str) -> Any:
    def program() -> None:
        from sst.providers import fake

        fake.Thing("New", name="one", rule={"port": 1}, tags={"a": "b"}, alias=alias)

    return program


def as_old_type(stage: Stage, former: State, type: str = "fake:OldThing") -> None:
    """The state has it as another type, of which the provider knows no schema any more."""
    outputs = {k: v for k, v in former.outputs.items() if k != "name"} | {"former_name": "one"}
    inputs = {k: v for k, v in former.inputs.items() if k != "name"} | {"former_name": "one"}
    stage.journal.write(Entry("gone", former.urn, former), Entry("made", f"{type}::Old", replace(
        former, urn=f"{type}::Old", type=type, outputs=outputs, inputs=inputs, version=9)))


def test_a_resource_goes_on_as_another_type(stage: Stage, project: Catalogue) -> None:
    """As providers rename their types: it is moved in the state and not touched."""
    stage.deploy(continued("fake:OldThing::Old")).check()
    there, log = stage.state("New"), Path(project.environ["FAKE_FOLDER"]) / "log"
    as_old_type(stage, there)
    log.unlink()
    todo = stage.plan(continued("fake:OldThing::Old"))
    assert not todo.changes and [s.moved_from for s in todo.steps] == ["fake:OldThing::Old"]
    stage.deploy(continued("fake:OldThing::Old")).check()
    state = stage.state("New")
    assert (state.id, state.type, state.version) == (there.id, "fake:Thing", there.version)
    assert base64.b64encode(b"private notes, moved").decode() in state.private
    assert "fake:OldThing::Old" not in stage.journal.snapshot.resources
    assert "ApplyResourceChange" not in log.read_text().split()
    assert not stage.plan(continued("fake:OldThing::Old")).changes
    stage.remove().check()
    assert not things(project)


def test_a_resource_goes_on_at_another_provider(stage: Stage, project: Catalogue) -> None:
    """As `moved` blocks of Terraform from one provider to another; the former one is in the lock and not installed."""
    Lock.read(project.root).with_provider(Locked("before", source_of("acme/older"), "1.0.0")).write(project.root)
    activate(Catalogue(project.root, project.environ))
    stage.deploy(continued("before:Thing2::Old")).check()
    there, log = stage.state("New"), Path(project.environ["FAKE_FOLDER"]) / "log"
    as_old_type(stage, replace(there, provider="before", secret=("former_name",)), "before:Thing2")
    log.unlink()
    todo = stage.plan(continued("before:Thing2::Old"))
    assert not todo.changes and [s.moved_from for s in todo.steps] == ["before:Thing2::Old"]
    stage.deploy(continued("before:Thing2::Old")).check()
    state = stage.state("New")
    assert (state.id, state.type, state.provider, state.secret) == (there.id, "fake:Thing", "fake", there.secret)
    assert "ApplyResourceChange" not in log.read_text().split()
    stage.remove().check()
    assert not things(project)


@pytest.mark.long
def test_a_type_that_can_not_be_made_of_another_is_an_error_of_the_plan(stage: Stage, project: Catalogue) -> None:
    stage.deploy(continued("fake:OldThing::Old")).check()
    as_old_type(stage, stage.state("New"), "fake:Other")
    with pytest.raises(UserError, match='fake:Thing "New" can\'t continue "Old"') as e:
        stage.plan(continued("fake:Other::Old"))
    assert "fake:Thing: registry.opentofu.org/acme/fake fake_other is nothing of ours" in e.value.message
    assert "test_existing.py:" in e.value.where
