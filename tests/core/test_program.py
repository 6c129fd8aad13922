"""What a program may declare, how it may change it, and how its mistakes are told."""
from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, Unpack

import pytest

from sst.core.component import Component, Options
from sst.core.graph import Graph
from sst.core.later import later
from sst.core.link import Include, Link, include_of, linked
from sst.core.model import Snapshot
from sst.core.output import Output
from sst.core.resource import Resource
from sst.core.transform import Transform
from sst.engine.plan import plan
from sst.errors import Problems, SstError, UserError
from tests.fakes import Cloud, Store, Thing


class Api(Component, kind="acme.Api", parts=("role", "queue")):
    """A component as users know them from SST: a role and a queue that uses it."""

    def __init__(self, name: str, *, handler: str, size: int = 1, transform: dict[str, Transform] | None = None,
                 **options: Unpack[Options]) -> None:
        super().__init__(name, **options)
        if size > 100:
            raise UserError(f"size must be at most 100; it is {size}")
        with self.scope(transform):
            self.role = Thing("Role", note=handler)
            self.queue = Store("Queue", size=size)

    @property
    def url(self) -> Output[str]:
        return self.queue.key

    def link(self) -> Link:
        return Link(self.logical_name, self.kind, {"url": self.url}, (Include("acme.right", {"read": self.url}),))


class Outer(Component, kind="acme.Outer", parts=("api",)):
    def __init__(self, name: str, *, transform: dict[str, Transform] | None = None, **options: Unpack[Options]) -> None:
        super().__init__(name, **options)
        with self.scope(transform):
            self.api = Api("Api", handler="h")


def new() -> Graph:
    return Graph("app", "test", removal="remove")


def told(graph: Graph) -> str:
    """All problems of a program in one text."""
    with pytest.raises(SstError) as caught:
        graph.seal()
    text = str(caught.value)
    assert len(re.findall(r"test_program\.py:\d+", text)) >= len(getattr(caught.value, "errors", [1]))
    return text


def planned(graph: Graph, name: str) -> dict[str, Any]:
    """The inputs that a first deploy would send."""
    graph.seal()
    return {s.name: dict(s.inputs) for s in plan(graph, Snapshot(), Cloud().provider).steps}[name]


def test_a_component_names_its_children() -> None:
    with new().active() as graph:
        api = Api("Web", handler="src/api.handler")
    graph.seal()
    assert list(graph.goals) == ["acme.Api/fake.Thing::Web/Role", "acme.Api/fake.Store::Web/Queue"]
    with graph.active():
        assert api.nodes.role is api.role and api.nodes.queue is api.queue and list(api.nodes) == [api.role, api.queue]
        with pytest.raises(AttributeError, match=r'"Web" has no node \'rolle\'; did you mean "role"\?'):
            _ = api.nodes.rolle
    goal = graph.goals[api.queue.__sst__.urn]
    assert goal.parent == api.urn and re.search(r"test_program\.py:\d+$", goal.where)


def test_a_name_and_a_part_of_a_component_differ() -> None:
    with new().active() as graph:
        Api("Web", handler="h")
        Thing("WebRole")
    graph.seal()


def test_reading_a_property_makes_an_edge() -> None:
    with new().active() as graph:
        one = Thing("One", size=2)
        two = Thing("Two", note=f"{one.name}", size=one.size)
    graph.seal()
    assert graph.goals[two.__sst__.urn].deps == {one.__sst__.urn}


