"""The schemas of one provider version, in a file: an index, and each type compressed by itself.

A provider may have 1,500 types; a program uses a few. Opening the file reads the index, and a type is decoded when it
is first used.
"""
from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from ...core.names import did_you_mean
from ...errors import UserError
from ...machine.files import replace_file
from .schema import TypeSchema, read_schema

__all__ = ["Schemas"]

_MAGIC = b"sst-schema-1\n"


@dataclass(eq=False)
class Schemas:
    """``resources`` and ``data`` map types to their messages, or to where these are in ``blob``."""

    protocol: int
    settings_raw: bytes
    resources: Mapping[str, Any]
    data: Mapping[str, Any]
    capabilities: Mapping[str, bool] = field(default_factory=dict)
    blob: bytes = b""
    _decoded: dict[str, TypeSchema] = field(default_factory=dict, repr=False)

    @classmethod
    def of_answer(cls, answer: Mapping[str, Any], protocol: int) -> Schemas:
        """From a plugin's answer to ``GetProviderSchema``."""
        return cls(protocol, answer.get("provider", b""), answer.get("resource_schemas", {}),
                   answer.get("data_source_schemas", {}), answer.get("server_capabilities", {}))

    @classmethod
    def read(cls, file: Path, made_from: str | None) -> Schemas | None:
        """The cached ones; None if there are none, or they are those of another program (``made_from``, if given)."""
        try:
            content = file.read_bytes()
            if not content.startswith(_MAGIC):
                return None
            end = content.index(b"\n", len(_MAGIC))
            index = json.loads(content[len(_MAGIC):end])
            if made_from is not None and index["made_from"] != made_from:
                return None
            blob = content[end + 1:]
            return cls(index["protocol"], _part(blob, index["settings"]), index["resources"], index["data"],
                       index["capabilities"], blob)
        except (OSError, ValueError, KeyError, TypeError, zlib.error):
            return None

    def write(self, file: Path, made_from: str) -> None:
        blob = bytearray()

        def put(raw: bytes) -> list[int]:
            packed = zlib.compress(raw)
            blob.extend(packed)
            return [len(blob) - len(packed), len(packed)]

        index = {"made_from": made_from, "protocol": self.protocol, "capabilities": dict(self.capabilities),
                 "settings": put(self.settings_raw), "resources": {k: put(v) for k, v in self.resources.items()},
                 "data": {k: put(v) for k, v in self.data.items()}}
        replace_file(file, _MAGIC + json.dumps(index, separators=(",", ":")).encode() + b"\n" + bytes(blob))

    @cached_property
    def settings(self) -> TypeSchema:
        """What the provider itself takes: region, token. None is required: most can come from the environment, and a
        plugin says that one is required only if it is not there when the schema is asked for."""
        found = read_schema("settings", self.settings_raw, v5=self.protocol == 5)
        attributes = {k: replace(a, required=False, optional=a.settable) for k, a in found.block.attributes.items()}
        return replace(found, block=replace(found.block, attributes=attributes))

    def resource(self, type: str) -> TypeSchema:
        return self._type("resource", self.resources, type)

    def data_source(self, type: str) -> TypeSchema:
        return self._type("data source", self.data, type)

    def _type(self, what: str, types: Mapping[str, Any], type: str) -> TypeSchema:
        key = f"{what} {type}"
        if key not in self._decoded:
            if type not in types:
                raise UserError(f"the provider has no {what} {type!r}", hint=did_you_mean(type, sorted(types)))
            raw = types[type] if isinstance(types[type], bytes) else _part(self.blob, types[type])
            self._decoded[key] = read_schema(type, raw, v5=self.protocol == 5)
        return self._decoded[key]


def _part(blob: bytes, place: Any) -> bytes:
    start, size = place
    return zlib.decompress(blob[start:start + size])
