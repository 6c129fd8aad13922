"""The load balancer of a service: listeners, rules, target groups and who may connect."""
from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypedDict

from ...clouds.aws import ec2, elbv2
from ...core.output import Output
from ...core.units import seconds
from ...errors import UserError
from ..cluster import Cluster

__all__ = ["Balanced", "Conditions", "Header", "HealthCheck", "LoadBalancer", "Port", "Query", "Rule", "Way",
           "declare_balancer", "rules_of", "tcp_ports"]

PROTOCOLS = {"http": "HTTP", "https": "HTTPS", "tcp": "TCP", "udp": "UDP", "tcp_udp": "TCP_UDP", "tls": "TLS"}
WEB = frozenset({"http", "https"})
REFUSE = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "403", "ContentType": "text/plain",
                                                           "MessageBody": "Forbidden"}}


class Query(TypedDict, total=False):
    """``value``: what is matched, with ``*`` and ``?``. ``key``: of this parameter; of any by default."""

    key: str
    value: str


class Header(TypedDict):
    """``name`` of the header, and its ``values``, one of which must match."""

    name: str
    values: Sequence[str]


class Conditions(TypedDict, total=False):
    """All that are given must hold: ``path`` with ``*``, ``query``, ``header``."""

    path: str
    query: Sequence[Query]
    header: Header


class Rule(TypedDict, total=False):
    """``listen``: port and protocol, ``"80/http"``. ``forward``: those of the container, as ``listen`` by default.
    ``container``: which, where there are several. ``redirect``: the other way, ``"443/https"``. ``conditions``: only
    requests like these."""

    listen: str
    forward: str
    redirect: str
    container: str
    conditions: Conditions


class HealthCheck(TypedDict, total=False):
    """``path``: ``"/"``. ``interval``: ``"30 seconds"``. ``timeout``: ``"5 seconds"``. ``healthy_threshold``: so many
    successes in a row, 5. ``unhealthy_threshold``: so many failures, 2. ``success_codes``: ``"200"``, ``"200-299"``."""

    path: str
    interval: str
    timeout: str
    healthy_threshold: int
    unhealthy_threshold: int
    success_codes: str


class LoadBalancer(TypedDict, total=False):
    """``ports``: what it listens to and where that goes (``rules`` is the same). ``public``: whether the internet
    reaches it, True by default. ``health``: checks, by the container's port: ``{"8080/http": {"path": "/up"}}``."""

    ports: Sequence[Rule]
    rules: Sequence[Rule]
    public: bool
    health: Mapping[str, HealthCheck]


@dataclass(frozen=True)
class Port:
    """``80/http``."""

    number: int
    protocol: str

    @classmethod
    def of(cls, text: object, what: str) -> Port:
        found = re.fullmatch(r"(\d+)/([a-z_]+)", text) if isinstance(text, str) else None
        if found is None or found[2] not in PROTOCOLS or not 1 <= int(found[1]) <= 65535:
            raise UserError(f"{what} can't be {text!r}",
                            hint=f'write a port and one of {", ".join(PROTOCOLS)}: "80/http"')
        return cls(int(found[1]), found[2])

    @property
    def web(self) -> bool:
        return self.protocol in WEB

    def __str__(self) -> str:
        return f"{self.number}/{self.protocol}"


@dataclass(frozen=True)
class Way:
    """One rule, checked."""

    listen: Port
    forward: Port | None
    redirect: Port | None
    container: str
    conditions: Conditions


@dataclass(frozen=True)
class Balanced:
    """What was declared: the listeners that a service waits for, and its target groups as ECS takes them."""

    url: Output[str] | None
    load_balancer: elbv2.LoadBalancer
    targets: Sequence[Mapping[str, Any]]
    ready: Sequence[object]
    security_group: ec2.SecurityGroup | None


def rules_of(given: LoadBalancer, containers: Sequence[str], name: str) -> list[Way]:
    """The rules of a load balancer. Raises ``UserError`` for those that AWS would refuse."""
    rules = [*given.get("ports", ()), *given.get("rules", ())]
    if not rules:
        raise UserError(f"the load balancer of {name} has no ports",
                        hint='load_balancer={"ports": [{"listen": "80/http"}]}')
    ways = [_way(rule, containers, name) for rule in rules]
    if len({w.listen.web for w in ways}) > 1:
        raise UserError(f"the load balancer of {name} listens to http and to tcp", hint="a load balancer has one kind: "
                        "http and https, or tcp, udp and tls")
    seen: dict[str, int] = {}
    for way in ways:
        key = f"{way.listen} {way.conditions}"
        if key in seen:
            raise UserError(f"two rules of {name} are for {way.listen} with the same conditions",
                            hint="give one of them other conditions, or another port")
        seen[key] = 1
        if way.listen.protocol in ("https", "tls"):
            raise UserError(f"{name} listens to {way.listen}, which needs a certificate",
                            hint="listen to http here, and put CloudFront or API Gateway with a domain before it")
    odd = set(given.get("health", {})) - {str(w.forward) for w in ways}
    if odd:
        raise UserError(f"health of {name} is about {sorted(odd)[0]}, to which no rule forwards",
                        hint="keys of health are ports of the container, as in forward")
    return ways


def _way(rule: Rule, containers: Sequence[str], name: str) -> Way:
    if "listen" not in rule:
        raise UserError(f"a port of {name} needs listen", hint='{"listen": "80/http", "forward": "8080/http"}')
    listen = Port.of(rule["listen"], "listen")
    redirect = Port.of(rule["redirect"], "redirect") if "redirect" in rule else None
    if redirect and "forward" in rule:
        raise UserError(f"a rule of {name} both forwards and redirects")
    forward = None if redirect else Port.of(rule.get("forward", rule["listen"]), "forward")
    container = rule.get("container", containers[0])
    if container not in containers:
        raise UserError(f"{name} has no container {container!r}", hint=f"it has {', '.join(containers)}")
    if len(containers) > 1 and "container" not in rule and not redirect:
        raise UserError(f"a rule of {name} does not say which container it forwards to",
                        hint=f'"container": "{containers[0]}"')
    return Way(listen, forward, redirect, container, rule.get("conditions", {}))


