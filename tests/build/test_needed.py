"""What former versions of a state were deployed with stays in the cache."""
from __future__ import annotations

import os
import time
from pathlib import Path

from sst.build.cache import tidy
from sst.build.files import walk
from sst.build.needed import needed, remember


def test_what_a_kept_version_needs_is_not_tidied(tmp_path: Path) -> None:
    for name in "abc":
        entry = tmp_path / "artefacts" / name
        entry.mkdir(parents=True)
        os.utime(entry, (time.time() - 9999,) * 2)
    remember(tmp_path, "prod", 3, ["a"])
    remember(tmp_path, "dev", 1, ["b", "a"])
    assert needed(tmp_path) == {"a", "b"}
    tidy(tmp_path / "artefacts", newest=0, unused=60, needed=needed(tmp_path))
    assert sorted(p.name for p in (tmp_path / "artefacts").iterdir()) == ["a", "b"]


def test_only_the_last_versions_count(tmp_path: Path) -> None:
    for serial in range(1, 61):
        remember(tmp_path, "prod", serial, [f"f{serial}"])
    assert needed(tmp_path) == {f"f{n}" for n in range(11, 61)}


def test_a_damaged_note_costs_no_more_than_what_it_held(tmp_path: Path) -> None:
    remember(tmp_path, "prod", 1, ["a"])
    (tmp_path / "needed" / "prod.json").write_text("{torn")
    assert needed(tmp_path) == frozenset()
    remember(tmp_path, "prod", 2, ["b"])
    assert needed(tmp_path) == {"b"}


def test_a_saved_plan_is_no_part_of_a_bundle(tmp_path: Path) -> None:
    (tmp_path / "plan.json").write_text('{\n  "sst_plan": 1\n}\n')
    (tmp_path / "floorplan.json").write_text('{"rooms": 3}')
    assert [f.name for f in walk(tmp_path).files] == ["floorplan.json"]
