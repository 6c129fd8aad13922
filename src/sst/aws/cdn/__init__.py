"""A CloudFront distribution, and what edge functions are made of."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self, TypedDict, Unpack

from ...clouds.aws import cloudfront
from ...core.component import Component, Options
from ...core.graph import current
from ...core.link import Link
from ...core.output import Input, Output
from ...core.transform import Transform
from ..existing import DISTRIBUTION, identified
from .domain import CdnDomain, address, domain_of, make_records

__all__ = ["Cdn", "CdnDomain", "CdnTransform"]


class CdnTransform(TypedDict, total=False):
    distribution: Transform


class Cdn(Component, kind="sst.aws.Cdn", parts=tuple(CdnTransform.__annotations__)):
    """A CloudFront distribution, as it is in CloudFront's API. ``Router`` and ``StaticSite`` are made of it; use it
    for what they can't do.

        cdn = aws.Cdn("Cdn", origins=[{"Id": "api", "DomainName": "api.example.com", "CustomOriginConfig": {
                          "HTTPPort": 80, "HTTPSPort": 443, "OriginProtocolPolicy": "https-only"}}],
                      default_cache_behavior={"TargetOriginId": "api", "ViewerProtocolPolicy": "redirect-to-https",
                                              "CachePolicyId": "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"})
        cdn.url

    Fields of origins and behaviors have the names of CloudFront's API; lists are plain lists.
    comment: what it is for. origin_groups, ordered_cache_behaviors, custom_error_responses, default_root_object:
    likewise. domain: ``"example.com"``, or ``{"name", "aliases", "redirects", "cert", "dns"}``. web_acl_arn: of a
    firewall. tags: of the distribution. A deploy does not wait until all edges have it, which takes minutes.

    Source: CloudFront API DistributionConfig,
    https://docs.aws.amazon.com/cloudfront/latest/APIReference/API_DistributionConfig.html
    """

    def __init__(self, name: str, *, origins: Sequence[Mapping[str, Any]], default_cache_behavior: Mapping[str, Any],
                 comment: Input[str] | None = None, origin_groups: Sequence[Mapping[str, Any]] | None = None,
                 ordered_cache_behaviors: Sequence[Mapping[str, Any]] | None = None,
                 default_root_object: str | None = None,
                 custom_error_responses: Sequence[Mapping[str, Any]] | None = None,
                 domain: str | CdnDomain | None = None, web_acl_arn: Input[str] | None = None,
                 tags: Mapping[str, str] | None = None, transform: CdnTransform | None = None,
                 **options: Unpack[Options]) -> None:
        super().__init__(name, **options)
        graph = current()
        with self.scope(transform):
            self._domain = domain_of(domain, self.where)
            cert = self._domain.cert if self._domain else None
            certificate = {"ACMCertificateArn": cert, "SSLSupportMethod": "sni-only",
                           "MinimumProtocolVersion": "TLSv1.2_2021"} if cert is not None else None
            self.distribution = cloudfront.Distribution(
                "Distribution", comment=comment if comment is not None else f"{graph.app} {graph.stage} {name}",
                origins=list(origins), default_cache_behavior=default_cache_behavior,
                cache_behaviors=ordered_cache_behaviors, origin_groups=origin_groups,
                aliases=list(self._domain.hosts) if self._domain else None, viewer_certificate=certificate,
                default_root_object=default_root_object, custom_error_responses=custom_error_responses,
                http_version="http2and3", web_acl_id=web_acl_arn, tags=tags)
            if self._domain:
                make_records(self._domain, self.distribution)

    @classmethod
    def get(cls, name: str, distribution_id: Input[str], **options: Unpack[Options]) -> Self:
        """An existing distribution, by its id. It is read, and never changed or deleted."""
        identified(distribution_id, DISTRIBUTION)
        self = cls.existing(name, **options)
        with self.scope():
            self.distribution = cloudfront.Distribution.get("Distribution", id=distribution_id)
        self._domain = None
        return self

    @property
    def url(self) -> Output[str]:
        """Its address: of its domain if it has one."""
        return address(self._domain, self.distribution)

    @property
    def domain_url(self) -> Output[str] | None:
        """The address of its domain; None if it has none."""
        return address(self._domain, self.distribution) if self._domain else None

    @property
    def id(self) -> Output[str]:
        """Its id, as ``Cdn.get`` takes it."""
        return self.distribution.distribution_id

    def link(self) -> Link:
        """The URL."""
        return Link(self.logical_name, self.kind, {"url": self.url})
