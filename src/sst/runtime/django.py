"""For Django behind sst: settings, and management commands in the deployed function."""
from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
from typing import Any

__all__ = ["configure", "manage"]

_LOCAL = re.compile(r"(^127\.0\.0\.1|(^|\.)localhost)$")
"""Hosts of stage ``local``, which is reached without TLS."""


def configure(settings: dict[str, Any]) -> None:
    """Set what an app behind the CDN needs; one line at the end of ``settings.py``:

        from sst.runtime.django import configure
        configure(globals())

    ``ALLOWED_HOSTS`` and ``CSRF_TRUSTED_ORIGINS`` get the site's hosts, which a deployed function has in
    ``SST_HOSTS``, and ``SECURE_PROXY_SSL_HEADER`` trusts the CDN. On a machine without sst nothing is changed.
    """
    hosts = [h for h in os.environ.get("SST_HOSTS", "").split(",") if h]
    if not hosts:
        return
    names = [h.rpartition(":")[0] if ":" in h else h for h in hosts]
    settings["ALLOWED_HOSTS"] = [*settings.get("ALLOWED_HOSTS", ()), *names]
    settings["CSRF_TRUSTED_ORIGINS"] = [*settings.get("CSRF_TRUSTED_ORIGINS", ()),
                                        *(f"{'http' if _LOCAL.search(n) else 'https'}://{h}"
                                          for h, n in zip(hosts, names))]  # noqa: B905  # Python 3.9
    settings["SECURE_PROXY_SSL_HEADER"] = ("HTTP_X_FORWARDED_PROTO", "https")


def manage(line: str) -> dict[str, Any]:
    """Run a management command, ``"createsuperuser --noinput"``; what it printed, and its status. Nobody can answer its
    questions."""
    from django.core.management import ManagementUtility

    said, status = io.StringIO(), 0
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        try:
            ManagementUtility(["manage.py", *shlex.split(line)]).execute()
        except SystemExit as e:
            status = e.code if isinstance(e.code, int) else 1 if e.code else 0
        except Exception as e:  # Django's CommandError is printed by execute(); what else is raised goes here
            said.write(f"{type(e).__name__}: {e}\n")
            status = 1
    return {"status": status, "output": said.getvalue()}
