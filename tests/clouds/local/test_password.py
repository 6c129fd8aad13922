"""Passwords: made once, of what was asked for."""
from __future__ import annotations

import string
from dataclasses import replace

import pytest

from sst.clouds.local.password import Passwords
from sst.core.model import Op, Operation, State

MADE = Operation("local.Password::P", Op.CREATE, "local.Password", "", "token", {"length": 32, "special": "!#"})


def note(text: str) -> None: ...


@pytest.mark.parametrize(("length", "special", "wanted"), [(32, "", 32), (4, "", 8), (64, "!#", 64)])
def test_a_password_has_the_length_and_the_characters(length: int, special: str, wanted: int) -> None:
    made = Passwords().create(replace(MADE, inputs={"length": length, "special": special}), note)
    value = made.outputs["value"]
    assert len(value) == wanted and set(value) <= {*string.ascii_letters, *string.digits, *special}
    for kind in (string.ascii_lowercase, string.ascii_uppercase, string.digits):
        assert set(kind) & set(value)
    assert Passwords().create(MADE, note).outputs["value"] != value


def test_it_stays_until_an_argument_changes_and_is_secret() -> None:
    provider = Passwords()
    state = State("local.Password::P", "local.Password", "token", MADE.inputs, provider.create(MADE, note).outputs)
    assert not provider.plan("local.Password", state, MADE.inputs).changed
    assert provider.plan("local.Password", state, {"length": 40, "special": "!#"}).replace == {"length"}
    rotated = {**MADE.inputs, "rotation": "1"}
    assert provider.plan("local.Password", state, rotated).replace == {"rotation"}
    assert not provider.plan("local.Password", replace(state, inputs=rotated), MADE.inputs).changed, "it stays"
    assert provider.schema("local.Password").secret_outputs == {"value"}
