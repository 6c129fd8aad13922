"""The suite of providers over AWS's rows, on the embedded cloud."""
from __future__ import annotations

import pytest

from ..provider_suite import Case, ProviderSuite
from .world import World

pytestmark = pytest.mark.emulator


class TestAws(ProviderSuite):
    @pytest.fixture
    def case(self, world: World) -> Case:
        return Case(world.provider, "aws", "aws.ssm.Parameter", {"value": "one", "type": "String"}, {"value": "two"},
                    {"name": "app-test-another-name"}, "arn", user={"type": "String"}, uses="value",
                    lost={"name": "app-test-lost", "value": "x", "type": "String"})
