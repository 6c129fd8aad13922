"""A firewall of AWS WAF before a distribution."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypedDict

from ...clouds.aws import logs, wafv2
from ...core.component import Component
from ...core.graph import current
from ...core.output import Input
from ...errors import UserError

__all__ = ["ManagedRules", "Redacted", "Waf", "WafLogging", "firewall"]

_GROUPS = {"core_rule_set": "AWSManagedRulesCommonRuleSet", "known_bad_inputs": "AWSManagedRulesKnownBadInputsRuleSet",
           "sql_injection": "AWSManagedRulesSQLiRuleSet"}
"""https://docs.aws.amazon.com/waf/latest/developerguide/aws-managed-rule-groups-list.html"""
_BLOCKED = {"DefaultBehavior": "DROP", "Filters": [{"Behavior": "KEEP", "Requirement": "MEETS_ANY", "Conditions": [
    {"ActionCondition": {"Action": "BLOCK"}}]}]}
"""https://docs.aws.amazon.com/waf/latest/APIReference/API_LoggingFilter.html"""


class ManagedRules(TypedDict, total=False):
    """Groups of rules that AWS maintains, all on by default. ``core_rule_set``: the OWASP Top 10; large bodies are
    counted and not blocked. ``known_bad_inputs``: requests that are known attacks. ``sql_injection``."""

    core_rule_set: bool
    known_bad_inputs: bool
    sql_injection: bool


class Redacted(TypedDict, total=False):
    """Parts of a request that are not written: ``query_string``, by default yes; ``uri_path`` and ``method``, by
    default no; ``headers``, by default ``["cookie", "authorization"]``."""

    query_string: bool
    uri_path: bool
    method: bool
    headers: Sequence[str]


class WafLogging(TypedDict, total=False):
    """``include``: ``"all"`` requests, the default, or those that were ``"blocked"``. ``retention``: ``"1 month"`` by
    default. ``redact``: see ``Redacted``; ``False`` writes requests whole."""

    include: Literal["all", "blocked"]
    retention: str
    redact: Literal[False] | Redacted


class Waf(TypedDict, total=False):
    """``rate_limit_per_ip``: requests of one address within five minutes, 2,000 by default, at least 10.
    ``managed_rules``: see ``ManagedRules``. ``logging``: whether requests are written to CloudWatch Logs, or settings,
    see ``WafLogging``; not by default."""

    rate_limit_per_ip: int
    managed_rules: ManagedRules
    logging: bool | WafLogging


def firewall(owner: Component, waf: bool | Waf | None, arn: Input[str] | None) -> Input[str] | None:
    """The ARN of the firewall that ``waf`` or ``web_acl_arn`` asks for. Stage ``local`` has none, and says so."""
    if not waf:
        return arn
    if arn is not None:
        raise UserError("waf and web_acl_arn can't both be given", where=owner.where,
                        hint="a distribution has one firewall")
    rules = _rules({} if waf is True else waf, owner.where)
    if current().target.is_local:
        told: dict[str, None] = current().context.once("warnings", dict)
        told["waf needs AWS: on stage local no request is refused by it"] = None
        return None
    made = wafv2.WebAcl("Waf", region="us-east-1", rules=rules, visibility=_seen("waf"))
    if logging := {} if waf is True else waf.get("logging"):
        _log(owner, made, {} if logging is True else logging)
    return made.arn


def _log(owner: Component, made: wafv2.WebAcl, given: WafLogging) -> None:
    """Write its requests to a log group, whose name AWS WAF wants to begin so."""
    if given.keys() - WafLogging.__annotations__.keys() or given.get("include", "all") not in ("all", "blocked"):
        raise UserError("logging of waf is True, or takes include, retention and redact", where=owner.where,
                        hint='waf={"logging": {"include": "blocked", "retention": "1 week"}}')
    from ..function.logs import retention_days

    kept = retention_days(given.get("retention", "1 month"))
    group = logs.LogGroup("WafLogGroup", region="us-east-1", retention=kept,
                          name=f"aws-waf-logs-{owner.base_of(logs.LogGroup, 'WafLogGroup')}")
    wafv2.LoggingConfiguration("WafLogging", region="us-east-1", web_acl=made.arn, destinations=[group.arn],
                               redacted=_redacted(given.get("redact", Redacted())),
                               filter=_BLOCKED if given.get("include") == "blocked" else None)


def _redacted(given: Literal[False] | Redacted) -> list[dict[str, Any]]:
    if given is False:
        return []
    parts: list[dict[str, Any]] = [{"SingleHeader": {"Name": name.lower()}}
                                   for name in given.get("headers", ("cookie", "authorization"))]
    for part, field, default in (("query_string", "QueryString", True), ("uri_path", "UriPath", False),
                                 ("method", "Method", False)):
        if given.get(part, default):
            parts.append({field: {}})
    return parts


def _rules(given: Waf, where: str) -> list[dict[str, Any]]:
    managed = given.get("managed_rules", {}) if isinstance(given, Mapping) else None
    if not isinstance(managed, Mapping) or set(given) - set(Waf.__annotations__) or set(managed) - set(_GROUPS):
        raise UserError("waf is True, or takes rate_limit_per_ip, managed_rules and logging", where=where,
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
