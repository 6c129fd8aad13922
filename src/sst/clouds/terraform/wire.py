"""The messages of Terraform's plugin protocol, 5 and 6: a table of field numbers and a codec of protocol buffers.

The table follows tfplugin5.proto (5.10) and tfplugin6.proto (6.11) of opentofu/opentofu, docs/plugin-protocol. Messages
are mappings; a field that is not there has its zero value. Names of calls are those of protocol 6.
"""
from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from ...errors import ProviderError

__all__ = ["V5_NAMES", "decode", "encode"]

V5_NAMES = {
    "GetProviderSchema": "GetSchema",
    "ValidateProviderConfig": "PrepareProviderConfig",
    "ValidateResourceConfig": "ValidateResourceTypeConfig",
    "ValidateDataResourceConfig": "ValidateDataSourceConfig",
    "ConfigureProvider": "Configure",
    "StopProvider": "Stop",
}
"""What protocol 5 calls them."""

_TABLE = """
DynamicValue msgpack=1y json=2y
Step attribute_name=1s element_key_string=2s element_key_int=3i
AttributePath steps=1*Step
Diagnostic severity=1i summary=2s detail=3s attribute=4AttributePath
RawState json=1y flatmap=2%s
Identity identity_data=1DynamicValue
Deferred reason=1i
ServerCapabilities plan_destroy=1b get_provider_schema_optional=2b move_resource_state=3b
  generate_resource_config=4b
ClientCapabilities deferral_allowed=1b write_only_attributes_allowed=2b
Schema version=1i block=2Block
Block version=1i attributes=2*Attribute block_types=3*NestedBlock description=4s description_kind=5i deprecated=6b
Attribute name=1s type=2y description=3s required=4b optional=5b computed=6b sensitive=7b description_kind=8i
  deprecated=9b nested_type=10Object write_only=11b
Attribute5 name=1s type=2y description=3s required=4b optional=5b computed=6b sensitive=7b description_kind=8i
  deprecated=9b write_only=10b
Object attributes=1*Attribute nesting=3i
NestedBlock type_name=1s block=2Block nesting=3i min_items=4i max_items=5i
IdentityAttribute name=1s type=2y required_for_import=3b optional_for_import=4b description=5s
IdentitySchema version=1i identity_attributes=2*IdentityAttribute
GetProviderSchema>
GetProviderSchema< provider=1y resource_schemas=2%y data_source_schemas=3%y diagnostics=4*Diagnostic
  server_capabilities=6ServerCapabilities
GetResourceIdentitySchemas>
GetResourceIdentitySchemas< identity_schemas=1%IdentitySchema diagnostics=2*Diagnostic
ValidateProviderConfig> config=1DynamicValue
ValidateProviderConfig< prepared_config=1DynamicValue diagnostics=2*Diagnostic
ConfigureProvider> terraform_version=1s config=2DynamicValue client_capabilities=3ClientCapabilities
ConfigureProvider< diagnostics=1*Diagnostic
ValidateResourceConfig> type_name=1s config=2DynamicValue client_capabilities=3ClientCapabilities
ValidateResourceConfig< diagnostics=1*Diagnostic
ValidateDataResourceConfig> type_name=1s config=2DynamicValue
ValidateDataResourceConfig< diagnostics=1*Diagnostic
UpgradeResourceState> type_name=1s version=2i raw_state=3RawState
UpgradeResourceState< upgraded_state=1DynamicValue diagnostics=2*Diagnostic
ReadResource> type_name=1s current_state=2DynamicValue private=3y provider_meta=4DynamicValue
  client_capabilities=5ClientCapabilities current_identity=6Identity
ReadResource< new_state=1DynamicValue diagnostics=2*Diagnostic private=3y deferred=4Deferred new_identity=5Identity
PlanResourceChange> type_name=1s prior_state=2DynamicValue proposed_new_state=3DynamicValue config=4DynamicValue
  prior_private=5y provider_meta=6DynamicValue client_capabilities=7ClientCapabilities prior_identity=8Identity
PlanResourceChange< planned_state=1DynamicValue requires_replace=2*AttributePath planned_private=3y
  diagnostics=4*Diagnostic legacy_type_system=5b deferred=6Deferred planned_identity=7Identity
ApplyResourceChange> type_name=1s prior_state=2DynamicValue planned_state=3DynamicValue config=4DynamicValue
  planned_private=5y provider_meta=6DynamicValue planned_identity=7Identity
ApplyResourceChange< new_state=1DynamicValue private=2y diagnostics=3*Diagnostic legacy_type_system=4b
  new_identity=5Identity
Imported type_name=1s state=2DynamicValue private=3y identity=4Identity
ImportResourceState> type_name=1s id=2s client_capabilities=3ClientCapabilities identity=4Identity
ImportResourceState< imported_resources=1*Imported diagnostics=2*Diagnostic deferred=3Deferred
MoveResourceState> source_provider_address=1s source_type_name=2s source_schema_version=3i source_state=4RawState
  target_type_name=5s source_private=6y
MoveResourceState< target_state=1DynamicValue diagnostics=2*Diagnostic target_private=3y
ReadDataSource> type_name=1s config=2DynamicValue provider_meta=3DynamicValue
ReadDataSource< state=1DynamicValue diagnostics=2*Diagnostic deferred=3Deferred
StopProvider>
StopProvider< Error=1s
"""
"""``NAME field=NUMBER[*%]KIND``. Kinds: s text, y bytes, i integer, b bool, else a message; * repeated, % a map from
text. ``NAME>`` is a call's request, ``NAME<`` its answer."""


