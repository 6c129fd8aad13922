"""Starts the console of a project, or finds the one that runs."""
from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

from ..errors import SstError, UserError
from ..machine.files import write_private
from ..project.backend import Backend
from ..project.project import Project
from .act import Actions
from .browse import Browse
from .changes import Changes
from .cost import Costs
from .deploys import Deploys
from .far import Far
from .metrics import Metrics
from .pages import Pages
from .permission import Permission
from .server import ConsoleServer
from .source import Source

__all__ = ["running", "serve"]


def serve(project: Project, open: Callable[[Project], Backend], reopen: Callable[[], Project], *, port: int = 0,
          read_only: bool = False, note: Callable[[str], None] = lambda text: None) -> ConsoleServer:
    """A console that serves from a thread. Raises ``UserError`` if the port is taken."""
    source = Source(project, open, reopen)
    permission = Permission(project, read_only=read_only)
    pages, act, browse = Pages(source, permission), Actions(source, permission), Browse(source, permission)
    changes, costs, far, deploys = Changes(source, permission), Costs(source), Far(source), Deploys(source)
    routes: Mapping[str, Any] = {
        "GET /api/app": pages.app, "GET /api/overview": pages.overview, "GET /api/plan": pages.plan,
        "GET /api/graph": pages.graph, "GET /api/deploys": deploys.versions, "GET /api/deploys/{serial}": deploys.one,
        "GET /api/compare/{serial}": deploys.compared, "GET /api/under-way": deploys.under_way,
        "GET /api/invocations": pages.invocations, "GET /api/invocations/{id}": pages.invocation,
        "GET /api/trace/{root}": pages.trace, "GET /api/logs": pages.logs,
        "GET /api/browse": browse.parts, "GET /api/browse/{name}": browse.rows, "GET /api/item/{name}": browse.item,
        "GET /api/drift": changes.drift, "GET /api/job": changes.job, "GET /api/metrics": Metrics(source, far).show,
        "GET /api/cloud-logs": far.logs,
        "GET /api/cost": costs.show, "GET /api/cost-plan": costs.planned,
        "GET /api/secrets": pages.secrets, "POST /api/do/plan-deploy": changes.plan_deploy,
        "POST /api/do/plan-rollback": changes.plan_rollback, "POST /api/do/run": changes.run,
        "POST /api/do/refresh": changes.refresh, "POST /api/do/stop": changes.stop,
        "POST /api/do/change": browse.change, "POST /api/do/unlock": permission.unlock,
        "POST /api/do/replay": act.replay, "POST /api/do/save-test": act.save_test}
    try:
        server = ConsoleServer(routes, lambda: {**pages.news(), "job": changes.stamp}, port=port, note=note,
                               warm=lambda: _read_once(pages), release=lambda: source.backend.close())
    except OSError as error:
        raise UserError(f"port {port} is taken: {error.strerror}", code="port-taken",
                        hint="choose another with --port, or leave it out") from error
    server.start()
    write_private(_file(project), json.dumps({"pid": os.getpid(), "port": server.port, "token": server.token,
                                              "read_only": read_only}))
    return server


def _read_once(pages: Pages) -> None:
    """What the first page needs is read while the browser starts."""
    with suppress(SstError):     # told on the page that asks for it
        pages.overview({})


def running(project: Project) -> str:
    """The URL of the console that runs for this stage, or ""."""
    try:
        facts = json.loads(_file(project).read_text(encoding="utf-8"))
        with closing(HTTPConnection("127.0.0.1", int(facts["port"]), timeout=5)) as line:
            line.request("GET", "/api/app", headers={"Authorization": f"Bearer {facts['token']}"})
            found = json.load(line.getresponse())
    except (OSError, ValueError, KeyError, TypeError, HTTPException):
        return ""
    same = found.get("app") == project.name and found.get("stage") == project.stage
    return f"http://127.0.0.1:{facts['port']}/#token={facts['token']}" if same else ""


def _file(project: Project) -> Path:
    folder = project.folder / "console"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder / f"{project.stage}.json"
