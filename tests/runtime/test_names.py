"""The public names of ``sst``."""
import tomllib
from pathlib import Path

import pytest

import sst


def test_every_public_name_is_there() -> None:
    for name in sst.__all__:
        assert getattr(sst, name) is not None
        assert name in dir(sst)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Nonsense'"):
        _ = sst.Nonsense  # type: ignore[attr-defined]


def test_the_version_is_that_of_the_distribution() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())
    assert project["project"]["version"] == sst.__version__
