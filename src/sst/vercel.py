"""What sst adds to the provider of Vercel."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from . import providers
from .core.output import Input
from .core.resource import Resource
from .dns import Dns, changed
from .errors import UserError

__all__ = ["dns"]


@dataclass(frozen=True)
class VercelDns(Dns):
    """Records of type ``vercel_dns_record``.
    https://registry.terraform.io/providers/vercel/vercel/latest/docs/resources/dns_record"""

    domain: str

    def proof(self, name: str, host: str, record: Input[str], value: Input[str]) -> Resource:
        self._check(host)
        return self._record(name, type="CNAME", name=changed(record, self._relative),
                            value=changed(value, _absolute))

    def record(self, name: str, host: str, type: Literal["CNAME", "MX", "TXT"], value: Input[str]) -> Resource:
        self._check(host)
        return self._record(name, type=type, name=self._relative(host),
                            value=value if type == "TXT" else changed(value, _absolute),
                            **({"mx_priority": 10} if type == "MX" else {}))

    def alias(self, host: str, target: Input[str], zone: Input[str], suffix: str) -> None:
        self._check(host)
        own = self._relative(host)     # a CNAME can't stand beside the other records of a domain itself
        self._record(f"Dns{suffix}", type="CNAME" if own else "ALIAS", name=own,
                     value=changed(target, _absolute))

    def _record(self, id: str, *, type: str, name: Input[str], value: Input[str], **more: Any) -> Resource:
        made: Resource = providers.vercel.DnsRecord(id, domain=self.domain, name=name, type=type, ttl=60, value=value,
                                                    **more)
        return made

    def _relative(self, host: str) -> str:
        return host.rstrip(".").removesuffix(self.domain).rstrip(".")

    def _check(self, host: str) -> None:
        if host != self.domain and not host.endswith(f".{self.domain}"):
            raise UserError(f"{host} does not belong to {self.domain}",
                            hint="domain= of sst.vercel.dns is the domain in Vercel that has the records")


def _absolute(host: str) -> str:
    return host if host.endswith(".") else f"{host}."


def dns(*, domain: str) -> Dns:
    """Records of a domain whose DNS is at Vercel.

        aws.Router("Web", domain={"name": "shop.example.com", "dns": sst.vercel.dns(domain="example.com")})

    domain: the domain in your account of Vercel.

    It needs the provider `vercel` (``sst add vercel``) and its token in ``VERCEL_API_TOKEN``; a domain of a team needs
    the setting ``team`` of the provider. Other DNS services have providers, too: with ``"dns": False`` their records
    are made with these, from the outputs of the component.
    """
    if not isinstance(domain, str) or "." not in domain.strip("."):
        raise UserError(f"{domain!r} is not a domain name", hint='sst.vercel.dns(domain="example.com")')
    return VercelDns(domain.lower().strip("."))
