"""TLS on this machine: a certificate authority of the project's own, and what programs need to trust it.

The authority is made when something first needs TLS. Its certificate is *added* to those of the system in one file:
programs that trust that file trust the rest of the internet as before.
"""
from __future__ import annotations

import contextlib
import ipaddress
import os
import ssl
import time
from collections.abc import Mapping
from pathlib import Path

from sst.machine.authority import begun, named, pem, secret
from sst.machine.container_engine import GATEWAY, HOSTS
from sst.machine.files import write_private

__all__ = ["Authority", "trusting"]

_DAYS = 825
"""Clients of Apple refuse certificates that hold longer."""
_SYSTEM = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem",
           "/etc/ssl/cert.pem")


def trusting(folder: Path) -> dict[str, str]:
    """Variables by which Python, OpenSSL and Node trust the authority of a data folder; none if it has none yet."""
    bundle = f"{folder}/tls/bundle.pem"
    if not os.path.exists(bundle):  # noqa: PTH110  # asked at each call of a function
        return {}
    return {"SSL_CERT_FILE": bundle, "NODE_EXTRA_CA_CERTS": f"{folder}/tls/ca.pem"}


class Authority:
    """The authority of ``folder``. ``host`` is the user's environment: its ``SSL_CERT_FILE`` counts as the system's."""

    def __init__(self, folder: Path, host: Mapping[str, str]) -> None:
        self._folder, self._host = folder / "tls", host

    def server(self) -> ssl.SSLContext:
        """For servers at ``127.0.0.1`` and ``localhost``, and as containers of podman or docker see them."""
        file = self._folder / "server.pem"
        if not file.exists() or file.stat().st_mtime < time.time() - 86400 * (_DAYS - 30):
            self._make()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context

    def _make(self) -> None:
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import ec

        self._folder.mkdir(mode=0o700, exist_ok=True)
        authority, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
        issuer, subject = named("sst stage local"), named("localhost")
        own = begun(issuer, issuer, authority.public_key(), _DAYS).add_extension(
            x509.BasicConstraints(ca=True, path_length=0), critical=True).sign(authority, hashes.SHA256())
        names = x509.SubjectAlternativeName([
            *(x509.DNSName(name) for name in ("localhost", *HOSTS.values())),
            *(x509.IPAddress(ipaddress.ip_address(address)) for address in ("127.0.0.1", GATEWAY))])
        server = begun(subject, issuer, key.public_key(), _DAYS).add_extension(names, critical=False).add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.public_key()), critical=False).sign(
                authority, hashes.SHA256())
        write_private(self._folder / "ca.pem", pem(own))
        write_private(self._folder / "bundle.pem", f"{self._system()}\n{pem(own)}")
        write_private(self._folder / "server.pem", pem(server) + secret(key))     # the authority's key is forgotten

    def _system(self) -> str:
        """The certificates that programs of this machine trust."""
        found = ssl.get_default_verify_paths()
        for file in (self._host.get("SSL_CERT_FILE"), found.cafile, found.openssl_cafile, *_SYSTEM):
            with contextlib.suppress(OSError, UnicodeDecodeError):
                if file and (text := Path(file).read_text()):
                    return text
        folder = found.capath or found.openssl_capath
        return "\n".join(p.read_text() for p in sorted(Path(folder).glob("*.pem"))) if os.path.isdir(folder) else ""  # noqa: PTH112
