"""A user name and a password that everybody needs, checked at the edges."""
from __future__ import annotations

import hashlib
import json
from base64 import b64encode
from collections.abc import Mapping
from typing import TypedDict

from ...core.output import Input, Output, combine
from ...errors import UserError

__all__ = ["BasicAuth", "auth_record", "checked"]


class BasicAuth(TypedDict):
    """A user name and a password, ``sst.Secret("Password").value``."""

    username: Input[str]
    password: Input[str]


def auth_record(auth: BasicAuth, salt: Input[str]) -> Output[list[str]]:
    """What the edge function compares the header ``Authorization`` with: a salt and a hash, never the password."""
    if not isinstance(auth, Mapping) or set(auth) != {"username", "password"}:
        raise UserError("auth takes a username and a password",
                        hint='auth={"username": "team", "password": sst.Secret("Password").value}')

    def made(known: Mapping[str, str]) -> list[str]:
        if not known["username"] or ":" in known["username"] or not known["password"]:
            raise UserError("auth needs a username without a colon, and a password; neither may be empty")
        pair = b64encode(f"{known['username']}:{known['password']}".encode()).decode()
        salt = f"salt of {known['salt']} "
        return [salt, hashlib.sha256(f"{salt}Basic {pair}".encode()).hexdigest()]

    if all(isinstance(value, str) for value in auth.values()):     # known already
        made({"salt": "", **auth})  # type: ignore[dict-item]  # they are text
    return combine(salt=salt, **auth).apply(made)


def checked(auth: BasicAuth, salt: Input[str]) -> str:
    """The statement that asks for the password before anything else."""
    return f"if(!known(H,{auth_record(auth, salt).apply(lambda a: json.dumps(a, separators=(',', ':')))}))return ask();"
