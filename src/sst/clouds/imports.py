"""What other tools call the types of our clouds."""
from __future__ import annotations

from collections.abc import Mapping

__all__ = ["importable"]


def importable() -> Mapping[str, tuple[str, str]]:
    """Type of Terraform, or of Pulumi → our type, and the template of our id from their attributes in camel case."""
    from .aws.rows import all_rows

    found: dict[str, tuple[str, str]] = {}
    for type, kind in all_rows().items():
        if how := kind.imports:
            found |= dict.fromkeys((how.terraform, *how.pulumi), (type, how.id))
    return found
