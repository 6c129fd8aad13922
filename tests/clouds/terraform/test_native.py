"""`random`, `time` and `tls` without a plugin."""
from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from sst.clouds.terraform.catalogue import Catalogue
from sst.core.model import Entry, Op
from sst.errors import UserError
from sst.state.keys import MemoryKeys
from sst.state.records import Box, entry_record

from .test_programs import Stage, local, stage

__all__ = ["local", "stage"]


def all_types() -> None:
    from sst.providers import random, tls

    password = random.Password("Db", length=24, special=False, min_numeric=3, keepers={"year": "2026"})
    random.String("Text", length=8, lower=False, upper=False, special=True, override_special="-")
    random.Id("Id", byte_length=4, prefix="app-")
    random.Uuid("Uuid")
    random.Integer("Port", min=8000, max=8010)
    random.Pet("Pet", length=3, prefix="my")
    tls.PrivateKey("Key", algorithm="ED25519")
    tls.PrivateKey("Curve", algorithm="ECDSA", ecdsa_curve="P256")
    random.Pet("Follows", keepers={"password": password.result})


@pytest.mark.parametrize("where", ["stage", "local"])
def test_they_are_made_once_on_every_stage(where: str, request: pytest.FixtureRequest, project: Catalogue) -> None:
    at: Stage = request.getfixturevalue(where)
    at.deploy(all_types).check()

    def out(name: str) -> Any:
        return at.state(name).outputs

    assert re.fullmatch(r"[A-Za-z0-9]{24}", out("Db")["result"]) and len(re.findall(r"\d", out("Db")["result"])) >= 3
    assert re.fullmatch(r"[0-9-]{8}", out("Text")["result"]) and out("Db")["id"] == "none"
    assert out("Id")["hex"].startswith("app-") and int(out("Id")["dec"][4:]) == int(out("Id")["hex"][4:], 16)
    assert 8000 <= out("Port")["result"] <= 8010 and re.fullmatch(r"my-[a-z]+-[a-z]+-[a-z]+", out("Pet")["id"])
    assert out("Key")["public_key_openssh"].startswith("ssh-ed25519 ")
    assert "BEGIN EC PRIVATE KEY" in out("Curve")["private_key_pem"]
    assert not at.plan(all_types).changes and not at.plugins.pool.starts and not at.warnings
    record = json.dumps([entry_record(Entry("made", "", s), Box(MemoryKeys(), "l"))
                         for s in at.journal.snapshot.resources.values()])
    assert out("Db")["result"] not in record and "PRIVATE KEY" not in record
    at.remove().check()


def test_other_keepers_make_another_value(stage: Stage, project: Catalogue) -> None:
    def program(year: str) -> Callable[[], None]:
        def declare() -> None:
            from sst.providers import random

            random.Password("Db", length=24, keepers={"year": year})

        return declare

    stage.deploy(program("2026")).check()
    before = stage.state("Db").outputs["result"]
    step, = (s for s in stage.plan(program("2027")).changes if s.op is Op.REPLACE)
    assert step.replace == {"keepers"}
    stage.deploy(program("2027")).check()
    assert stage.state("Db").outputs["result"] != before


@pytest.mark.parametrize(("declare", "message"), [
    (lambda r, t: r.Password("A", length=2, min_lower=3), "random:Password: length: 2 is too short for the 3"),
    (lambda r, t: r.Password("A", length="x"), "random:Password: length: 'x' is not a number"),
    (lambda r, t: r.Integer("A", min=3, max=2), "random:Integer: min: 3 is more than max, 2"),
    (lambda r, t: t.PrivateKey("A", algorithm="DSA"), "'DSA' is not RSA, ECDSA or ED25519"),
    (lambda r, t: r.String("A", length=4, lower=False, upper=False, numeric=False, special=False), "switched off"),
])
def test_mistakes_are_errors_of_the_plan(stage: Stage, declare: Callable[[Any, Any], object], message: str) -> None:
    def program() -> None:
        from sst.providers import random, tls

        declare(random, tls)

    with pytest.raises(UserError, match=re.escape(message)) as e:
        stage.plan(program)
    assert "test_native.py:" in e.value.where


def times(rotating: dict[str, Any], **offset: Any) -> Callable[[], None]:
    def declare() -> None:
        from sst.providers import random, time

        month = time.Rotating("Month", **rotating)
        time.Offset("Later", base_rfc3339="2026-01-31T10:20:30+01:00", **offset)
        time.Static("Now")
        time.Sleep("Pause", create_duration="10ms", destroy_duration="1ms", triggers={"of": month.id})
        random.Pet("Follows", keepers={"month": month.id})

    return declare


def test_moments_are_counted_from_the_same_one(stage: Stage, project: Catalogue) -> None:
    stage.deploy(times({"rotation_days": 30}, offset_months=1)).check()
    later, month = stage.state("Later").outputs, stage.state("Month").outputs
    assert later["base_rfc3339"] == "2026-01-31T09:20:30Z" and later["rfc3339"] == "2026-03-03T09:20:30Z"
    assert (later["month"], later["unix"]) == (3, 1772529630)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", stage.state("Now").id)
    assert not stage.plan(times({"rotation_days": 30}, offset_months=1)).changes

    changed = stage.plan(times({"rotation_days": 60}, offset_years=1)).changes
    assert {(s.urn.rpartition("::")[2], s.op) for s in changed} == {("Month", Op.UPDATE), ("Later", Op.UPDATE)}
    stage.deploy(times({"rotation_days": 60}, offset_years=1)).check()
    assert stage.state("Later").outputs["rfc3339"] == "2027-01-31T09:20:30Z"
    assert stage.state("Month").id == month["id"]
    assert stage.state("Month").outputs["rotation_rfc3339"] > month["rotation_rfc3339"]
    assert not stage.plan(times({"rotation_days": 60}, offset_years=1)).changes
    stage.remove().check()


def test_what_is_due_is_made_anew_with_all_that_follows_it(stage: Stage, project: Catalogue) -> None:
    past = times({"rfc3339": "2020-01-31T00:00:00Z", "rotation_months": 1}, offset_days=1)
    stage.deploy(past).check()
    assert stage.state("Month").outputs["rotation_rfc3339"] == "2020-03-02T00:00:00Z"
    steps = {s.urn.rpartition("::")[2]: s for s in stage.plan(past).changes}
    assert {s.op for s in steps.values()} == {Op.REPLACE} and steps.keys() == {"Month", "Pause", "Follows"}
    assert steps["Month"].reason == "its rotation"
    fresh = times({"rotation_months": 1}, offset_days=1)
    stage.deploy(fresh).check()
    assert not stage.plan(fresh).changes
    stage.remove().check()


@pytest.mark.parametrize(("declare", "message"), [
    (lambda t: t.Static("A", rfc3339="yesterday"), "'yesterday' is not a time with a zone"),
    (lambda t: t.Static("A", rfc3339="2026-01-01T00:00:00"), "is not a time with a zone"),
    (lambda t: t.Sleep("A", create_duration="1 minute"), "'1 minute' is not a duration, as 30s or 1m30s"),
    (lambda t: t.Offset("A"), "one of offset_years, offset_months"),
    (lambda t: t.Rotating("A", triggers={"a": "b"}), "rotation_rfc3339 is needed"),
])
def test_moments_that_can_not_be(stage: Stage, declare: Callable[[Any], object], message: str) -> None:
    def program() -> None:
        from sst.providers import time

        declare(time)

    with pytest.raises(UserError, match=re.escape(message)):
        stage.plan(program)
