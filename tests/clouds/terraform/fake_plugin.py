"""A Terraform provider in Python. Its cloud is a folder of JSON files, and the variables FAKE_* say how it behaves.

FAKE_FOLDER     where things and the log of calls are
FAKE_PROTOCOL   5 or 6 (the default)
FAKE_START      what it does instead of starting: ``noise`` before it starts, ``silence``, ``ends``, ``protocol4``,
                ``tcp``, ``tls``, ``nowhere``
FAKE_VERSION    of the schema of fake_thing; in version 1 its name was called title

With the url ``slow`` it is configured once the file ``go`` is there.

What a thing's ``mode`` does: ``lies`` changes the ip in an update although the plan promised to keep it, ``dies`` ends
the process in a create before it answers, ``half`` fails a create after the thing was made, ``refuses`` before, ``odd``
gives another size than was planned, ``waits`` with a create until the file ``go`` is there, ``shouts`` makes the label
upper case, which its plans do not know.
"""
from __future__ import annotations

import json
import os
import signal
import sys
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sst.clouds.terraform.schema import read_schema
from sst.clouds.terraform.values import pack, to_state, unpack
from sst.clouds.terraform.wire import V5_NAMES, decode, encode
from sst.core.output import UNKNOWN
from tests.clouds.terraform.grpc_server import Unimplemented, serve

FOLDER = Path(os.environ["FAKE_FOLDER"])
PROTOCOL = int(os.environ.get("FAKE_PROTOCOL", "6"))
VERSION = int(os.environ.get("FAKE_VERSION", "2"))
STRING, NUMBER = "string", "number"


def attribute(name: str, type: Any, flags: str) -> dict[str, Any]:
    """Flags: r required, o optional, c computed, s sensitive, w write-only."""
    return {"name": name, "type": json.dumps(type).encode(), "required": "r" in flags, "optional": "o" in flags,
            "computed": "c" in flags, "sensitive": "s" in flags, "write_only": "w" in flags}


THING: dict[str, Any] = {"version": VERSION, "block": {
    "attributes": [
        attribute("id", STRING, "c"), attribute("name" if VERSION > 1 else "title", STRING, "r"),
        attribute("size", NUMBER, "o"), attribute("ip", STRING, "c"), attribute("serial", NUMBER, "c"),
        attribute("url", STRING, "c"), attribute("password", STRING, "os"), attribute("token", STRING, "cs"),
        attribute("mode", STRING, "o"), attribute("tags", ["map", STRING], "o"), attribute("zone", STRING, "oc"),
        attribute("type", STRING, "o"), attribute("alias", STRING, "o"), attribute("from", STRING, "o"),
        attribute("pin", STRING, "ow"), attribute("pin_version", NUMBER, "o"), attribute("label", STRING, "o"),
        attribute("config", "dynamic", "o"),
        *([{"name": "parts", "optional": True, "nested_type": {"nesting": 2, "attributes": [
            attribute("key", STRING, "r"), attribute("value", STRING, "oc")]}}] if PROTOCOL == 6 else [])],
    "block_types": [
        {"type_name": "rule", "nesting": 2, "max_items": 1, "block": {"attributes": [
            attribute("port", NUMBER, "r"), attribute("host", STRING, "o")]}},
        {"type_name": "user", "nesting": 3, "block": {"attributes": [
            attribute("login", STRING, "r"), attribute("key", STRING, "os")]}},
        {"type_name": "timeouts", "nesting": 1, "block": {"attributes": [attribute("create", STRING, "o")]}}]}}
IDENTITY = {"version": 1, "identity_attributes": [
    {"name": "name", "type": b'"string"', "required_for_import": True},
    {"name": "zone", "type": b'"string"', "optional_for_import": True}]}
LOOKUP = {"block": {"attributes": [attribute("name", STRING, "r"), attribute("id", STRING, "c"),
                                   attribute("ip", STRING, "c")]}}
SETTINGS = {"block": {"attributes": [attribute("url", STRING, "o"), attribute("token", STRING, "os")]}}


def written_schema(schema: Mapping[str, Any]) -> bytes:
    """The bytes of a schema, with write_only where this protocol has it."""
    text = encode("Schema", schema)
    if PROTOCOL == 6:
        return text
    attributes = [encode("Attribute5", {k: v for k, v in a.items() if k != "nested_type"})
                  for a in schema["block"]["attributes"]]
    block = b"".join(b"\x12" + _size(a) + a for a in attributes) + encode(
        "Block", {"block_types": schema["block"].get("block_types", [])})
    return encode("Schema", {"version": schema.get("version", 0)}) + b"\x12" + _size(block) + block


def _size(content: bytes) -> bytes:
    low, high = len(content) & 127, len(content) >> 7
    return bytes([low | 128, high]) if high else bytes([low])


