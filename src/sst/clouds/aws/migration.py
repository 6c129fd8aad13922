"""A migration as a resource: a function that is called once for each state of its files and its database."""
from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from ...core.resource import Arg, prop
from ...errors import ProviderError
from .columns import call
from .table import AwsResource

__all__ = ["Run"]


def _key(known: Mapping[str, Any]) -> str:
    """What is done once: these files, this command, this database."""
    text = json.dumps([known.get("files"), known.get("work"), known.get("database")], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _event(action: str, known: Mapping[str, Any]) -> bytes:
    return json.dumps({"action": action, "name": known.get("name"), "key": _key(known),
                       "attempt": known.get("token") or ""}).encode()


class Run(AwsResource, type="aws.migration.Run", service="lambda", runs_once=True, lasts="files"):
    """A run of a migration. It runs when it is new and when its files, its command or its database have changed.

    The function (``sst/runtime/migration.py``) leaves a mark in the database. It is called without waiting for its
    answer, and asked what has become of it: so nothing runs twice because an answer was lost, and runs may take longer
    than a connection lasts.
    """

    function_name: Arg[str] = prop(local=True)
    name: Arg[str] = prop(local=True, replace=True)
    """Of the migration: runs of one name wait for each other."""
    files: Arg[Mapping[str, str]] = prop(local=True, replace=True)
    """Digests by name."""
    work: Arg[str] = prop(local=True, replace=True)
    """The command or the handler."""
    database: Arg[str] = prop(local=True, replace=True)
    """Identity of the database: one that was restored or replaced has another."""

    identity = "key"
    identifier = "$name/$key"
    computed = {"key": _key, "order": lambda known: _event("run", known), "asked": lambda known: _event("find", known)}
    create = call("invoke", FunctionName="$function_name", InvocationType="Event", Payload="$order", idempotent=True,
                  until="state == 'done'")
    read = call("invoke", FunctionName="$function_name", Payload="$asked", idempotent=True)
    exists_if = "state"
    not_found_codes = ("ResourceNotFoundException",)

    @classmethod
    def normalize(cls, answer: Mapping[str, Any], known: Mapping[str, Any]) -> Mapping[str, Any]:
        """What the function says of the run. While a deploy waits for it, its failure is one of the deploy."""
        payload = answer.get("Payload") or b"{}"
        found = json.loads(payload.read() if hasattr(payload, "read") else payload)
        if answer.get("FunctionError"):
            raise _refused(str(found.get("errorMessage") or "the function failed"))
        state = found.get("state")
        if not known.get("settling"):
            if state == "running":
                raise _refused("it is still running")
            return {"state": state} if state == "done" else {}
        if state == "failed":
            raise _refused(str(found.get("message")))
        if state == "died":
            raise _refused("it ended without a result: see its log for a limit of time or memory")
        return {"state": state}


def _refused(message: str) -> ProviderError:
    return ProviderError(message, code="MigrationFailed", operation="migration", status=400,
                         hint="what waits for it was not changed, and the next deploy runs it again")