def declare_balancer(cluster: Cluster, given: LoadBalancer, ways: Sequence[Way]) -> Balanced:
    """Declare the load balancer of a service, inside of its scope."""
    web, public = ways[0].listen.web, given.get("public", True)
    group = None
    if web:
        source = {"cidr": "0.0.0.0/0"} if public or cluster.cidr is None else {"cidr": cluster.cidr}
        group = ec2.SecurityGroup("LoadBalancerSecurityGroup", vpc_id=cluster.vpc_id, description="Load balancer",
                                  ingress=[{"protocol": "tcp", "from": p, "to": p, **source}
                                           for p in sorted({w.listen.number for w in ways})])
    subnets = list(cluster.public_subnets if public else cluster.private_subnets)
    if len(subnets) < 2 and web:
        raise UserError("a load balancer needs subnets in two availability zones",
                        hint="az=2 of the Vpc, or load_balancer_subnets of the cluster's network")
    balancer = elbv2.LoadBalancer("LoadBalancer", type_="application" if web else "network", subnets=subnets,
                                  scheme="internet-facing" if public else "internal",
                                  security_groups=[group.id] if group else None)
    groups = _target_groups(cluster, given, ways)
    listeners: dict[Port, elbv2.Listener] = {}
    ready: list[object] = []
    for listen in dict.fromkeys(w.listen for w in ways):
        default = next((w for w in ways if w.listen == listen and not w.conditions), None)
        listeners[listen] = elbv2.Listener(
            f"Listener{listen.protocol.upper()}{listen.number}", load_balancer_arn=balancer.arn, port=listen.number,
            protocol=PROTOCOLS[listen.protocol], dns_name=balancer.dns_name,
            default_actions=[_action(default, groups) if default else REFUSE])
        ready.append(listeners[listen])
    for number, way in enumerate((w for w in ways if w.conditions), 1):
        ready.append(elbv2.ListenerRule(
            f"Listener{way.listen.protocol.upper()}{way.listen.number}Rule{number}", priority=number,
            listener_arn=listeners[way.listen].arn, conditions=_conditions(way.conditions),
            rule_actions=[_action(way, groups)]))
    targets = [{"targetGroupArn": made.arn, "containerName": container, "containerPort": forward.number}
               for (container, forward), made in groups.items()]
    return Balanced(next(iter(listeners.values())).url, balancer, targets, ready, group)


def _target_groups(cluster: Cluster, given: LoadBalancer,
                   ways: Sequence[Way]) -> dict[tuple[str, Port], elbv2.TargetGroup]:
    groups: dict[tuple[str, Port], elbv2.TargetGroup] = {}
    for way in ways:
        if way.forward is None or (way.container, way.forward) in groups:
            continue
        port = way.forward
        groups[way.container, port] = elbv2.TargetGroup(
            f"TargetGroup{way.container.replace('.', '-').title()}{port.protocol.upper()}{port.number}",
            protocol=PROTOCOLS[port.protocol], port=port.number, vpc_id=cluster.vpc_id,
            **_checks(given.get("health", {}).get(str(port)), port))
    return groups


def _checks(check: HealthCheck | None, port: Port) -> dict[str, Any]:
    if check is None:
        return {}
    made: dict[str, Any] = {
        "health_check_interval_seconds": seconds(check.get("interval", "30 seconds"), what="interval", low=5, high=300),
        "health_check_timeout_seconds": seconds(check.get("timeout", "5 seconds" if port.web else "6 seconds"),
                                                what="timeout", low=2, high=120),
        "healthy_threshold_count": check.get("healthy_threshold", 5),
        "unhealthy_threshold_count": check.get("unhealthy_threshold", 2)}
    if port.web:
        made |= {"health_check_path": check.get("path", "/"),
                 "matcher": {"HttpCode": check.get("success_codes", "200")}}
    return made


def _action(way: Way, groups: Mapping[tuple[str, Port], elbv2.TargetGroup]) -> dict[str, Any]:
    if way.redirect is not None:
        return {"Type": "redirect", "RedirectConfig": {
            "Port": str(way.redirect.number), "Protocol": PROTOCOLS[way.redirect.protocol], "StatusCode": "HTTP_301"}}
    assert way.forward
    return {"Type": "forward", "TargetGroupArn": groups[way.container, way.forward].arn}


def _conditions(given: Conditions) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = []
    if "path" in given:
        made.append({"Field": "path-pattern", "PathPatternConfig": {"Values": [given["path"]]}})
    if "query" in given:
        made.append({"Field": "query-string", "QueryStringConfig": {"Values": [
            {k: v for k, v in (("Key", q.get("key")), ("Value", q["value"])) if v is not None}
            for q in given["query"]]}})
    if "header" in given:
        made.append({"Field": "http-header", "HttpHeaderConfig": {
            "HttpHeaderName": given["header"]["name"], "Values": list(given["header"]["values"])}})
    return made


def tcp_ports(ways: Sequence[Way]) -> dict[str, list[int]]:
    """By container, the ports that are forwarded to, each once."""
    ports: dict[str, list[int]] = {}
    for way in ways:
        if way.forward and way.forward.number not in ports.setdefault(way.container, []):
            ports[way.container].append(way.forward.number)
    return ports

