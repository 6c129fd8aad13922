"""Poetry's version constraints in the form that all tools know (PEP 440)."""
from __future__ import annotations

import re

__all__ = ["markers", "specifier"]


def specifier(constraint: str) -> str:
    """The specifiers of a constraint; "" for any version. Of alternatives, the range that holds all of them.

    >>> specifier("^1.2.3"), specifier("~1.4"), specifier("2.*"), specifier("1.0"), specifier("*"), specifier(">=1,<3")
    ('>=1.2.3,<2', '>=1.4,<1.5', '==2.*', '==1.0', '', '>=1,<3')
    >>> specifier("^0.2.3"), specifier("^0.0.3"), specifier("^1.0 || ^2.1"), specifier("~=1.4")
    ('>=0.2.3,<0.3', '>=0.0.3,<0.0.4', '>=1.0,<3', '~=1.4')
    """
    branches = [_branch(b) for b in re.split(r"\|\|?", constraint)]
    if len(branches) == 1:
        return ",".join(branches[0])
    if any(not b for b in branches):
        return ""
    lows = [s for b in branches for s in b if s.startswith(">") or (s.startswith("==") and "*" not in s)]
    highs = [s for b in branches for s in b if s.startswith("<") or (s.startswith("==") and "*" not in s)]
    low = min(lows, key=_order).replace("==", ">=") if len(lows) >= len(branches) else ""
    high = max(highs, key=_order).replace("==", "<=") if len(highs) >= len(branches) else ""
    return ",".join(filter(None, (low, high)))


def markers(python: str) -> str:
    """A condition on the Python version: ``markers("^3.8")`` is ``python_version >= "3.8" and python_version <
    "4"``."""
    found = []
    for part in filter(None, specifier(python).split(",")):
        m = re.match(r"(==|>=|<=|!=|~=|<|>)(.+)", part)
        if m:
            name = "python_full_version" if m[2].count(".") > 1 and "*" not in m[2] else "python_version"
            found.append(f'{name} {m[1]} "{m[2]}"')
    return " and ".join(found)


def _branch(text: str) -> list[str]:
    found: list[str] = []
    for raw in re.split(r",|\s+(?=[\^~<>=!\d])(?<![<>=!~^]\s)", text.strip()):
        part = re.sub(r"\s+", "", raw)
        if part in ("", "*", "latest"):
            continue
        if part[0] == "^":
            found += [f">={part[1:]}", f"<{_after(part[1:], caret=True)}"]
        elif part[0] == "~" and part[1:2] != "=":
            found += [f">={part[1:]}", f"<{_after(part[1:], caret=False)}"]
        elif part[0] in "<>=!~":
            found.append(part if not part.startswith("=") or part.startswith("==") else f"={part}")
        else:
            found.append(f"=={part.replace('.x', '.*')}")
    return found


def _after(version: str, *, caret: bool) -> str:
    """The first version that is not compatible any more."""
    numbers = [int(n) for n in re.findall(r"\d+", re.split(r"[a-zA-Z+-]", version)[0])] or [0]
    at = min(1, len(numbers) - 1)
    if caret:
        at = next((n for n, x in enumerate(numbers) if x), len(numbers) - 1)
    return ".".join(map(str, [*numbers[:at], numbers[at] + 1]))


def _order(spec: str) -> tuple[int, ...]:
    return tuple(int(n) for n in re.findall(r"\d+", spec))
