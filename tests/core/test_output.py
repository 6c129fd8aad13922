"""Outputs: symbolic until a deploy, usable in f-strings through JSON, URLs and HTML, and clear about what they can't
do."""
from __future__ import annotations

import html
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, quote_plus, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sst.core.graph import Graph
from sst.core.output import UNKNOWN, Output, Unknown, combine, gather, leaves, resolve
from sst.errors import Problems, UserError
from tests.fakes import Thing

VALUE = 'a "b" c\\d/é&<x>\n'


@pytest.fixture
def thing() -> Thing:
    graph = Graph("app", "test")
    with graph.active():
        made = Thing("Jobs")
    made.graph = graph  # type: ignore[attr-defined]  # the tokens live as long as their graph
    return made


def told(value: Any, answer: Any = VALUE) -> Any:
    with Graph("app", "test").active():
        return resolve(value, lambda urn, attr: answer)


WAYS: dict[str, tuple[Callable[[str], Any], Callable[[str], Any]]] = {
    "as it is": (str, str),
    "json": (json.dumps, json.loads),
    "json in json": (lambda s: json.dumps({"a": json.dumps({"b": s})}), lambda s: json.loads(json.loads(s)["a"])["b"]),
    "json three deep": (lambda s: json.dumps(json.dumps(json.dumps(s))),
                        lambda s: json.loads(json.loads(json.loads(s)))),
    "url": (lambda s: quote(s, safe=""), None), "url with plus": (quote_plus, None),
    "query": (lambda s: urlencode({"q": s}), None), "html": (html.escape, html.unescape),
}


@pytest.mark.parametrize("way", WAYS)
def test_an_f_string_keeps_the_value_right_through_escaping(thing: Thing, way: str) -> None:
    from urllib.parse import unquote_plus

    there, back = WAYS[way]
    text = told(there(f"<{thing.key}>"))
    back = back or unquote_plus
    assert back(text) in (f"<{VALUE}>", f"q=<{VALUE}>")


@given(st.text(), st.lists(st.sampled_from([json.dumps, lambda s: quote(s, safe="")]), max_size=3))
def test_any_text_survives_any_three_escapes(value: str, ways: list[Callable[[str], str]]) -> None:
    value = value.encode("utf-8", "ignore").decode()
    graph = Graph("app", "test")
    with graph.active():
        text: str = f"{Thing('Jobs').key}"
    for way in ways:
        text = way(text)
    text = told(text, value)
    for way in reversed(ways):
        from urllib.parse import unquote

        text = json.loads(text) if way is json.dumps else unquote(text)
    assert text == value


def test_a_number_or_mapping_in_an_f_string_is_written_as_json(thing: Thing) -> None:
    assert told(f"{thing.size}", 3) == "3"
    assert told(f"{thing.uses}", {"a": 1}) == '{"a": 1}'


@pytest.mark.parametrize("change", [
    str.upper, str.title, lambda s: s[:-3], lambda s: s[3:], lambda s: s.split("_"), lambda s: s.replace("_", "-"),
    lambda s: s.strip("_"), lambda s: s.replace('"', ""), lambda s: f"{s[:12]}"],
    ids=("upper", "title", "end", "start", "split", "dashes", "strip", "quotes", "cut"))
def test_a_changed_or_cut_output_is_refused(thing: Thing, change: Callable[[str], Any]) -> None:
    with pytest.raises(UserError, match=r"changed or cut an output.*\n  hint: .*\.apply\(lambda v"):
        list(leaves(change(f"{thing.key}")))


def test_lower_case_does_not_pass_for_the_value(thing: Thing) -> None:
    with pytest.raises(UserError, match="changed or cut"):
        list(leaves(f"{thing.key}".lower()))


def test_repr_is_refused_with_the_fix(thing: Thing) -> None:
    for text in (f"{thing.key!r}", f"{[thing.key]}"):
        with pytest.raises(UserError, match=r"holds the repr of an output[\s\S]*without !r"):
            list(leaves(text))


def test_outputs_are_found_and_resolved_in_keys_sets_tuples_and_bytes(thing: Thing) -> None:
    value = {f"{thing.key}": [thing.key, (thing.key,), {f"{thing.key}!"}], "raw": f"{thing.key}".encode()}
    assert len(list(leaves(value))) == 5
    assert gather([value])[0] == {thing.__sst__.urn}
    assert told(value, "v") == {"v": ["v", ["v"], ["v!"]], "raw": b"v"}


def test_an_output_of_an_earlier_run_is_refused() -> None:
    with Graph("app", "test").active():
        text = f"{Thing('Jobs').key}"
    with pytest.raises(UserError, match="an earlier run of the program"):
        list(leaves(text))


def test_a_value_of_another_graph_is_refused_by_name(thing: Thing) -> None:
    graph = Graph("app", "test")
    with graph.active():
        Thing("Other", note=thing.key)
    with pytest.raises(UserError, match=r'"Other" uses a value of fake.Thing::Jobs, which this program does not '
                                        r'declare'):
        graph.seal()


