"""All rows of the table."""
from __future__ import annotations

import pkgutil
from collections.abc import Iterable
from importlib import import_module

import pytest

from sst.clouds import aws
from sst.clouds.aws.table import AwsResource
from sst.core.resource import Resource

__all__ = ["ROWS", "cases"]

for module in pkgutil.iter_modules(aws.__path__):
    import_module(f"sst.clouds.aws.{module.name}")
ROWS = {t: k for t, k in sorted(Resource.kinds.items()) if issubclass(k, AwsResource) and t.startswith("aws.")}


def cases(types: Iterable[str]) -> list[object]:
    """Values of a parameter. Types with the server of a database behind them are in ``make long-tests``."""
    return [pytest.param(t, marks=pytest.mark.long) if t.startswith("aws.rds.") else t for t in types]
