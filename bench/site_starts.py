"""What our wrappers and the decryption of links add to a cold start: seconds of processor until an app is loaded."""
from __future__ import annotations

import base64
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

import sst.runtime
from sst.build.site.nodejs import node_for

from .measure import run
from .report import Report

__all__ = ["measure_starts"]

HOME = Path(sst.runtime.__file__).parent
NODE = {"alone": """
import http from "node:http";
const listen = http.Server.prototype.listen;
http.Server.prototype.listen = function () { return listen.call(this, 0, () => process.exit()); };
await import("./src/main.js");
""", "wrapped": """
globalThis.awslambda = { streamifyResponse: (handler) => handler };
const { serve } = await import("./sst-server.mjs");
await serve(() => import("./src/main.js").then(() => undefined));
process.exit(globalThis.SST_KEY_FILE_DATA.Token.value.length ? 0 : 1);
"""}
PYTHON = """
import json, time
import MODULE
alone = time.process_time()
from sst.runtime.web import handler
handler(MODULE.app)
from sst import Resource
assert Resource.Token.value
print(json.dumps({"alone": alone, "wrapped": time.process_time()}))
"""
FLASK = "from flask import Flask\n\napp = Flask(__name__)\n"
LINKS = {f"Link{n}": {"name": f"bench-local-link{n}-abcdefgh", "type": "sst.aws.Bucket"} for n in range(20)}
"""As many as an app has that no longer fit into variables."""


def measure_starts(report: Report, root: Path, python: Path, times: int) -> None:
    """``root`` has a server of Node in ``web`` and an app of FastAPI in ``api``, ``python`` their packages."""
    (root / "flat.py").write_text(FLASK)
    given = {**os.environ, **_sealed(root / "resource.enc"), "PYTHONPATH": f"{root}:{root / 'api'}:{HOME.parents[1]}"}
    given.pop("PYTHONDONTWRITEBYTECODE", None)
    node, web = node_for(root / "web", os.environ["PATH"], lambda text: None) / "node", root / "web"
    (web / "sst-server.mjs").write_bytes((HOME / "site/server.mjs").read_bytes())
    rows = []
    for name, limit in (("Express", 30), ("FastAPI", 20), ("Flask", 20)):
        best = _node(web, node, given, times) if name == "Express" else _python(
            root, [str(python), "-c", PYTHON.replace("MODULE", "main" if name == "FastAPI" else "flat")], given, times)
        added = (best["wrapped"] - best["alone"]) * 1e3
        rows.append((name, *(f"{best[kind] * 1e3:.0f} ms" for kind in ("alone", "wrapped")), f"{added:.0f} ms"))
        report.figure(f"added to the cold start of {name}, processor", added, limit, "ms")
    report.table(("cold start, processor", "the app alone", "with wrapper and links", "added"), rows)
    for name in ("alone.mjs", "wrapped.mjs", "sst-server.mjs"):
        (web / name).unlink()


def _node(web: Path, node: Path, given: Mapping[str, str], times: int) -> dict[str, float]:
    """Seconds of processor of two processes: they load the same app, which listens at the end."""
    best: dict[str, float] = {}
    for kind, source in NODE.items():
        (web / f"{kind}.mjs").write_text(source)
    for _ in range(times):
        for kind in NODE:
            cpu = run([str(node), str(web / f"{kind}.mjs")], cwd=web, env=given).cpu
            best[kind] = min(cpu, best.get(kind, cpu))
    return best


def _python(root: Path, command: Sequence[str], given: Mapping[str, str], times: int) -> Mapping[str, float]:
    """Seconds of processor in one process, till the app is there and till its handler is."""
    said = [run(command, cwd=root, env=given).said for _ in range(times)]
    return min(said, key=lambda s: float(s["wrapped"] - s["alone"]))


def _sealed(file: Path) -> dict[str, str]:
    key, text = os.urandom(32), json.dumps({**LINKS, "Token": {"value": "tok-7f3e9a51", "type": "sst.sst.Secret"}})
    file.write_bytes(AESGCM(key).encrypt(bytes(12), text.encode(), None))
    return {"SST_KEY": base64.b64encode(key).decode(), "SST_KEY_FILE": str(file)}
