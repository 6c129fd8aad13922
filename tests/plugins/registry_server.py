"""A registry of providers on a loopback port, over HTTPS, with keys of its own. What it serves can be changed."""
from __future__ import annotations

import base64
import datetime
import hashlib
import io
import ipaddress
import json
import ssl
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import NameOID

from sst.plugins.source import host_platform

__all__ = ["RegistryServer", "Signer", "package", "serving"]

PLATFORMS = sorted({host_platform(), "linux_amd64", "darwin_arm64", "windows_amd64"})


class Signer:
    """An OpenPGP key (RSA, version 4)."""

    def __init__(self) -> None:
        self.private = rsa.generate_private_key(65537, 2048)
        numbers = self.private.public_key().public_numbers()
        self.body = b"\x04" + bytes(4) + b"\x01" + _number(numbers.n) + _number(numbers.e)
        digest = hashlib.sha1(b"\x99" + len(self.body).to_bytes(2, "big") + self.body).hexdigest()
        self.id = digest[-16:].upper()

    @property
    def armored(self) -> str:
        text = base64.b64encode(_packet(6, self.body)).decode()
        return f"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n{text}\n=abcd\n-----END PGP PUBLIC KEY BLOCK-----\n"

    def sign(self, content: bytes) -> bytes:
        hashed = b"\x04\x00\x01\x08\x00\x06\x05\x02" + bytes(4)
        digest_of = content + hashed + b"\x04\xff" + len(hashed).to_bytes(4, "big")
        value = self.private.sign(digest_of, padding.PKCS1v15(), hashes.SHA256())
        start = hashlib.sha256(digest_of).digest()[:2]
        return _packet(2, hashed + b"\x00\x00" + start + _number(int.from_bytes(value, "big")))


def _number(n: int) -> bytes:
    return n.bit_length().to_bytes(2, "big") + n.to_bytes((n.bit_length() + 7) // 8, "big")


def _packet(tag: int, body: bytes) -> bytes:
    return bytes([0xc0 | tag, 0xff]) + len(body).to_bytes(4, "big") + body


def package(content: str = "#!/bin/sh\nexit 1\n", name: str = "terraform-provider-fake_v1.0.0", **more: str) -> bytes:
    """A zip file with a program, and more files by name."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for file, text in {name: content, **more}.items():
            archive.writestr(zipfile.ZipInfo(file), text)
    return buffer.getvalue()


@dataclass
class RegistryServer:
    """``versions`` maps a version to its package. The other fields are faults."""

    versions: dict[str, bytes] = field(default_factory=dict)
    signer: Signer | None = None
    protocols: tuple[str, ...] = ("6.0",)
    platforms: Sequence[str] = tuple(PLATFORMS)
    port: int = 0
    certificate: Path = Path()
    served_package: bytes | None = None
    """Instead of the one that was signed."""
    served_sums: bytes | None = None
    cut_after: int = 0
    """Bytes after which a download breaks off, the first time, or each time."""
    cut_always: bool = False
    redirect: str = ""
    """Where downloads from ``localhost`` lead."""
    warnings: tuple[str, ...] = ()
    """What it says of the provider."""
    token: str = ""
    """What callers must show."""
    requests: list[str] = field(default_factory=list)

    @property
    def host(self) -> str:
        return f"localhost:{self.port}"

    @property
    def source(self) -> str:
        return f"{self.host}/acme/fake"

    def name(self, version: str, platform: str) -> str:
        return f"terraform-provider-fake_{version}_{platform}.zip"

    def sums(self, version: str) -> bytes:
        content = self.versions[version]
        lines = [f"{hashlib.sha256(content if p == host_platform() else p.encode()).hexdigest()}  "
                 f"{self.name(version, p)}" for p in PLATFORMS]
        return ("\n".join(lines) + "\n").encode()

    def answer(self, path: str) -> tuple[int, bytes]:
        match path.strip("/").split("/"):
            case [".well-known", "terraform.json"]:
                return 200, json.dumps({"providers.v1": "/v1/providers/"}).encode()
            case ["v1", "providers", "acme", "fake", "versions"]:
                return 200, json.dumps({"versions": [{"version": v} for v in self.versions],
                                        "warnings": list(self.warnings) or None}).encode()
            case ["v1", "providers", "acme", "fake", version, "download", os, arch] if (
                    version in self.versions and f"{os}_{arch}" in self.platforms):
                return self._described(version, f"{os}_{arch}")
            case ["files", version, "SHA256SUMS"]:
                return 200, self.served_sums or self.sums(version)
            case ["files", version, "SHA256SUMS.sig"] if self.signer:
                return 200, self.signer.sign(self.sums(version))
            case ["files", version, name] if name.endswith(".zip"):
                return 200, self.served_package or self.versions[version]
        return 404, b"{}"

    def _described(self, version: str, platform: str) -> tuple[int, bytes]:
        keys = [{"key_id": self.signer.id, "ascii_armor": self.signer.armored}] if self.signer else []
        return 200, json.dumps({
            "protocols": list(self.protocols), "filename": self.name(version, platform),
            "download_url": f"/files/{version}/{self.name(version, platform)}",
            "shasums_url": f"/files/{version}/SHA256SUMS",
            "shasums_signature_url": f"/files/{version}/SHA256SUMS.sig",
            "shasum": hashlib.sha256(self.versions[version]).hexdigest(),
            "signing_keys": {"gpg_public_keys": keys}}).encode()


@contextmanager
def serving(server: RegistryServer, folder: Path) -> Iterator[RegistryServer]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            server.requests.append(self.path)
            if server.token and self.headers.get("Authorization") != f"Bearer {server.token}":
                self.send_error(401)
                return
            if self.path.endswith(".zip") and server.redirect and self.headers["Host"].startswith("localhost"):
                self.send_response(302)
                self.send_header("Location", server.redirect)
                self.end_headers()
                return
            status, body = server.answer(self.path)
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if server.cut_after and self.path.endswith(".zip"):
                body, server.cut_after = body[:server.cut_after], server.cut_always * server.cut_after
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Not on the screen."""

    server.certificate, key = _certificate(folder)
    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(server.certificate, key)
    accept = http.get_request

    def get_request() -> tuple[ssl.SSLSocket, object]:
        plain, address = accept()
        return context.wrap_socket(plain, server_side=True, do_handshake_on_connect=False), address

    http.get_request = get_request    # type: ignore[method-assign]  # the handshake is the handler's, who closes it
    http.handle_error = lambda request, address: None    # type: ignore[method-assign]  # a client that went away
    server.port = http.server_address[1]
    Thread(target=http.serve_forever, args=(0.05,), daemon=True).start()
    yield server
    http.shutdown()
    http.server_close()


def _certificate(folder: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")]), datetime.datetime.now(datetime.UTC)
    names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
            .serial_number(1).not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1)).add_extension(names, critical=False)
            .sign(key, hashes.SHA256()))
    files = folder / "registry.pem", folder / "registry.key"
    files[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                           serialization.NoEncryption()))
    return files


def environ_of(server: RegistryServer, folder: Path, **more: str) -> Mapping[str, str]:
    return {"XDG_CACHE_HOME": str(folder / "cache"), "SSL_CERT_FILE": str(server.certificate), "HOME": str(folder),
            **more}
