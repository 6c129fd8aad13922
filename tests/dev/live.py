"""A running ``sst dev`` of a small app in a temporary folder: what it says, what it answers, what it leaves."""
from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path

SST = Path(sys.executable).with_name("sst")

CONFIG = '''
import sst
from sst import aws

def config(input):
    return sst.Config(name="live")

def run():
    bucket = aws.Bucket("Uploads")
    one = aws.Function("One", handler="src/one.handler", url=True, link=[bucket])
    two = aws.Function("Two", handler="src/two.handler", url=True)
    return {"one": one.url, "two": two.url}
'''
FILES = {
    "sst_config.py": CONFIG,
    "src/one.py": "import shared\n\ndef handler(event, context):\n    return shared.text\n",
    "src/shared.py": "text = 'first'\n",
    "src/two.py": "import os\n\ndef handler(event, context):\n    return str(os.getpid())\n",
}
SERVER = """
import http.server, os, socketserver

class Links(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(os.environ["SST_RESOURCE_Uploads"].encode())

    def log_message(self, *arguments):
        pass

with socketserver.TCPServer(("127.0.0.1", 0), Links) as server:
    print(f"listening on http://localhost:{server.server_address[1]}/", flush=True)
    server.serve_forever()
"""


def config(*lines: str) -> str:
    """The program, with more lines in its ``run``."""
    return CONFIG.replace("    return {", "".join(f"    {line}\n" for line in lines) + "    return {")


def web(more: str = "") -> str:
    """The program with a command beside it: a shell that starts a server."""
    return config(f'sst.DevCommand("Web", dev={{"command": "python3 server.py; true", "directory": "web"}}, '
                  f'link=[bucket]{more})')


WITH_WEB = {**FILES, "sst_config.py": web(), "web/server.py": SERVER}


def environment(**more: str) -> dict[str, str]:
    return {k: v for k, v in os.environ.items() if not k.startswith(("SST_", "AWS_"))} | {
        "SST_STAGE": "local", "NO_COLOR": "1", "PYTHONFAULTHANDLER": "1"} | more


def write(root: Path, files: Mapping[str, str]) -> Path:
    for name, text in files.items():
        place = root / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    return root


def get(url: str, *, seconds: float = 30) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=seconds) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


class Dev:
    """``sst dev`` in ``root``; `close` ends it as a user would, and checks that it ends well."""

    def __init__(self, root: Path, *words: str, **more: str) -> None:
        self.root, self.said = root, list[str]()
        self._news = threading.Condition()
        self.process = subprocess.Popen([SST, "dev", "--mode", "mono", *words], cwd=root, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, env=environment(**more), start_new_session=True,
                                        text=True,
                                        encoding="utf-8", errors="replace")
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            with self._news:
                self.said.append(line.rstrip("\n"))
                self._news.notify_all()

    @property
    def text(self) -> str:
        return "\n".join(self.said)

    @property
    def here(self) -> int:
        """A mark: what is said from now on."""
        return len(self.said)

    def until(self, what: str | Callable[[], object], *, since: int = 0, seconds: float = 20) -> str:
        """Wait until something is said (the line), or something is so."""
        end = time.monotonic() + seconds
        while True:
            with self._news:
                if isinstance(what, str):
                    if found := next((line for line in self.said[since:] if what in line), ""):
                        return found
                elif what():
                    return ""
                left = end - time.monotonic()
                assert left > 0 and (self.process.poll() is None
                                     or not isinstance(what, str)), f"never came: {what!r}\n{self.text}"
                self._news.wait(min(left, 0.05))

    def ready(self) -> Dev:
        self.until("ready:")
        return self

    def url(self, name: str) -> str:
        return self.until(f"[Deploy]   {name}: ").split(": ", 1)[1]

    def save(self, name: str, text: str) -> None:
        (self.root / name).parent.mkdir(parents=True, exist_ok=True)
        (self.root / name).write_text(text)

    def descendants(self) -> list[int]:
        """What the session started, without the embedded cloud: that goes on."""
        cloud = json.loads((self.root / ".sst/local/cloud.json").read_text())["pid"]
        return [p for p in descendants(self.process.pid) if p not in (cloud, *descendants(cloud))]

    def interrupt(self, *, seconds: float = 30) -> int:
        self.process.send_signal(signal.SIGINT)
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGABRT)  # it says where it stands
            self.process.wait()
            self._reader.join(5)
            raise AssertionError(f"it did not end:\n{self.text}") from None
        self._reader.join(5)
        return code

    def kill(self) -> None:
        if self.process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                self.process.kill()
        self.process.wait()
        self._reader.join(5)
        assert self.process.stdout
        self.process.stdout.close()

    def close(self) -> None:
        """Also of its cloud nothing is left."""
        self.kill()
        subprocess.run([SST, "local", "stop"], cwd=self.root, env=environment(), capture_output=True, check=False)


def descendants(pid: int) -> list[int]:
    """All processes that a process started, and those that they started."""
    parents: dict[int, list[int]] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with contextlib.suppress(OSError):
                fields = (folder / "stat").read_text().rsplit(")", 1)[1].split()
                if fields[0] != "Z":
                    parents.setdefault(int(fields[1]), []).append(int(folder.name))
    found, todo = list[int](), [pid]
    while todo:
        children = parents.get(todo.pop(), [])
        found += children
        todo += children
    return found