RAW = written_schema(THING)
TYPE = read_schema("fake_thing", RAW, v5=PROTOCOL == 5).block.type
NAME = "name" if VERSION > 1 else "title"


def value(message: Mapping[str, Any], type: Any = TYPE) -> Any:
    return unpack(message.get("msgpack", b""), type)


def packed(item: Any, type: Any = TYPE) -> dict[str, bytes]:
    return {"msgpack": pack(item, type)}


def error(text: str, *path: str) -> list[dict[str, Any]]:
    return [{"severity": 1, "summary": text,
             "attribute": {"steps": [{"attribute_name": p} for p in path]}}]


def file(id: str) -> Path:
    return FOLDER / f"{id}.json"


def load(id: str) -> dict[str, Any] | None:
    return json.loads(file(id).read_text()) if id and file(id).exists() else None


def settings(q: Mapping[str, Any]) -> dict[str, Any]:
    found = value(q["config"], read_schema("fake", encode("Schema", SETTINGS), v5=False).block.type)
    (FOLDER / "settings").write_text(json.dumps({"settings": found, "seen": os.environ.get("FAKE_SEEN", "")}))
    if found["url"] == "slow":
        wait()
    return {"diagnostics": error("the token is not valid", "token")} if found["token"] == "wrong" else {}


def wait() -> None:
    (FOLDER / "waiting").touch()
    while not (FOLDER / "go").exists():
        time.sleep(0.01)


def stop(q: Mapping[str, Any]) -> dict[str, Any]:
    (FOLDER / "stopped").touch()
    return {}


def validate(q: Mapping[str, Any]) -> dict[str, Any]:
    config = value(q["config"])
    if config["size"] is not UNKNOWN and (config["size"] or 0) < 0:
        return {"diagnostics": error("size must be positive", "size")}
    return {}


def plan(q: Mapping[str, Any]) -> dict[str, Any]:
    prior, new = value(q["prior_state"]), value(q["proposed_new_state"])
    if new is None:
        return {"planned_state": packed(None), "planned_private": q.get("prior_private", b"")}
    new["pin"] = None
    for part in new.get("parts") or ():
        part["value"] = part["value"] or f"value of {part['key']}"
    if prior is None:
        new |= dict.fromkeys(("id", "ip", "serial", "token", "url"), UNKNOWN)
        new["zone"] = new["zone"] if new["zone"] is not None else UNKNOWN
        return {"planned_state": packed(new), "planned_private": b"planned"}
    if new != prior:
        new["serial"] = UNKNOWN
    return {"planned_state": packed(new), "planned_private": q.get("prior_private", b""),
            "requires_replace": [{"steps": [{"attribute_name": NAME}]}, {"steps": [{"attribute_name": "id"}]}]}


def apply(q: Mapping[str, Any]) -> dict[str, Any]:
    """Dies before or after it, if the file ``doom`` says so: how many it still does, and when it dies."""
    doom = FOLDER / "doom"
    left, when = json.loads(doom.read_text()) if doom.exists() else (0, "")
    if when and left:
        doom.write_text(json.dumps([left - 1, when]))
    elif when:
        doom.unlink()
        if when == "after":
            applied(q)
        os.kill(os.getpid(), signal.SIGKILL)
    return applied(q)


def applied(q: Mapping[str, Any]) -> dict[str, Any]:
    prior, new, config = value(q["prior_state"]), value(q["planned_state"]), value(q["config"])
    if new is None:
        file(prior["id"]).unlink(missing_ok=True)
        return {"new_state": packed(None)}
    if config["pin"] is not None:
        (FOLDER / "pins").open("a").write(f"{config['pin']}\n")
    mode = new["mode"]
    if prior is None:
        if mode == "refuses" or any(json.loads(f.read_text())[NAME] == new[NAME] for f in FOLDER.glob("*.json")):
            return {"new_state": packed(None), "diagnostics": error(f"{new[NAME]} already exists")}
        new["id"] = uuid.uuid4().hex[:8]
        new |= {"ip": "10.0.0.1", "serial": 1, "token": f"token-of-{new['id']}", "url": f"https://{new[NAME]}.test",
                "zone": "a" if new["zone"] is UNKNOWN else new["zone"]}
    else:
        assert q.get("planned_private"), "the private notes came back"
        new["serial"] = prior["serial"] + 1 if new["serial"] is UNKNOWN else new["serial"]
        if mode == "lies":
            new["ip"] = f"10.0.0.{new['serial']}"
    if mode == "odd":
        new["size"] = 99
    if mode == "shouts":
        new["label"] = new["label"].upper()
    if mode == "waits" and prior is None:
        wait()
    written = file(new["id"]).with_suffix(".new")
    written.write_text(json.dumps(to_state(new)))
    written.rename(file(new["id"]))    # other processes read the folder
    if mode == "dies" and prior is None:
        os.kill(os.getpid(), signal.SIGKILL)
    failed = {"diagnostics": error("it broke while it was made")} if mode == "half" and prior is None else {}
    return {"new_state": packed(new), "private": b"private notes", **failed}


