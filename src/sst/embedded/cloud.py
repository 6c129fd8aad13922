"""Start, find, stop and reset the embedded cloud of one project. Standard library only: finding it is part of each
command."""
from __future__ import annotations

import contextlib
import hashlib
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from sst.embedded.settings import ACCOUNT, Keys, read_json
from sst.errors import InternalError, SstError, UserError
from sst.machine.files import remove_tree
from sst.machine.lock import FileLock

from ..records import dataclass

__all__ = ["Cloud", "Status", "fingerprint", "folder_of", "reset", "start", "status", "stop"]

_START_SECONDS = 60.0
_STOP_SECONDS = 15.0
_ROOMS = ("embedded", "executor", "net", "machine", "runtime", "state")
"""The packages that the launcher's process is made of."""
_KEPT = frozenset({"PATH", "HOME", "LANG", "LC_ALL", "TZ", "XDG_CACHE_HOME", "XDG_DATA_HOME", "SSL_CERT_FILE",
                   "SST_RECORD", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME",
                   *(f"{kind}_PROXY" for kind in ("HTTP", "HTTPS", "ALL", "NO")),
                   *(f"{kind}_proxy" for kind in ("http", "https", "all", "no"))})
"""Of the user's environment, for the launcher: with it, and the settings of uv and pip, it finds and installs
programs."""
_KEPT_BY_PREFIX = ("UV_", "PIP_", "CONTAINERS_", "CONTAINER_", "DOCKER_")
"""The latter tell podman and docker where their engines are."""


@dataclass(frozen=True)
class Cloud:
    """A running embedded cloud and how to talk to it.

        cloud = start(Path.cwd(), environment=os.environ)
        client = session.create_client("sqs", endpoint_url=cloud.endpoint, aws_access_key_id=cloud.access_key, ...)
    """

    endpoint: str
    region: str
    account: str
    access_key: str
    secret_key: str
    pid: int
    folder: Path

    @property
    def trust(self) -> Mapping[str, str]:
        """Variables by which programs trust the TLS of services on this machine."""
        from sst.embedded.certificates import trusting

        return trusting(self.folder)

    def address(self, kind: str, value: str) -> str:
        """The loopback URL of a public thing; ``value`` is its AWS-shaped host or URL.

        ``kind`` is ``function_url``, ``http_api``, ``rest_api``, ``websocket``, ``domain`` or ``bucket``. Raises
        `SstError` if there is no such thing.
        """
        answer = _ask(self.folder, int(self.endpoint.rsplit(":", 1)[1]), "POST", "/_sst/address",
                      {"kind": kind, "value": value}, 10.0)
        if answer is None or "url" not in answer:
            raise SstError(f"the embedded cloud has no address for {value}",
                           hint=str((answer or {}).get("error", "is it still running?")))
        return str(answer["url"])

    def replay(self, request: str, event: str | None = None) -> dict[str, object]:
        """Send the event of a recorded call again, or another one (a text of JSON), and wait for the answer:
        ``payload``, ``error``. Raises `SstError` if the event is not known any more."""
        answer = _ask(self.folder, int(self.endpoint.rsplit(":", 1)[1]), "POST", "/_sst/replay",
                      {"request": request, "event": event}, 900.0)
        if answer is None or "payload" not in answer:
            raise SstError("the call can't be sent again",
                           hint=str((answer or {}).get("error", "the local cloud does not answer")))
        return dict(answer)

    def messages(self, queue: str) -> list[dict[str, Any]]:
        """The messages of a queue, by its URL, without receiving them: ``MessageId``, ``Body``, ``IsVisible``, ..."""
        from urllib.parse import quote

        from sst.embedded.emulator import MESSAGES

        answer = _ask(self.folder, int(self.endpoint.rsplit(":", 1)[1]), "GET",
                      f"{MESSAGES}?QueueUrl={quote(queue, safe='')}", None, 10.0)
        if answer is None:
            raise SstError("the local cloud does not answer", hint="any command starts it again")
        found: Any = answer.get("messages") or {}
        return [m for regions in found.values() for queues in regions.values() for every in queues.values()
                for m in every]

    def mails(self) -> list[dict[str, Any]]:
        """The mails that were sent: ``MessageId``, ``Source``, ``To``, ``Subject``, ``BodyText``, ``BodyHtml``, ..."""
        from sst.embedded.emulator import MAILS

        answer = _ask(self.folder, int(self.endpoint.rsplit(":", 1)[1]), "GET", MAILS, None, 10.0)
        if answer is None:
            raise SstError("the local cloud does not answer", hint="any command starts it again")
        found: Any = answer.get("messages") or {}
        return [mail for mails in found.values() for mail in mails]

    def sql(self, database: str, asked: Mapping[str, Any]) -> dict[str, Any]:
        """The answer of a database, by its ARN, to a ``statement``: ``columns``, ``rows``, ``more``, ``changed``,
        ``ms``, ``running``. Read-only unless ``write``; at most ``limit`` rows in ``seconds``; ``stop`` cancels what
        runs. Raises ``UserError`` with the database's own words."""
        answer = _ask(self.folder, int(self.endpoint.rsplit(":", 1)[1]), "POST", "/_sst/sql",
                      {"database": database, **asked}, float(asked.get("seconds", 0)) + 120.0)
        if answer is None:
            raise SstError("the local cloud does not answer", hint="any command starts it again")
        if "error" in answer:
            raise UserError(str(answer["error"]), hint=str(answer.get("hint", "")))
        return dict(answer)

    def attach(self, port: int, token: str) -> bool:
        """Let the session of ``sst dev`` that listens on ``port`` run functions; False if the cloud does not answer."""
        answer = _ask(self.folder, int(self.endpoint.rsplit(":", 1)[1]), "POST", "/_sst/dev",
                      {"port": port, "token": token}, 10.0)
        return bool(answer and answer.get("attached"))


