"""Files that users hand over, damaged in random places: each is read or refused in words, and nothing in it can speak
to the terminal."""
from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any, cast

import pytest

from sst.core.model import Snapshot
from sst.engine.plan_json import check, plan_data
from sst.errors import UserError
from sst.project.foreign import match, read_foreign
from sst.project.run import write_outputs
from sst.project.saved_plan import read_plan

from ..cli.test_plan_view import PLAN

SAVED = {"sst_plan": 1, "app": "shop", "stage": "dev", "account": "1", "region": "eu-west-1", "lineage": "l",
         "serial": 3, "program": "p", "key": "k", "artefacts": {"Api": "f"}, "target": ["Api"], "exclude": [],
         **plan_data(PLAN, key=b"k")}
TERRAFORM = {"version": 4, "terraform_version": "1.9.0", "lineage": "l", "outputs": {}, "resources": [
    {"mode": "managed", "type": "aws_sqs_queue", "name": "jobs", "module": "module.a",
     "provider": 'provider["registry.terraform.io/hashicorp/aws"]', "instances": [
         {"index_key": 0, "schema_version": 0, "private": "bnVsbA==",
          "attributes": {"id": "https://sqs/1/jobs", "url": "https://sqs/1/jobs", "tags": {"a": "b"}}}]},
    {"mode": "data", "type": "aws_region", "name": "here", "instances": []}]}
PULUMI = {"version": 3, "deployment": {"manifest": {}, "resources": [
    {"urn": "urn:pulumi:dev::shop::aws:sqs/queue:Queue::JobsQueue", "custom": True, "type": "aws:sqs/queue:Queue",
     "id": "https://sqs/1/jobs", "inputs": {"name": "jobs"}, "outputs": {"url": "https://sqs/1/jobs", "arn": "a"}},
    {"urn": "urn:pulumi:dev::shop::sst:aws:Queue::Jobs", "custom": False, "type": "sst:aws:Queue"}]}}
JUNK: tuple[Any, ...] = (None, True, -1, 1.5, 10**400, "", "\x1b]0;owned\x07", "\ud800", "ü", [], [[]], {}, {"": None},
                         {"id": []}, ["x"], [1, {}], {"a": {"b": {"c": []}}})


def damaged(document: Any, random: Random) -> Any:
    """The document with one value, or one name, replaced, left out or put twice."""
    copy = json.loads(json.dumps(document))
    places = list[tuple[Any, Any]]()

    def visit(node: Any) -> None:
        for key in list(node) if isinstance(node, dict) else range(len(node)):
            places.append((node, key))
            if isinstance(node[key], (dict, list)):
                visit(node[key])

    visit(copy)
    for _ in range(random.choice((1, 1, 2, 4))):
        node, key = random.choice(places)
        way = random.randrange(4)
        if isinstance(node, list) and key < len(node) and way == 0:
            node.insert(key, node[key])
        elif isinstance(node, dict) and key in node and way == 1:
            node[random.choice(("\x1b[2J", "id", "x" * 300))] = node.pop(key)
        elif isinstance(node, dict) and way == 2:
            node.pop(key, None)
        elif isinstance(node, dict) or key < len(node):
            node[key] = random.choice(JUNK)
    return copy


def plan(text: bytes, file: Path) -> None:
    file.write_bytes(text)
    check(read_plan(file), PLAN, key=b"k")


def state(text: bytes, file: Path) -> None:
    found = read_foreign(text.decode(), "state.json")
    matched = match(found.things, PLAN, {})
    for shown in (*(x for o in found.others for x in o), *(f"{t.name}{t.id}{why}" for t, why in matched.rest)):
        assert shown.isprintable(), repr(shown)


@pytest.mark.parametrize("content", [b"\xff\xfe{}", b"", b"[" * 100_000])
def test_outputs_that_were_damaged_are_written_again(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "outputs.json").write_bytes(content)
    write_outputs(cast(Any, SimpleNamespace(folder=tmp_path)), Snapshot(outputs={"url": "x"}))
    assert json.loads((tmp_path / "outputs.json").read_text()) == {"url": "x"}


@pytest.mark.parametrize(("document", "read"), [(SAVED, plan), (TERRAFORM, state), (PULUMI, state)])
def test_damage_is_refused_in_words(document: Any, read: Callable[[bytes, Path], None], tmp_path: Path) -> None:
    random, refused = Random(9), 0
    whole = json.dumps(document).encode()
    read(whole, tmp_path / "plan.json")
    texts = [json.dumps(damaged(document, random)).encode() for _ in range(200)]
    texts += [whole[:n] for n in range(0, len(whole), 97)]
    texts += [b"[" * 100_000, b'{"a":' * 100_000, b"", b"null", b"7", b'"x"', b"\xef\xbb\xbf" + whole]
    for text in texts:
        try:
            read(text, tmp_path / "plan.json")
        except UserError as e:
            refused += 1
            assert "\x1b" not in f"{e.message}{e.hint}", text
    assert refused > len(whole) // 97
