"""What keys do in the panes of a session."""
from __future__ import annotations

import json
import shlex
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from ..core.names import did_you_mean
from .actions import Actions
from .calls import Call
from .events import AnyEvent, DeployBegan, DeployEnded, LiveFunctions
from .panes import FunctionPane, Panes
from .recorder import BODY_LIMIT
from .stream import EventStream
from .terminal import Multiplexer, Pane, ProcessPane, Prompt

__all__ = ["PaneKeys"]

Keys = dict[str, tuple[str, Callable[[], object]]]


class PaneKeys:
    """Binds them, and offers those that make sense now. ``environment`` names the user's editor, ``console`` is the
    command that opens the page of this stage."""

    def __init__(self, panes: Panes, actions: Actions, host: Multiplexer, stream: EventStream,
                 environment: Mapping[str, str], console: Sequence[str] = ()) -> None:
        self._console: ProcessPane | None = None
        self._console_command = console
        self._panes, self._actions, self._host = panes, actions, host
        self._editor = environment.get("VISUAL") or environment.get("EDITOR") or "vi"
        self._looked = 0
        self._live: tuple[str, ...] = ()
        panes.deploys.keys = self._deploy_keys(())
        panes.functions.keys = self._function_keys(panes.functions)
        stream.subscribe(self._see)

    def _see(self, event: AnyEvent) -> None:
        match event:
            case DeployBegan():
                self._panes.deploys.keys = self._deploy_keys(())
            case DeployEnded():
                self._panes.deploys.keys = self._deploy_keys(event.to_confirm)
            case LiveFunctions():
                self._live = event.titles

    def _deploy_keys(self, to_confirm: tuple[str, ...]) -> Keys:
        confirm: Keys = {"y": ("confirm", self._actions.confirm)} if to_confirm else {}
        return {**confirm, "d": ("deploy", self._actions.deploy), **self._console_key()}

    def _function_keys(self, pane: FunctionPane) -> Keys:
        close: Keys = {"x": ("close", lambda: self._close(pane))} if pane.function else {}
        return {**close, "i": ("request and response", lambda: self._look(pane)),
                "p": ("replay", lambda: self._ask_call("replay call #", self._actions.replay)),
                "e": ("edit and replay", lambda: self._ask_call("edit and replay call #", self._edit)),
                "r": ("restart", lambda: self._restart(pane)), "s": ("slowest, memory", lambda: self._summary(pane)),
                **self._console_key(),
                "t": ("all frames", lambda: self._unfold(pane)),
                **({} if pane.function else {"a": ("pane of a function", self._ask_pane)})}

    def _console_key(self) -> Keys:
        return {"o": ("open the console", self._open_console)} if self._console_command else {}

    def _open_console(self) -> None:
        """It runs in a pane of its own and ends with the session; one that runs opens its page again."""
        if self._console is not None:
            self._host.task(self._host.remove(self._console))
        self._console = ProcessPane("console", self._console_command, directory=Path("/"), icon="▤")
        self._host.add(self._console)
        self._host.say("the console opens in your browser; its address is in the pane `console`")

    def _look(self, pane: FunctionPane) -> None:
        """Show request and response of the latest call, then of the one before, from the first to the latest again."""
        recent = [c for c in self._panes.store.recent if pane.shows(c.began.function)]
        if not recent:
            return self._host.say("nothing was called yet")
        self._looked = self._looked % len(recent) + 1
        for line in self._panes.lines.details(recent[-self._looked]):
            self._panes.write(pane, line)

    def _summary(self, pane: FunctionPane) -> None:
        for line in self._panes.lines.summary():
            self._panes.write(pane, line)

    def _unfold(self, pane: FunctionPane) -> None:
        pane.unfolded = not pane.unfolded
        self._host.say("all frames of tracebacks" if pane.unfolded else "frames of frameworks are folded")

    # calls

    def _latest(self) -> Call | None:
        return self._panes.store.recent[-1] if self._panes.store.recent else None

    def _ask_call(self, label: str, use: Callable[[int], object]) -> None:
        latest = self._latest()
        if latest is None:
            return self._host.say("nothing was called yet")

        def done(text: str) -> None:
            if text.strip("# ").isdigit():
                use(int(text.strip("# ")))

        self._host.controls.ask(Prompt(label, done, str(latest.began.number)))

    def _edit(self, number: int) -> None:
        """Open the event in the user's editor; once that ends well, the call is made with what was written."""
        call = self._panes.store.call(number)
        if call is None or len(call.began.request) >= BODY_LIMIT:
            return self._host.say(f"the event of call #{number} is {'too large to edit' if call else 'no longer kept'}")
        folder = Path(tempfile.mkdtemp(prefix="sst-event-"))
        file = folder / f"call-{number}.json"
        file.touch(0o600)
        file.write_text(_indented(call.began.request), "utf-8")
        pane = ProcessPane(f"call #{number}", f"{self._editor} {shlex.quote(str(file))}", directory=folder, icon="✎",
                           on_exit=lambda code: self._edited(number, pane, file, code))
        self._host.add(pane)
        self._host.select(pane)
        self._host.controls.focus = True

    def _edited(self, number: int, pane: Pane, file: Path, code: int) -> None:
        try:
            text = file.read_text("utf-8")
            json.loads(text)
        except (OSError, ValueError) as error:
            text = ""
            self._host.say(f"call #{number} is not replayed: its event is not JSON ({error})")
        shutil.rmtree(file.parent, ignore_errors=True)
        if text and code == 0:
            self._actions.replay(number, text)
        self._host.task(self._host.remove(pane))
        self._host.select(self._panes.functions)

    # functions

    def _restart(self, pane: FunctionPane) -> None:
        latest = self._latest()
        if pane.function:
            return self._actions.restart(pane.function)
        self._host.controls.ask(Prompt("restart function", self._actions.restart,
                                       latest.began.function if latest else ""))

    def _ask_pane(self) -> None:
        latest = self._latest()
        self._host.controls.ask(Prompt("pane of function", self._open, latest.began.function if latest else ""))

    def _open(self, function: str) -> None:
        known = {*self._live, *self._panes.store.functions}  # one that is gone has a past
        if function and function not in known:
            self._host.say(f"there is no function {function}; {did_you_mean(function, sorted(known))}")
        elif function:
            pane = self._panes.open_function(function)
            pane.keys = self._function_keys(pane)
            self._host.select(pane)

    def _close(self, pane: FunctionPane) -> None:
        self._panes.close_function(pane)
        self._host.select(self._panes.functions)
        self._host.task(self._host.remove(pane))


def _indented(text: str) -> str:
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False) + "\n"
    except ValueError:
        return text
