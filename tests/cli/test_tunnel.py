"""``sst tunnel`` where there is nothing to go through."""
from __future__ import annotations

import pytest

from .conftest import Project


@pytest.mark.long
def test_a_stage_without_a_way_is_told(project: Project) -> None:
    assert "stage local needs no tunnel" in project.fails("tunnel", SST_STAGE="local")
    assert 'stage "dev" is not deployed' in project.fails("tunnel")
    project.program('File("One", name="demo-dev-one")')
    project.run("deploy")
    told = project.fails("tunnel", "--", "true")
    assert 'no network of stage "dev" has a bastion' in told and "bastion=True" in told
