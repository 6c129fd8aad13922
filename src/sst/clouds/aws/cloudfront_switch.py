"""From one version of a site to the next, in the key value store."""
from __future__ import annotations

import json
from collections.abc import Collection

from .cloudfront_keys import Changes
from .cloudfront_pages import base36
from .cloudfront_versions import Version

__all__ = ["switch", "taken_away"]


def switch(changes: Changes, key: str, name: str, new: Version, before: Version | None, former: str) -> None:
    """Lead the site ``key`` to the version ``name``.

    Few changed buckets are written over, in the same update as the site's record. Many are written beside those that
    are served, and the record, last of all, leads to them.
    """
    n, records = new.records()
    same = before is not None and before.ns == new.ns and _stands(changes, key) == former
    old = before.records()[1] if same and before else {}
    for spot, value in records.items():
        if old.get(spot) != value:
            changes.puts[f"{new.ns}/{base36(spot)}"] = value
            changes.deletes.discard(f"{new.ns}/{base36(spot)}")
    record = {**new.record, "ns": new.ns, "n": n, "v": name}
    changes.write(f"s:{key}", json.dumps(record, separators=(",", ":"), sort_keys=True))
    changes.deletes |= {f"{new.ns}/{base36(spot)}" for spot in old.keys() - records.keys()}
    changes.deletes |= {f"{ns}/{base36(spot)}" for ns, spots in new.drop.items() for spot in spots}


def taken_away(changes: Changes, key: str, versions: Collection[Version]) -> None:
    """Delete the record of a site, and the buckets of all its versions."""
    changes.write(f"s:{key}", None)
    for version in versions:
        for ns, spots in ((version.ns, list(version.records()[1])), *version.left.items()):
            changes.deletes |= {f"{ns}/{base36(spot)}" for spot in spots}


def _stands(changes: Changes, key: str) -> str:
    """The version that is served."""
    value = changes.read(f"s:{key}")
    return str(json.loads(value)["v"]) if value else ""
