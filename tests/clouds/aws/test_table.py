"""The table as a whole: how many rows need code, and that a type stands in one place."""
from __future__ import annotations

import ast
import re
from importlib import import_module
from pathlib import Path

import sst
from sst.clouds.aws.rows import SERVICES, all_rows
from sst.clouds.aws.table import AwsResource

from .rows import ROWS

SRC = Path(sst.__file__).parent
METHODS = {k for k, v in vars(AwsResource).items() if isinstance(v, classmethod)} - {"__init_subclass__"}


def overridden(kind: type[AwsResource]) -> set[str]:
    """Methods of the table that a row, or a base of it, defines itself."""
    return {m for m in METHODS for base in kind.__mro__[: kind.__mro__.index(AwsResource)] if m in vars(base)}


def test_at_most_one_row_in_five_overrides_a_method() -> None:
    with_code = {t: overridden(k) for t, k in ROWS.items() if overridden(k)}
    assert len(with_code) * 5 <= len(ROWS), with_code


def test_every_row_is_in_the_table() -> None:
    assert all_rows().keys() == ROWS.keys()
    modules = [import_module(f"sst.clouds.aws.{s}") for s in SERVICES]
    assert all(any(getattr(m, k.__name__, None) is k for m in modules) for k in ROWS.values())


def test_a_type_stands_in_one_place() -> None:
    """No mapping outside of the rows has types as its keys: what concerns one type is a column of its row. Those of
    plugins have no row."""
    odd = []
    for file in (f for f in SRC.rglob("*.py") if "terraform" not in f.parts):
        if not re.search(r"[\"']aws[._:]", text := file.read_text(encoding="utf-8")):
            continue
        for node in ast.walk(ast.parse(text)):
            keys = node.keys if isinstance(node, ast.Dict) else node.elts if isinstance(node, ast.Set) else ()
            types = [k.value for k in keys if isinstance(k, ast.Constant) and isinstance(k.value, str)
                     and (k.value in ROWS or re.fullmatch(r"aws_\w+|aws:\w+/\w+:\w+", k.value))]
            odd += [f"{file.relative_to(SRC)}:{node.lineno} {t}" for t in types]
    assert not odd, "\n".join(odd)
