"""A firewall of AWS WAF before a distribution."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypedDict

from ...clouds.aws import wafv2
from ...core.graph import current
from ...core.output import Input
from ...errors import UserError

__all__ = ["ManagedRules", "Waf", "firewall"]

_GROUPS = {"core_rule_set": "AWSManagedRulesCommonRuleSet", "known_bad_inputs": "AWSManagedRulesKnownBadInputsRuleSet",
           "sql_injection": "AWSManagedRulesSQLiRuleSet"}
"""https://docs.aws.amazon.com/waf/latest/developerguide/aws-managed-rule-groups-list.html"""


class ManagedRules(TypedDict, total=False):
    """Groups of rules that AWS maintains, all on by default. ``core_rule_set``: the OWASP Top 10; large bodies are
    counted and not blocked. ``known_bad_inputs``: requests that are known attacks. ``sql_injection``."""

    core_rule_set: bool
    known_bad_inputs: bool
    sql_injection: bool


class Waf(TypedDict, total=False):
    """``rate_limit_per_ip``: requests of one address within five minutes, 2,000 by default, at least 10.
    ``managed_rules``: see ``ManagedRules``."""

    rate_limit_per_ip: int
    managed_rules: ManagedRules


def firewall(waf: bool | Waf | None, arn: Input[str] | None, where: str) -> Input[str] | None:
    """The ARN of the firewall that ``waf`` or ``web_acl_arn`` asks for. Stage ``local`` has none, and says so."""
    if not waf:
        return arn
    if arn is not None:
        raise UserError("waf and web_acl_arn can't both be given", where=where, hint="a distribution has one firewall")
    rules = _rules({} if waf is True else waf, where)
    if current().target.is_local:
        told: dict[str, None] = current().context.once("warnings", dict)
        told["waf needs AWS: on stage local no request is refused by it"] = None
        return None
    return wafv2.WebAcl("Waf", region="us-east-1", rules=rules, visibility=_seen("waf")).arn


def _rules(given: Waf, where: str) -> list[dict[str, Any]]:
    managed = given.get("managed_rules", {}) if isinstance(given, Mapping) else None
    if not isinstance(managed, Mapping) or set(given) - set(Waf.__annotations__) or set(managed) - set(_GROUPS):
        raise UserError("waf is True, or takes rate_limit_per_ip and managed_rules", where=where,
                        hint='waf={"rate_limit_per_ip": 1000, "managed_rules": {"sql_injection": False}}')
    limit = given.get("rate_limit_per_ip", 2000)
    if not isinstance(limit, int) or not 10 <= limit <= 2_000_000_000:
        raise UserError(f"rate_limit_per_ip is at least 10; it is {limit!r}", where=where)
    made: list[dict[str, Any]] = [{"Name": "RateLimit", "Action": {"Block": {}}, "Statement": {
        "RateBasedStatement": {"Limit": limit, "AggregateKeyType": "IP"}}}]
    for name, group in _GROUPS.items():
        if managed.get(name, True):
            counted = {"RuleActionOverrides": [{"Name": "SizeRestrictions_BODY", "ActionToUse": {"Count": {}}}]}
            made.append({"Name": group, "OverrideAction": {"None": {}}, "Statement": {"ManagedRuleGroupStatement": {
                "VendorName": "AWS", "Name": group, **(counted if name == "core_rule_set" else {})}}})
    return [{**rule, "Priority": n, "VisibilityConfig": _seen(rule["Name"])} for n, rule in enumerate(made)]


def _seen(name: str) -> dict[str, Any]:
    return {"SampledRequestsEnabled": True, "CloudWatchMetricsEnabled": True, "MetricName": name}
