"""What keys do in the panes of a session."""
from __future__ import annotations

from collections.abc import Callable

from ..events import AnyEvent, DeployBegan, DeployEnded
from .actions import Actions
from .panes import Panes
from .stream import EventStream
from .terminal import Multiplexer

__all__ = ["PaneKeys"]


class PaneKeys:
    """Binds them, and offers those that make sense now."""

    def __init__(self, panes: Panes, actions: Actions, host: Multiplexer, stream: EventStream) -> None:
        self._panes, self._actions, self._host = panes, actions, host
        self._looked = 0
        panes.deploys.keys = self._deploy_keys(())
        panes.functions.keys = {"i": ("request and response", self._look)}
        stream.subscribe(self._see)

    def _see(self, event: AnyEvent) -> None:
        match event:
            case DeployBegan():
                self._panes.deploys.keys = self._deploy_keys(())
            case DeployEnded():
                self._panes.deploys.keys = self._deploy_keys(event.to_confirm)

    def _deploy_keys(self, to_confirm: tuple[str, ...]) -> dict[str, tuple[str, Callable[[], object]]]:
        confirm = {"y": ("confirm", self._actions.confirm)} if to_confirm else {}
        return {"d": ("deploy", self._actions.deploy), **confirm}

    def _look(self) -> None:
        """Show request and response of the latest call, then of the one before, from the first to the latest again."""
        recent = self._panes.store.recent
        if not recent:
            self._panes.write_function("nothing was called yet")
            return
        self._looked = self._looked % len(recent) + 1
        for line in self._panes.lines.details(recent[-self._looked]):
            self._panes.write_function(line)