class TestTransforms:
    def test_a_mapping_is_merged(self) -> None:
        with new().active() as graph:
            Api("Web", handler="h", transform={"queue": {"size": 7}})
        assert planned(graph, "Web/Queue")["size"] == 7

    def test_a_function_changes_the_arguments_in_place(self) -> None:
        def change(args: dict[str, Any]) -> None:
            args["size"] += 1

        with new().active() as graph:
            Api("Web", handler="h", size=4, transform={"queue": change})
        assert planned(graph, "Web/Queue")["size"] == 5

    def test_a_function_returns_the_changes_and_may_build_on_the_minted_name(self) -> None:
        with new().active() as graph:
            Api("Web", handler="h", transform={"role": lambda args: {"name": f"{args['name']}-CustomRole"}})
        assert re.fullmatch(r"app-test-WebRole-[a-z]{8}-CustomRole", planned(graph, "Web/Role")["name"])

    def test_a_result_over_the_limit_shortens_the_minted_part(self) -> None:
        with new().active() as graph:
            Api(
                "AVeryLongNameIndeed",
                handler="h",
                transform={"role": lambda args: {"name": f"{args['name']}-CustomRole", "note": args["name"]}},
            )
        inputs = planned(graph, "AVeryLongNameIndeed/Role")
        assert re.fullmatch(r"\S+-[a-z]{8}-CustomRole", inputs["name"]) and len(inputs["name"]) <= 40
        assert inputs["name"] == inputs["note"] + "-CustomRole"

    def test_a_fixed_name_over_the_limit_is_refused(self) -> None:
        with new().active() as graph:
            Thing("Jobs", name="n" * 41)
        with pytest.raises(UserError, match=r'"Jobs" can\'t be named \'n{41}\': at most 40 characters '
                                            r'\(.*test_program'):
            planned(graph, "Jobs")

    def test_an_untouched_name_is_minted_as_ever(self) -> None:
        with new().active() as graph:
            Api("Web", handler="h", transform={"role": lambda args: {"note": "x"}})
        assert "name" not in graph.goals["acme.Api/fake.Thing::Web/Role"].inputs

    def test_options_may_be_set(self) -> None:
        with new().active() as graph:
            Api("Web", handler="h", transform={"queue": {"retain": True, "alias": "Old"}})
        goal = graph.goals["acme.Api/fake.Store::Web/Queue"]
        assert goal.retain and goal.aliases == ("acme.Api/fake.Store::Web/Old",)

    def test_all_of_a_kind_are_changed_by_the_app(self) -> None:
        graph = new()
        graph.transforms += [(Thing, {"size": 9}), (Api, lambda args: {"size": args.get("size", 1) * 10})]
        with graph.active():
            Api("Web", handler="h", size=3)
        graph.seal()
        sizes = {s.name: s.inputs["size"] for s in plan(graph, Snapshot(), Cloud().provider).steps}
        assert sizes == {"Web/Role": 9, "Web/Queue": 30}

    def test_mistakes_are_told_at_the_transform(self) -> None:
        with new().active() as graph, pytest.raises(UserError,
                                                    match=r"a transform failed: KeyError: 'siez' "
                                                          r"\(.*test_program\.py:\d+"):
            Api("Web", handler="h", transform={"queue": lambda args: args["siez"]})
        with new().active(), pytest.raises(UserError, match="returns the changes as a mapping or nothing, not int"):
            Api("Web", handler="h", transform={"queue": lambda args: 3})
        with new().active(), pytest.raises(UserError, match="a transform is a mapping or a function, not int"):
            Api("Web", handler="h", transform={"queue": 3})  # type: ignore[dict-item]
        with graph.active():
            Api("Two", handler="h", transform={"rolle": {}, "queue": {"siez": 1}})
        text = told(graph)
        assert """has no option 'rolle'""" in text and 'did you mean "role"?' in text and 'did you mean "size"?' in text


class TestOptions:
    def test_children_inherit_protect_retain_and_ignored_changes(self) -> None:
        with new().active() as graph:
            Outer("Web", protect=True, retain=True, ignore_changes=["size"])
            Thing("Other")
        graph.seal()
        for goal in graph.goals.values():
            own = goal.urn.startswith("acme")
            assert (goal.protect, goal.retain, goal.ignore_changes) == (own, own, ("size",) if own else ())

    def test_data_follows_the_removal_of_the_app(self) -> None:
        def retained(removal: Any, **options: Any) -> list[bool]:
            graph = Graph("app", "test", removal=removal)
            with graph.active():
                Thing("Jobs", **options)
                Store("Files", **options)
            return [g.retain for g in graph.goals.values()]

        assert retained("remove") == [False, False] and retained("retain") == [False, True]
        assert retained("retain-all") == [True, True]
        assert retained("retain", retain=False) == [False, False]

    def test_depends_on_takes_resources_and_whole_components(self) -> None:
        with new().active() as graph:
            web, one = Outer("Web"), Thing("One")
            two = Thing("Two", depends_on=[web, one])
            api = Api("Api", handler="h", depends_on=[one])
        graph.seal()
        assert graph.goals[two.__sst__.urn].deps == {r.__sst__.urn for r in (web.api.role, web.api.queue, one)}
        assert graph.goals[api.role.__sst__.urn].deps == {one.__sst__.urn}

    def test_depends_on_anything_else_is_told(self) -> None:
        with new().active() as graph:
            Thing("Two", depends_on=["One"])
            Thing("Three", depends_on=Thing("One"))
        text = told(graph)
        assert "depends_on takes resources and components, not 'One'" in text and "depends_on takes a list" in text

    def test_an_alias_of_a_component_is_one_of_its_children(self) -> None:
        with new().active() as graph:
            Outer("Web", alias="Old")
        graph.seal()
        assert [g.aliases for g in graph.goals.values()] == [("acme.Outer/acme.Api/fake.Thing::Old/Api/Role",),
                                                             ("acme.Outer/acme.Api/fake.Store::Old/Api/Queue",)]

    def test_an_ignored_property_must_exist(self) -> None:
        with new().active() as graph:
            Thing("One", ignore_changes=["siez"])
        assert 'no property \'siez\' to ignore' in (text := told(graph)) and 'did you mean "size"?' in text


