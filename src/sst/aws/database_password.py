"""The passwords of databases, and the addresses that hold them."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from ..clouds.local.password import Password
from ..core.output import Input, Output, combine

__all__ = ["address", "password_of"]


def password_of(given: Input[str] | None, *, special: str = "") -> Output[str]:
    """The user's password, or one that is generated once: secret either way."""
    if given is None:
        return Password("Password", length=32, special=special).value
    return combine(password=given).apply(lambda known: str(known["password"])).as_secret()


def address(scheme: str, *, username: Input[str], password: Input[str], host: Input[str], port: Input[int],
            database: Input[str] = "") -> Output[str]:
    """``postgresql://user:password@host:port/database``, user and password percent-encoded; secret."""
    def joined(parts: Mapping[str, Any]) -> str:
        user, secret = quote(str(parts["username"]), safe=""), quote(str(parts["password"]), safe="")
        who = f"{user}:{secret}@" if secret else ""
        end = f"/{quote(str(parts['database']), safe='')}" if parts["database"] else ""
        return f"{scheme}://{who}{parts['host']}:{parts['port']}{end}"

    return combine(username=username, password=password, host=host, port=port,
                   database=database).apply(joined).as_secret()
