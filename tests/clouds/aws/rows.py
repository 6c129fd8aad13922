"""All rows of the table."""
from __future__ import annotations

import pkgutil
from importlib import import_module

from sst.clouds import aws
from sst.clouds.aws.table import AwsResource
from sst.core.resource import Resource

__all__ = ["ROWS"]

for module in pkgutil.iter_modules(aws.__path__):
    import_module(f"sst.clouds.aws.{module.name}")
ROWS = {t: k for t, k in sorted(Resource.kinds.items()) if issubclass(k, AwsResource) and t.startswith("aws.")}
