"""JWT authorizers of HTTP APIs verify real tokens of a live issuer."""
from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from sst.embedded.cloud import Cloud

from .functions import function, http_api
from .test_emulator import client
from .test_front_door import ECHO, fetch

pytestmark = pytest.mark.emulator


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@pytest.fixture
def issuer() -> Iterator[tuple[str, dict[str, Any]]]:
    """The URL of an OpenID provider, and its public keys (to be filled in)."""
    keys: dict[str, Any] = {"keys": []}

    class Provider(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = {"issuer": address, "jwks_uri": f"{address}/jwks"} if "well-known" in self.path else keys
            body = json.dumps(found).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Provider)
    address = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield address, keys
    server.shutdown()
    server.server_close()


def signer(cloud: Cloud, keys: dict[str, Any]) -> Callable[..., str]:
    """Signs tokens with an RSA key of KMS, whose public half is put into ``keys``."""
    kms = client(cloud, "kms")
    key = kms.create_key(KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["KeyId"]
    der = kms.get_public_key(KeyId=key)["PublicKey"]
    at = der.index(b"\x02\x82\x01\x01\x00") + 5  # the modulus, then the exponent
    keys["keys"].append({"kty": "RSA", "kid": "k", "alg": "RS256", "use": "sig", "n": encoded(der[at:at + 256]),
                         "e": encoded(der[at + 258:])})

    def sign(claims: object, alg: str = "RS256") -> str:
        head = encoded(json.dumps({"alg": alg, "kid": "k"}).encode())
        text = f"{head}.{encoded(json.dumps(claims).encode())}"
        made = kms.sign(KeyId=key, Message=text.encode(), SigningAlgorithm="RSASSA_PKCS1_V1_5_SHA_256")
        return f"{text}.{encoded(made['Signature'])}"

    return sign


def test_a_jwt_authorizer_takes_tokens_of_its_issuer_alone(cloud: Cloud, issuer: tuple[str, dict[str, Any]]) -> None:
    source, keys = issuer
    sign = signer(cloud, keys)
    address = http_api(cloud, function(cloud, ECHO), "GET /open")
    apis, api = client(cloud, "apigatewayv2"), json.loads(fetch(f"{address}/open")[2])["requestContext"]["apiId"]
    made = apis.create_authorizer(ApiId=api, Name="a", AuthorizerType="JWT", JwtConfiguration={
        "Issuer": source, "Audience": ["me"]}, IdentitySource=["$request.header.Authorization"])
    target = apis.get_routes(ApiId=api)["Items"][0]["Target"]
    apis.create_route(ApiId=api, RouteKey="GET /closed", Target=target, AuthorizationType="JWT",
                      AuthorizerId=made["AuthorizerId"])
    good = {"iss": source, "aud": "me", "sub": "ada", "exp": int(time.time()) + 600}
    token = sign(good)

    def ask(value: str) -> tuple[int, Any]:
        status, _, body = fetch(f"{address}/closed", headers={"authorization": f"Bearer {value}"})
        return status, json.loads(body)

    status, event = ask(token)
    assert status == 200 and event["requestContext"]["authorizer"]["jwt"]["claims"]["sub"] == "ada"
    head, _, signature = token.split(".")
    forged = encoded(json.dumps({**good, "sub": "eve"}).encode())
    no_expiry = {k: v for k, v in good.items() if k != "exp"}
    unsigned = f'{encoded(json.dumps({"alg": "none", "kid": "k"}).encode())}.{encoded(json.dumps(good).encode())}.'
    later = int(time.time()) + 600
    for wrong in (f"{head}.{forged}.{signature}", f"{head}.{forged}.", unsigned, sign(good, "ES256"), sign([good]),
                  sign({**good, "aud": "you"}), sign({**good, "aud": []}), sign({**good, "exp": 1}), sign(no_expiry),
                  *(sign({**good, "exp": e}) for e in ("soon", True, float("inf"), None)),
                  sign({**good, "nbf": later}), sign({**good, "nbf": "now"}), sign({**good, "iat": later}),
                  sign({**good, "iss": f"{source}/"}), "x.y.z", "..", "a" * 6000):
        assert ask(wrong) == (401, {"message": "Unauthorized"}), wrong
    for right in ({**good, "aud": ["you", "me"]}, {**no_expiry, "exp": later + 0.5}):
        assert ask(sign(right))[0] == 200
    assert fetch(f"{address}/closed")[0] == 401
