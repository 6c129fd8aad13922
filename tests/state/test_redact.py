from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sst.core.model import Snapshot, State, hidden
from sst.state.redact import Redactor, secrets_of

SECRET = 'p"ä/s w&rd\n+1=\\'

FORMS: list[Callable[[str], str]] = [
    str, json.dumps, lambda s: json.dumps(json.dumps(s)), lambda s: json.dumps(s, ensure_ascii=False), repr,
    html.escape,
    lambda s: quote(s, safe=""), quote, quote_plus,
    lambda s: re.sub("%[0-9A-F]{2}", lambda escaped: escaped[0].lower(), quote(s, safe="")),
    lambda s: json.dumps({"a": [s]})]


@given(st.text(min_size=4, max_size=30), st.sampled_from(FORMS), st.text(max_size=5), st.text(max_size=5))
def test_each_form_is_hidden(secret: str, form: Callable[[str], str], before: str, after: str) -> None:
    if secret.isascii() or not any("\ud800" <= c <= "\udfff" for c in secret):
        escaped = form(secret)
        bare = escaped.strip("'\"") if form in (json.dumps, repr) else escaped
        assert "***" in Redactor([secret]).redact(before + escaped + after), bare


@pytest.mark.parametrize("before", ["", "x", "xy", "xyz", "user:"])
@pytest.mark.parametrize("after", ["", "1", "22", "333"])
@pytest.mark.parametrize("code", [base64.b64encode, base64.urlsafe_b64encode])
def test_base64_is_hidden_at_each_alignment(before: str, after: str, code: Callable[[bytes], bytes]) -> None:
    text = code(f"{before}{SECRET}{after}".encode()).decode()
    hidden = Redactor([SECRET]).redact(f"Authorization: Basic {text}")
    assert "***" in hidden
    left = hidden.removeprefix("Authorization: Basic ").replace("***", "")
    assert len(left) <= len(before) * 4 / 3 + len(after) * 4 / 3 + 6


def test_the_longest_is_hidden_whole() -> None:
    redactor = Redactor(["abcd", "abcdefgh"])
    assert redactor.redact("abcdefgh abcd") == "*** ***"


def test_short_values_and_ordinary_text_stay() -> None:
    redactor = Redactor(["abc", "", 12, True, None])
    assert redactor.redact("abc 12 True None") == "abc 12 True None"


def test_values_inside_mappings_and_lines_of_long_ones_are_hidden() -> None:
    redactor = Redactor()
    redactor.add({"a": ["s3cret-1", 123456], "b": {"c": "-----BEGIN-----\nMIIabcdefgh\n-----END-----"}})
    assert redactor.redact("s3cret-1 123456\n  MIIabcdefgh\n") == "*** ***\n  ***\n"


def test_the_secrets_of_a_state_are_found() -> None:
    db = State("u", "t", "1", {"password": "in-put", "size": 1}, {"password": "out-put", "url": "x"},
               secret=("password",))
    snapshot = Snapshot({"u": db}, outputs={"a": [hidden({"k": "deep-one"})]}, links={"Db": {"p": hidden("linked")}})
    redactor = Redactor(secrets_of(snapshot))
    assert redactor.redact("in-put out-put deep-one linked x") == "*** *** *** *** x"
