"""The domain of a load balancer: its certificate and DNS records."""
from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypedDict

from ...clouds.aws import elbv2
from ...core.graph import current
from ...core.output import Input, Output
from ...dns import Dns
from ...errors import UserError
from ..dns_records import alias_records, certificate, dns
from .port import Port

__all__ = ["BalancerDomain", "Named", "named"]

_HOST = re.compile(r"(\*\.)?([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}")


class BalancerDomain(TypedDict, total=False):
    """``name``: the host. ``aliases``: further hosts that lead to it. ``cert``: ARN of a certificate in the region of
    the load balancer; made and proved through DNS by default. ``dns``: ``aws.dns(zone=...)``, or False to make no
    records."""

    name: str
    aliases: Sequence[str]
    cert: Input[str]
    dns: Dns | bool


@dataclass(frozen=True)
class Named:
    """A domain as it is used. ``cert`` is None on stage ``local``, which needs none."""

    hosts: tuple[str, ...]
    cert: Input[str] | None
    dns: Dns | bool

    def make_records(self, balancer: elbv2.LoadBalancer) -> None:
        """Point the names at the load balancer."""
        if self.dns:
            for i, host in enumerate(self.hosts):
                alias_records(host, balancer.dns_name, balancer.zone_id, self.dns, str(i or ""))

    def url(self, listen: Port, listener: elbv2.Listener) -> Output[str]:
        """Of a listener. On stage ``local`` ``http://example.com.localhost:PORT`` stands for it."""
        name = self.hosts[0]
        if current().target.is_local:
            return listener.url.apply(lambda url: url.replace("127.0.0.1", f"{name}.localhost"))
        port = "" if listen.number == {"http": 80, "https": 443}.get(listen.protocol) else f":{listen.number}"
        return listener.url.apply(lambda url: f"{url.partition('://')[0]}://{name}{port}")


def named(given: str | BalancerDomain | None, where: str, *, secure: bool) -> Named | None:
    """Check a domain, and make the certificate that ``secure`` listeners need. Raises ``UserError``."""
    if given is None:
        return None
    asked: BalancerDomain = {"name": given} if isinstance(given, str) else given
    if "name" not in asked:
        raise UserError("a domain needs a name", where=where, hint='domain="api.example.com"')
    hosts = (asked["name"], *asked.get("aliases", ()))
    for host in hosts:
        if not isinstance(host, str) or not _HOST.fullmatch(host):
            raise UserError(f"{host!r} is not a domain name", where=where, hint='write "example.com", without https://')
    zone = asked.get("dns", True)
    if current().target.is_local:
        return Named(hosts, None, False)
    if zone is False and secure and "cert" not in asked:
        raise UserError(f'the domain "{hosts[0]}" has dns=False and no certificate', where=where,
                        hint='add "cert": the ARN of a certificate for it')
    records = dns() if zone is True else zone
    cert = asked.get("cert")
    if cert is None and secure:
        cert = certificate(hosts[0], records, more=hosts[1:])
    return Named(hosts, cert, records)
