from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

from sst.clouds.aws.lint import lint
from sst.clouds.aws.rows import SERVICES
from sst.core.resource import Resource

from .rows import ROWS

PAGE = (Path(__file__).parents[3] / "docs/aws_resources.md").read_text()


def test_the_page_lists_every_resource() -> None:
    listed = {f"{m}.{name}" for m, names in re.findall(r"^\| `(\w+)` \| (.*) \|$", PAGE, re.M)
              for name in re.findall(r"`(\w+)`", names)}
    modules = {s: import_module(f"sst.clouds.aws.{s}") for s in SERVICES}
    assert listed == {f"{next(s for s, m in modules.items() if getattr(m, k.__name__, None) is k)}.{k.__name__}"
                      for k in ROWS.values()}


def test_the_pages_example_of_a_row_is_right() -> None:
    code = re.findall(r"```python\n(from sst.core.*?)```", PAGE, re.S)[0]
    made: dict[str, object] = {"__name__": "example"}
    exec(compile(code, "aws_resources.md", "exec"), made)  # noqa: S102
    kind = Resource.kinds.pop("aws.kinesis.Stream")
    assert list(lint(kind)) == []  # type: ignore[arg-type]  # a row