MISUSES: dict[str, tuple[Callable[[Output[str]], Any], type[Exception], str]] = {
    "bool": (bool, TypeError, "used as a condition.*apply"), "len": (len, TypeError, "give its length.*apply"),
    "apply": (lambda o: o.apply(3), UserError, "takes a function, not int"),
    "iter": (list, TypeError, "be iterated.*apply"), "index": (lambda o: o[o], TypeError, "with another output"),
    "compare": (lambda o: o == "x", TypeError, "be compared.*apply"),
    "order": (lambda o: o < "x", TypeError, "be compared"),
    "in": (lambda o: "x" in o, TypeError, "be searched"), "int": (int, TypeError, r"apply\(int\)"),
    "plus": (lambda o: o + "x", TypeError, "write an f-string"),
    "plus before": (lambda o: "x" + o, TypeError, "write an f-string"),
    "format": (lambda o: f"{o:>10}", TypeError, r"\.apply\(lambda v: f'\{v:>10\}'\)"),
    "attribute": (lambda o: o.upper, AttributeError, r"apply\(lambda v: v.upper\)"),
}


@pytest.mark.parametrize("misuse", MISUSES)
def test_what_an_output_can_not_do_is_said_with_the_fix(thing: Thing, misuse: str) -> None:
    act, kind, message = MISUSES[misuse]
    with pytest.raises(kind, match=message):
        act(thing.key)


def test_outputs_may_be_compared_with_one_another(thing: Thing) -> None:
    key = thing.key
    assert key == key and key != thing.key and key in {key}


def test_apply_changes_the_value_and_combine_joins_some(thing: Thing) -> None:
    assert told(thing.key.apply(str.upper), "v") == "V"
    joined = combine(a=thing.key, b=f"{thing.key}!", c=1).apply(lambda p: json.dumps(p))
    assert json.loads(told(joined, "v")) == {"a": "v", "b": "v!", "c": 1}
    assert joined.deps == {thing.__sst__.urn}
    assert told(thing.key.apply(lambda v: [v, thing.size]), "v") == ["v", "v"]


def test_a_failing_apply_is_told_with_its_line(thing: Thing) -> None:
    bad = thing.key.apply(lambda v: v["x"])
    with pytest.raises(UserError, match=r"given to \.apply failed: TypeError: .*test_output\.py:\d+"):
        told(bad)


def test_a_resource_in_apply_is_refused_with_both_lines(thing: Thing) -> None:
    with pytest.raises(UserError, match=r"created inside \.apply \(.*test_output\.py:\d+\)\n  hint: the \.apply is at "
                                        r".*test_output"):
        told(thing.key.apply(lambda v: Thing(v)))


def test_what_is_not_known_yet_is_unknown(thing: Thing) -> None:
    def look(urn: str, attr: str) -> Any:
        raise Unknown

    value = resolve({"a": thing.key, "b": f"{thing.key}!", "c": thing.key.apply(str.upper), "d": 1}, look, unknown=True)
    assert [value["a"], value["b"], value["c"]] == [UNKNOWN] * 3 or all(
        v is UNKNOWN for v in (value["a"], value["b"], value["c"])
    )
    assert value["d"] == 1 and UNKNOWN != UNKNOWN
    with pytest.raises(Unknown):
        resolve(thing.key, look)


def test_secrets_follow_through_apply_combine_and_f_strings() -> None:
    with Graph("app", "test").active():
        thing = Thing("Jobs", password="p")
        for value in (thing.password, thing.password.apply(str), f"{thing.password}", combine(a=thing.password),
                      thing.key.as_secret()):
            assert gather([value])[1]
        assert not gather([thing.key])[1]
        assert Thing("User", note=f"x{thing.password}").__sst__.secret == {"note"}


def test_a_cut_output_in_a_resource_is_told_by_its_name_and_line_and_the_rest_goes_on() -> None:
    graph = Graph("app", "test")
    with graph.active():
        one = Thing("One")
        Thing("Two", note=f"{one.key}".upper())
        Thing("Three", sise=1)
    with pytest.raises(Problems, match=r'fake.Thing "Two": a string operation[\s\S]*fake.Thing "Three" has no option '
                                       r'\'sise\'') as caught:
        graph.seal()
    assert all("test_output.py:" in e.where for e in caught.value.errors)


class TestItems:
    def test_items_of_an_output_are_outputs(self, thing: Thing) -> None:
        records: Output[list[dict[str, str]]] = Output.of(thing.__sst__.urn, "key")
        name = records[0]["Name"]
        assert isinstance(name, Output) and name.deps == {thing.__sst__.urn}
        assert told(name, [{"Name": "a", "Value": "b"}]) == "a"
        assert told(f"<{records[-1]['Value']}>", [{"Name": "a", "Value": "b"}]) == "<b>"
        assert told(combine(a={"b": [1, 2]})["a"]["b"][1]) == 2
        assert combine(a=thing.key).as_secret()["a"].secret

    @pytest.mark.parametrize(("value", "item", "message"), [
        ({"a": 1}, "b", "the value has no item 'b'; it has 'a'"), ({}, "b", "it has none"),
        (["x"], 3, "the value has no item 3; it has 1"), (7, "b", "it is of type int")])
    def test_what_is_not_there_is_told_with_the_line(self, thing: Thing, value: Any, item: Any, message: str) -> None:
        with pytest.raises(UserError, match=message) as e:
            told(thing.key[item], value)
        assert "test_output.py:" in e.value.where

    def test_it_is_still_not_iterated(self, thing: Thing) -> None:
        with pytest.raises(TypeError, match="be iterated"):
            _, _ = thing.key
