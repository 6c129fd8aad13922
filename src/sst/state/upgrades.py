"""From each version of the state format to the next one. A document is changed in memory; it is written by the next
save."""
from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from .format import Document

__all__ = ["UPGRADES", "Upgrade"]

Upgrade: TypeAlias = "Callable[[Document], Document]"


def _with_providers(document: Document) -> Document:
    """Version 2: each resource names its provider instance, and account and region are those of an instance."""
    match document.header["kind"]:
        case "snapshot":
            told: dict[str, Any] = {}
            records, offsets = [], []
            for record, offset in zip(document.records, document.offsets, strict=True):
                if record["part"] == "meta" and record["key"] in ("account", "region"):
                    told[record["key"]] = record["value"]
                    continue
                if record["part"] in ("resources", "deposed", "pending"):
                    record = {**record, "value": _provided(record["value"])}
                records.append(record)
                offsets.append(offset)
            if told:
                records.append({"part": "meta", "key": "providers", "value": {"aws": told}})
                offsets.append(offsets[-1] if offsets else 0)
            document.records, document.offsets = records, offsets
        case "journal":
            document.records = [_entry_with_provider(r) for r in document.records]
    return document


def _entry_with_provider(record: Mapping[str, Any]) -> dict[str, Any]:
    made = {k: _provided(v) if k in ("state", "pending") else v for k, v in record.items()}
    if record["kind"] == "meta" and (data := record.get("data")):
        told = {k: data[k] for k in ("account", "region") if k in data}
        made["data"] = {**{k: v for k, v in data.items() if k not in told},
                        **({"providers": {"aws": told}} if told else {})}
    return made


def _provided(item: Mapping[str, Any]) -> dict[str, Any]:
    return {**item, "provider": item["type"].partition(".")[0]}


UPGRADES: dict[int, Upgrade] = {1: _with_providers}
"""By the version that they start from. Version 1 is the first."""
