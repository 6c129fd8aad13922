"""How a plan is shown, and what of it is data."""
from __future__ import annotations

import json

from sst.cli.ui.plan import plan_lines, totals
from sst.cli.ui.style import Paint
from sst.core.graph import Graph
from sst.core.model import Goal, Op, State
from sst.core.output import UNKNOWN
from sst.core.resource import Resource, schema_of
from sst.engine.plan import Plan, Step
from sst.engine.plan_json import plan_data

from ..fakes import Store


def step(op: Op, name: str, type: str = "fake.Thing", *, old: dict[str, object] | None = None,
         new: dict[str, object] | None = None,
         changed: str = "", replace: str = "", secret: str = "") -> Step:
    urn = f"{type}::{name}"
    state = State(urn, type, "id1", old or {}, where="sst_config.py:9") if old is not None or op is Op.DELETE else None
    goal = Goal(urn, type, new or {}, where="sst_config.py:9",
                secret=frozenset(secret.split())) if op is not Op.DELETE else None
    return Step(op, urn, type, goal, state, "", new or {}, frozenset(changed.split()), frozenset(replace.split()),
                schema=schema_of(Resource.kinds[type]), secret=tuple(secret.split()))


PLAN = Plan((
    step(Op.CREATE, "Api/Role", new={"name": "x", "path": "/"}, changed="name path"),
    step(Op.UPDATE, "Jobs", old={"delay": 1, "env": {"A": "1", "B": "2"}, "key": "hunter2"},
         new={"delay": 5, "env": {"A": "1", "B": UNKNOWN}, "key": "x"}, changed="delay env key", secret="key"),
    step(Op.REPLACE, "Shape", old={"shape": "x"}, new={"shape": "y"}, changed="shape", replace="shape"),
    step(Op.DELETE, "Shape", old={"shape": "x"}),
    step(Op.DELETE, "Files", Store.type, old={}),
    step(Op.SAME, "Still", old={}),
), Graph("app", "test"))


def test_a_plan_for_a_person() -> None:
    assert [Paint(False).line(line) for line in plan_lines(PLAN)] == [
        "DATA LOSS  - Files  fake.Store  (sst_config.py:9)",
        "",
        "+ Api/Role  fake.Thing",
        "- Files  fake.Store",
        "~ Jobs  fake.Thing",
        "    delay: 1 → 5",
        '    env.B: "2" → (known after deploy)',
        "    key: (secret) → (secret)",
        "± Shape  fake.Thing  a change of shape needs a new one",
        '    shape: "x" → "y"',
    ]
    assert totals(PLAN) == "1 to create, 1 to update, 1 to replace, 1 to delete, 1 unchanged"
    assert '    path: "/"' in [Paint(False).line(line) for line in plan_lines(PLAN, everything=True)]


def test_the_same_as_data_without_secrets() -> None:
    data = plan_data(PLAN)
    assert "hunter2" not in json.dumps(data)
    assert data["counts"] == {"create": 1, "update": 1, "replace": 1, "delete": 2,
                              "same": 1} and data["data_loss"] == ["Files"]
    update = next(s for s in data["steps"] if s["op"] == "update")
    assert update["changed"] == ["delay", "env", "key"]
    assert update["inputs"]["delay"] == 5 and update["old"]["delay"] == 1
    assert update["inputs"]["env"]["B"] == {"$unknown": True}
    assert update["old"]["key"] == {"$secret": True} == update["inputs"]["key"]
