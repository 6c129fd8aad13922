"""DNS records and certificates through Route 53."""
from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..clouds.aws import acm, route53
from ..core.graph import current
from ..core.output import Input, Output

if TYPE_CHECKING:
    from ..clouds.aws.lookup import Lookups

__all__ = ["Dns", "alias_records", "certificate", "dns"]


@dataclass(frozen=True)
class Dns:
    """Where records are made: a Route 53 hosted zone, found by the longest matching name if not given. ``override``:
    replace records that exist already."""

    zone: Input[str] | None = None
    override: bool = False


def dns(*, zone: Input[str] | None = None, override: bool = False) -> Dns:
    """Records in Route 53.

        aws.ApiGatewayV2("Api", domain={"name": "api.example.com", "dns": aws.dns(zone="Z0123456789")})

    zone: id of the hosted zone; by default the one with the longest name that the domain ends with.
    override: replace records of the same name and type that exist already; by default they are an error.
    """
    return Dns(zone, override)


def zone_of(name: str, where: Dns) -> Input[str]:
    if where.zone is not None:
        return where.zone
    lookups: Lookups = current().context.lookups
    return lookups.hosted_zone(name)


def certificate(name: str, where: Dns | bool) -> Output[str]:
    """The ARN of a new certificate for ``name``, once it is proved through DNS and issued."""
    made = acm.Certificate("Certificate", domain_name=name, validation_method="DNS")
    zone = zone_of(name, where if isinstance(where, Dns) else Dns())
    record = route53.Record("CertificateRecord", zone=zone, name=made.record_name, type_="CNAME", ttl=60,
                            records=[made.record_value], override=True)   # the same for all of an account
    return acm.CertificateValidation("CertificateValidation", certificate_arn=made.arn,
                                     depends_on=[record]).certificate_arn


def alias_records(name: str, target: Output[str], target_zone: Output[str], where: Dns | bool) -> None:
    """A and AAAA records that point at a thing of AWS."""
    given = where if isinstance(where, Dns) else Dns()
    zone = zone_of(name, given)
    for kind in ("A", "AAAA"):
        route53.Record(
            f"Dns{kind}",
            zone=zone,
            name=name,
            type_=kind,
            override=True if given.override else None,
            alias_target={"DNSName": target, "HostedZoneId": target_zone, "EvaluateTargetHealth": True},
        )
