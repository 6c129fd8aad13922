"""Which names AWS takes, so that a wrong one is refused once the program has ended, and not in the middle of a deploy.

Patterns that several rows share, each with what it means. Sources are the reference pages of the calls that create: the
pattern of the member that has the name. A bucket's rules stand in ``limits``; lengths are those of the rows.
"""
from __future__ import annotations

import re
from typing import cast

from ...core.graph import Graph
from ...core.model import Goal
from ...core.output import leaves

__all__ = ["DATABASE", "DOTTED", "FIFO", "HOST", "IAM", "WORD", "name_valid"]

WORD = r"[A-Za-z0-9_-]+", "letters, digits, hyphens and underscores"
FIFO = r"[A-Za-z0-9_-]+(\.fifo)?", WORD[1]
DOTTED = r"[A-Za-z0-9._-]+", "letters, digits, dots, hyphens and underscores"
IAM = r"[\w+=,.@-]+", "letters, digits and +=,.@-_"
HOST = (r"(?!internal-)[A-Za-z0-9](-*[A-Za-z0-9])*",
        "letters, digits and hyphens, none of them at its ends; it does not begin with internal-")
DATABASE = (r"[A-Za-z](-?[A-Za-z0-9])*",
            "letters, digits and single hyphens; it begins with a letter and does not end with a hyphen")


def name_valid(graph: Graph, goal: Goal) -> None:
    """The name that the program gives is one that AWS takes. One that is not known yet is not judged."""
    pattern, words = cast("tuple[str, str]", getattr(graph.resources[goal.urn], "names", ("", "")))
    name = goal.inputs.get("name")
    if not pattern or not isinstance(name, str) or next(leaves(name), None) is not None:
        return
    if not re.fullmatch(pattern, name, re.ASCII):
        graph.problem(f'AWS does not take {name!r} as the name of {goal.type} "{goal.urn.rpartition("::")[2]}"',
                      where=goal.where, hint=words)
