"""Processes beside the emulator: real ones, with real kills."""
from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from sst.embedded import cloud as embedded
from sst.embedded.environment import ensure
from sst.embedded.services import Supervisor, end_left_over
from sst.embedded.services.process import Process
from sst.errors import SstError

NOTES = '''
import json, os, sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
file = Path(sys.argv[1]) / "notes.json"
notes = json.loads(file.read_text()) if file.exists() else []
class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path != "/":
            notes.append(self.path[1:])
            file.write_text(json.dumps(notes))
        body = json.dumps({"pid": os.getpid(), "notes": notes}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *arguments): pass
print("serving", flush=True)
HTTPServer(("127.0.0.1", int(sys.argv[2])), Handler).serve_forever()
'''


@dataclass
class Notes:
    """A small HTTP server that keeps a list in a file."""

    program: Path
    name: str = "notes/Main"
    word: str = "one"
    stop_signal: signal.Signals = signal.SIGTERM

    def command(self, folder: Path, port: int) -> list[str]:
        return [sys.executable, str(self.program), str(folder), str(port), self.word]

    def environment(self, folder: Path) -> dict[str, str]:
        return {"LANG": "C.UTF-8"}

    def endpoint(self, port: int) -> str:
        return f"http://127.0.0.1:{port}"

    def ready(self, port: int) -> bool:
        with socket.socket() as line:
            line.settimeout(0.5)
            return line.connect_ex(("127.0.0.1", port)) == 0


def get(address: str) -> dict[str, object]:
    with urllib.request.urlopen(address, timeout=10) as answer:
        return dict(json.load(answer))


@pytest.fixture
def notes(tmp_path: Path) -> Iterator[Notes]:
    program = tmp_path / "notes.py"
    program.write_text(NOTES)
    yield Notes(program)
    end_left_over(tmp_path / "services")


def gone(pid: object) -> bool:
    """Also if it is a zombie that the machine's first process has not taken notice of."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(int(str(pid)), os.WNOHANG)
    ran = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return ran.stdout.strip()[:1] in ("", "Z")


def killed_launcher(root: Path, service: Notes, then: str = "") -> str:
    """Start the service from a process that is killed at once; its endpoint."""
    program = f"""
