"""The domain of a distribution: its names, certificate and DNS records."""
from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TypedDict

from ...clouds.aws import cloudfront
from ...core.graph import current
from ...core.output import Input, Output
from ...dns import Dns
from ...errors import UserError
from ...records import dataclass
from ..dns_records import alias_records, certificate, dns

__all__ = ["CdnDomain", "Domain", "address", "domain_of", "make_records"]

ZONE = "Z2FDTNDATAQYW2"
"""Hosted zone of all distributions.
https://docs.aws.amazon.com/Route53/latest/APIReference/API_AliasTarget.html"""
_HOST = re.compile(r"(\*\.)?([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}")


class CdnDomain(TypedDict, total=False):
    """``name``: the host. ``aliases``: further hosts that serve the same. ``redirects``: hosts that lead to ``name``.
    ``cert``: ARN of a certificate in us-east-1; made and proved through DNS by default. ``dns``: ``aws.dns(zone=...)``,
    or False to make no records."""

    name: str
    aliases: Sequence[str]
    redirects: Sequence[str]
    cert: Input[str]
    dns: Dns | bool


@dataclass(frozen=True)
class Domain:
    """A domain as it is used. ``cert`` is None on stage ``local``, which needs none."""

    name: str
    hosts: tuple[str, ...]
    redirects: tuple[str, ...]
    cert: Input[str] | None
    dns: Dns | bool


def domain_of(given: str | CdnDomain | None, where: str) -> Domain | None:
    """Check a domain, and make the certificate that it needs."""
    if given is None:
        return None
    asked: CdnDomain = {"name": given} if isinstance(given, str) else given
    if not isinstance(asked, Mapping) or "name" not in asked or any(
            isinstance(asked.get(several, ()), str) for several in ("aliases", "redirects")):
        raise UserError("a domain needs a name; aliases and redirects are lists of further ones", where=where,
                        hint='domain={"name": "example.com", "redirects": ["www.example.com"]}')
    redirects = tuple(asked.get("redirects", ()))
    hosts = (asked["name"], *asked.get("aliases", ()), *redirects)
    for host in hosts:
        if not isinstance(host, str) or not _HOST.fullmatch(host):
            raise UserError(f"{host!r} is not a domain name", where=where,
                            hint='write "example.com", in small letters and without https://')
    if asked["name"].startswith("*."):
        raise UserError(f"the name of a domain can't be {asked['name']!r}, which has no address", where=where,
                        hint=f'domain={{"name": "{asked["name"][2:]}", "aliases": ["{asked["name"]}"]}}')
    if twice := [h for h in hosts if hosts.count(h) > 1]:
        raise UserError(f"the domain {twice[0]} is listed twice", where=where)
    taken: dict[str, str] = current().context.once("hosts of distributions", dict)
    for host in hosts:
        if host in taken:
            raise UserError(f"two distributions have the domain {host}", where=where,
                            hint=f"the other one is at {taken[host]}; lead to both by one aws.Router")
        taken[host] = where
    zone = asked.get("dns", True)
    if current().target.is_local:
        told: dict[str, None] = current().context.once("warnings", dict)
        told[f"on stage local {asked['name']} is {asked['name']}.localhost, at the port that outputs show: it needs no "
             "zone and no certificate"] = None
        return Domain(asked["name"], hosts, redirects, None, False)
    if zone is False and "cert" not in asked:
        raise UserError(f'the domain "{asked["name"]}" has dns=False and no certificate',
                        hint='add "cert": the ARN of a certificate for it in us-east-1')
    records = dns() if zone is True else zone
    cert = asked["cert"] if "cert" in asked else certificate(asked["name"], records, more=hosts[1:],
                                                             region="us-east-1")
    return Domain(asked["name"], hosts, redirects, cert, records)


def make_records(domain: Domain, distribution: cloudfront.Distribution) -> None:
    """Point the names at the distribution."""
    if domain.dns:
        for i, host in enumerate(domain.hosts):
            alias_records(host, distribution.domain_name, ZONE, domain.dns, str(i or ""))


def address(domain: Domain | None, distribution: cloudfront.Distribution) -> Output[str]:
    """The URL of a distribution. On stage ``local`` ``http://example.com.localhost:PORT`` stands for a domain."""
    if domain is None:
        return distribution.url
    name = domain.name
    if not current().target.is_local:
        return distribution.url.apply(lambda url: f"https://{name}")
    return distribution.url.apply(lambda url: url.replace("127.0.0.1", f"{name}.localhost"))
