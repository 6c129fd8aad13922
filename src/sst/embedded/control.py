"""The control endpoints below ``/_sst/``: what `cloud` (the commands' end) asks the running process."""
from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from sst.embedded.checkpoint import Checkpoints
from sst.embedded.environment import ensure_packages
from sst.embedded.front_door import FrontDoor
from sst.embedded.patches import clusters, databases, functions
from sst.embedded.services import Supervisor
from sst.embedded.settings import Settings
from sst.embedded.statements import Statements
from sst.errors import UserError

__all__ = ["Control"]

Body = Mapping[str, Any]


class Control:
    """Answers one call: its method and path, its JSON body -> status, JSON."""

    def __init__(self, facts: Mapping[str, Any], door: FrontDoor, checkpoints: Checkpoints,
                 supervisor: Supervisor, settings: Settings) -> None:
        self._facts, self._door, self._checkpoints, self._supervisor = facts, door, checkpoints, supervisor
        self._statements = Statements(lambda: ensure_packages("data_api", settings.host))
        self._calls: Mapping[str, Callable[[Body], Awaitable[Any]]] = {
            "GET /_sst/status": self._status, "POST /_sst/address": self._address, "POST /_sst/dev": self._dev,
            "POST /_sst/replay": self._replay, "POST /_sst/sql": self._sql}

    async def __call__(self, call: str, body: Body) -> tuple[int, Any]:
        if call not in self._calls:
            return 404, {"error": f"no such call: {call}"}
        try:
            return 200, await self._calls[call](body)
        except UserError as error:
            return 409, {"error": error.message, "hint": error.hint}
        except (ValueError, OSError) as error:
            return 404, {"error": str(error)}

    async def _status(self, body: Body) -> Any:
        return {**self._facts, "checkpoints": self._checkpoints.count,
                "checkpoint_ms": round(self._checkpoints.milliseconds, 2), "addresses": self._door.addresses(),
                "services": self._supervisor.endpoints(), "edge": self._door.edge_usage()}

    async def _address(self, body: Body) -> Any:
        """The loopback URL of a public thing."""
        return {"url": await self._door.address(str(body.get("kind")), str(body.get("value")))}

    async def _replay(self, body: Body) -> Any:
        """Send an event again."""
        event = body.get("event")
        return await asyncio.to_thread(functions.replay, str(body.get("request")),
                                       None if event is None else str(event))

    async def _sql(self, body: Body) -> Any:
        """Ask a database; ``stop`` cancels what it is asked."""
        database = str(body.get("database"))
        if body.get("stop"):
            return {"stopped": await asyncio.to_thread(self._statements.stop, database)}
        server = databases.reached(database) or clusters.reached(database)
        if server is None:
            raise UserError("the server of this database is not available", hint="`sst local status` lists what runs")
        found = await asyncio.to_thread(
            self._statements.run, database, server, str(body.get("statement")), write=body.get("write") is True,
            limit=int(body.get("limit") or 1), seconds=float(body.get("seconds") or 10))
        return {**found, "running": self._statements.running(database)}

    async def _dev(self, body: Body) -> Any:
        """A session of ``sst dev`` listens on that port: it runs functions from now on."""
        await asyncio.to_thread(functions.attach, int(str(body.get("port"))), str(body.get("token")))
        return {"attached": True}
