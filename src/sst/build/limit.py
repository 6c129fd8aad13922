"""Lambda's size limit and what fills it."""
from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from ..errors import UserError

__all__ = ["IMAGE_LIMIT", "LIMIT", "largest", "megabytes", "within"]

LIMIT = 250 * 1024 * 1024
"""Bytes of an unzipped function, its layers included."""
IMAGE_LIMIT = 10 * 1024 * 1024 * 1024
"""Bytes of a function's image, unpacked. https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""

IMAGE = ("drop dependencies, leave files out with python={\"exclude\": [...]}, or deploy it as an image, which takes "
         "10 GB: container=True")


def within(handler: str, sizes: Iterable[tuple[str, int]], hint: str = IMAGE, *, limit: int = LIMIT) -> int:
    """The sum of these (name, bytes); UserError with the ten largest parts if Lambda would refuse it."""
    sizes = list(sizes)
    total = sum(size for _, size in sizes)
    if total > limit:
        takes = "250 MB" if limit == LIMIT else "10 GB as an image"
        listing = "\n".join(f"    {megabytes(b):>9}  {n}" for n, b in largest(sizes))
        raise UserError(f"{handler} is {megabytes(total)} unzipped; Lambda takes {takes}\n  the largest "
                        f"parts:\n{listing}", hint=hint)
    return total


def largest(sizes: Iterable[tuple[str, int]]) -> tuple[tuple[str, int], ...]:
    """The ten largest packages or top folders.

    >>> largest([("PIL/a.py", 3), ("pillow-11.0.dist-info/METADATA", 1), ("PIL/b.so", 4)])
    (('PIL', 7), ('pillow', 1))
    """
    sums: Counter[str] = Counter()
    for name, size in sizes:
        parts = name.split("/")
        head = "/".join(parts[:3 if parts[1:2] and parts[1].startswith("@")
                              else 2]) if parts[0] == "node_modules" else parts[0]
        sums[re.sub(r"-[^-]+\.dist-info$|\.libs$", "", head)] += size
    return tuple(sorted(sums.items(), key=lambda i: (-i[1], i[0]))[:10])


def megabytes(size: int) -> str:
    return f"{size / 1024 / 1024:.1f} MB"