import asyncio, os, signal, sys
sys.path.insert(0, {str(Path(__file__).parents[2])!r})
from pathlib import Path
from sst.embedded.services import Supervisor
from tests.embedded.test_services import Notes
service = Notes(Path({str(service.program)!r}), {service.name!r}, {service.word!r})
{then}
print(asyncio.run(Supervisor(Path({str(root)!r})).start(service)), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert ran.returncode == -signal.SIGKILL, ran.stderr
    return ran.stdout.strip()


def test_start_endpoint_stop_and_the_data_stays(tmp_path: Path, notes: Notes) -> None:
    async def life() -> None:
        supervisor = Supervisor(tmp_path / "services")
        await supervisor.begin([notes])
        address = supervisor.endpoints()["notes/Main"]
        first = get(f"{address}/a")
        assert await supervisor.start(notes) == address and get(address)["pid"] == first["pid"]
        await supervisor.stop("notes/Main")
        assert gone(first["pid"]) and supervisor.endpoints() == {}
        assert await supervisor.start(notes) == address  # on its port
        assert get(address)["notes"] == ["a"] and get(address)["pid"] != first["pid"]
        second = get(address)["pid"]
        await supervisor.close()
        assert gone(second)

    asyncio.run(life())


def test_what_a_killed_launcher_left_is_taken_over(tmp_path: Path, notes: Notes) -> None:
    address = killed_launcher(tmp_path / "services", notes)
    left = get(f"{address}/kept")

    async def life() -> None:
        supervisor = Supervisor(tmp_path / "services")
        await supervisor.begin([notes])
        assert supervisor.endpoints() == {"notes/Main": address}
        assert get(address) == {"pid": left["pid"], "notes": ["kept"]}
        await supervisor.close()
        assert gone(left["pid"])

    asyncio.run(life())


def test_what_is_left_and_not_wanted_as_it_is_ends_first(tmp_path: Path, notes: Notes) -> None:
    address = killed_launcher(tmp_path / "services", notes)
    left = get(f"{address}/kept")

    async def life() -> None:
        supervisor = Supervisor(tmp_path / "services")
        await supervisor.begin([Notes(notes.program, word="two")])
        assert gone(left["pid"])
        assert get(supervisor.endpoints()["notes/Main"])["notes"] == ["kept"]
        await supervisor.close()
        await supervisor.begin([])

    asyncio.run(life())
    other = killed_launcher(tmp_path / "services", notes)
    pid = get(other)["pid"]
    asyncio.run(Supervisor(tmp_path / "services").begin([]))
    assert gone(pid)


def test_a_launcher_killed_in_the_middle_of_a_start_leaves_no_second_process(tmp_path: Path, notes: Notes) -> None:
    """Killed right after the process exists, before anything was noted about it but what it notes itself."""
    then = """
import subprocess
class Popen(subprocess.Popen):
    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        os.kill(os.getpid(), signal.SIGKILL)
subprocess.Popen = Popen
"""
    assert killed_launcher(tmp_path / "services", notes, then) == ""

    async def life() -> object:
        supervisor = Supervisor(tmp_path / "services")
        address = await supervisor.start(notes)
        pid = get(address)["pid"]
        assert str(pid) == (tmp_path / "services" / "notes" / "Main" / "pid").read_text().strip()
        await supervisor.close()
        return pid

    assert gone(asyncio.run(life()))
    serving = (tmp_path / "services" / "notes" / "Main" / "log").read_text().count("serving")
    assert serving == 1, "two processes ran"


@dataclass
class Late(Notes):
    """Another program listens on its port before it can: as often as ``thefts`` says."""

    thefts: int = 1
    taken: list[socket.socket] = field(default_factory=list)

    def command(self, folder: Path, port: int) -> list[str]:
        if len(self.taken) < self.thefts:
            line = socket.socket()
            line.bind(("127.0.0.1", port))
            line.listen()
            self.taken.append(line)
        return super().command(folder, port)

    def ready(self, port: int) -> bool:
        with contextlib.suppress(OSError):
            return port not in {line.getsockname()[1] for line in self.taken} and super().ready(port)
        return False


@pytest.mark.parametrize("thefts", [1, 9])
def test_a_port_that_is_taken_first_is_another_one(tmp_path: Path, notes: Notes, thefts: int) -> None:
    service = Late(notes.program, thefts=thefts)

    async def life() -> None:
        supervisor = Supervisor(tmp_path / "services")
        if thefts == 1:
            assert get(await supervisor.start(service))["notes"] == []
        else:
            with pytest.raises(SstError, match=r"notes/Main ended: .*[Aa]ddress already in use"):
                await supervisor.start(service)
            assert len(service.taken) == 3, "not for ever"
        await supervisor.close()

    try:
        asyncio.run(life())
    finally:
        for line in service.taken:
            line.close()
    assert end_left_over(tmp_path / "services") == []


@pytest.mark.parametrize(("line", "said"), [("raise SystemExit('no disk')", "ended: no disk"),
                                            ("import time; print('thinking', flush=True); time.sleep(60)", "thinking")])
def test_one_that_does_not_start_says_why(tmp_path: Path, notes: Notes, line: str, said: str) -> None:
    notes.program.write_text(line)

    async def life() -> None:
        supervisor = Supervisor(tmp_path / "services", ready_seconds=2.0)
        with pytest.raises(SstError) as raised:
            await supervisor.start(notes)
        assert "notes/Main" in raised.value.message and said in raised.value.message
        assert str(tmp_path / "services" / "notes" / "Main" / "log") in raised.value.hint
        assert end_left_over(tmp_path / "services") == []

    asyncio.run(life())


@pytest.mark.emulator
@pytest.mark.long
def test_the_launcher_owns_them(tmp_path: Path, notes: Notes) -> None:
    """Shown by `status`, over kill -9 of the launcher, and ended by `stop` even if no launcher is there any more."""
    root, environment = tmp_path / "project", os.environ
    folder = embedded.folder_of(root)
    boot = tmp_path / "boot.py"
    boot.write_text(f"""
import sys, types
sys.path.insert(0, {str(tmp_path)!r})
package = types.ModuleType("sst")
package.__path__ = [{str(Path(embedded.__file__).parents[1])!r}]
sys.modules["sst"] = package
from pathlib import Path
from service import Notes
from sst.embedded.launcher import main
sys.exit(main(sys.argv[1:], [Notes(Path({str(notes.program)!r}))]))
""")
    source = Path(__file__).read_text("utf-8")
    begin, end = source.index("@dataclass"), source.index("\n\n\ndef get(")
    (tmp_path / "service.py").write_text(
        "from __future__ import annotations\nimport signal, socket, sys\nfrom dataclasses import dataclass\n"
        "from pathlib import Path\n" + source[begin:end])
    python = ensure(environment, note=lambda text: None)
    folder.mkdir(parents=True, mode=0o700)
    embedded.Keys.of(folder)

    def launch() -> subprocess.Popen[bytes]:
        (folder / "cloud.json").unlink(missing_ok=True)
        process = subprocess.Popen(
            [str(python), "-I", str(boot), str(folder), "us-east-1", embedded.fingerprint(), "iam"],
            env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)}, start_new_session=True)
        deadline = time.monotonic() + 60
        while embedded.status(root) is None:
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.05)
        return process

    try:
        first = launch()
        found = embedded.status(root)
        assert found and list(found.services) == ["notes/Main"]
        address = found.services["notes/Main"]
        pid = get(f"{address}/kept")["pid"]
        first.kill()
        first.wait()
        assert get(address)["pid"] == pid
        second = launch()
        assert get(address) == {"pid": pid, "notes": ["kept"]}
        second.kill()
        second.wait()
        assert embedded.stop(root) is True and gone(pid)
        third = launch()
        other = get(address)
        assert other["notes"] == ["kept"] and embedded.stop(root) is True
        third.wait()
        assert gone(other["pid"])
    finally:
        embedded.reset(root)


def test_what_a_server_says_of_a_full_disk_comes_before_what_follows_from_it(tmp_path: Path) -> None:
    said = ["[Note] Starting MariaDB", 'mariadbd: Error writing file (Errcode: 28 "No space left on device")',
            'mariadbd: Error on close (Errcode: 9 "Bad file descriptor")', "[Note] mariadbd: Shutdown complete", ""]
    log, process = tmp_path / "log", Process(tmp_path)
    log.write_text("\n".join(said))
    assert process.last_line() == said[1]
    log.write_text("\n".join([said[0], *said[2:]]))
    assert process.last_line() == said[2]
    log.write_text(said[0])
    assert process.last_line() == "it said nothing"
