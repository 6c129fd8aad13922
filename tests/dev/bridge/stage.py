"""What a deploy makes for live functions, on the embedded cloud: an Events API, functions with the overlay, code on a
laptop."""
from __future__ import annotations

import itertools
import json
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sst.build.entry import runtime_files
from sst.clouds.aws.appsync import signed_by_iam
from sst.clouds.aws.client import Aws
from sst.dev.bridge import Endpoints
from sst.embedded.cloud import Cloud
from sst.runtime.bridge.wire import Keys

from ...embedded.functions import bundle, role
from ...embedded.test_emulator import client
from .laptop import FromFolder, Laptop
from .tap import Tap

ROOT = Path(__file__).parents[3]
NODE_OVERLAY = ROOT / "src/sst/runtime/live.mjs"
DEPLOYED = {
    "python3.11": ("index.py", "def handler(event, context):\n    return 'deployed'\n"),
    "nodejs20.x": ("index.mjs", "export const handler = async () => 'deployed';\n"),
}


@dataclass
class Stage:
    """One app's stage."""

    cloud: Cloud
    endpoints: Endpoints
    channel: str
    folder: Path
    count: Iterator[int]

    @property
    def at(self) -> tuple[str, str]:
        return self.endpoints.http, self.endpoints.realtime

    @property
    def keys(self) -> Keys:
        return Keys(self.cloud.access_key, self.cloud.secret_key)

    def through(self, tap: Tap) -> Endpoints:
        return Endpoints(*(f"{host.partition(':')[0]}:{tap.port}"
                           for host in (self.endpoints.http, self.endpoints.realtime)))

    def laptop(self, code: str, runtime: str = "python3.11", endpoints: Endpoints | None = None) -> Laptop:
        """A machine that is connected while it is entered, and has this code."""
        live = FromFolder(self.source(code, runtime), runtime, self.folder / f"work{next(self.count)}")
        return Laptop(endpoints or self.endpoints, self.keys, self.channel, live)

    def source(self, code: str, runtime: str) -> Path:
        folder = self.folder / f"source{next(self.count)}"
        folder.mkdir()
        (folder / DEPLOYED[runtime][0]).write_text(code)
        return folder

    def function(self, runtime: str = "python3.11", *, until: float | None = None, endpoints: Endpoints | None = None,
                 wait: int = 0,
                 code: str = "", streaming: bool = False, **more: str) -> str:
        """A deployed function behind the overlay; its name."""
        name, at = f"f{uuid.uuid4().hex[:10]}", endpoints or self.endpoints
        file, text = DEPLOYED[runtime]
        files = {file: code or text}
        if runtime.startswith("python"):
            files |= {f.name: f.path.read_text() for f in runtime_files() if not f.name.endswith(".sh")}
        else:
            files["sst_live.mjs"] = NODE_OVERLAY.read_text()
        variables = {"SST_LIVE_HANDLER": "index.handler", "SST_LIVE_HTTP": at.http, "SST_LIVE_REALTIME": at.realtime,
                     "SST_LIVE_CHANNEL": self.channel, "SST_LIVE_UNTIL": str(int(until or time.time() + 3600)), **more}
        if wait:
            variables["SST_LIVE_WAIT"] = str(wait)
        if streaming:
            variables |= {"SST_LIVE_STREAM": "1"} if runtime.startswith("node") else {"SST_STREAMING": "1"}
        functions = client(self.cloud, "lambda")
        functions.create_function(FunctionName=name, Runtime=runtime, Code={"ZipFile": bundle(files)},
                                  Role=role(self.cloud, name),
                                  Handler="sst/runtime/live.handler" if runtime.startswith("python")
                                  else "sst_live.handler",
                                  Environment={"Variables": variables}, Timeout=60, MemorySize=512)
        functions.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 1})
        return name

    @contextmanager
    def caller(self, name: str) -> Iterator[Callable[[object], Any]]:
        """Invokes the function; for many threads, at less cost than a client each."""
        with Aws(region=self.cloud.region, endpoint=self.cloud.endpoint, credentials=self.keys, environment={}) as aws:
            yield lambda event: json.loads(
                aws.call("lambda", "invoke", {"FunctionName": name, "Payload": json.dumps(event).encode()})["Payload"])

    @contextmanager
    def process(self, code: str, runtime: str = "python3.11") -> Iterator[subprocess.Popen[str]]:
        """A machine in a process of its own."""
        at = self.endpoints
        command = [sys.executable, "-m", "tests.dev.bridge.laptop", at.http, at.realtime, self.channel,
                   str(self.source(code, runtime)),
                   runtime, str(self.folder / f"work{next(self.count)}")]
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, env={
            "PATH": "/usr/bin:/bin", "AWS_ACCESS_KEY_ID": self.keys.access, "AWS_SECRET_ACCESS_KEY": self.keys.secret})
        assert process.stdout
        try:
            assert process.stdout.readline() == "connected\n"
            yield process
        finally:
            process.kill()
            process.wait()
            process.stdout.close()


def new_stage(cloud: Cloud, folder: Path) -> Stage:
    events = client(cloud, "appsync")
    api = events.create_api(name="sst", eventConfig=signed_by_iam())["api"]
    name = f"app-{uuid.uuid4().hex[:8]}"
    events.create_channel_namespace(apiId=api["apiId"], name=name)
    return Stage(cloud, Endpoints(api["dns"]["HTTP"], api["dns"]["REALTIME"]), f"/{name}", folder, itertools.count())


def tap_of(cloud: Cloud) -> Tap:
    return Tap(urlsplit(cloud.endpoint).port or 80)
