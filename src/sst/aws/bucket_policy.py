"""The policy of a bucket: who else may do what in it."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypedDict

from ..core.output import Input, Output
from ..errors import UserError

__all__ = ["BucketStatement", "bucket_policy"]


class Principal(TypedDict, total=False):
    type: Literal["aws", "service", "federated", "canonical"]
    identifiers: Sequence[Input[str]]


class BucketStatement(TypedDict, total=False):
    """``principals`` is ``"*"`` or a list; ``paths`` default to ``["", "*"]``: the bucket itself and everything in
    it."""

    effect: Literal["allow", "deny"]
    actions: Sequence[str]
    principals: Literal["*"] | Sequence[Principal]
    conditions: Sequence[Mapping[str, Any]]
    paths: Sequence[str]


_PRINCIPALS = {"aws": "AWS", "service": "Service", "federated": "Federated", "canonical": "CanonicalUser"}


def bucket_policy(arn: Output[str], account: Output[str], access: str | None, enforce_https: bool,
                  own: Sequence[BucketStatement]) -> list[dict[str, Any]]:
    """Statements in order: who may read by ``access``, no plain HTTP, then the user's own."""
    made: list[dict[str, Any]] = []
    if access:
        who: dict[str, Any] = {"Principal": "*"} if access == "public" else {
            "Principal": {"Service": "cloudfront.amazonaws.com"},
            "Condition": {"StringEquals": {"aws:SourceAccount": account}}}
        made.append({"Effect": "Allow", **who, "Action": "s3:GetObject", "Resource": f"{arn}/*"})
    if enforce_https:
        made.append({"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": [arn, f"{arn}/*"],
                     "Condition": {"Bool": {"aws:SecureTransport": "false"}}})
    return made + [_statement(arn, s) for s in own]


def _statement(arn: Output[str], s: BucketStatement) -> dict[str, Any]:
    if "actions" not in s or "principals" not in s:
        raise UserError("a policy statement needs actions and principals",
                        hint='{"actions": ["s3:GetObject"], "principals": "*"}')
    made: dict[str, Any] = {"Effect": s.get("effect", "allow").capitalize(), "Action": list(s["actions"]),
                            "Principal": _principal(s["principals"]),
                            "Resource": [f"{arn}/{p}" if p else arn for p in s.get("paths", ["", "*"])]}
    for c in s.get("conditions", ()):
        made.setdefault("Condition", {}).setdefault(c["test"], {})[c["variable"]] = list(c["values"])
    return made


def _principal(given: Literal["*"] | Sequence[Principal]) -> Any:
    if given == "*":
        return "*"
    made: dict[str, list[Input[str]]] = {}
    for p in given:
        if isinstance(p, str) or p.get("type") not in _PRINCIPALS:
            raise UserError(f"a principal can't be {p!r}", hint='"*", or [{"type": "service", "identifiers": ["..."]}]')
        made.setdefault(_PRINCIPALS[p["type"]], []).extend(p.get("identifiers", ()))
    return made
