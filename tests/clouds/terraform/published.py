"""Schemas of providers that can't be downloaded here, in the form of `terraform providers schema -json`. Each
file tells what it was written from."""
from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sst.clouds.terraform.schema_cache import Schemas
from sst.clouds.terraform.wire import encode

__all__ = ["PROVIDERS", "schemas_of"]

FOLDER = Path(__file__).parent / "schemas"
PROVIDERS = sorted(f.stem for f in FOLDER.glob("*.json"))
_FLAGS = ("required", "optional", "computed", "sensitive")
_NESTING = {"single": 1, "list": 2, "set": 3, "map": 4}


def schemas_of(provider: str) -> Schemas:
    found = json.loads((FOLDER / f"{provider}.json").read_text())
    return Schemas(6, _schema(found["provider"]), {k: _schema(v) for k, v in found["resource_schemas"].items()}, {})


def _schema(found: Mapping[str, Any]) -> bytes:
    return encode("Schema", {"version": found["version"], "block": {"attributes": _attributes(found["block"])}})


def _attributes(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = []
    for name, a in found["attributes"].items():
        one: dict[str, Any] = {"name": name, **{k: a.get(k, False) for k in _FLAGS}}
        if nested := a.get("nested_type"):
            one["nested_type"] = {"attributes": _attributes(nested), "nesting": _NESTING[nested["nesting_mode"]]}
        else:
            one["type"] = json.dumps(a["type"]).encode()
        made.append(one)
    return made
