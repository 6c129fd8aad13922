"""What a session of ``sst dev`` leads through a tunnel: commands, and functions with their sealed links."""
from __future__ import annotations

import json
from base64 import b64decode
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sst.core.graph import Graph
from sst.core.link_env import resource_file
from sst.core.model import Snapshot, State
from sst.dev.call import LiveCall
from sst.dev.parts import Deployed
from sst.dev.parts.tunnel import TunnelPart
from sst.dev.tunnel.calls import rerouted
from sst.dev.tunnel.running import Wanted

from .bastion import bastion, echo
from .test_tunnel import DB, ask, run, until

PORTS = {DB: 41001}
LINKS = {"MyDB": {"host": DB.host, "port": 5432, "url": f"postgresql://me:pw@{DB.host}:5432/shop"}}


def seal(key: bytes, text: bytes) -> bytes:
    return AESGCM(key).encrypt(bytes(12), text, None)


def sealed_call(links: Any) -> LiveCall:
    key, file = resource_file(links, bytes(32), "urn", seal)
    return LiveCall("arn:fn", b"{}", "r", {"SST_KEY": key, "SST_KEY_FILE": "resource.enc", "URL": f"tcp://{DB.host}:5432"},
                    {"resource.enc": b64decode(file)})


def test_the_sealed_links_of_a_function_lead_through_the_tunnel() -> None:
    call = sealed_call(LINKS)
    made = rerouted(call, PORTS)
    key = b64decode(made.environment["SST_KEY"])
    assert json.loads(AESGCM(key).decrypt(bytes(12), made.files["resource.enc"], None)) == {
        "MyDB": {"host": "127.0.0.1", "port": 41001, "url": "postgresql://me:pw@127.0.0.1:41001/shop"}}
    assert made.environment["SST_KEY"] != call.environment["SST_KEY"], "no key seals two texts"
    assert made.environment["URL"] == "tcp://127.0.0.1:41001"
    assert rerouted(sealed_call(LINKS), PORTS) == made, "a worker stays while nothing changes"


def test_sealed_links_that_lead_elsewhere_stay_as_they_are() -> None:
    call = sealed_call({"Word": {"value": "x"}})
    assert rerouted(call, PORTS).files == call.files


def test_a_session_opens_a_tunnel_where_a_database_needs_it(tmp_path: Path) -> None:
    async def work() -> None:
        said: list[str] = []
        async with echo() as port, bastion({(DB.host, DB.port): port}) as there:
            found: list[tuple[Wanted, str]] = [(Wanted([], tmp_path / "t", {}), "Other is in a network without a way")]
            part = TunnelPart(lambda snapshot: found[-1], said.append, tmp_path / "ports.json")
            deployed = Deployed(Graph.__new__(Graph), Snapshot({"u": State("u", "t", "i")}), good=True)
            await part.resume(deployed)
            await part.use(deployed)
            given = {"DB": f"{DB.host}:5432"}
            assert part.environment(given) == given and said == ["Other is in a network without a way"]
            there.gate.admit = False
            found.append((Wanted([there.gate], tmp_path / "t", {DB: "MyVpc"}), ""))
            await part.use(deployed)
            host, _, local = part.environment(given)["DB"].partition(":")
            assert host == "127.0.0.1"
            await until(lambda: any("refuses the key" in text for text in said))
            there.gate.admit = True
            assert await ask(int(local), b"late") == b"late|4", "the session goes on, and so does the tunnel"
            there.gate.id = "i-2"
            await part.use(deployed)
            assert part.environment(given)["DB"] == f"127.0.0.1:{local}", "the port outlives the bastion"
            assert await ask(int(local), b"new") == b"new|3"
            await part.close()

    run(work())
