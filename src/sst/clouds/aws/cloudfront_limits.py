"""Limits of CloudFront, checked once the program has ended: its emulators take more."""
from __future__ import annotations

from ...core.graph import Graph
from ...core.model import Goal

__all__ = ["code_fits"]

CODE = 10_240
"""Bytes of a function.
https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/cloudfront-limits.html"""


def code_fits(graph: Graph, goal: Goal) -> None:
    """An edge function has at most 10 KB. A value that is not known yet counts as about 20 bytes."""
    code = goal.inputs.get("code")
    if not isinstance(code, str):
        return
    size = len(code.encode())
    if size > CODE:
        name = goal.urn.rpartition("::")[2]
        graph.problem(f'the code of the edge function "{name}" has {size:,} bytes; CloudFront takes {CODE:,}',
                      where=goal.where, hint="shorten what edge= adds: the routing itself takes about half of it")
