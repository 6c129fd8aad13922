"""The pytest plugin: options and fixtures. Everything else is imported by the first test that uses it."""
from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from ..engine.plan import Plan
    from .app import App
    from .program import Program

__all__ = ["pytest_addoption", "pytest_runtest_protocol", "pytest_runtest_teardown", "sst_app", "sst_graph", "sst_plan",
           "sst_program", "sst_secrets", "sst_snapshot", "sst_stage"]

_APP = pytest.StashKey["App"]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("sst", "sst: the app on this machine")
    group.addoption("--sst-accept", action="store_true", help="write the snapshots of plans instead of comparing them")
    group.addoption("--sst-app-per-worker", action="store_true",
                    help="with pytest-xdist, deploy an app for each worker; by default all workers share one")
    parser.addini("sst_config", "the config file, from here; default: sst_config.py in or above the folder of the "
                                "tests", default="")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Only tests with ``sst_app`` see its links."""
    app = item.config.stash.get(_APP, None)
    if app and "sst_app" in getattr(item, "fixturenames", ()):
        app.switch.on()
    yield
    if app := item.config.stash.get(_APP, None):
        app.switch.off()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """The fixtures that end after the last test may use the app too."""
    if nextitem is None and (app := item.config.stash.get(_APP, None)):
        app.switch.on()


@pytest.fixture(scope="session")
def sst_stage() -> str:
    """The stage whose program ``sst_graph`` and ``sst_plan`` show: ``"local"``. Override it in ``conftest.py`` for
    another one."""
    return "local"


@pytest.fixture(scope="session")
def sst_secrets() -> Mapping[str, str]:
    """Values of secrets in tests; those that are not named have their placeholder, else ``"the secret NAME"``. Override
    it::

        @pytest.fixture(scope="session")
        def sst_secrets():
            return {"StripeKey": "sk_test_123"}
    """
    return {}


@pytest.fixture(scope="session")
def sst_program(request: pytest.FixtureRequest, sst_secrets: Mapping[str, str]) -> Callable[[str], Program]:
    """``sst_program("production")``: what the program declares on a stage. Secrets without a value get one, so that
    none is needed."""
    from .program import declared

    made: dict[str, Program] = {}

    def program(stage: str = "local") -> Program:
        if stage not in made:
            with _said():
                made[stage] = declared(_config(request.config), stage, secrets=sst_secrets)
        return made[stage]

    return program


@pytest.fixture(scope="session")
def sst_graph(sst_program: Callable[[str], Program], sst_stage: str) -> Program:
    """What the program declares; see ``sst.testing.Program``."""
    return sst_program(sst_stage)


@pytest.fixture(scope="session")
def sst_plan(sst_graph: Program) -> Plan:
    """What a deploy to an empty stage would do: ``sst_plan.steps``, ``sst_plan.counts``."""
    with _said():
        return sst_graph.plan


@pytest.fixture
def sst_snapshot(request: pytest.FixtureRequest) -> Callable[..., None]:
    """``sst_snapshot(sst_plan)`` compares a plan with a file beside the test, ``snapshots/<module>.<test>.json``;
    ``name=`` names another.

    ``pytest --sst-accept`` writes the file.
    """
    def compare(given: Program | Plan, *, name: str = "") -> None:
        from .snapshot import check

        stem = name or f"{request.path.stem}.{request.node.name}"
        file = request.path.parent / "snapshots" / (re.sub(r"[^\w.-]+", "_", stem) + ".json")
        try:
            check(given, file, accept=bool(request.config.getoption("--sst-accept")))
        except AssertionError as e:
            raise pytest.fail.Exception(str(e), pytrace=False) from None

    return compare


@pytest.fixture(scope="session")
def sst_app(request: pytest.FixtureRequest, sst_program: Callable[[str], Program]) -> Iterator[App]:
    """The app, deployed once to a stage ``local`` of the tests' own; see ``sst.testing.App``. No account is needed.
    Processes of pytest-xdist share it, unless ``--sst-app-per-worker`` is given."""
    from .app import deployed

    config = request.config
    secrets = sst_program("local").secrets
    run = "" if config.getoption("--sst-app-per-worker") else os.environ.get("PYTEST_XDIST_TESTRUNUID", "")
    opened = deployed(_config_said(config), secrets=secrets, run=run)
    with _said():
        app = opened.__enter__()
    config.stash[_APP] = app
    app.switch.on()
    yield app
    app.switch.off()
    del config.stash[_APP]
    with _said():
        opened.__exit__(None, None, None)


@contextmanager
def _said() -> Iterator[None]:
    """Shows user errors as messages, without sst's own stack frames."""
    from ..errors import InternalError, SstError

    try:
        yield
    except InternalError:
        raise
    except SstError as e:
        raise pytest.fail.Exception(str(e), pytrace=False) from None


def _config_said(config: pytest.Config) -> Path:
    with _said():
        return _config(config)


def _config(config: pytest.Config) -> Path:
    """The ini file's, else the nearest at or above where pytest was started, one of its arguments, or its root."""
    from ..errors import UserError
    from ..project.find import find_config

    if named := config.getini("sst_config"):
        return find_config(config.rootpath, str(named))
    started = config.invocation_params.dir
    places = [started, *((started / str(a).partition("::")[0]) for a in config.args), config.rootpath]
    for place in places:
        try:
            return find_config(place if place.is_dir() else place.parent)
        except UserError:
            continue
    raise UserError(f"no sst_config.py in {started} or above it, nor above the tests",
                    hint='name it in the pytest settings: sst_config = "services/app/sst_config.py"')
