"""Values and messages on the wire. The bytes are those of recorded traffic between Terraform and its plugins."""
from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sst.clouds.terraform.values import Dynamic, differences, fitted, from_state, pack, same, to_state, unpack
from sst.clouds.terraform.wire import decode, encode
from sst.core.output import UNKNOWN
from sst.errors import ProviderError


@pytest.mark.parametrize(("value", "type", "hexed"), [
    (UNKNOWN, "string", "d40000"),
    (None, "string", "c0"),
    (3.0, "number", "03"),
    (2 ** 70, "number", "b6" + b"1180591620717411303424".hex()),
    (Decimal("0.5"), "number", "cb3fe0000000000000"),
    ({"a": 1}, "dynamic", "92c419" + b'["object",{"a":"number"}]'.hex() + "81a16101"),
    (None, "dynamic", "c0"),
    ({"create": "2m"}, ["object", {"create": "string", "delete": "string"}], "82a6" + b"create".hex() + "a2"
     + b"2m".hex() + "a6" + b"delete".hex() + "c0"),
    ("é", "string", "a2c3a9"),
])
def test_bytes(value: Any, type: Any, hexed: str) -> None:
    assert pack(value, type).hex() == hexed


def test_a_refined_unknown_is_unknown() -> None:
    assert unpack(bytes.fromhex("c7090c8201c202a461726e3a"), "string") is UNKNOWN


def test_a_set_is_equal_in_any_order_and_differs_as_a_whole() -> None:
    kind = ["object", {"s": ["set", "string"], "l": ["list", "number"], "m": ["map", "string"]}]
    one = {"s": ["a", "b"], "l": [1, 2], "m": {"x": "1"}}
    assert same(one, {"s": ["b", "a"], "l": [1, 2.0], "m": {"x": "1"}}, kind)
    two = {"s": ["b", "c"], "l": [1, 3, 4], "m": {"x": "1", "y": "2"}}
    assert list(differences(one, two, kind)) == [("s",), ("l", 1), ("l", 2), ("m", "y")]


@pytest.mark.parametrize(("value", "type", "fits"), [
    (True, "string", "true"), (5, "string", "5"), ("5", "number", 5), ("0.5", "number", Decimal("0.5")),
    ("true", "bool", True), (("a",), ["list", "string"], ["a"]), ({1: 2}, ["map", "string"], {"1": "2"}),
    ({"a": 1}, ["object", {"a": "number", "b": "string"}], {"a": 1, "b": None}),
    ([1, UNKNOWN], ["list", "number"], [1, UNKNOWN]),
])
def test_values_are_converted_as_terraform_does(value: Any, type: Any, fits: Any) -> None:
    made = fitted(value, type)
    assert made == fits or repr(made) == repr(fits)


@pytest.mark.parametrize(("value", "type", "message"), [
    ([{"port": "x"}], ["list", ["object", {"port": "number"}]], "rule[0].port: 'x' is not a number"),
    ("a", ["list", "string"], "rule: 'a' is not a list"),
    (True, "number", "rule: True is not a number"),
    ({"prot": 1}, ["object", {"port": "number"}], "rule.prot: there is no such attribute; it has port"),
    ([1], "string", "rule: a list is not text"),
])
def test_what_does_not_fit_is_named_with_its_path(value: Any, type: Any, message: str) -> None:
    with pytest.raises(ValueError) as e:
        fitted(value, type, ("rule",))
    assert str(e.value) == message


_PLAIN = st.recursive(st.none() | st.booleans() | st.text(max_size=5) | st.integers(-2 ** 66, 2 ** 66),
                      lambda inner: st.lists(inner, max_size=3)
                      | st.dictionaries(st.text("abc", min_size=1, max_size=3), inner, max_size=3), max_leaves=8)


@given(_PLAIN)
def test_any_value_survives_the_wire_and_the_state(value: Any) -> None:
    import unicodedata

    def normal(v: Any) -> Any:
        match v:
            case str():
                return unicodedata.normalize("NFC", v)
            case list():
                return [normal(x) for x in v]
            case dict():
                return {k: normal(x) for k, x in v.items()}
        return v

    there = unpack(pack(value, "dynamic"), "dynamic")
    assert (there is None and value is None) or there.value == normal(value)
    assert from_state(to_state(there), "dynamic") == there


def test_numbers_that_json_would_round_stay_exact_in_the_state() -> None:
    exact = Decimal("0.1234567890123456789")
    assert from_state(to_state({"n": exact}), ["object", {"n": "number"}]) == {"n": exact}
    assert to_state(Dynamic("string", "x")) == {"type": "string", "value": "x"}


def test_messages_keep_what_they_know_and_pass_over_the_rest() -> None:
    path = {"steps": [{"attribute_name": "rule"}, {"element_key_int": 0}]}
    raw = encode("Diagnostic", {"severity": 1, "summary": "bad", "attribute": path})
    unknown_fields = b"\xf8\x06\x05" + b"\xfa\x06\x02hi" + b"\xf9\x06" + bytes(8) + b"\xfd\x06" + bytes(4)
    assert decode("Diagnostic", raw + unknown_fields) == {"severity": 1, "summary": "bad", "attribute": path}
    with pytest.raises(KeyError):
        encode("Diagnostic", {"sumary": "bad"})
    for cut in range(1, len(raw) - 1):
        try:
            decode("Diagnostic", raw[:cut])
        except ProviderError as e:
            assert "damaged" in str(e)
