"""What the app's resources hold: each provider brings its own browsers, this shows them."""
from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from ..core.browse import Action, Browser
from ..core.model import State
from ..core.picture import Part
from ..errors import UserError
from .permission import Permission
from .server import NotThere
from .source import Seen, Source

__all__ = ["Browse"]

Body = Mapping[str, Any]
_MASK = re.compile(r"\[secret( \w+)?\]|\[masked\]")


class Browse:
    """Lists, shows and changes. Secrets are replaced in all that is shown."""

    def __init__(self, source: Source, permission: Permission) -> None:
        self._source, self._permission = source, permission

    def parts(self, query: Mapping[str, str]) -> list[dict[str, Any]]:
        """Of what can be looked into."""
        seen = self._source.seen()
        return [{"name": p.name, "title": p.title, "kind": p.kind} for p in seen.picture.parts
                if (state := _state(seen, p)) and self._source.browser(seen, state)]

    def rows(self, name: str, query: Mapping[str, str]) -> dict[str, Any]:
        part, browser = self._found(name)
        found = browser.rows(query)
        shown: dict[str, Any] = self._source.hidden(asdict(found))
        return shown | {"title": part.title, "kind": part.kind, "where": part.where,
                        "actions": self._actions(found.actions)}

    def item(self, name: str, query: Mapping[str, str]) -> dict[str, Any]:
        """One item; ``id`` is in the query. Bytes come as base64."""
        _, browser = self._found(name)
        found = browser.item(query.get("id", ""))
        body = found.body if isinstance(found.body, str) else b64encode(found.body).decode()
        if found.form != "image":
            body = self._source.redactor.redact(body)
        return {"title": self._source.hidden(found.title), "facts": self._source.hidden(dict(found.facts)),
                "form": found.form, "media": found.media, "body": body, "actions": self._actions(found.actions)}

    def change(self, body: Body) -> Any:
        """``name`` of the part, ``verb``, ``id`` of the item, ``values`` of the fields, ``sure`` where something is
        lost."""
        part, browser = self._found(str(body.get("name", "")))
        verb, id, values = str(body.get("verb", "")), str(body.get("id") or ""), body.get("values") or {}
        if not isinstance(values, Mapping) or verb not in browser.acts:
            raise NotThere(f"{part.title} has no action {verb}")
        action = self._action(browser, verb, id)
        if not action.reads:
            self._permission.check()
        if action.loses and body.get("sure") is not True:
            raise UserError(f"not confirmed: {action.loses}", code="data-loss")
        texts = {str(k): str(v) for k, v in values.items()}
        if not action.reads and any(_MASK.search(v) for v in (id, *texts.values())):
            raise UserError("this holds [secret ...] in place of a secret's value, and would be written so",
                            hint=f"use the command: {action.command}" if action.command else "write the whole value")
        return self._source.hidden({"done": browser.acts[verb](id, texts), "command": action.command})

    def _action(self, browser: Browser, verb: str, id: str) -> Action:
        """As it is offered now: an action that is not offered is not carried out."""
        offered = browser.item(id).actions if id else browser.rows({}).actions
        found = next((a for a in offered if a.verb == verb), None)
        if found is None:
            raise UserError("this action is not offered here any more", hint="look at the page again")
        return found

    def _actions(self, actions: tuple[Action, ...]) -> list[dict[str, Any]]:
        shown: list[dict[str, Any]] = self._source.hidden([asdict(a) for a in actions if a.reads or
                                                           self._permission.writes])
        return shown

    def _found(self, name: str) -> tuple[Part, Browser]:
        seen = self._source.seen()
        for part in seen.picture.parts:
            if part.name == name and (state := _state(seen, part)) and (found := self._source.browser(seen, state)):
                return part, found
        raise NotThere(f"{name} holds nothing that can be shown", hint="it may not be deployed any more")


def _state(seen: Seen, part: Part) -> State | None:
    return next(_states(seen, part), None)


def _states(seen: Seen, part: Part) -> Iterator[State]:
    return (seen.snapshot.resources[urn] for urn in part.urns[:1] if urn in seen.snapshot.resources)