class TestMistakes:
    def test_all_are_told_in_one_report(self) -> None:
        with new().active() as graph:
            Thing("One")
            Thing("One")
            Thing("1st")
            Thing("Three", siez=3)
            Api("Web", handler="h", hander="x")
            Api("web", handler="h")
            Api("App", handler="h")
        text = told(graph)
        for part in ('two resources are named "One"', "the other one is at", "can't be named '1st'",
                     "has no option 'siez'",
                     """Api "Web" has no option 'hander'""", 'did you mean "handler"?',
                     'two components are named "web"',
                     'the name "App" is reserved'):
            assert part in text

    def test_a_required_argument_is_named(self) -> None:
        wanted = r"""Api "Web": missing a required .*'handler'.*test_program\.py:\d+"""
        with new().active(), pytest.raises(UserError, match=wanted):
            Api("Web")  # type: ignore[call-arg]

        class Needy(Resource, type="fake.Needy"):
            from sst.core.resource import prop

            target: Any = prop()

        with new().active() as graph:
            Needy("One")
        assert 'fake.Needy "One" needs \'target\'' in told(graph)

    def test_an_error_in_a_component_gets_the_users_line(self) -> None:
        with new().active(), pytest.raises(UserError,
                                           match=r"size must be at most 100; it is 101 \(.*test_program\.py:\d+\)"):
            Api("Web", handler="h", size=101)

    def test_a_circle_is_shown_with_its_lines(self) -> None:
        with new().active() as graph:
            one, two = Thing("One"), Thing("Two")
            for a, b in ((one, two), (two, one)):
                a.__sst__ = replace(a.__sst__, depends_on=(b,))
        assert re.search(r'depend on each other in a circle: "(One|Two)" \(.*:\d+\) → .* → "\1"', told(graph))

    def test_resources_outside_of_a_program_and_after_its_end(self) -> None:
        with pytest.raises(UserError, match="only be declared while sst runs the program"):
            Thing("One")
        with new().active() as graph:
            graph.seal()
            with pytest.raises(UserError, match=r"after the program has ended[\s\S]*sst.later"):
                Thing("One")
            with pytest.raises(UserError, match="after the program has ended"):
                Api("Web", handler="h")
            with pytest.raises(UserError, match="after the program has ended"):
                later("x", print)

    def test_a_property_is_not_set_afterwards(self) -> None:
        with new().active(), pytest.raises(AttributeError, match="use a transform"):
            Thing("One").size = 3


class TestLinks:
    def test_a_component_gives_its_properties_and_entries_of_any_kind(self) -> None:
        with new().active():
            api = Api("Web", handler="h")
            (link,) = linked([api, api, Link("Web", "acme.Api", include=(Include("acme.binding", {"id": "1"}),))])
        assert link.name == "Web" and set(link.properties) == {"url"}
        assert [entry.type for entry in link.include] == ["acme.right", "acme.binding"]
        assert link.included("acme.binding") == [{"id": "1"}] and link.included("environment") == []

    def test_an_entry_may_be_a_mapping_with_its_kind(self) -> None:
        assert include_of({"type": "acme.binding", "id": "1"}) == Include("acme.binding", {"id": "1"})
        with pytest.raises(UserError, match="can't be included in a link"):
            include_of({"actions": ["a:Read"], "resources": ["*"]})

    @pytest.mark.parametrize(("item", "message"), [
        (None, "link holds None"), ("Web", "'Web' can't be linked"), (Api, "can't be linked")])
    def test_anything_else_is_told(self, item: Any, message: str) -> None:
        with pytest.raises(UserError, match=message):
            linked([item])

    def test_two_things_of_one_name(self) -> None:
        with pytest.raises(UserError, match='two linked things are named "A"'):
            linked([Link("A", "x"), Link("A", "y")])


def test_problems_keep_each_error() -> None:
    assert len(Problems([UserError("a"), UserError("b", where="f:1", hint="do")]).errors) == 2