def read(q: Mapping[str, Any]) -> dict[str, Any]:
    there = load(value(q["current_state"])["id"])
    return {"new_state": packed(there), "private": q.get("private", b"")}


def look_up(q: Mapping[str, Any]) -> dict[str, Any]:
    type = read_schema("fake_lookup", encode("Schema", LOOKUP), v5=False).block.type
    asked = value(q["config"], type)
    for f in FOLDER.glob("*.json"):
        there = json.loads(f.read_text())
        if there[NAME] == asked["name"]:
            return {"state": packed({"name": asked["name"], "id": there["id"], "ip": there["ip"]}, type)}
    return {"diagnostics": error(f"there is no thing named {asked['name']}", "name")}


def import_(q: Mapping[str, Any]) -> dict[str, Any]:
    if "identity" in q:
        asked = value(q["identity"]["identity_data"], ["object", {"name": STRING, "zone": STRING}])
        id = next((f.stem for f in FOLDER.glob("*.json") if json.loads(f.read_text())[NAME] == asked["name"]), "")
    else:
        id = q["id"]
    if load(id) is None:
        return {"diagnostics": error(f"there is no thing {id}")}
    return {"imported_resources": [{"type_name": "fake_thing", "state": packed({"id": id}),
                                    "private": b"private notes"}]}


def move(q: Mapping[str, Any]) -> dict[str, Any]:
    if (q["source_provider_address"].rpartition("/")[2], q["source_type_name"]) not in (
            ("fake", "fake_old_thing"), ("older", "older_thing2")):
        return {"diagnostics": error(f"{q['source_provider_address']} {q['source_type_name']} is nothing of ours")}
    raw = json.loads(q["source_state"]["json"])
    raw["name"] = raw.pop("former_name")
    return {"target_state": packed(raw), "target_private": q["source_private"] + b", moved"}


def upgrade(q: Mapping[str, Any]) -> dict[str, Any]:
    raw = json.loads(q["raw_state"]["json"])
    if q.get("version", 0) < 2 <= VERSION:
        raw["name"] = raw.pop("title")
    return {"upgraded_state": packed(raw)}


ANSWERS = {
    "GetProviderSchema": lambda q: {
        "provider": encode("Schema", SETTINGS), "resource_schemas": {"fake_thing": RAW},
        "data_source_schemas": {"fake_lookup": encode("Schema", LOOKUP)},
        "server_capabilities": {"move_resource_state": PROTOCOL == 6}},
    "MoveResourceState": move,
    "ValidateProviderConfig": lambda q: {}, "ConfigureProvider": settings, "ValidateResourceConfig": validate,
    "ValidateDataResourceConfig": lambda q: {}, "PlanResourceChange": plan, "ApplyResourceChange": apply,
    "GetResourceIdentitySchemas": lambda q: {"identity_schemas": {"fake_thing": IDENTITY}},
    "ReadResource": read, "ReadDataSource": look_up, "ImportResourceState": import_, "UpgradeResourceState": upgrade,
    "StopProvider": stop,
}
if PROTOCOL == 5:
    del ANSWERS["GetResourceIdentitySchemas"]    # as an older provider
NAMES = {**{n: n for n in ANSWERS}, **({v: k for k, v in V5_NAMES.items()} if PROTOCOL == 5 else {})}


def answer(path: str, request: bytes) -> bytes:
    name = path.rpartition("/")[2]
    if name == "Shutdown":
        os._exit(0)
    if name not in NAMES:
        raise Unimplemented
    call = NAMES[name]
    with (FOLDER / "log").open("a") as log:
        log.write(f"{call}\n")
    return encode(f"{call}<", ANSWERS[call](decode(f"{call}>", request)))


def main() -> None:
    with (FOLDER / "log").open("a") as log:
        log.write("start\n")
    path, start = f"{os.environ['PLUGIN_UNIX_SOCKET_DIR']}/plugin", os.environ.get("FAKE_START", "")
    sys.stderr.write(json.dumps({"@level": "debug", "@message": "nothing of interest"}) + "\n")
    if start == "ends":
        sys.exit("there is no disk left")
    if start == "silence":
        time.sleep(60)
    if start == "noise":
        print("loading plugins ...", flush=True)
        sys.stderr.write("x" * 200_000 + "\n")
    if start != "nowhere":
        serve(path, answer)
    protocol, network = (4 if start == "protocol4" else PROTOCOL), "tcp" if start == "tcp" else "unix"
    print(f"1|{protocol}|{network}|{path}|grpc|{'MIIB' if start == 'tls' else ''}", flush=True)
    signal.pause()


if __name__ == "__main__":
    main()
