"""A provider as a process of its own: JSON lines on standard input and output, things in a folder.

``lies``: an update changes ``ip`` although the plan promised that it would not. ``dies``: the process ends after a
create, before it answers. ``half``: a create fails after it has made the thing.
"""
import json
import os
import sys
from pathlib import Path

FOLDER = Path(sys.argv[1])
VERSION = int(sys.argv[2])
SCHEMA = {"demo:Thing": {"version": VERSION, "outputs": ["ip", "serial", "token"], "secret": ["token", "password"],
                         "arguments": {"name": True, "size": False, "password": False, "order": False, "mode": False}}}


def thing(id: str) -> Path:
    return FOLDER / f"{id}.json"


def shown(id: str, made: dict) -> dict:
    private = json.dumps({"etag": made["serial"], "note": "private notes"})
    return {"id": id, "outputs": {k: made[k] for k in ("ip", "serial", "token")}, "inputs": made["inputs"],
            "private": private, "version": VERSION}


def write(id: str, made: dict) -> dict:
    thing(id).write_text(json.dumps(made))
    return shown(id, made)


def plan(prior: dict | None, inputs: dict) -> dict:
    if "size" in inputs and inputs["size"] == 13:
        return {"error": "size 13 is not available", "user": True}
    if prior is None:
        return {"changed": list(inputs)}
    old = prior["inputs"]
    changed = [k for k in SCHEMA["demo:Thing"]["arguments"] if old.get(k) != inputs.get(k)]
    order = "delete_first" if inputs.get("order") == "delete_first" else ""
    return {"changed": changed, "replace": [k for k in changed if k == "name"], "order": order,
            "unknown": ["serial"] if changed else []}


def create(inputs: dict) -> dict:
    if any(json.loads(f.read_text())["inputs"]["name"] == inputs["name"] for f in FOLDER.glob("*.json")):
        return {"error": f"{inputs['name']} exists", "code": "AlreadyExists"}
    id = f"t{len(list((FOLDER / 'log').read_text().splitlines()))}"
    made = {"inputs": inputs, "ip": "10.0.0.1", "serial": 1, "token": f"token of {id}"}
    answer = write(id, made)
    if inputs.get("mode") == "dies":
        os._exit(1)
    return {"error": "it broke while it was made", "left": answer} if inputs.get("mode") == "half" else answer


def update(id: str, inputs: dict) -> dict:
    made = json.loads(thing(id).read_text())
    made |= {"inputs": inputs, "serial": made["serial"] + 1}
    if inputs.get("mode") == "lies":
        made["ip"] = f"10.0.0.{made['serial']}"
    return write(id, made)


def answer(call: dict) -> dict:
    with (FOLDER / "log").open("a") as log:
        log.write(call["op"] + "\n")
    match call["op"]:
        case "schema":
            return SCHEMA
        case "plan":
            return plan(call["prior"], call["inputs"])
        case "create":
            return create(call["inputs"])
        case "update":
            return update(call["id"], call["inputs"])
        case "read":
            return shown(call["id"], json.loads(thing(call["id"]).read_text())) if thing(call["id"]).exists() else {}
        case "delete":
            thing(call["id"]).unlink(missing_ok=True)
            return {}
    return {"error": f"no operation {call['op']}"}


for line in sys.stdin:
    print(json.dumps(answer(json.loads(line))), flush=True)
