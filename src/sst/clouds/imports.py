"""What other tools call the types of our clouds."""
from __future__ import annotations

from collections.abc import Mapping

from .terraform.catalogue import active
from .terraform.classes import class_name
from .terraform.native import NATIVE, native_schemas

__all__ = ["importable", "missing"]


def importable() -> Mapping[str, tuple[str, str]]:
    """Type of Terraform, or of Pulumi → our type, and the template of our id from their attributes in camel case."""
    from .aws.rows import all_rows

    found = _plugin_types()
    for type, kind in all_rows().items():
        if how := kind.imports:
            found |= dict.fromkeys((how.terraform, *how.pulumi), (type, how.id))
    return found


def missing(provider: str) -> str:
    """Why nothing here can take over a type of this provider, as ``vercel/vercel``."""
    name = provider.rpartition("/")[2]
    if name == "aws":
        return "sst has no row for this type; `sst add aws` has it, as a class of aws_tf"
    catalogue = active()
    there = catalogue is not None and any(p.source.type == name for p in catalogue.lock.providers.values())
    return f"{name} has no such type" if there or name in NATIVE else f"its provider is missing: sst add {provider}"


def _plugin_types() -> dict[str, tuple[str, str]]:
    """Those of the project's providers, and those that need none; a row of ours comes before them."""
    catalogue, found = active(), dict[str, tuple[str, str]]()
    locked = catalogue.lock.providers if catalogue else {}
    for name in NATIVE:
        if name not in locked:
            found |= {t: (f"{name}:{class_name(t, name)}", "{id}") for t in native_schemas(name).resources}
    for name, one in locked.items():
        for type in catalogue.schemas(name).resources if catalogue else ():
            short = class_name(type, one.source.type)
            pulumi = f"{one.source.type}:index/{short[:1].lower()}{short[1:]}:{short}"
            found |= dict.fromkeys((type, pulumi), (f"{name}:{short}", "{id}"))
    return found
