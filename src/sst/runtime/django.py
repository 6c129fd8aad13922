"""For Django behind sst: settings, and management commands and tasks in the deployed functions."""
from __future__ import annotations

import contextlib
import gzip
import io
import os
import re
import shlex
import sys
import tempfile
from base64 import b64decode
from collections.abc import Mapping
from typing import Any

__all__ = ["configure", "is_work", "manage", "work"]

_LOCAL = re.compile(r"(^127\.0\.0\.1|(^|\.)localhost)$")
"""Hosts of stage ``local``, which is reached without TLS."""
_PLAIN = "django.contrib.staticfiles.storage.StaticFilesStorage"


def configure(settings: dict[str, Any]) -> None:
    """Set what a project behind the CDN needs. ``aws.Django`` does it by itself, after the project's own settings are
    read; ``configure(globals())`` at the end of ``settings.py`` does it there, for settings that look at the result.

    ``ALLOWED_HOSTS`` and ``CSRF_TRUSTED_ORIGINS`` get the site's hosts, ``SECURE_PROXY_SSL_HEADER`` trusts the CDN.
    ``DATABASES["default"]`` is the database of ``database=``, ``STORAGES["default"]`` the bucket of ``media=``,
    ``TASKS["default"]`` the queue of ``tasks=``, and static files have the names that ``collectstatic`` gave them. On a
    machine without sst nothing is changed.
    """
    _hosts(settings)
    if name := os.environ.get("SST_DJANGO_DATABASE"):
        settings["DATABASES"] = {**settings.get("DATABASES", {}), "default": _database(settings, name)}
    if name := os.environ.get("SST_DJANGO_MEDIA"):
        _storage(settings, "default", {"BACKEND": "sst.runtime.django_media.BucketStorage", "OPTIONS": {"link": name}})
    if name := os.environ.get("SST_DJANGO_TASKS"):
        settings["TASKS"] = {**settings.get("TASKS", {}), "default": {
            "BACKEND": "sst.runtime.django_tasks.QueueBackend", "QUEUES": [], "OPTIONS": {"link": name}}}
    if root := os.environ.get("SST_STATIC_ROOT"):
        packed = os.environ.get("SST_STATIC_MANIFEST")
        settings["STATIC_ROOT"] = _unpacked(packed) if packed else _static_root(root)
        own = settings.get("STORAGES", {}).get("staticfiles", {}).get("BACKEND", _PLAIN)
        if own == _PLAIN and not os.environ.get("SST_STATIC_PLAIN"):
            _storage(settings, "staticfiles", {"BACKEND": "sst.runtime.django_static.HashedStorage"})


def _static_root(name: str) -> str:
    """In the bundle; in `sst dev` in the nearest folder above the project's that has it."""
    home = place = os.environ.get("LAMBDA_TASK_ROOT", "")
    while not os.path.isdir(os.path.join(place, name)):  # noqa: PTH112, PTH118
        if (above := os.path.dirname(place)) == place:  # noqa: PTH120
            return os.path.join(home, name)  # noqa: PTH118
        place = above
    return os.path.join(place, name)  # noqa: PTH118


def _unpacked(packed: str) -> str:
    """A folder with the list of static files, which a container has as a variable."""
    folder = tempfile.mkdtemp(prefix="sst-static-")
    with open(os.path.join(folder, "staticfiles.json"), "wb") as file:  # noqa: PTH118, PTH123
        file.write(gzip.decompress(b64decode(packed)))
    return folder


def _hosts(settings: dict[str, Any]) -> None:
    hosts = [h for h in os.environ.get("SST_HOSTS", "").split(",") if h]
    if not hosts:
        return
    names = [h.rpartition(":")[0] if ":" in h else h for h in hosts]
    origins = [f"{'http' if _LOCAL.search(n) else 'https'}://{h}" for h, n in zip(hosts, names)]  # noqa: B905  # 3.9
    for name, added in (("ALLOWED_HOSTS", names), ("CSRF_TRUSTED_ORIGINS", origins)):
        there = list(settings.get(name, ()))
        settings[name] = [*there, *(a for a in added if a not in there)]
    settings["SECURE_PROXY_SSL_HEADER"] = ("HTTP_X_FORWARDED_PROTO", "https")


def _database(settings: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The linked database; what the project says of its own PostgreSQL stays, such as ``CONN_MAX_AGE``."""
    from .resource import Resource

    link = Resource[name]
    own = settings.get("DATABASES", {}).get("default", {})
    kept = own if "postg" in own.get("ENGINE", "") else {"ENGINE": "django.db.backends.postgresql"}
    return {"CONN_MAX_AGE": 600, "CONN_HEALTH_CHECKS": True, **kept, "NAME": link["database"], "USER": link["username"],
            "PASSWORD": link["password"], "HOST": link["host"], "PORT": str(link["port"])}


def _storage(settings: dict[str, Any], alias: str, storage: dict[str, Any]) -> None:
    usual = {"default": {"BACKEND": "django.core.files.storage.FileSystemStorage"}, "staticfiles": {"BACKEND": _PLAIN}}
    settings["STORAGES"] = {**usual, **settings.get("STORAGES", {}), alias: storage}


def manage(line: str, environment: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Run a management command, ``"createsuperuser --noinput"``, with more variables; what it printed, and its status.
    Nobody can answer its questions."""
    from django.core.management import ManagementUtility

    said, status, before = io.StringIO(), 0, dict(os.environ)
    os.environ.update(environment or {})
    try:
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            ManagementUtility(["manage.py", *shlex.split(line)]).execute()
    except SystemExit as e:
        status = e.code if isinstance(e.code, int) else 1 if e.code else 0
    except Exception as e:  # Django's CommandError is printed by execute(); what else is raised goes here
        said.write(f"{type(e).__name__}: {e}\n")
        status = 1
    finally:
        os.environ.clear()
        os.environ.update(before)
    return {"status": status, "output": said.getvalue()}


def is_work(event: Any) -> bool:
    """Whether an event has messages of the queue of tasks."""
    records = event.get("Records") or [{}] if isinstance(event, Mapping) else [{}]
    return "SST_DJANGO_TASKS" in os.environ and records[0].get("eventSource") == "aws:sqs"


def work(event: Mapping[str, Any]) -> dict[str, Any]:
    """Run the tasks of an event; those that failed come again."""
    from .django_tasks import run

    failed = []
    for record in event["Records"]:
        try:
            run(record["body"], record["attributes"])
        except Exception:
            import traceback

            traceback.print_exc(file=sys.stderr)
            failed.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failed}
