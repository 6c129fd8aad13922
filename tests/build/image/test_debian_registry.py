"""Debian's registry, the reference implementation of the protocol, with token authentication."""
from __future__ import annotations

import base64
import datetime
import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.x509.oid import NameOID

from sst.build.image.base import base_of_folder, base_of_registry
from sst.build.image.image import Blob, Settings, compose, digest_of
from sst.build.image.layer import Layer
from sst.build.image.reference import Reference
from sst.build.image.registry import Registry
from sst.build.image.upload import Upload
from sst.errors import ProviderError
from sst.net.http import Pool

from .test_registry import layout

pytestmark = pytest.mark.long
LOGIN = ("tester", "s3cret")
PROGRAM = shutil.which("docker-registry")


class Tokens:
    """Signs what a registry trusts: JSON Web Tokens, with the certificate in their head."""

    def __init__(self, folder: Path) -> None:
        self.key, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime.now(datetime.UTC)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
        self.certificate = (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(
            self.key.public_key()).serial_number(1).not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(
                now + datetime.timedelta(days=1)).add_extension(
                    x509.BasicConstraints(ca=True, path_length=None), critical=True).sign(self.key, hashes.SHA256()))
        self.file = folder / "root.pem"
        self.file.write_bytes(self.certificate.public_bytes(serialization.Encoding.PEM))

    def token(self, scopes: list[str]) -> str:
        der = base64.b64encode(self.certificate.public_bytes(serialization.Encoding.DER)).decode()
        now = int(time.time())
        access = [{"type": kind, "name": name, "actions": actions.split(",")}
                  for kind, name, actions in (s.split(":") for s in scopes)]
        body = ".".join(_part(json.dumps(x).encode()) for x in (
            {"typ": "JWT", "alg": "ES256", "x5c": [der]},
            {"iss": "test", "aud": "registry", "sub": "tester", "iat": now, "nbf": now - 10, "exp": now + 300,
             "jti": os.urandom(8).hex(), "access": access}))
        r, s = decode_dss_signature(self.key.sign(body.encode(), ec.ECDSA(hashes.SHA256())))
        return f"{body}.{_part(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


def _part(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@dataclass
class Place:
    pool: Pool
    host: str

    def client(self, login: tuple[str, str] = LOGIN) -> Registry:
        return Registry(self.pool, f"http://{self.host}", keys=lambda name: login)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    if PROGRAM is None:
        pytest.skip("docker-registry is not installed; on Debian: apt-get install docker-registry")
    folder = tmp_path_factory.mktemp("registry")
    tokens = Tokens(folder)

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

        def do_GET(self) -> None:
            login = base64.b64decode(self.headers.get("Authorization", "").removeprefix("Basic ")).decode()
            body = json.dumps({"token": tokens.token(parse_qs(urlsplit(self.path).query).get("scope", []))}).encode()
            good = login == ":".join(LOGIN)
            self.send_response(200 if good else 401)
            self.end_headers()
            self.wfile.write(body if good else b"{}")

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (folder / "config.yml").write_text(json.dumps({
        "version": 0.1, "storage": {"filesystem": {"rootdirectory": str(folder / "data")}},
        "http": {"addr": f"127.0.0.1:{port}", "secret": "x"}, "log": {"level": "error"}, "auth": {"token": {
            "realm": f"http://127.0.0.1:{server.server_address[1]}/token", "service": "registry", "issuer": "test",
            "rootcertbundle": str(tokens.file)}}}))
    process = subprocess.Popen([PROGRAM, "serve", str(folder / "config.yml")], stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
    made = Place(Pool(), f"127.0.0.1:{port}")
    try:
        _wait(made)
        yield made
    finally:
        made.pool.close()
        process.terminate()
        process.wait()
        server.shutdown()
        thread.join()
        server.server_close()


def _wait(place: Place) -> None:
    for _ in range(100):
        try:
            if place.client().send("GET", "/v2/", scope="", retry=False).status in (200, 401):
                return
        except ProviderError:
            time.sleep(0.1)
    raise AssertionError("the registry does not answer")


def push(place: Place, built: object, name: str, **options: object) -> int:
    def fetch(blob: Blob, path: Path) -> None:
        place.client().download("base", blob.digest, blob.size, path)

    return Upload(place.client(), name, fetch=fetch, note=lambda text: None, **options).image(built, ("live",))  # type: ignore[arg-type]  # passed on


def test_a_base_and_an_image_on_it_go_through_a_real_registry(place: Place, tmp_path: Path) -> None:
    own = base_of_folder(layout(tmp_path / "oci"), "x86_64", "oci")
    push(place, compose(own, [], Settings({})), "base")
    base = base_of_registry(place.client(), Reference.of(f"{place.host}/base:live"), "x86_64")
    content = os.urandom(700_000)
    (tmp_path / "layer").write_bytes(content)
    image = compose(base, [Layer(tmp_path / "layer", digest_of(content), digest_of(content), len(content))],
                    Settings({"A": "1"}))
    sent = push(place, image, "team/app", same=["base"], chunk=200_000)
    assert sent == image.size - base.layers[0].size, "the base's layer was mounted, ours came in four pieces"
    assert push(place, image, "team/app") == 0
    client = place.client()
    kind, digest, manifest = client.manifest("team/app", "live")
    assert (digest, manifest) == (image.digest, image.manifest) and kind == image.kind
    assert client.tagged("team/app", "none") is None
    client.download("team/app", digest_of(content), len(content), tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == content
    elsewhere = push(place, image, "other")
    assert elsewhere == image.size, "without a repository to take it from, the base's layer is fetched and sent"


def test_who_has_no_login_is_refused(place: Place) -> None:
    with pytest.raises(ProviderError, match="refuses access"):
        place.client(("tester", "wrong")).manifest("base", "live")
