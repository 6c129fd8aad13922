"""A migration as a resource: a function or a task that runs once for each state of its files and its database."""
from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from ...core.output import Output
from ...core.provider import Note
from ...core.resource import Arg, out, prop
from ...errors import ProviderError
from .columns import call
from .table import AwsResource, Calls
from .task_run import NOT_YET, Ended, ended
from .verbs import quiet

__all__ = ["Run", "TaskRun"]


FAILED = "MigrationFailed"
_TRIES = 10
"""So often a task is started that has not begun: its roles may be new."""


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


class TaskRun(AwsResource, type="aws.migration.TaskRun", service="ecs", runs_once=True, lasts="files"):
    """The same as a task on Fargate, for a command. It is over when the task has ended with exit code 0.

    RunTask takes an idempotency token: sent again, it answers with the task that it started. ECS knows a token for a
    day; after that a second task finds the mark of the first in the database, and ends.
    Source: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/ECS_Idempotency.html
    """

    cluster: Arg[str] = prop(local=True)
    task_definition: Arg[str] = prop(local=True)
    """The family: its newest revision runs."""
    container: Arg[str] = prop(local=True)
    network: Arg[Mapping[str, Any]] = prop(local=True)
    """Subnets, groups, and whether it has a public address, as RunTask takes them."""
    timeout: Arg[int] = prop(local=True)
    """Seconds that the command may take."""
    name: Arg[str] = prop(local=True, replace=True)
    """Of the migration: runs of one name wait for each other."""
    files: Arg[Mapping[str, str]] = prop(local=True, replace=True)
    """Digests by name."""
    work: Arg[str] = prop(local=True, replace=True)
    """The command."""
    database: Arg[str] = prop(local=True, replace=True)
    """Identity of the database: one that was restored or replaced has another."""

    task: Output[str] = out("tasks[0].taskArn")

    identity = "token"
    identifier = "$name/$key"
    computed = {"key": _key}
    create = call("run_task", cluster="$cluster", taskDefinition="$task_definition", launchType="FARGATE",
                  startedBy="sst", networkConfiguration={"awsvpcConfiguration": "$network"}, retry=NOT_YET,
                  patience=120, overrides={"containerOverrides": [{"name": "$container", "environment": [
                      {"name": "SST_MIGRATION_NAME", "value": "$name"}, {"name": "SST_MIGRATION_KEY", "value": "$key"},
                      {"name": "SST_MIGRATION_ATTEMPT", "value": "$token"}]}]})
    not_found_codes = ("ClusterNotFoundException",)
    undone_codes = (FAILED,)

    @classmethod
    def settle(cls, provider: Calls, known: Mapping[str, Any], note: Note) -> None:
        if not (token := known.get("token")):
            return      # another network or definition, for the next run
        task = known.get("task")
        for turn in range(_TRIES):
            result = ended(provider.aws, known, task, None if note is quiet else note) if task else Ended(
                "ECS has no room for its task", again=True)
            if not result.again or turn == _TRIES - 1:
                break
            provider.aws.sleep(min(2 ** turn, 20))
            again = provider.send(cls, cls.create, {**known, "token": f"{token}{turn}"}, {}, note)
            task = cls.outputs(provider, again, known).get("task")
        if result.failure:
            raise _refused(result.failure, "StillRunning" if result.runs else FAILED, sent=result.runs)


def _refused(message: str, code: str = FAILED, *, sent: bool = True) -> ProviderError:
    return ProviderError(message, code=code, operation="migration", status=400, sent=sent,
                         hint="what waits for it was not changed, and the next deploy runs it again")
