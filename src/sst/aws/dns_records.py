"""DNS records and certificates through Route 53."""
from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from ..core.graph import current
from ..core.output import Input, Output
from ..dns import Dns, changed
from ..records import dataclass

if TYPE_CHECKING:
    from ..clouds.aws import route53
    from ..clouds.aws.lookup import Lookups

__all__ = ["alias_records", "certificate", "dns"]


@dataclass(frozen=True)
class Route53(Dns):
    """``zone``: id of the hosted zone, found by the longest matching name if not given. ``override``: replace records
    that exist already."""

    zone: Input[str] | None = None
    override: bool = False

    def proof(self, name: str, host: str, record: Input[str], value: Input[str]) -> route53.Record:
        from ..clouds.aws import route53

        return route53.Record(name, zone=self._zone_of(host), type="CNAME", ttl=60, override=True, name=record,
                              records=[value])

    def record(self, name: str, host: str, type: Literal["CNAME", "MX", "TXT"], value: Input[str]) -> route53.Record:
        from ..clouds.aws import route53

        form = {"CNAME": "{}", "MX": "10 {}", "TXT": '"{}"'}[type]
        text = changed(value, lambda known: form.format(known))
        return route53.Record(name, zone=self._zone_of(host), type=type, ttl=300, name=host, records=[text],
                              override=True if self.override else None)

    def alias(self, host: str, target: Input[str], zone: Input[str], suffix: str) -> None:
        from ..clouds.aws import route53

        own = self._zone_of(host)
        for kind in ("A", "AAAA"):
            route53.Record(f"Dns{kind}{suffix}", zone=own, name=host, type=kind,
                           override=True if self.override else None,
                           alias_target={"DNSName": target, "HostedZoneId": zone, "EvaluateTargetHealth": True})

    def _zone_of(self, name: str) -> Input[str]:
        if self.zone is not None:
            return self.zone
        lookups: Lookups = current().context.lookups
        return lookups.hosted_zone(name)


def dns(*, zone: Input[str] | None = None, override: bool = False) -> Dns:
    """Records in Route 53.

        aws.ApiGatewayV2("Api", domain={"name": "api.example.com", "dns": aws.dns(zone="Z0123456789")})

    zone: id of the hosted zone; by default the one with the longest name that the domain ends with.
    override: replace records of the same name and type that exist already; by default they are an error.
    """
    return Route53(zone, override)


def certificate(name: str, where: Dns | bool, *, more: Sequence[str] = (), region: str | None = None) -> Output[str]:
    """The ARN of a new certificate for ``name`` and ``more`` names, once it is proved through DNS and issued.
    CloudFront wants its certificates in the region us-east-1."""
    from ..clouds.aws import acm

    made = acm.Certificate("Certificate", domain_name=name, validation_method="DNS", region=region,
                           alternative_names=list(more) or None)
    given = where if isinstance(where, Dns) else Route53()
    records = []
    for i, host in enumerate((name, *more)):     # the same record for all of an account
        proof = made.records[i] if i else None
        records.append(given.proof(
            f"CertificateRecord{i or ''}", host, made.record_name if proof is None else proof["Name"],
            made.record_value if proof is None else proof["Value"]))
    return acm.CertificateValidation("CertificateValidation", certificate_arn=made.arn, region=region,
                                     depends_on=records).certificate_arn


def alias_records(name: str, target: Output[str], target_zone: Input[str], where: Dns | bool,
                  suffix: str = "") -> None:
    """Records that make ``name`` lead to a host of AWS. ``suffix`` tells those of several names apart."""
    (where if isinstance(where, Dns) else Route53()).alias(name, target, target_zone, suffix)
