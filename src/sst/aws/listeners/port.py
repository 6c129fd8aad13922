"""``80/http``: a port with its protocol."""
from __future__ import annotations

import re
from dataclasses import dataclass

from ...errors import UserError

__all__ = ["PROTOCOLS", "Port"]

PROTOCOLS = {"http": "HTTP", "https": "HTTPS", "tcp": "TCP", "udp": "UDP", "tcp_udp": "TCP_UDP", "tls": "TLS"}


@dataclass(frozen=True)
class Port:
    """``80/http``."""

    number: int
    protocol: str

    @classmethod
    def of(cls, text: object, what: str) -> Port:
        found = re.fullmatch(r"(\d+)/([a-z_]+)", text) if isinstance(text, str) else None
        if found is None or found[2] not in PROTOCOLS or not 1 <= int(found[1]) <= 65535:
            raise UserError(f"{what} can't be {text!r}",
                            hint=f'write a port and one of {", ".join(PROTOCOLS)}: "80/http"')
        return cls(int(found[1]), found[2])

    @property
    def web(self) -> bool:
        return self.protocol in ("http", "https")

    @property
    def secure(self) -> bool:
        """Whether it needs a certificate."""
        return self.protocol in ("https", "tls")

    def __str__(self) -> str:
        return f"{self.number}/{self.protocol}"
