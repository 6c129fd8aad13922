"""Where the records of a domain are made: what ``"dns"`` of a domain takes."""
from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Literal

from .core.output import Input, Output, combine
from .core.resource import Resource

__all__ = ["Dns", "changed"]


class Dns(ABC):
    """A service that holds the records of domains: ``aws.dns()``, ``sst.vercel.dns(domain="example.com")``."""

    @abstractmethod
    def proof(self, name: str, host: str, record: Input[str], value: Input[str]) -> Resource:
        """Declare, as resource ``name``, the CNAME ``record`` that proves who has ``host``. Certificates share it."""

    @abstractmethod
    def record(self, name: str, host: str, type: Literal["CNAME", "MX", "TXT"], value: Input[str]) -> Resource:
        """Declare, as resource ``name``, a record of ``host``. An ``MX`` value is a host; its priority is 10."""

    @abstractmethod
    def alias(self, host: str, target: Input[str], zone: Input[str], suffix: str) -> None:
        """Declare what makes ``host`` lead to ``target``, a host of AWS in the hosted zone ``zone``. ``suffix`` ends
        the names of the resources: several hosts of one component have different ones."""


def changed(given: Input[str], how: Callable[[str], str]) -> Output[str]:
    """What ``how`` makes of a value that may be known after the deploy only."""
    return combine(value=given).apply(lambda known: how(known["value"]))
