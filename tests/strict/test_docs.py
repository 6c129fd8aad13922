"""docs/strict_cloud.md lists the rules and gaps of the strict cloud. ``SST_ACCEPT=1`` writes them."""
from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from .gaps import MOTO_GAPS
from .rule import RULES, SHOWN
from .rules.changes import SOURCES

PAGE = Path(__file__).parents[2] / "docs/strict_cloud.md"


def _rules() -> Iterator[str]:
    yield "| rule | calls | what AWS does | source |"
    yield "|---|---|---|---|"
    for r in RULES:
        calls = " ".join(f"`{c}`" for c in sorted(r.on))
        yield f"| `{r.name}` | {'all' if r.on == {'*'} else calls} | {r.says} | [page]({r.source}) |"
    for service, source in sorted(SOURCES.items()):
        yield f"| `one_change_at_a_time` | {service} | A resource takes one change at a time. | [page]({source}) |"


def _forms() -> Iterator[str]:
    yield "| answer of | what AWS does | source |"
    yield "|---|---|---|"
    for operation, some in sorted(SHOWN.items()):
        for show, source in some:
            yield f"| `{operation}` | {' '.join((show.__doc__ or '').split())} | [page]({source}) |"


def _gaps() -> Iterator[str]:
    yield "| row | why |"
    yield "|---|---|"
    yield from (f"| `{t}` | {why} |" for t, why in sorted(MOTO_GAPS.items()))


def test_the_page_lists_rules_and_gaps() -> None:
    text = wanted = PAGE.read_text(encoding="utf-8")
    for name, lines in (("rules", _rules()), ("forms", _forms()), ("gaps", _gaps())):
        block = f"<!-- {name} -->\n" + "\n".join(lines) + f"\n<!-- end of {name} -->"
        wanted = re.sub(rf"<!-- {name} -->.*<!-- end of {name} -->", lambda m, b=block: b, wanted, flags=re.DOTALL)
    if os.environ.get("SST_ACCEPT") == "1":
        PAGE.write_text(wanted, encoding="utf-8")
        return
    assert text == wanted, "run SST_ACCEPT=1 pytest tests/strict/test_docs.py"


def test_every_rule_says_what_and_where() -> None:
    for r in RULES:
        assert r.says and r.source.startswith("https://"), r.name
    assert len({r.name for r in RULES}) == len(RULES)


def test_the_list_of_gaps_only_gets_shorter() -> None:
    assert len(MOTO_GAPS) <= 43