class _Field(NamedTuple):
    name: str
    number: int
    repeated: str
    kind: str


def _parse() -> dict[str, list[_Field]]:
    found: dict[str, list[_Field]] = {}
    for line in re.sub(r"\n +", " ", _TABLE.strip()).splitlines():
        name, *fields = line.split()
        matches = (re.fullmatch(r"(\w+)=(\d+)([*%]?)(\w+)", f) for f in fields)
        found[name] = [_Field(m[1], int(m[2]), m[3], m[4]) for m in matches if m]
    return found


_MESSAGES = _parse()
_BY_NUMBER = {name: {f.number: f for f in fields} for name, fields in _MESSAGES.items()}
_ZERO: dict[str, object] = {"s": "", "y": b"", "i": 0, "b": False}


def encode(name: str, message: Mapping[str, Any]) -> bytes:
    """The bytes of a message. Raises ``KeyError`` for a field that it does not have."""
    out = bytearray()
    if odd := message.keys() - {f.name for f in _MESSAGES[name]}:
        raise KeyError(f"{name} has no {', '.join(sorted(odd))}")
    for field in _MESSAGES[name]:
        value = message.get(field.name)
        if value is None or (not field.repeated and name != "Step" and _ZERO.get(field.kind, ()) == value):
            continue
        match field.repeated:
            case "*":
                for item in value:
                    out += _one(field.number, field.kind, item)
            case "%":
                for key, item in value.items():
                    out += _delimited(field.number, _one(1, "s", key) + _one(2, field.kind, item))
            case _:
                out += _one(field.number, field.kind, value)
    return bytes(out)


def _one(number: int, kind: str, value: Any) -> bytes:
    if kind in "ib":
        return _varint(number << 3) + _varint(int(value))
    return _delimited(number, value.encode() if kind == "s" else value if kind == "y" else encode(kind, value))


def _delimited(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _varint(n: int) -> bytes:
    n &= (1 << 64) - 1
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    out.append(n)
    return bytes(out)


def decode(name: str, data: bytes, *, v5: bool = False) -> dict[str, Any]:
    """A message. Fields that the table does not have are left out. Raises ``ProviderError`` if it is damaged."""
    try:
        return _decode(name, memoryview(data), v5)
    except (IndexError, UnicodeDecodeError, ValueError) as e:
        raise ProviderError(f"the plugin's answer is damaged ({name.rstrip('<')}: {e})", operation=name) from e


def _decode(name: str, data: memoryview, v5: bool) -> dict[str, Any]:
    fields, found, at = _BY_NUMBER[name], dict[str, Any](), 0
    while at < len(data):
        key, at = _read_varint(data, at)
        field = fields.get(key >> 3)
        match key & 7:
            case 0:
                value, at = _read_varint(data, at)
                if field:
                    found[field.name] = bool(value) if field.kind == "b" else _signed(value)
            case 2:
                size, at = _read_varint(data, at)
                if (end := at + size) > len(data):
                    raise ValueError("it ends in the middle of a field")
                if field:
                    _take(found, field, data[at:end], v5)
                at = end
            case 1:
                at += 8
            case 5:
                at += 4
            case other:
                raise ValueError(f"wire type {other}")
    return found


def _take(found: dict[str, Any], field: _Field, content: memoryview, v5: bool) -> None:
    match field.repeated:
        case "*":
            found.setdefault(field.name, []).append(_value(field.kind, content, v5))
        case "%":
            key, value = _entry(content, field.kind, v5)
            found.setdefault(field.name, {})[key] = value
        case _:
            found[field.name] = _value(field.kind, content, v5)


def _value(kind: str, content: memoryview, v5: bool) -> Any:
    match kind:
        case "s":
            return str(content, "utf-8")
        case "y":
            return bytes(content)
        case "Attribute" if v5:
            return _decode("Attribute5", content, v5)
    return _decode(kind, content, v5)


def _entry(content: memoryview, kind: str, v5: bool) -> tuple[str, Any]:
    key, value, at = "", _ZERO.get(kind, {}), 0
    while at < len(content):
        tag, at = _read_varint(content, at)
        size, at = _read_varint(content, at)
        part, at = content[at:at + size], at + size
        if tag >> 3 == 1:
            key = str(part, "utf-8")
        else:
            value = _value(kind, part, v5)
    return key, value


def _read_varint(data: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7


def _signed(n: int) -> int:
    return n - (1 << 64) if n >> 63 else n
