"""Options of the databases of RDS."""
from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

from ..core.output import Input

__all__ = ["Credentials", "DatabaseDev", "DatabaseProxy"]


class Credentials(TypedDict):
    """A further user that may connect through the proxy. It has to be made in the database, too."""

    username: str
    password: Input[str]


class DatabaseProxy(TypedDict, total=False):
    credentials: Sequence[Credentials]


class DatabaseDev(TypedDict, total=False):
    """A server of yours that ``sst dev`` uses in place of the deployed one. ``host``: default ``"localhost"``.
    ``port``: default that of the engine. ``database``, ``username``, ``password``: default those of the component."""

    host: str
    port: int
    database: str
    username: str
    password: str