@dataclass(frozen=True)
class Status:
    """What `sst local status` shows."""

    cloud: Cloud
    started: float
    """Seconds since the epoch."""
    iam: bool
    current: bool
    """False if it was started by another version of this package."""
    addresses: Mapping[str, str]
    """Of what is public: ``function_url/ID`` -> URL."""
    services: Mapping[str, str]
    """Processes beside the emulator: ``KIND/NAME`` -> endpoint."""
    edge: Mapping[str, Mapping[str, float]]
    """Per edge function: ``calls``, ``errors``, and ``ms`` of one on average and ``slowest_ms``."""


def folder_of(root: Path) -> Path:
    return root.resolve() / ".sst" / "local"


def start(root: Path, *, region: str = "us-east-1", iam: bool = True, note: Callable[[str], None] = lambda text: None,
          environment: Mapping[str, str]) -> Cloud:
    """The embedded cloud of the project in ``root``, started if it does not run yet.

    It keeps running until `stop`, until its data folder is deleted, or until the machine shuts down. One that was
    started by another version of this package, or for another region, is restarted. Raises `UserError` if it can't
    start.
    """
    folder = folder_of(root)
    wanted = {"version": fingerprint(), "region": region, "iam": iam}
    if (found := _running(folder)) and all(found.get(k) == v for k, v in wanted.items()):
        return _cloud(folder, found)
    from sst.embedded.environment import ensure

    python = ensure(environment, note=note)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder.chmod(0o700)
    with FileLock(folder / "start.lock"):
        found = _running(folder) or _begun(folder)
        if found and all(found.get(k) == v for k, v in wanted.items()):
            return _cloud(folder, found)
        if found or not (folder / "keys.json").exists():  # one that runs with former keys can't be asked
            note("restarting the embedded cloud" if _end(folder) else "starting the embedded cloud")
        else:
            note("starting the embedded cloud")
        return _cloud(folder, _launch(folder, python, wanted, environment))


def status(root: Path) -> Status | None:
    """What runs for the project in ``root``, or None."""
    folder = folder_of(root)
    found = _running(folder)
    if not found:
        return None
    addresses, services, edge = (part if isinstance(part := found.get(name), dict) else {}
                                 for name in ("addresses", "services", "edge"))
    return Status(_cloud(folder, found), float(str(found["started"])), bool(found["iam"]),
                  found.get("version") == fingerprint(), dict(addresses), dict(services), dict(edge))


def stop(root: Path) -> bool:
    """Save and end the embedded cloud of ``root``; False if none ran."""
    folder = folder_of(root)
    if not folder.is_dir():
        return False
    with FileLock(folder / "start.lock"):
        return _end(folder)


def reset(root: Path) -> None:
    """Stop the embedded cloud of ``root`` and delete everything in it: resources, data, keys, logs."""
    folder = folder_of(root)
    if not folder.is_dir():
        return
    from sst.embedded.services import unprivileged

    with FileLock(folder / "start.lock"):
        _end(folder)
        remove_tree(folder)
    unprivileged.sweep()


def fingerprint() -> str:
    """Changes when any file of the embedded cloud changes; a launcher of other code is restarted."""
    facts: list[str] = []
    folders = [f"{Path(__file__).parents[1]}{os.sep}{room}" for room in _ROOMS]
    for at in folders:      # plain texts: each command that needs the cloud does this
        with os.scandir(at) as entries:
            for e in entries:
                if e.name.endswith((".py", ".lock")):
                    s = e.stat()
                    facts.append(f"{e.path} {s.st_size} {s.st_mtime_ns}\n")
                elif e.name != "__pycache__" and e.is_dir():
                    folders.append(e.path)
    return hashlib.sha256("".join(sorted(facts)).encode()).hexdigest()[:16]


