"""The text of edge functions: what routes, what the user adds, and no byte more, since CloudFront takes 10 KB."""
from __future__ import annotations

import re
from functools import cache
from pathlib import Path

__all__ = ["request_code", "response_code", "shortened"]

_TOKENS = re.compile(r"""(?P<keep>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|`(?:\\.|[^`\\])*`)"""
                     r"""|(?P<comment>//[^\n]*|/\*.*?\*/)"""
                     r"""|(?P<space>\s+)|(?P<word>[\w$]+)|(?P<sign>.)""", re.DOTALL)
_RESPONSE = """async function handler(event) {
  const r = event.response, s = r.headers["x-amz-meta-sst-status"];
  if (s) { r.statusCode = parseInt(s.value, 10); delete r.headers["x-amz-meta-sst-status"]; }
  /*AFTER*/
  return r;
}"""


OURS = "/*sst*/"
"""Marks a text to which the user has added nothing; on this machine it runs faster."""


def request_code(target: str, *, before: str = "", own: str = "", routes: bool) -> str:
    """The function that requests of viewers run through. ``target`` is the expression of what a request leads to.
    ``before`` are our statements, and ``own`` those of the user, which see ``event`` and may return an answer."""
    text = shortened(_ROUTE.sub("" if not routes else r"\1", _source()))
    return (OURS if not own else "") + text.replace("__BEFORE__;", f"{before}{own}\n" if before or own else "").replace(
        "__TARGET__", target)


def response_code(own: str = "") -> str:
    """The function that answers run through: it gives a page of an error its status."""
    text = shortened(_RESPONSE.replace("/*AFTER*/", "__AFTER__;"))
    return (OURS if not own else "") + text.replace("__AFTER__;", f"{own}\n" if own else "")


_ROUTE = re.compile(r"//\[route\n(.*?)//\]\n", re.DOTALL)


@cache
def _source() -> str:
    text = Path(__file__).with_name("edge.js").read_text(encoding="utf-8")
    return text.replace("/*BEFORE*/", "__BEFORE__;").replace("/*TARGET*/", "__TARGET__")


@cache
def shortened(text: str) -> str:
    """JavaScript without comments and space. For our own text: each statement in it ends with ``;`` or ``}``, and a
    regular expression is never written as a literal."""
    out, gap, last = list[str](), False, " "
    for token in _TOKENS.finditer(text):
        if token.lastgroup in ("comment", "space"):
            gap = True
            continue
        part = token[0]
        if gap and _in_word(part[0]) and _in_word(last):
            out.append(" ")
        out.append(part)
        gap, last = False, part[-1]
    return "".join(out).replace(";}", "}")


def _in_word(char: str) -> bool:
    return char.isalnum() or char in ("_", "$")
