"""Messages in pieces, and signatures as botocore makes them."""
from __future__ import annotations

import random
import time

import botocore.auth
import pytest
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from sst.runtime.bridge.wire import PIECE, Assembler, Keys, body_of, pieces, place, signed


@given(st.dictionaries(st.text(max_size=9), st.text(max_size=9)), st.binary(max_size=200), st.integers(0, 3),
       st.integers(0, 9))
def test_a_message_is_whole_once_however_its_pieces_come(head: dict[str, str], body: bytes, many: int,
                                                         seed: int) -> None:
    chance = random.Random(seed)
    body += chance.randbytes(many * PIECE)
    events = pieces("m", head, body) * 2
    chance.shuffle(events)
    assembler = Assembler()
    assert [m for e in events if (m := assembler.take(e))] == [(head, body)]


def test_every_piece_fits_into_an_event() -> None:
    events = pieces("x" * 60, {"k": "call"}, random.Random(1).randbytes(6_000_000))
    assert max(len(e.encode()) for e in events) < 240 * 1000 and len(events) == 36
    assert len(pieces("m", {}, b"a" * 6_000_000)) == 1


@pytest.mark.parametrize("event", ["", "[]", "{}", "7", '{"m":"a","i":0,"n":1,"z":0,"d":"?"}'])
def test_what_is_no_piece_is_told(event: str) -> None:
    with pytest.raises(ValueError):
        Assembler().take(event)


@pytest.mark.parametrize("token", ["", "a-token"])
def test_the_signature_is_botocores(token: str) -> None:
    host, body, now = "abc.appsync-api.eu-west-1.amazonaws.com", body_of("/app-stage/in", '{"a":1}'), time.time()
    ours = signed(host, body, Keys("AKIDEXAMPLE", "secret", token), now)
    kept = {k: v for k, v in ours.items() if k not in ("Authorization", "x-amz-date", "x-amz-security-token", "host")}
    request = AWSRequest("POST", f"https://{host}/event", data=body, headers=kept)
    signer = botocore.auth.SigV4Auth(Credentials("AKIDEXAMPLE", "secret", token or None), "appsync", "eu-west-1")
    request.context["timestamp"] = ours["x-amz-date"]
    for name in ("x-amz-date", "x-amz-security-token"):
        if name in ours:
            request.headers[name] = ours[name]
    signature = signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)
    assert ours["Authorization"].endswith(f"Signature={signature}")


def test_names_below_localhost_are_this_machine() -> None:
    assert place("a.appsync-api.us-east-1.localhost:4566") == ("127.0.0.1", 4566, False)
    assert place("a.appsync-api.us-east-1.amazonaws.com") == ("a.appsync-api.us-east-1.amazonaws.com", 443, True)
