"""The layout and what is drawn from it."""
from __future__ import annotations

import base64
import itertools
import json
import xml.etree.ElementTree as ET
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from sst.clouds.aws.browse.picture import picture_of
from sst.console.layout import HEIGHT, lay_out, width_of
from sst.console.mermaid import mermaid
from sst.console.model import View, view_of
from sst.console.svg import svg
from sst.console.tracebacks import told_error
from sst.console.tree import tree
from sst.core.model import Snapshot, State
from sst.core.names import in_order
from sst.core.picture import Edge, Part, Picture

from .conftest import STATES

NAMES = st.text(min_size=1, max_size=30)


@st.composite
def graphs(draw: st.DrawFn) -> tuple[dict[str, float], list[tuple[str, str]]]:
    names = [f"N{n}" for n in range(draw(st.integers(1, 24)))]
    edges = draw(st.lists(st.tuples(st.sampled_from(names), st.sampled_from(names)), max_size=50))
    return {name: draw(st.floats(60, 400)) for name in names}, edges


@given(graphs())
@settings(max_examples=120)
def test_boxes_never_overlap(given_: tuple[dict[str, float], list[tuple[str, str]]]) -> None:
    widths, edges = given_
    made = lay_out(widths, edges)
    assert made.nodes.keys() == widths.keys() and made == lay_out(widths, edges)
    for (a, (ax, ay)), (b, (bx, by)) in itertools.combinations(made.nodes.items(), 2):
        assert abs(ay - by) >= HEIGHT or abs(ax - bx) >= (widths[a] + widths[b]) / 2 - 1e-6
    for (a, b), points in made.edges.items():
        assert points[0] == made.nodes[a] and points[-1] == made.nodes[b]


@given(st.lists(NAMES, min_size=1, max_size=5, unique=True))
@settings(max_examples=60)
def test_any_name_is_drawn(names: list[str]) -> None:
    parts = tuple(Part(name, "table", name, name) for name in names)
    view = View(Picture(parts, tuple(Edge(a.name, b.name, "event", a.name) for a, b in itertools.pairwise(parts))))
    ET.fromstring(svg(view))
    drawn = mermaid(view)
    assert drawn.count("\n") == 1 + len(parts) + len(view.picture.edges)
    assert all(line.count('"') % 2 == 0 for line in drawn.splitlines())


def view() -> View:
    return view_of(picture_of(Snapshot(resources={s.urn: s for s in STATES})))


def test_the_same_state_gives_the_same_files() -> None:
    assert svg(view()) == svg(view()) and mermaid(view()) == mermaid(view())
    other = View(picture_of(Snapshot(resources={s.urn: s for s in reversed(STATES)})))
    assert mermaid(other) == mermaid(view())


def test_as_text() -> None:
    assert list(tree(view())) == [
        "Api  x", "  may use Pictures (read/write)", "Pictures  bucket",
        "  → ObjectCreated:* originals/*: Pictures/Thumb  x"]


def test_messages_that_failed_go_to_the_dead_letter_queue() -> None:
    dead = State("sst.aws.Queue/aws.sqs.Queue::Dead/Queue", "aws.sqs.Queue", "https://sqs/dead", {},
                 {"arn": "arn:dead"}, provider="aws")
    jobs = State("sst.aws.Queue/aws.sqs.Queue::Jobs/Queue", "aws.sqs.Queue", "https://sqs/jobs",
                 {"redrive_policy": {"deadLetterTargetArn": "arn:dead", "maxReceiveCount": 3}}, {}, provider="aws")
    found = picture_of(Snapshot(resources={s.urn: s for s in (dead, jobs)}))
    assert found.edges == (Edge("Jobs", "Dead", "event", "failed 3 times"),)


def test_names_are_sorted_as_people_do() -> None:
    """`Q2` before `Q10`; in the graph, the tree and all that is made from it."""
    queues = [State(f"sst.aws.Queue/aws.sqs.Queue::Q{n}/Queue", "aws.sqs.Queue", f"q{n}", {"name": f"q{n}"}, {},
                    provider="aws") for n in (10, 2, 1)]
    found = view_of(picture_of(Snapshot(resources={s.urn: s for s in queues})))
    assert [p.name for p in found.picture.parts] == ["Q1", "Q2", "Q10"]
    assert [line.split()[0] for line in tree(found)] == ["Q1", "Q2", "Q10"]
    assert sorted(["a/2", "a", "a/10", "", "10", "9"], key=in_order) == ["", "9", "10", "a", "a/2", "a/10"]


def test_some_names_bring_their_neighbours() -> None:
    assert [p.name for p in view_of(view().picture, ["Api"]).picture.parts] == ["Pictures", "Api"]


def test_widths_follow_the_text() -> None:
    assert width_of("a") == 150 < width_of("a" * 40) < width_of("a" * 80)


def test_members_of_a_group_follow_it(tmp_path: Path) -> None:
    """As the runtime sends it: without its own frames, and only for an error that has causes or members."""
    from sst.runtime.log import Log

    def fail() -> None:
        inner = ExceptionGroup("inner", [KeyError("b")])
        raise ExceptionGroup("outer", [ValueError("a"), inner])

    try:
        fail()
    except ExceptionGroup as group:
        sent, plain = Log.causes(group, "none"), Log.causes(group.exceptions[0], "none")
        without = base64.b64decode(Log.causes(group, __file__).partition(": ")[2]).decode()
    text = base64.b64decode(sent.removeprefix("Sst-Causes: ").removesuffix("\r\n")).decode()
    error = told_error(json.dumps({"errorType": "ExceptionGroup", "causes": text}), [], tmp_path)
    assert [(s["type"], s["message"], s["depth"]) for s in error["sections"]] == [
        ("ExceptionGroup", "outer (2 sub-exceptions)", 0), ("ValueError", "a", 1),
        ("ExceptionGroup", "inner (1 sub-exception)", 1), ("KeyError", "'b'", 2)]
    assert plain == "" and "File" not in without


def test_causes_and_groups_are_sections(tmp_path: object) -> None:
    root = Path(str(tmp_path))
    (root / "app.py").write_text("one\ntwo\nthree\n")
    logged = f"""[ERROR] ValueError: no
Traceback (most recent call last):
  File "{root}/app.py", line 1, in read
    one
KeyError: 'a'

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "{root}/app.py", line 2, in handler
    two
  File "/usr/lib/python3.11/site-packages/lib/x.py", line 9, in f
    f()
ValueError: no"""
    error = told_error('{"errorType": "ValueError", "errorMessage": "no"}', [logged], root)
    assert [(s["type"], s["message"], s["relation"], [f["file"] for f in s["frames"]]) for s in error["sections"]] == [
        ("KeyError", "'a'", "", ["app.py"]), ("ValueError", "no", "caused", ["app.py", "lib/x.py"])]
    assert error["sections"][1]["frames"][0]["source"][1] == "two"
