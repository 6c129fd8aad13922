"""The load balancer of a service: listeners, rules, target groups and who may connect."""
from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypedDict

from ...clouds.aws import elbv2
from ...core.component import Component
from ...core.output import Output
from ...core.units import seconds
from ...errors import UserError
from ..alb import Alb, take_rule
from ..cluster import Cluster
from ..listeners import PROTOCOLS, REFUSE, BalancerDomain, Port, declare_listener, declare_load_balancer, named

__all__ = ["Balanced", "Conditions", "Header", "HealthCheck", "LoadBalancer", "Query", "Rule", "Way",
           "declare_balancer", "rules_of", "tcp_ports"]

class Query(TypedDict, total=False):
    """``value``: what is matched, with ``*`` and ``?``. ``key``: of this parameter; of any by default."""

    key: str
    value: str


class Header(TypedDict):
    """``name`` of the header, and its ``values``, one of which must match."""

    name: str
    values: Sequence[str]


class Conditions(TypedDict, total=False):
    """All that are given must hold: ``path`` and ``host`` with ``*`` and ``?``, ``query``, ``header``."""

    path: str
    host: str | Sequence[str]
    query: Sequence[Query]
    header: Header


class Rule(TypedDict, total=False):
    """``listen``: port and protocol, ``"80/http"``. ``forward``: those of the container, as ``listen`` by default.
    ``container``: which, where there are several. ``redirect``: the other way, ``"443/https"``. ``conditions``: only
    requests like these. ``priority``: of a rule of a shared load balancer, 1 to 50000; lower ones count first."""

    listen: str
    forward: str
    redirect: str
    container: str
    conditions: Conditions
    priority: int


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
    reaches it, True by default. ``domain``: ``"api.example.com"``, or ``{"name", "aliases", "cert", "dns"}``; ``https``
    and ``tls`` need one. ``instance``: an ``aws.Alb`` that several services share, in place of all these. ``health``:
    checks, by the container's port: ``{"8080/http": {"path": "/up"}}``."""

    ports: Sequence[Rule]
    rules: Sequence[Rule]
    public: bool
    domain: str | BalancerDomain
    instance: Alb
    health: Mapping[str, HealthCheck]


@dataclass(frozen=True)
class Way:
    """One rule, checked."""

    listen: Port
    forward: Port | None
    redirect: Port | None
    container: str
    conditions: Conditions
    priority: int = 0


@dataclass(frozen=True)
class Balanced:
    """What was declared: the listeners that a service waits for, and its target groups as ECS takes them."""

    url: Output[str] | None
    load_balancer: elbv2.LoadBalancer
    targets: Sequence[Mapping[str, Any]]
    ready: Sequence[object]


_CODES = r"[2-4]\d\d(-[2-4]\d\d)?"
"""Source: https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_Matcher.html"""
Groups = dict[tuple[str, Port], elbv2.TargetGroup]


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
        if way.listen.secure and "domain" not in given and "instance" not in given:
            raise UserError(f"{name} listens to {way.listen}, which needs a certificate",
                            hint='load_balancer={"domain": "api.example.com", ...}')
    if "instance" in given:
        _check_shared(given, ways, name)
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
    conditions = rule.get("conditions", {})
    if odd := sorted(conditions.keys() - Conditions.__annotations__.keys()):
        raise UserError(f"a rule of {name} has the condition {odd[0]!r}", hint="known: path, host, query, header")
    path = conditions.get("path", "/")
    if isinstance(path, str) and not re.fullmatch(r"[\w\-.$/~\"'@:+&*?]{1,128}", path, re.ASCII):
        raise UserError(f"a rule of {name} can't be for the path {path!r}",
                        hint="up to 128 letters, digits and _-.$/~\"'@:+&, and * and ?")
    return Way(listen, forward, redirect, container, conditions, rule.get("priority", 0))


def _check_shared(given: LoadBalancer, ways: Sequence[Way], name: str) -> None:
    if not isinstance(given["instance"], Alb):
        raise UserError(f"instance of the load balancer of {name} takes an aws.Alb, not {given['instance']!r}")
    if odd := sorted({"public", "domain"} & set(given)):
        raise UserError(f"{odd[0]} of a shared load balancer is set there, not by {name}")
    for way in ways:
        if not way.conditions or not 1 <= way.priority <= 50000:
            raise UserError(f"a rule of {name} for {way.listen} needs conditions and a priority: its load balancer "
                            "is shared", hint='{"listen": "80/http", "forward": "8080/http", "conditions": {"path": '
                                           '"/api/*"}, "priority": 10}')


