from __future__ import annotations

import pytest

from sst.errors import UserError
from sst.state.format import Damaged
from sst.state.home import StateHome

from .store_suite import race


def test_secrets_are_set_read_and_removed() -> None:
    home = StateHome.memory("app")
    secrets = home.secrets("prod")
    secrets.set("StripeKey", "one")
    secrets.load({"StripeKey": "two", "Other": "line1\nline2 ü"})
    assert secrets.get_all() == {"StripeKey": "two", "Other": "line1\nline2 ü"}
    assert secrets.remove("Other") and not secrets.remove("Other")
    assert secrets.get_all() == {"StripeKey": "two"}
    assert home.secrets("dev").get_all() == {}


def test_a_stage_falls_back() -> None:
    home = StateHome.memory("app")
    prod, dev = home.secrets("prod"), home.secrets("dev")
    prod.set("A", "for all", fallback=True)
    prod.set("A", "for prod")
    assert (prod.get_all(), dev.get_all(), dev.get_all(own=True)) == ({"A": "for prod"}, {"A": "for all"}, {})
    assert prod.remove("A")
    assert prod.get_all() == prod.fallback() == {"A": "for all"}


def test_two_who_set_at_once_lose_nothing() -> None:
    home = StateHome.memory("app")
    race(16, lambda i: home.secrets("prod").set(f"S{i}", f"v{i}"))
    assert home.secrets("prod").get_all() == {f"S{i}": f"v{i}" for i in range(16)}


def test_nothing_is_plain_and_a_damaged_one_is_named() -> None:
    home = StateHome.memory("app")
    secrets = home.secrets("prod")
    secrets.load({"A": "s3cret-s3cret", "B": "s3cret-s3cret"})
    stored = home.store.get("app/prod/secrets")
    assert stored and b"s3cret" not in stored.data
    home.store.put_new("app/dev/secrets", stored.data)
    with pytest.raises(Damaged, match=r"app/dev/secrets is damaged at byte .*the secret A"):
        home.secrets("dev").get_all()
    home.store.put_if("app/prod/secrets", stored.data.replace(b'"name":"B"', b'"name":"C"'), stored.tag)
    with pytest.raises(Damaged, match="app/prod/secrets"):
        secrets.get_all()


@pytest.mark.parametrize("name", ["", "1a", "a-b", "a b", "ü"])
def test_a_bad_name_is_refused(name: str) -> None:
    with pytest.raises(UserError, match="not a valid name for a secret"):
        StateHome.memory("app").secrets("prod").set(name, "x")


def test_a_huge_value_is_refused() -> None:
    with pytest.raises(UserError, match="longer than 64 KB"):
        StateHome.memory("app").secrets("prod").set("A", "x" * 70_000)


def test_a_value_that_is_no_text_is_refused() -> None:
    with pytest.raises(UserError, match="the value of A is not UTF-8 text"):
        StateHome.memory("app").secrets("prod").set("A", "geheim\udcff")


def test_former_values_are_known_so_that_old_lines_can_be_masked() -> None:
    home = StateHome.memory("app")
    secrets = home.secrets("prod")
    for n in range(9):
        secrets.set("Key", f"value-{n}")
    secrets.set("Key", "value-8")
    secrets.set("All", "for all", fallback=True)
    secrets.set("Gone", "removed")
    secrets.remove("Gone")
    assert secrets.get_all() == {"All": "for all", "Key": "value-8"} == secrets.get_all(own=True) | secrets.fallback()
    assert set(secrets.known()) == {*(f"value-{n}" for n in range(3, 9)), "for all", "removed"}
    secrets.reseal()
    assert "value-7" in secrets.known()
