from __future__ import annotations

from base64 import b64decode
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sst.core.context import Context
from sst.core.graph import Graph
from sst.core.link import Include, Link
from sst.core.link_env import environment, fits_environment, link_env, resource_file
from sst.core.output import Output, gather, resolve
from sst.errors import UserError
from sst.runtime.aes import decrypt

URL: Output[str] = Output(lambda look: look("q", "url"))


def seal(
    values: dict[str, dict[str, Any]], urn: str = "aws.Function::Api", stage_key: bytes = b"k" * 32
) -> tuple[str, str]:
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


QUEUE = Link("Jobs", "sst.aws.Queue", {"url": URL}, (Include("environment", {"ISSUER": "https://x", "A": "link"}),
                                                     Include("cloudflare.binding", {"id": "1"})))
SECRET = Link("Key", "sst.Secret", {"value": Output(lambda _: "p", secret=True)})


def look(urn: str, attr: str) -> str:
    return f"<{urn}.{attr}>"


def graph() -> Graph:
    return Graph("shop", "prod", context=Context(
        read_stage_key=lambda: b"k" * 32, encrypt=lambda key, text: AESGCM(key).encrypt(bytes(12), text, None)))


def test_a_process_gets_its_links_what_they_include_and_its_own_variables_which_win() -> None:
    made = environment(graph(), [QUEUE], {"A": "own"})
    assert made.secret == {} and made.files is None
    assert made.resolved(look) == {
        "SST_RESOURCE_App": '{"name":"shop","stage":"prod"}',
        "SST_RESOURCE_Jobs": '{"url":"<q.url>","type":"sst.aws.Queue"}', "ISSUER": "https://x", "A": "own"}


def test_a_variable_that_holds_a_secret_is_apart() -> None:
    made = environment(graph(), [QUEUE, SECRET], {"DSN": f"postgres://{SECRET.properties['value']}@host"})
    assert made.secret.keys() == {"SST_RESOURCE_Key", "DSN"} and not made.secret.keys() & made.plain.keys()
    assert made.resolved(look)["SST_RESOURCE_Key"] == '{"value":"p","type":"sst.Secret"}'


def test_a_function_gets_an_encrypted_file_where_variables_cant_hold_its_links() -> None:
    assert environment(graph(), [QUEUE], sealed_for="F").files is None
    made = environment(graph(), [QUEUE, SECRET], sealed_for="F")
    assert made.plain.keys() == {"SST_RESOURCE_App", "ISSUER", "A", "SST_KEY_FILE"} and made.files is not None
    known = made.resolved(look)
    file = resolve(made.files, look)[known["SST_KEY_FILE"]]
    assert decrypt(b64decode(known["SST_KEY"]), bytes(12), b64decode(file)) == (
        b'{"Jobs":{"url":"<q.url>","type":"sst.aws.Queue"},"Key":{"value":"p","type":"sst.Secret"}}')
    assert gather([made.files])[1] and made.secret.keys() == {"SST_KEY"}
