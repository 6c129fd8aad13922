"""What other tools call the types of our clouds."""
from __future__ import annotations

from collections.abc import Mapping

from .terraform.catalogue import active
from .terraform.classes import class_name

__all__ = ["importable"]


def importable() -> Mapping[str, tuple[str, str]]:
    """Type of Terraform, or of Pulumi → our type, and the template of our id from their attributes in camel case."""
    from .aws.rows import all_rows

    found = _plugin_types()
    for type, kind in all_rows().items():
        if how := kind.imports:
            found |= dict.fromkeys((how.terraform, *how.pulumi), (type, how.id))
    return found


def _plugin_types() -> dict[str, tuple[str, str]]:
    """Those of the project's installed providers; a row of ours comes before them."""
    catalogue, found = active(), dict[str, tuple[str, str]]()
    for name, one in catalogue.lock.providers.items() if catalogue else ():
        for type in catalogue.schemas(name).resources if catalogue else ():
            short = class_name(type, one.source.type)
            pulumi = f"{one.source.type}:index/{short[:1].lower()}{short[1:]}:{short}"
            found |= dict.fromkeys((type, pulumi), (f"{name}:{short}", "{id}"))
    return found
