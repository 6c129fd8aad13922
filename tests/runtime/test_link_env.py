from __future__ import annotations

from base64 import b64decode
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sst.core.link_env import fits_environment, link_env, resource_file
from sst.core.output import Output
from sst.errors import UserError
from sst.runtime.aes import decrypt

URL: Output[str] = Output(lambda look: look("q", "url"))


def seal(values: dict[str, dict[str, Any]], urn: str = "aws.Function::Api", stage_key: bytes = b"k" * 32) -> tuple[str,
                                                                                                                   str]:
    return resource_file(values, stage_key, urn, lambda key, text: AESGCM(key).encrypt(bytes(12), text, None))


def test_variables_hold_compact_json_with_the_type_last() -> None:
    assert link_env({"Jobs": {"type": "sst.aws.Queue", "url": "https://x/ä"},
                     "App": {"name": "shop", "stage": "prod"}}) == {
        "SST_RESOURCE_App": '{"name":"shop","stage":"prod"}',
        "SST_RESOURCE_Jobs": '{"url":"https://x/ä","type":"sst.aws.Queue"}'}


@pytest.mark.parametrize(("links", "fits"), [
    ({}, True),
    ({"A": {"url": "x" * 3000}}, True),
    ({"A": {"url": "x" * 3072}}, False),
    ({f"Q{n}": {"url": URL} for n in range(10)}, True),
    ({f"Q{n}": {"url": URL} for n in range(12)}, False),
    ({"A": {"url": URL, "more": [{"a": f"{URL}/a", "b": f"{URL}{URL}"}]}}, True),
    ({"A": {"password": Output(lambda _: "p", secret=True)}}, False),
    ({"A": {"dsn": f"postgres://{Output(lambda _: 'p', secret=True)}@host"}}, False),
    ({"my-bucket": {"name": "x"}}, False),
])
def test_small_links_without_a_secret_fit_into_the_environment(links: dict[str, dict[str, Any]], fits: bool) -> None:
    assert fits_environment(links) is fits


def test_a_file_is_deterministic_and_its_key_belongs_to_one_text_of_one_function() -> None:
    values: dict[str, dict[str, Any]] = {"B": {"type": "t", "v": 1}, "A": {"v": 2}}
    key, file = seal(values)
    assert decrypt(b64decode(key), bytes(12), b64decode(file)) == b'{"A":{"v":2},"B":{"v":1,"type":"t"}}'
    assert seal(dict(reversed(values.items()))) == (key, file)
    others = [seal({"A": {"v": 3}})[0], seal(values, urn="aws.Function::Other")[0],
              seal(values, stage_key=b"l" * 32)[0]]
    assert len({key, *others}) == 4


def test_a_value_that_is_no_json_is_refused() -> None:
    with pytest.raises(UserError, match="can't be written as JSON"):
        link_env({"A": {"v": object()}})
