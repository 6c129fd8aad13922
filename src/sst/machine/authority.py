"""A certificate authority of this machine's own, so that the addresses of stage ``local`` answer HTTPS too.

It is made by `sst cert` alone, and nothing trusts it until the user says so. It can't vouch for anything but loopback
names: whoever got hold of its key could not stand between a browser and the internet.
"""
from __future__ import annotations

import datetime
import ipaddress
import re
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .files import private_draft, write_private

__all__ = ["MachineAuthority", "begun", "named", "pem", "secret"]

_YEARS = 10
_DAYS = 397
"""Of the certificates that servers show: browsers refuse such as hold longer."""
_NAME = re.compile(r"([a-z0-9_-]+\.)*localhost", re.IGNORECASE)


class MachineAuthority:
    """``environment`` is the user's: its ``HOME`` and ``XDG_DATA_HOME`` say where the authority lies."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        data = environment.get("XDG_DATA_HOME") or Path(environment.get("HOME") or Path.home(), ".local/share")
        self.folder = Path(data, "sst", "cert")
        self._contexts: dict[str, ssl.SSLContext] = {}

    @property
    def certificate(self) -> Path:
        """What browsers and programs have to trust: PEM."""
        return self.folder / "sst-local-ca.pem"

    @property
    def exists(self) -> bool:
        return self.certificate.is_file() and self._key.is_file()

    @property
    def _key(self) -> Path:
        return self.folder / "key.pem"

    def make(self) -> None:
        """A new key and certificate."""
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import ec

        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        key = ec.generate_private_key(ec.SECP256R1())
        subject = named("sst local authority")
        loopback = x509.NameConstraints(
            [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_network("127.0.0.0/8")),
             x509.IPAddress(ipaddress.ip_network("::1/128"))], None)
        usage = x509.KeyUsage(digital_signature=False, content_commitment=False, key_encipherment=False,
                              data_encipherment=False, key_agreement=False, key_cert_sign=True, crl_sign=True,
                              encipher_only=False, decipher_only=False)
        made = begun(subject, subject, key.public_key(), 365 * _YEARS).add_extension(
            x509.BasicConstraints(ca=True, path_length=0), critical=True).add_extension(
                loopback, critical=True).add_extension(usage, critical=True).sign(key, hashes.SHA256())
        write_private(self._key, secret(key))
        write_private(self.certificate, pem(made))

    def remove(self) -> None:
        """Forget it. What trusts it has to be told by the user."""
        for file in (self._key, self.certificate):
            file.unlink(missing_ok=True)

    def server(self) -> ssl.SSLContext:
        """For servers at loopback: it shows a certificate for the name that a client asks for."""
        context = self._context("localhost")

        def chosen(line: ssl.SSLObject | ssl.SSLSocket, name: str | None, first: ssl.SSLContext) -> None:
            if name and name.lower() != "localhost" and _NAME.fullmatch(name):
                line.context = self._context(name.lower())

        context.sni_callback = chosen
        return context

    def _context(self, name: str) -> ssl.SSLContext:
        if name not in self._contexts:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            with private_draft(self.folder / "leaf.pem") as file:   # OpenSSL takes them from files alone
                file.write_text(self._leaf(name))
                context.load_cert_chain(file)
            self._contexts[name] = context
        return self._contexts[name]

    def _leaf(self, name: str) -> str:
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.x509.oid import ExtendedKeyUsageOID

        authority: Any = serialization.load_pem_private_key(self._key.read_bytes(), None)
        issuer = x509.load_pem_x509_certificate(self.certificate.read_bytes())
        key = ec.generate_private_key(ec.SECP256R1())
        hosts: list[x509.GeneralName] = [x509.DNSName(name)]
        if name == "localhost":
            hosts += [x509.DNSName("*.localhost"), *(x509.IPAddress(ipaddress.ip_address(a))
                                                     for a in ("127.0.0.1", "::1"))]
        made = begun(named(name), issuer.subject, key.public_key(), _DAYS).add_extension(
            x509.SubjectAlternativeName(hosts), critical=False).add_extension(
                x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False).add_extension(
                    x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.public_key()), critical=False).sign(
                        authority, hashes.SHA256())
        return pem(made) + secret(key)


def named(name: str) -> Any:
    """An X.509 name."""
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:64])])


def begun(subject: Any, issuer: Any, key: Any, days: int) -> Any:
    """A certificate to be signed."""
    from cryptography import x509

    began = datetime.datetime.now(datetime.UTC) - datetime.timedelta(hours=1)
    return x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key).serial_number(
        x509.random_serial_number()).not_valid_before(began).not_valid_after(
            began + datetime.timedelta(days=days)).add_extension(
                x509.SubjectKeyIdentifier.from_public_key(key), critical=False)


def pem(certificate: Any) -> str:
    """A certificate as text."""
    from cryptography.hazmat.primitives.serialization import Encoding

    return str(certificate.public_bytes(Encoding.PEM).decode())


def secret(key: Any) -> str:
    """A private key as text."""
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    return str(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode())
