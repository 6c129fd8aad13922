"""The custom domain of an HTTP API."""
from __future__ import annotations

from typing import TypedDict

from ...clouds.aws import apigatewayv2
from ...core.output import Input, Output
from ...dns import Dns
from ...errors import UserError
from ..dns_records import alias_records, certificate, dns

__all__ = ["ApiDomain", "make_domain"]


class ApiDomain(TypedDict, total=False):
    """``name``: the host. ``path``: serve under ``/path``. ``cert``: ARN of a certificate; made and proved through DNS
    by default. ``dns``: ``aws.dns(zone=...)`` or False to make no records. ``name_id``: an existing API Gateway domain
    name."""

    name: str
    path: str
    cert: Input[str]
    dns: Dns | bool
    name_id: Input[str]


def make_domain(api: apigatewayv2.Api, stage: apigatewayv2.Stage, domain: str | ApiDomain) -> Output[str]:
    """Certificate, domain name, mapping and DNS records; gives the URL."""
    given: ApiDomain = {"name": domain} if isinstance(domain, str) else domain
    if ("name" in given) == ("name_id" in given):
        raise UserError("a domain takes one of name and name_id", hint='domain="api.example.com"')
    if "name_id" in given:
        host: Input[str] = given["name_id"]
    else:
        host = _own(given).name
    mapping = apigatewayv2.ApiMapping("ApiMapping", api_id=api.id, domain_name=host, stage=stage.name,
                                        api_mapping_key=given.get("path"))
    path = given.get("path")
    return mapping.url.apply(lambda url: f"{url.rstrip('/')}/{path}/") if path else mapping.url


def _own(given: ApiDomain) -> apigatewayv2.DomainName:
    name, zone = given["name"], given.get("dns", True)
    if zone is False and "cert" not in given:
        raise UserError(f'the domain "{name}" has dns=False and no certificate',
                        hint='add "cert": the ARN of a certificate for it')
    where = dns() if zone is True else zone
    cert = given["cert"] if "cert" in given else certificate(name, where)
    made = apigatewayv2.DomainName("DomainName", name=name, certificate_arn=cert)
    if where:
        alias_records(name, made.target, made.hosted_zone_id, where)
    return made
