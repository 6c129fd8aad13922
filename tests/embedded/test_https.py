"""HTTPS at loopback, by an authority of the machine's own."""
from __future__ import annotations

import asyncio
import datetime
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from sst.embedded.cdn.message import Answer, Head
from sst.embedded.cdn.server import serve
from sst.machine.authority import MachineAuthority, begun, named, pem, secret
from tests.e2e.project import Project, call, project


@pytest.fixture
def authority(tmp_path: Path) -> MachineAuthority:
    made = MachineAuthority({"XDG_DATA_HOME": str(tmp_path)})
    made.make()
    return made


def answers(head: Head) -> Answer:
    return Answer(200, [], f"{head.get('host')} {head.get('x-forwarded-proto')}".encode())


async def asked(authority: MachineAuthority, name: str, *, trusted: bool = True, tls: bool = True) -> bytes:
    """The answer of a server that is asked for by some name."""
    line, ended = socket.create_server(("127.0.0.1", 0)), asyncio.Event()
    port = line.getsockname()[1]
    server = asyncio.create_task(serve(line, answers, ended, 1, authority.server()))
    context = ssl.create_default_context(cafile=str(authority.certificate) if trusted else None)
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, **(
            {"ssl": context, "server_hostname": name} if tls else {}))  # type: ignore[arg-type]  # both are its own
        writer.write(b"GET / HTTP/1.1\r\nhost: a\r\nx-forwarded-proto: http\r\nconnection: close\r\n\r\n")
        answer = await reader.read()
        writer.close()
        return answer.rpartition(b"\r\n\r\n")[2]
    finally:
        ended.set()
        await server


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "web.localhost", "app.example.com.localhost"])
def test_each_loopback_name_has_a_certificate(authority: MachineAuthority, name: str) -> None:
    assert asyncio.run(asked(authority, name)) == b"a https"


def test_plain_http_stays_on_the_same_port(authority: MachineAuthority) -> None:
    assert asyncio.run(asked(authority, "localhost", tls=False)) == b"a http"


@pytest.mark.parametrize(("name", "trusted"), [("localhost", False), ("example.com", True)])
def test_who_does_not_trust_it_or_asks_for_another_name_gets_nothing(authority: MachineAuthority, name: str,
                                                                     trusted: bool) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        asyncio.run(asked(authority, name, trusted=trusted))


def test_its_key_vouches_for_nothing_else(authority: MachineAuthority, tmp_path: Path) -> None:
    """A certificate for a name of the internet, signed with the stolen key, is refused."""
    stolen = serialization.load_pem_private_key((authority.folder / "key.pem").read_bytes(), None)
    assert isinstance(stolen, ec.EllipticCurvePrivateKey)
    issuer = x509.load_pem_x509_certificate(authority.certificate.read_bytes())
    key = ec.generate_private_key(ec.SECP256R1())
    forged = begun(named("example.com"), issuer.subject, key.public_key(), 1).add_extension(
        x509.SubjectAlternativeName([x509.DNSName("example.com")]), critical=False).sign(stolen, hashes.SHA256())
    assert forged.not_valid_after_utc > datetime.datetime.now(datetime.UTC)
    (tmp_path / "forged.pem").write_text(pem(forged) + secret(key))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(tmp_path / "forged.pem")
    client = ssl.create_default_context(cafile=str(authority.certificate))
    there, here = (ssl.MemoryBIO(), ssl.MemoryBIO())
    browser = client.wrap_bio(here, there, server_hostname="example.com")
    site = server.wrap_bio(there, here, server_side=True)
    with pytest.raises(ssl.SSLCertVerificationError, match="subtree"):
        for _ in range(4):
            for side in (browser, site):
                try:
                    side.do_handshake()
                except ssl.SSLWantReadError:
                    continue


def test_the_key_is_the_users_alone(authority: MachineAuthority) -> None:
    assert (authority.folder / "key.pem").stat().st_mode & 0o077 == 0 and authority.folder.stat().st_mode & 0o077 == 0
    authority.remove()
    assert not authority.exists and not list(authority.folder.iterdir())


CONFIG = """
import sst
from sst import aws


def config(input):
    return sst.Config(name="safe")


def run():
    web = aws.Router("Web", domain="shop.example")
    aws.Function("Api", handler="src/api.handler", url={"router": {"instance": web, "path": "/api"}})
    return {"web": web.url, "direct": aws.Function("Open", handler="src/api.handler", url=True).url}
"""
API = """
def handler(event, context):
    about = event["headers"]
    return {"statusCode": 200, "body": f"{about['x-forwarded-proto']} {about.get('x-forwarded-host')}",
            "cookies": ["s=1; Secure"]}
"""


@pytest.fixture
def safe(tmp_path: Path) -> Iterator[Project]:
    with project(tmp_path / "safe", {"sst_config.py": CONFIG, "src/api.py": API}) as made:
        yield made


@pytest.mark.emulator
@pytest.mark.long
def test_the_addresses_of_stage_local_answer_https_too(safe: Project, tmp_path: Path,
                                                       monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert "sst-local-ca.pem" in safe.sst("cert")
    safe.sst("deploy")
    outputs = safe.outputs()
    context = ssl.create_default_context(cafile=str(tmp_path / "data/sst/cert/sst-local-ca.pem"))
    assert outputs["web"].startswith("http://shop.example.localhost:")      # browsers know where that is
    web = f"127.0.0.1:{outputs['web'].rpartition(':')[2]}"
    for url, body in ((f"http://{web}/api", f"https {web}"), (outputs["direct"], "https None")):
        answer = call(url.replace("http://", "https://"), context=context)
        assert answer.body == body and ("Set-Cookie", "s=1; Secure") in [(k.title(), v) for k, v in answer.headers]
        assert call(url).body == body.replace("https", "http")