def _cloud(folder: Path, found: Mapping[str, object]) -> Cloud:
    keys = Keys.of(folder)
    return Cloud(f"http://127.0.0.1:{found['port']}", str(found["region"]), ACCOUNT, keys.access_key, keys.secret_key,
                 int(str(found["pid"])), folder)


def _running(folder: Path) -> Mapping[str, object] | None:
    """What the launcher of ``folder`` says about itself, or None: the pid file, the port and the token must all fit."""
    facts = read_json(folder / "cloud.json")
    if not facts:
        return None
    answer = _ask(folder, int(str(facts["port"])), "GET", "/_sst/status", None, 5.0)
    return answer if answer and answer.get("pid") == facts["pid"] else None


def _begun(folder: Path) -> Mapping[str, object] | None:
    """What a launcher says that another command has started and did not wait for; None if there is none."""
    data, deadline = FileLock(folder / "run.lock"), time.monotonic() + _START_SECONDS
    while data.is_held() and time.monotonic() < deadline:
        if found := _running(folder):
            return found
        time.sleep(0.02)
    return None


def _launch(folder: Path, python: Path, wanted: Mapping[str, object],
            environment: Mapping[str, str]) -> Mapping[str, object]:
    import subprocess

    env = {name: value for name, value in environment.items()
           if name in _KEPT or name.startswith(_KEPT_BY_PREFIX)} | {"SST_PYTHON": sys.executable}
    log = folder / "cloud.log"
    if log.exists() and log.stat().st_size > 5_000_000:
        log.replace(folder / "cloud.log.1")
    Keys.of(folder)
    (folder / "cloud.json").unlink(missing_ok=True)
    with os.fdopen(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab") as stream:
        command = [str(python), "-I", str(Path(__file__).with_name("boot.py")), str(folder), str(wanted["region"]),
                   str(wanted["version"]), "iam" if wanted["iam"] else "no-iam"]
        began = stream.tell()
        process = subprocess.Popen(command, env=env, cwd=folder, stdin=subprocess.DEVNULL, stdout=stream, stderr=stream,
                                   start_new_session=True)
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if found := _running(folder):
            process.returncode = 0  # it outlives us: no warning about a child that was not waited for
            return found
        time.sleep(0.02)
    if process.poll() is None:
        process.kill()
        process.wait()
    elif found := _begun(folder):
        return found
    raise UserError(f"the embedded cloud did not start: {_tail(log, began)}", hint=f"its log is {log}",
                    code="cloud-failed")


def _tail(log: Path, began: int) -> str:
    with log.open("rb") as stream:
        stream.seek(began)
        lines = [line for line in stream.read().decode("utf-8", "replace").splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing"


def _end(folder: Path) -> bool:
    """Ask the launcher to stop and wait until it let go of its data; the impatient signal only after that."""
    facts = _running(folder)
    data = FileLock(folder / "run.lock")
    pid = int(str(facts["pid"])) if facts else data.holder()
    if not pid and not (folder / "services").exists() and not (folder / "containers").exists():
        return False
    from sst.embedded import left_over
    from sst.embedded.services.process import end_left_over

    if not pid:
        found = left_over.sweep(folder, os.environ)
        return bool(end_left_over(folder / "services") or found)
    for word in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, word)
        deadline = time.monotonic() + _STOP_SECONDS
        while time.monotonic() < deadline:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
            if not data.is_held():
                (folder / "cloud.json").unlink(missing_ok=True)
                end_left_over(folder / "services")
                left_over.sweep(folder, os.environ)
                return True
            time.sleep(0.01)
    raise InternalError(f"the embedded cloud (process {pid}) does not stop")


def _ask(folder: Path, port: int, method: str, path: str, body: object, seconds: float) -> Mapping[str, object] | None:
    """One call of a control endpoint; None if nobody (or somebody else) answers. A socket, since `http.client` costs 30
    ms to import."""
    keys = read_json(folder / "keys.json")
    if not keys:
        return None
    payload = json.dumps(body).encode() if body is not None else b""
    head = (f"{method} {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nx-sst-token: {keys['token']}\r\nconnection: "
            "close\r\n"
            f"content-type: application/json\r\ncontent-length: {len(payload)}\r\n\r\n").encode()
    try:
        with socket.socket() as line:       # `create_connection` would import the tables of IDNA for the address
            line.settimeout(seconds)
            line.connect(("127.0.0.1", port))
            line.sendall(head + payload)
            got = bytearray()
            while chunk := line.recv(65536):
                got += chunk
        answer = json.loads(bytes(got).split(b"\r\n\r\n", 1)[1])
    except (OSError, ValueError, IndexError):
        return None
    return answer if isinstance(answer, dict) else None
