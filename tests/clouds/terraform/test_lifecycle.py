"""When and in which order a program has a resource of a plugin replaced, and which part of a change it ignores."""
from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sst.clouds.terraform.catalogue import Catalogue
from sst.core.model import Op
from sst.errors import UserError

from .test_programs import Stage, things


@pytest.fixture
def stage(project: Catalogue) -> Iterator[Stage]:
    made = Stage(project)
    yield made
    made.clouds.close()


@pytest.fixture
def local(project: Catalogue) -> Iterator[Stage]:
    made = Stage(project, local=True)
    yield made
    made.clouds.close()


def thing(**given: Any) -> Callable[[], None]:
    def declare() -> None:
        from sst.providers import fake

        fake.Thing("One", **{"name": "one", **given})

    return declare


def ops(stage: Stage, declare: Callable[[], None]) -> list[tuple[Op, frozenset[str], bool]]:
    return [(s.op, s.replace, s.delete_first) for s in stage.plan(declare).changes if s.op is not Op.DELETE]


def applied(project: Catalogue) -> int:
    """What the plugin created, changed and deleted."""
    return Path(project.environ["FAKE_FOLDER"], "log").read_text().count("ApplyResourceChange")


def test_a_value_that_changes_replaces_it(stage: Stage, project: Catalogue) -> None:
    stage.deploy(thing()).check()
    assert ops(stage, thing(replace_when=["a", 1])) == [(Op.UPDATE, frozenset(), False)], "it is only recorded"
    stage.deploy(thing(replace_when=["a", 1])).check()
    assert stage.state("One").inputs["replace_when"] == ["a", 1]
    assert not stage.plan(thing(replace_when=["a", 1])).changes
    assert applied(project) == 1, "the plugin had nothing to do"

    again = thing(replace_when=["b", 1])
    assert ops(stage, again) == [(Op.REPLACE, frozenset({"replace_when"}), True)]
    stage.deploy(again).check()
    assert applied(project) == 3 and len(things(project)) == 1 and not stage.plan(again).changes
    assert ops(stage, thing()) == [(Op.UPDATE, frozenset(), False)], "to leave it out replaces nothing"


def test_what_another_resource_becomes_can_replace_it(stage: Stage, project: Catalogue) -> None:
    def declare(zone: str) -> Callable[[], None]:
        def two() -> None:
            from sst.providers import fake

            one = fake.Thing("One", name="one", zone=zone)
            fake.Thing("Two", name="two", replace_when=[one.zone])

        return two

    stage.deploy(declare("a")).check()
    assert not stage.plan(declare("a")).changes
    assert {s.name: s.op for s in stage.plan(declare("b")).changes if s.op is not Op.DELETE} == {
        "One": Op.UPDATE, "Two": Op.REPLACE}
    stage.deploy(declare("b")).check()
    assert not stage.plan(declare("b")).changes and len(things(project)) == 2


def test_the_program_says_in_which_order(stage: Stage, project: Catalogue) -> None:
    stage.deploy(thing(replace_when=[1])).check()
    assert ops(stage, thing(replace_when=[2])) == [(Op.REPLACE, frozenset({"replace_when"}), True)]
    first = thing(name="another", replace_when=[2], replace="create_first")
    assert ops(stage, first) == [(Op.REPLACE, frozenset({"name", "replace_when"}), False)]
    stage.deploy(first).check()
    assert len(things(project)) == 1 and not stage.plan(first).changes
    assert not stage.plan(thing(name="another", replace_when=[2])).changes, "the order alone is no change"


def test_a_part_of_an_argument_is_left_as_it_is(stage: Stage, project: Catalogue) -> None:
    stage.deploy(thing(tags={"a": "1", "owner": "me"}, rule={"port": 1, "host": "x"})).check()
    ignored = {"ignore_changes": ["tags.owner", "rule.port"]}
    assert not stage.plan(thing(tags={"a": "1", "owner": "you"}, rule={"port": 2, "host": "x"}, **ignored)).changes
    stage.deploy(thing(tags={"a": "2", "owner": "you"}, rule={"port": 2, "host": "y"}, **ignored)).check()
    one, = things(project)
    assert one["tags"] == {"a": "2", "owner": "me"} and one["rule"] == [{"port": 1, "host": "y"}]


@pytest.mark.parametrize(("given", "told"), [
    ({"replace": "first"}, "can't be 'first'"), ({"replace_when": "a"}, "takes a list of values"),
    ({"ignore_changes": ["tags..a"]}, "ignore_changes takes names and paths of properties, not 'tags..a'"),
    ({"ignore_changes": ["tgas.a"]}, "has no property 'tgas' to ignore"),
])
def test_mistakes(stage: Stage, given: dict[str, Any], told: str) -> None:
    with pytest.raises(UserError) as raised:
        stage.plan(thing(**given))
    assert told in str(raised.value)


def test_on_stage_local_it_is_simulated(local: Stage) -> None:
    local.deploy(thing(replace_when=[1], replace="create_first")).check()
    assert not local.plan(thing(replace_when=[1])).changes
    assert ops(local, thing(replace_when=[2])) == [(Op.REPLACE, frozenset({"replace_when"}), True)]


def test_a_native_value_is_made_anew(stage: Stage) -> None:
    def declare(when: int) -> Callable[[], None]:
        def run() -> None:
            from sst.providers import random

            random.Pet("Pet", replace_when=[when])

        return run

    stage.deploy(declare(1)).check()
    assert not stage.plan(declare(1)).changes
    assert ops(stage, declare(2)) == [(Op.REPLACE, frozenset({"replace_when"}), True)]
