"""Fixtures every room may use."""
from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest

if TYPE_CHECKING:
    from sst.embedded.cloud import Cloud


pytest_plugins = ["tests.rooms"]
LONGEST = {"e2e", "sites", "testing", "docs", "cli"}

hypothesis.settings.register_profile("sst", deadline=None,  # a busy machine is no fault
                                     max_examples=int(os.environ.get("SST_EXAMPLES", "100")))
hypothesis.settings.load_profile("sst")

# What the shell of who runs the tests may have, and the projects of the tests must not see: with CI, pytest and sst
# print more and draw no screen; with one folder for the state of all, apps of one name in two tests would be one.
for _name in [n for n in os.environ if n == "CI" or n.startswith(("AWS_", "XDG_STATE", "XDG_DATA", "XDG_CONFIG"))]:
    del os.environ[_name]

# started in the background: what the tests start would be deaf to ctrl-c too
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what ``make long-tests`` runs, unless the command line selects it: by ``-m``, or by the test's name.
    Of those, begin with the rooms whose files take longest, so that none of them is left for the end."""
    if "long" in config.option.markexpr:
        return items.sort(key=lambda item: _room_of(item) not in LONGEST)
    if any("::" in argument for argument in config.args):
        return
    left = [item for item in items if item.get_closest_marker("long")]
    config.hook.pytest_deselected(items=left)
    items[:] = [item for item in items if item not in left]


def _room_of(item: pytest.Item) -> str:
    return item.path.relative_to(Path(__file__).parent).parts[0]


@pytest.fixture(scope="module", autouse=True)
def environment_of_a_file() -> Iterator[None]:
    """To open a project adds its variables to those of the process: the next file does not get them."""
    before = dict(os.environ)
    yield
    for name in os.environ.keys() - before.keys():
        del os.environ[name]
    os.environ.update(before)


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """A running embedded cloud in a folder of its own (one per xdist worker), gone after the tests."""
    from sst.embedded import cloud as embedded

    root = tmp_path_factory.mktemp("cloud")
    yield embedded.start(root, environment=os.environ)
    embedded.reset(root)
