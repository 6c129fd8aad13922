"""Django's tasks in a linked queue: of Django 6, or of the package django-tasks for earlier ones.
https://docs.djangoproject.com/en/6.0/topics/tasks/"""
from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timezone
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from django.utils.module_loading import import_string

from .resource import Resource

__all__ = ["QueueBackend", "run"]

_HOME = "django.tasks" if find_spec("django.tasks") else "django_tasks"
_base: Any = import_module(f"{_HOME}.base")
_backend: Any = import_module(f"{_HOME}.backends.base")
_signals: Any = import_module(f"{_HOME}.signals")
_LONGEST = 900
"""Seconds for which SQS can hold a message back."""


class QueueBackend(_backend.BaseTaskBackend):  # type: ignore[misc]  # Django has no types here
    """Each task is a message. A task that raises comes again, as often as the queue says. Results are not kept."""

    supports_async_task = True
    supports_defer = True

    def __init__(self, alias: str, params: dict[str, Any]) -> None:
        super().__init__(alias, params)
        self._link = self.options["link"]

    def enqueue(self, task: Any, args: Any, kwargs: Any) -> Any:
        """Send it. With ``run_after`` at most 15 minutes from now. ``ValueError`` for a later one."""
        import boto3  # type: ignore[import-untyped]  # it has no types

        self.validate_task(task)
        wait = (task.run_after - datetime.now(timezone.utc)).total_seconds() if task.run_after else 0  # noqa: UP017
        if wait > _LONGEST:
            raise ValueError("a queue can hold a task back for at most 15 minutes")
        body = json.dumps({"task": task.module_path, "args": list(args), "kwargs": dict(kwargs)})
        sent = boto3.client("sqs").send_message(QueueUrl=Resource[self._link]["url"], MessageBody=body,
                                                DelaySeconds=max(0, int(wait)))
        result = _result(task, sent["MessageId"], args, kwargs, self.alias)
        _signals.task_enqueued.send(type(self), task_result=result)
        return result


def run(body: str, attributes: Mapping[str, Any]) -> None:
    """Run the task of a message. Raises what the task raises."""
    from django.db import close_old_connections

    given = json.loads(body)
    task = import_string(given["task"])
    result = _result(task, attributes.get("MessageDeduplicationId", ""), given["args"], given["kwargs"], task.backend)
    for name in ("started_at", "last_attempted_at"):
        object.__setattr__(result, name, datetime.now(timezone.utc))  # noqa: UP017  # Python 3.9
    result.worker_ids.extend(["sst"] * int(attributes.get("ApproximateReceiveCount", 1)))
    close_old_connections()
    try:
        context = [_base.TaskContext(task_result=result)] if task.takes_context else []
        task.call(*context, *given["args"], **given["kwargs"])
    finally:
        close_old_connections()


def _result(task: Any, id: str, args: Any, kwargs: Any, backend: str) -> Any:
    now = datetime.now(timezone.utc)  # noqa: UP017  # Python 3.9
    return _base.TaskResult(task=task, id=id, status=_base.TaskResultStatus.READY, enqueued_at=now, started_at=None,
                            finished_at=None, last_attempted_at=None, args=list(args), kwargs=dict(kwargs),
                            backend=backend, errors=[], worker_ids=[])