def declare_balancer(owner: Component, cluster: Cluster, given: LoadBalancer, ways: Sequence[Way]) -> Balanced:
    """Declare the load balancer of a service, or its rules of a shared one, inside of its scope."""
    if "instance" in given:
        return _shared(owner, given["instance"], _target_groups(cluster, given, ways), ways)
    public, ports = given.get("public", True), list(dict.fromkeys(w.listen for w in ways))
    domain = named(given.get("domain"), owner.where, secure=any(p.secure for p in ports))
    balancer, _ = declare_load_balancer(
        ports, public=public, vpc_id=cluster.vpc_id, cidr=cluster.cidr,
        subnets=cluster.public_subnets if public else cluster.private_subnets)
    groups = _target_groups(cluster, given, ways)
    listeners: dict[Port, elbv2.Listener] = {}
    for listen in ports:
        default = next((w for w in ways if w.listen == listen and not w.conditions), None)
        listeners[listen] = declare_listener(balancer, listen, _action(default, groups) if default else REFUSE, domain)
    ready = [*listeners.values(), *_rules(((way, number, listeners[way.listen]) for number, way in enumerate(
        (w for w in ways if w.conditions), 1)), groups)]
    first = next((p for p in ports if p.secure), ports[0])
    if domain:
        domain.make_records(balancer)
    url = domain.url(first, listeners[first]) if domain else listeners[first].url
    return Balanced(url, balancer, _targets(groups), ready)


def _shared(owner: Component, alb: Alb, groups: Groups, ways: Sequence[Way]) -> Balanced:
    name = owner.urn.rpartition("::")[2]
    for way in ways:
        take_rule(alb, (way.listen, way.priority), f"a rule with priority {way.priority} for {way.listen}", name)
        take_rule(alb, (way.listen, repr(way.conditions)), f"a rule for {way.listen} with the same conditions", name)
    rules = _rules(((w, w.priority, alb.get_listener(w.listen.protocol, w.listen.number)) for w in ways), groups)
    return Balanced(alb.url, alb.load_balancer, _targets(groups), rules)


def _rules(wanted: Iterable[tuple[Way, int, elbv2.Listener]], groups: Groups) -> list[elbv2.ListenerRule]:
    return [elbv2.ListenerRule(
        f"Listener{way.listen.protocol.upper()}{way.listen.number}Rule{number}", priority=number,
        listener_arn=listener.arn, conditions=_conditions(way.conditions), rule_actions=[_action(way, groups)])
        for way, number, listener in wanted]


def _targets(groups: Groups) -> list[Mapping[str, Any]]:
    return [{"targetGroupArn": made.arn, "containerName": container, "containerPort": forward.number}
            for (container, forward), made in groups.items()]


def _target_groups(cluster: Cluster, given: LoadBalancer, ways: Sequence[Way]) -> Groups:
    groups: Groups = {}
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
    if made["health_check_timeout_seconds"] >= made["health_check_interval_seconds"]:
        raise UserError(f"the health check of {port} takes as long as its interval",
                        hint='"timeout" is shorter than "interval"')
    for threshold in ("healthy_threshold", "unhealthy_threshold"):
        if not 2 <= made[f"{threshold}_count"] <= 10:
            raise UserError(f"{threshold} of {port} can't be {made[f'{threshold}_count']}", hint="2 to 10")
    if not re.fullmatch(r"/.{0,1023}", check.get("path", "/")):
        raise UserError(f"the health check of {port} can't be for {check.get('path')!r}", hint='a path: "/health"')
    if not re.fullmatch(rf"{_CODES}(,{_CODES})*", check.get("success_codes", "200")):
        raise UserError(f"success_codes of {port} can't be {check.get('success_codes')!r}",
                        hint='from 200 to 499: "200", "200-299", "200,301"')
    if port.web:
        made |= {"health_check_path": check.get("path", "/"),
                 "matcher": {"HttpCode": check.get("success_codes", "200")}}
    return made


def _action(way: Way, groups: Groups) -> dict[str, Any]:
    if way.redirect is not None:
        return {"Type": "redirect", "RedirectConfig": {
            "Port": str(way.redirect.number), "Protocol": PROTOCOLS[way.redirect.protocol], "StatusCode": "HTTP_301"}}
    assert way.forward
    return {"Type": "forward", "TargetGroupArn": groups[way.container, way.forward].arn}


def _conditions(given: Conditions) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = []
    if "path" in given:
        made.append({"Field": "path-pattern", "PathPatternConfig": {"Values": [given["path"]]}})
    if "host" in given:
        hosts = [given["host"]] if isinstance(given["host"], str) else list(given["host"])
        made.append({"Field": "host-header", "HostHeaderConfig": {"Values": hosts}})
    if "query" in given:
        made.append({"Field": "query-string", "QueryStringConfig": {"Values": [
            {k: v for k, v in (("Key", q.get("key")), ("Value", q["value"])) if v is not None}
            for q in given["query"]]}})
    if "header" in given:
        made.append({"Field": "http-header", "HttpHeaderConfig": {
            "HttpHeaderName": given["header"]["name"], "Values": list(given["header"]["values"])}})
    return made


def tcp_ports(ways: Sequence[Way], registered: tuple[str, int] | None) -> dict[str, list[int]]:
    """By container, the ports that are forwarded to or registered, each once."""
    ports: dict[str, list[int]] = {}
    wanted = [(way.container, way.forward.number) for way in ways if way.forward]
    for container, port in (*wanted, *((registered,) if registered else ())):
        if port not in ports.setdefault(container, []):
            ports[container].append(port)
    return ports

