"""Functions that are called through a ``Router`` alone: what keeps others from going around it."""
from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ... import runtime as own
from ...core.component import Component
from ...core.link_env import LinkedEnvironment
from ...core.output import Input, Output, combine
from ...errors import UserError
from .code import Code
from .url import Url

__all__ = ["guarded", "key_of", "key_variable"]

_SCRIPT = "sst_origin"


def key_of(owner: Component, url: bool | Url, code: Code, *, built: bool) -> Output[str] | None:
    """The key that the edge adds to requests for this function; None if everybody may call it. ``built``: whether sst
    made its bundle, and so can put the check into it."""
    given: Url = {} if isinstance(url, bool) else url
    asked = given.get("protection")
    if asked not in (None, "key", "none"):
        raise UserError(f"protection of a URL is \"key\" or \"none\"; it is {asked!r}", where=owner.where)
    if "router" not in given:
        if asked == "key":
            raise UserError("protection of a URL needs a router: its edge function adds the key", where=owner.where,
                            hint='url={"router": {"instance": router, "path": "/api"}}')
        return None
    if given.get("authorization") == "iam":
        raise UserError('a URL in a Router can\'t have authorization "iam": the edge signs nothing', where=owner.where,
                        hint='leave it out: protection="key", the default, refuses those who go around the Router')
    able = built and code.runtime.startswith(("python", "nodejs"))
    if asked == "key" and not able:
        raise UserError("protection of a URL needs a Python or Node handler that sst bundles", where=owner.where,
                        hint='compare the header x-sst-key yourself, or write protection="none"')
    if asked == "none" or not able:
        return None
    from ..site.protection import origin_key

    return origin_key(owner)


def key_variable(key: Output[str] | None) -> dict[str, Input[str]]:
    """As the function finds the key."""
    return {"SST_ORIGIN_KEY": key} if key is not None else {}


def guarded(code: Code, env: LinkedEnvironment, key: Output[str] | None, *,
            web: bool) -> tuple[Code, LinkedEnvironment]:
    """Put the check before a handler. A web app (``web``) has it in its wrapper already (`sst.runtime.web`)."""
    if key is None or web:
        return code, env
    env = replace(env, plain={**env.plain, "SST_ORIGIN_HANDLER": code.handler})
    if code.runtime.startswith("python"):   # every Python bundle has it
        return replace(code, handler=_named("sst/runtime/guard.handler")), env
    script: dict[str, str] = {f"{_SCRIPT}.mjs": b64encode(Path(own.__file__).with_name("origin.mjs")
                                                          .read_bytes()).decode()}

    def with_script(known: Mapping[str, Any]) -> dict[str, str]:
        return {**known, **script}

    files = env.files if env.files is not None else combine()
    return replace(code, handler=_named(f"{_SCRIPT}.handler")), replace(env, files=files.apply(with_script))


def _named(handler: str) -> Output[str]:
    return combine(name=handler).apply(lambda known: str(known["name"]))
