"""What the engine knows of a declared resource and of its class, apart from the properties' values."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import TYPE_CHECKING, Any

from ..records import dataclass
from .model import URN

if TYPE_CHECKING:
    from .resource import Out, Prop

__all__ = ["Declaration", "TypeInfo"]


@dataclass(frozen=True, slots=True)
class Declaration:
    """What the engine knows of one resource of the program: ``resource.__sst__``, which no property can shadow."""

    urn: URN
    type: str
    name: str
    where: str
    secret: frozenset[str] = frozenset()
    """Properties whose values are secret."""
    depends_on: tuple[object, ...] = ()


@dataclass(frozen=True)
class TypeInfo:
    """What a class says of its resources: ``cls.__sst_type__``. All that does not follow from its properties and
    outputs is an argument of the class, ``class Bucket(Resource, type="aws.s3.Bucket", holds_data=True)``."""

    type: str = ""
    props: Mapping[str, Prop] = field(default_factory=dict)
    outs: Mapping[str, Out] = field(default_factory=dict)
    accepted: frozenset[str] = frozenset()
    """What a declaration may give: the properties, and what every resource takes."""
    default_values: tuple[tuple[str, Any], ...] = ()
    """Of each property; None where it has none."""
    required_properties: tuple[str, ...] = ()
    secret_properties: frozenset[str] = frozenset()
    holds_data: bool = False
    """Its deletion loses the user's data; it follows the app's ``removal``."""
    runs_once: bool = False
    """To create one is to do something once: a rollback neither repeats nor undoes it."""
    lasts: str = ""
    """Of what runs once: the property with the files that a run stands for. A rollback names those that stay."""
    digest: str = ""
    """Property that is a hash of code: a plan says that the code changed, and shows no values."""
    of_host: frozenset[str] = frozenset()
    """Properties whose defaults say something of this machine: snapshots of plans leave them out."""
    from_bundle: frozenset[str] = frozenset()
    """Properties that a new bundle sets: while their values are unknown, a plan says only that the code changed."""
