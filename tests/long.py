"""Of many cases of one kind, ``make test`` runs the first and ``make long-tests`` the others."""
from __future__ import annotations

from collections.abc import Iterable

import pytest

__all__ = ["first_of"]


def first_of(cases: Iterable[object], ids: Iterable[str] = ()) -> list[object]:
    """The values of a parameter, all but the first marked ``long``. A value of several parameters is a tuple."""
    names = list(ids)
    return [pytest.param(*(case if isinstance(case, tuple) else (case,)), id=names[n] if names else None,
                         marks=pytest.mark.long if n else ()) for n, case in enumerate(cases)]
