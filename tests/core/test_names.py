"""Names and units."""
from __future__ import annotations

import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sst.core.names import did_you_mean, mint, shorten, snake, valid_name
from sst.core.units import megabytes, seconds
from sst.errors import UserError

words = st.text(string.ascii_letters + string.digits, min_size=1, max_size=60)


@given(words, words, st.lists(words, min_size=1, max_size=3).map("/".join), st.integers(16, 255), st.booleans())
def test_a_minted_name_fits_and_keeps_its_hash(app: str, stage: str, name: str, limit: int, lower: bool) -> None:
    made = mint(app, stage, name, limit=limit, lower=lower)
    assert len(made) <= limit and re.search(r"-[a-z]{8}$", made) and "--" not in made
    assert not lower or made == made.lower()
    assert mint(app, stage, name, limit=limit) != mint(app, stage, name, limit=limit)


def test_a_minted_name_tells_where_it_belongs() -> None:
    assert re.fullmatch(r"app-prod-ApiRole-[a-z]{8}", mint("app", "prod", "Api/Role", limit=64))
    assert re.fullmatch(r"ap-prod-ApiRole-[a-z]{8}", mint("app", "prod", "Api/Role", limit=24))


@given(words, st.integers(0, 30))
def test_a_shortened_name_keeps_its_hash(name: str, by: int) -> None:
    made = mint("app", "prod", name, limit=64)
    short = shorten(made, by)
    assert short[-9:] == made[-9:] and len(short) <= max(10, len(made) - by)


@pytest.mark.parametrize(("name", "good"), [
    ("Api", True), ("my-api_2", True), ("a" * 128, True), ("a" * 129, False), ("", False), ("2fast", False),
    ("a b", False),
    ("a/b", False), ("é", False), ("a\n", False), (3, False)])
def test_valid_names(name: object, good: bool) -> None:
    assert valid_name(name) is good


@pytest.mark.parametrize(("text", "small"), [
    ("EventInvokeConfig", "event_invoke_config"), ("URLConfig", "url_config"), ("Role", "role"), ("my-part", "my_part"),
    ("S3", "s3")])
def test_snake_case(text: str, small: str) -> None:
    assert snake(text) == small


def test_did_you_mean() -> None:
    assert did_you_mean("timout", ["timeout", "memory"]) == 'did you mean "timeout"?'
    assert did_you_mean("xyz", ["timeout", "memory"]) == "known: memory, timeout"
    assert did_you_mean("xyz", []) == ""


@pytest.mark.parametrize(("text", "value"), [
    ("20 seconds", 20), ("1 second", 1), ("3 minutes", 180), ("1 hour", 3600), ("7 days", 604800), ("2 weeks", 1209600),
    (15, 15)])
def test_durations(text: str | int, value: int) -> None:
    assert seconds(text) == value


@given(st.integers(0, 10**6))
def test_sizes(n: int) -> None:
    assert megabytes(f"{n} MB") == megabytes(n) == n and megabytes(f"{n} GB") == n * 1024


@pytest.mark.parametrize("bad", ["3 minuts", "", "minutes", "-3 minutes", "3.5 hours", True, None, [3]])
def test_what_is_no_duration_is_told(bad: object) -> None:
    with pytest.raises(UserError, match=r'timeout can\'t be .*\n  hint: write it like "20 seconds"'):
        seconds(bad, what="timeout")  # type: ignore[arg-type]


def test_limits_are_told() -> None:
    with pytest.raises(UserError, match=r'timeout must be between 1 and 900 seconds; it is "?.?16 minutes'):
        seconds("16 minutes", what="timeout", low=1, high=900)
    with pytest.raises(UserError, match="memory must be at least 128 MB"):
        megabytes("64 MB", what="memory", low=128)
