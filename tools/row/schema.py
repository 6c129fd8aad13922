"""A type's CloudFormation schema:
https://docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-schema.html"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["Schema", "find_schema", "read_schema"]


@dataclass(frozen=True)
class Schema:
    """What a draft uses of it."""

    type: str
    properties: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    create_only: frozenset[str] = frozenset()
    read_only: tuple[str, ...] = ()
    write_only: frozenset[str] = frozenset()
    required: frozenset[str] = frozenset()
    identifier: tuple[str, ...] = ()
    calls: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Handler (``create``, ``read``...) → the operations that it calls."""

    def text(self, name: str) -> str:
        """First sentence of what a property is."""
        words = str(self.properties.get(name, {}).get("description", "")).replace("\n", " ").strip()
        return words.partition(". ")[0].rstrip(".").strip()


def read_schema(file: Path) -> Schema:
    """The schema in a file."""
    data = json.loads(file.read_text(encoding="utf-8"))

    def names(key: str) -> tuple[str, ...]:
        return tuple(
            dict.fromkeys(
                p.removeprefix("/properties/").split("/")[0]
                for p in data.get(key, ())
                if p.startswith("/properties/")
            )
        )

    calls = {
        name: tuple(p.partition(":")[2] for p in handler.get("permissions", ()))
        for name, handler in data.get("handlers", {}).items()
    }
    return Schema(
        data["typeName"],
        data.get("properties", {}),
        frozenset(names("createOnlyProperties")),
        names("readOnlyProperties"),
        frozenset(names("writeOnlyProperties")),
        frozenset(data.get("required", ())),
        names("primaryIdentifier"),
        calls,
    )


def find_schema(folder: Path, service: str, noun: str) -> Schema | None:
    """The schema of a type in the data of cfn-lint: an index by type, and files named by a hash."""
    index = folder / "cfnlint/data/schemas/providers/us-east-1.json"
    if not index.is_file():
        return None
    wanted = noun.lower()
    candidates = []
    for type, digest in json.loads(index.read_text(encoding="utf-8")).items():
        _, owner, name = type.split("::")[:3]
        if name.lower() == wanted and len(type.split("::")) == 3:
            candidates.append((_distance(owner, service), type, digest))
    if not candidates or min(candidates)[0] > 1:
        return None
    return read_schema(folder / f"cfnlint/data/schemas/resources/{min(candidates)[2]}.json")


def _distance(owner: str, service: str) -> int:
    """How far CloudFormation's name of a service is from botocore's: 0 the same, 1 alike, 2 another."""
    a, b = owner.lower(), service.lower().replace("-", "")
    known = {
        "stepfunctions": "sfn",
        "elasticloadbalancingv2": "elbv2",
        "elasticloadbalancing": "elb",
        "cognito": "cognitoidp",
        "certificatemanager": "acm",
        "opensearchservice": "opensearch",
    }
    if a == b or known.get(a, a) == b:
        return 0
    return 1 if a in b or b in a else 2
