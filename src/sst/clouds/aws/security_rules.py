"""Rules of security groups: one source each, as a program writes them, and IpPermissions, as EC2 takes them.

https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_IpPermission.html
"""
from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

__all__ = ["permissions", "rules_of", "without"]

Rule = Mapping[str, Any]
SOURCES = {"cidr": ("IpRanges", "CidrIp"), "cidr6": ("Ipv6Ranges", "CidrIpv6"),
           "group": ("UserIdGroupPairs", "GroupId"), "prefix_list": ("PrefixListIds", "PrefixListId")}
"""How a program names a source, and where it stands in a permission."""


def permissions(rules: Iterable[Rule]) -> list[dict[str, Any]]:
    """Rules as the API takes them, in a fixed order: one permission each."""
    made = []
    for rule in sorted((_complete(r) for r in rules), key=_text):
        ports = {} if rule["protocol"] == "-1" else {"FromPort": rule["from"], "ToPort": rule["to"]}
        sources = {members: [{field: rule[source]}] for source, (members, field) in SOURCES.items() if source in rule}
        made.append({"IpProtocol": rule["protocol"], **ports, **sources})
    return made


def rules_of(answer: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The rules in permissions as a read shows them."""
    rules = []
    for one in answer:
        for source, (members, field) in SOURCES.items():
            for entry in one.get(members, ()):
                rule: dict[str, Any] = {"protocol": one["IpProtocol"], source: entry[field]}
                if "FromPort" in one:
                    rule |= {"from": one["FromPort"], "to": one["ToPort"]}
                rules.append(rule)
    return sorted(rules, key=_text)


def without(rules: Iterable[Rule], others: Iterable[Rule]) -> list[Rule]:
    """The rules that are not among others."""
    there = [_complete(r) for r in others]
    return [r for r in rules if _complete(r) not in there]


def _complete(rule: Rule) -> dict[str, Any]:
    made = {"protocol": "-1", **rule}
    if made["protocol"] in ("-1", "all"):
        return {k: v for k, v in made.items() if k not in ("from", "to")} | {"protocol": "-1"}
    low, high = (-1, -1) if made["protocol"] in ("icmp", "icmpv6") else (0, 65535)
    return {"from": low, "to": made.get("from", high), **made}


def _text(rule: Rule) -> str:
    return json.dumps(rule, sort_keys=True)
