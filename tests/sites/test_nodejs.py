"""Which Node a site gets."""
from __future__ import annotations

import json
from pathlib import Path

import pytest

from sst.build.site.nodejs import allows, node_for
from sst.errors import UserError


@pytest.mark.parametrize(("wanted", "version", "held"), [
    (">=22.12.0", (22, 11, 9), False), (">=22.12.0", (24, 0, 0), True), ("^20.19 || >=22", (20, 18, 0), False),
    ("^20.19 || >=22", (20, 19, 0), True), ("^20.19 || >=22", (21, 0, 0), False), ("20.x", (20, 3, 1), True),
    ("~22.3.1", (22, 3, 9), True), ("~22.3.1", (22, 4, 0), False), (">18 <21", (20, 0, 0), True),
    (">18", (18, 9, 0), False), ("<=20", (20, 9, 9), True), ("*", (24, 0, 0), True), ("v24.1.0", (24, 1, 0), True),
])
def test_a_range_is_npms(wanted: str, version: tuple[int, int, int], held: bool) -> None:
    assert allows(wanted, version) is held


def site(folder: Path, engines: str) -> Path:
    (folder / "package.json").write_text(json.dumps({"dependencies": {"frame": "1"}}))
    (package := folder / "node_modules/frame").mkdir(parents=True)
    (package / "package.json").write_text(json.dumps({"engines": {"node": engines}}))
    return folder


def test_the_machines_own_node_is_taken_where_it_will_do(tmp_path: Path) -> None:
    (node := tmp_path / "bin/node").parent.mkdir()
    node.write_text("#!/bin/sh\necho v20.20.2\n")
    node.chmod(0o755)
    assert node_for(site(tmp_path, ">=20"), str(node.parent), print) == node.parent


def test_a_version_that_nobody_has_is_an_error_that_names_the_package(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="frame wants Node >=99"):
        node_for(site(tmp_path, ">=99"), "", print)
