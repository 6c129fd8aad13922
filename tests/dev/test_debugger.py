"""A debugger attaches to a function as an editor does, over the Debug Adapter Protocol."""
from __future__ import annotations

import itertools
import json
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from .live import CONFIG, FILES, Dev, get

pytestmark = pytest.mark.slow


class Editor:
    def __init__(self, port: int) -> None:
        self._line = socket.create_connection(("127.0.0.1", port), 20)
        self._file = self._line.makefile("rb")
        self._numbers = itertools.count(1)
        self._kept = list[dict[str, Any]]()

    def send(self, command: str, **arguments: Any) -> None:
        body = json.dumps({"seq": next(self._numbers), "type": "request", "command": command,
                           "arguments": arguments}).encode()
        self._line.sendall(f"Content-Length: {len(body)}\r\n\r\n".encode() + body)

    def until(self, **wanted: str) -> dict[str, Any]:
        """The first message that has these, of those that came and of those to come."""
        for message in itertools.chain(list(self._kept), iter(self._read, None)):
            self._kept.append(message)
            if all(message.get(k) == v for k, v in wanted.items()):
                self._kept.clear()
                return message
        raise AssertionError

    def _read(self) -> dict[str, Any]:
        size = 0
        while line := self._file.readline().strip():
            size = int(line.split(b":")[1])
        assert size, "the debugger hung up"
        found: dict[str, Any] = json.loads(self._file.read(size))
        return found

    def close(self) -> None:
        self._file.close()
        self._line.close()


@pytest.mark.long
def test_a_breakpoint_stops_a_function_and_its_timeout(start: Callable[..., Dev]) -> None:
    program = CONFIG.replace('"src/one.handler", url', '"src/one.handler", timeout="1 second", url')
    code = "def handler(event, context):\n    secret = 40\n    secret += 2\n    return str(secret)\n"
    dev = start({**FILES, "sst_config.py": program, "src/one.py": code}, "--debug").ready()
    url = dev.url("one")
    assert get(url) == (200, "42")
    port = int(dev.until("One is debugged on 127.0.0.1:").split("127.0.0.1:")[1].split(":")[0])
    launch = json.loads((dev.root / ".vscode/launch.json").read_text())
    assert [c["connect"]["port"] for c in launch["configurations"]] == [port]
    editor = Editor(port)
    editor.send("initialize", adapterID="test", linesStartAt1=True, columnsStartAt1=True, pathFormat="path")
    editor.send("attach", **launch["configurations"][0])
    editor.until(event="initialized")
    editor.send("setBreakpoints", source={"path": str(dev.root / "src/one.py")}, breakpoints=[{"line": 4}])
    editor.send("configurationDone")
    editor.until(command="configurationDone")
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(get, url)
        stopped = editor.until(event="stopped")
        thread = stopped["body"]["threadId"]
        with pytest.raises(TimeoutError):
            answer.result(2.5)  # longer than the function may take
        editor.send("stackTrace", threadId=thread)
        frame = editor.until(command="stackTrace")["body"]["stackFrames"][0]
        assert frame["line"] == 4
        editor.send("evaluate", expression="secret", frameId=frame["id"])
        assert editor.until(command="evaluate")["body"]["result"] == "42"
        editor.send("continue", threadId=thread)
        assert answer.result(20) == (200, "42")
    editor.close()


@pytest.mark.long
def test_only_what_is_named_is_debugged_and_other_configurations_stay(start: Callable[..., Dev]) -> None:
    mine = {"version": "0.2.0", "configurations": [{"name": "mine", "type": "node"}]}
    dev = start({**FILES, ".vscode/launch.json": json.dumps(mine)}, "--debug-only", "Two,Tow").ready()
    dev.until("there is no function Tow to debug; did you mean \"Two\"?")
    get(dev.url("one"))
    get(dev.url("two"))
    dev.until("Two is debugged")
    names = [c["name"] for c in json.loads((dev.root / ".vscode/launch.json").read_text())["configurations"]]
    assert names == ["mine", "sst: Two"] and "One is debugged" not in dev.text
