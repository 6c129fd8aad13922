"""A load balancer that several services share."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Self, TypedDict, Unpack

from ..clouds.aws import ec2, elbv2
from ..core.component import Component, Options
from ..core.link import Link
from ..core.output import Input, Output
from ..core.transform import Transform
from ..errors import UserError
from .listeners import REFUSE, BalancerDomain, Port, declare_listener, declare_load_balancer, named
from .vpc import Vpc, the_vpc

__all__ = ["Alb", "AlbListener", "AlbNetwork", "AlbTransform", "take_rule"]


class AlbListener(TypedDict):
    """``port`` and ``protocol``, ``"http"`` or ``"https"``."""

    port: int
    protocol: Literal["http", "https"]


class AlbNetwork(TypedDict, total=False):
    """A network that sst does not manage: its ``id``, ``public_subnets`` and ``private_subnets``, in two availability
    zones each."""

    id: str
    public_subnets: Sequence[str]
    private_subnets: Sequence[str]


class AlbTransform(TypedDict, total=False):
    load_balancer: Transform
    security_group: Transform
    listener: Transform


class Alb(Component, kind="sst.aws.Alb", parts=tuple(AlbTransform.__annotations__)):
    """An application load balancer that several services share: each adds its rules to the listeners.

        vpc = aws.Vpc("Network")
        cluster = aws.Cluster("Main", vpc=vpc)
        alb = aws.Alb("Shared", vpc=vpc, listeners=[{"port": 80, "protocol": "http"}])
        aws.Service("Api", cluster=cluster, handler="app.main:app", load_balancer={"instance": alb, "rules": [
            {"listen": "80/http", "forward": "8080/http", "conditions": {"path": "/api/*"}, "priority": 10}]})

    vpc: the network; the only one that was declared before it by default. listeners: what it listens to; a request
    that no rule fits is answered with 403. public: whether the internet reaches it, True by default. domain:
    ``"example.com"``, or ``{"name", "aliases", "cert", "dns"}``; an ``https`` listener needs one.

    Source: Elastic Load Balancing API CreateLoadBalancer,
    https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateLoadBalancer.html
    """

    def __init__(self, name: str, *, listeners: Sequence[AlbListener], vpc: Vpc | AlbNetwork | None = None,
                 public: bool = True, domain: str | BalancerDomain | None = None,
                 transform: AlbTransform | None = None, **options: Unpack[Options]) -> None:
        super().__init__(name, **options)
        ports, network = _ports(listeners, name), _network(name, vpc, self.where)
        if domain is None and any(p.secure for p in ports):
            raise UserError(f"{name} listens to https, which needs a certificate", hint='domain="example.com"')
        self._rules: dict[object, str] = {}
        with self.scope(transform):
            domain_used = named(domain, self.where, secure=any(p.secure for p in ports))
            subnets = network.get("public_subnets" if public else "private_subnets", ())
            self.load_balancer, group = declare_load_balancer(
                ports, public=public, vpc_id=network["id"], subnets=subnets, cidr=network.get("cidr"),
                group_name="SecurityGroup")
            self.security_group: ec2.SecurityGroup | None = group
            self.listeners = {p: declare_listener(self.load_balancer, p, REFUSE, domain_used) for p in ports}
            if domain_used:
                domain_used.make_records(self.load_balancer)
        first = next((p for p in ports if p.secure), ports[0])
        self._url = domain_used.url(first, self.listeners[first]) if domain_used else self.listeners[first].url

    @classmethod
    def get(cls, name: str, arn: str, **options: Unpack[Options]) -> Self:
        """An existing one, by its ARN. Services can add rules to its listeners; it is never changed or deleted.

            alb = aws.Alb.get("Shared", "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/x/50dc")
        """
        parts = arn.split("/") if isinstance(arn, str) else []
        if len(parts) != 4 or not parts[0].endswith(":loadbalancer") or parts[1] != "app":
            raise UserError(f"{arn!r} is not the ARN of an application load balancer",
                            hint="arn:aws:elasticloadbalancing:REGION:ACCOUNT:loadbalancer/app/NAME/ID")
        self = cls.existing(name, **options)
        with self.scope():
            self.load_balancer = elbv2.LoadBalancer.get("LoadBalancer", name=parts[2])
        self._rules, self.listeners, self.security_group = {}, {}, None
        self._url = self.load_balancer.dns_name.apply(lambda host: f"http://{host}")
        return self

    @property
    def url(self) -> Output[str]:
        """Of its domain, or of its first listener."""
        return self._url

    @property
    def arn(self) -> Output[str]:
        """Its ARN."""
        return self.load_balancer.arn

    @property
    def dns_name(self) -> Output[str]:
        """Its own host name."""
        return self.load_balancer.dns_name

    @property
    def zone_id(self) -> Output[str]:
        """The hosted zone of its host name, for alias records."""
        return self.load_balancer.zone_id

    def get_listener(self, protocol: str, port: int) -> elbv2.Listener:
        """The listener of a port, for rules of your own. Raises ``UserError`` if there is none."""
        key = Port(port, protocol)
        if key not in self.listeners:
            if self.load_balancer.__sst__.urn in self._read_urns():
                with self.scope():
                    self.listeners[key] = elbv2.Listener.get(
                        f"Listener{protocol.upper()}{port}", load_balancer_arn=self.load_balancer.arn, port=port)
                return self.listeners[key]
            raise UserError(f"{self.logical_name} does not listen to {key}",
                            hint=f"it listens to {', '.join(map(str, self.listeners))}")
        return self.listeners[key]

    def link(self) -> Link:
        """Its address."""
        return Link(self.logical_name, self.kind, {"url": self._url})

    def _read_urns(self) -> frozenset[str]:
        from ..core.graph import current

        return frozenset(urn for urn, goal in current().goals.items() if goal.read)


def take_rule(alb: Alb, key: object, words: str, owner: str) -> None:
    """Note a rule of a service. Raises ``UserError`` if another one has the same ``key``."""
    if (other := alb._rules.setdefault(key, owner)) != owner:
        raise UserError(f"{other} and {owner} both have {words} of {alb.logical_name}",
                        hint="give one of them another priority and other conditions")


def _ports(listeners: Sequence[AlbListener], name: str) -> list[Port]:
    hint = 'listeners=[{"port": 80, "protocol": "http"}]'
    if not listeners or not all(isinstance(one, Mapping) and set(one) == {"port", "protocol"} for one in listeners):
        raise UserError(f"{name} needs listeners, each with port and protocol", hint=hint)
    ports = [Port.of(f"{one['port']}/{one['protocol']}", f"a listener of {name}") for one in listeners]
    if odd := [p for p in ports if not p.web]:
        raise UserError(f"{name} can't listen to {odd[0]}: it is for http and https", hint=hint)
    if len({p.number for p in ports}) < len(ports):
        raise UserError(f"{name} listens to a port twice", hint=hint)
    return ports


def _network(name: str, vpc: Vpc | AlbNetwork | None, where: str) -> dict[str, Any]:
    if isinstance(vpc, Mapping):
        if "id" not in vpc:
            raise UserError(f"vpc of {name} needs id",
                            hint='vpc={"id": "vpc-...", "public_subnets": [...], "private_subnets": [...]}')
        return dict(vpc)
    found = the_vpc(name, vpc, where)
    ids: Mapping[str, Input[Any]] = {"id": found.id, "cidr": found.cidr}
    return {**ids, "public_subnets": found.public_subnets, "private_subnets": found.private_subnets}
