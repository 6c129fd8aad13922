"""API Gateway and ACM."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.torture.proxy import Refuse

from ..account import Account
from ..request import ApiRequest
from ..rule import after, rule, shown

RELEASED = 900.0
"""Seconds that a certificate is in use after the domain that used it is gone."""


@shown(
    "apigatewayv2.GetApi apigatewayv2.CreateApi apigatewayv2.UpdateApi",
    source="https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-cors.html",
)
def lower_case_headers(request: ApiRequest, account: Account, answer: dict[str, Any]) -> Mapping[str, Any]:
    """Names of headers come back in lower case."""
    cors = answer.get("corsConfiguration")
    if not isinstance(cors, Mapping):
        return answer
    lower = {k: [h.lower() for h in v] for k, v in cors.items() if k in ("allowHeaders", "exposeHeaders") and v}
    return {**answer, "corsConfiguration": {**cors, **lower}}


@after("apigatewayv2.CreateDomainName", "apigatewayv2.UpdateDomainName")
def domain(request: ApiRequest, account: Account) -> None:
    name = str(request.params.get("domainName"))
    for c in request.params.get("domainNameConfigurations") or ():
        before = account.fact("domain", name).get("certificate")
        if before and before != c.get("certificateArn"):
            account.mark("certificate-released", before)
        account.fact("domain", name)["certificate"] = c.get("certificateArn")


@after("apigatewayv2.DeleteDomainName")
def domain_removed(request: ApiRequest, account: Account) -> None:
    name = str(request.params.get("domainName"))
    if arn := account.fact("domain", name).get("certificate"):
        account.mark("certificate-released", arn)
    account.forget("domain", name)


@rule(
    "acm.DeleteCertificate",
    source="https://github.com/hashicorp/terraform-provider-aws/blob/main/internal/service/acm/certificate.go",
)
def certificate_in_use(request: ApiRequest, account: Account) -> Refuse | None:
    """A certificate of an API Gateway domain stays in use for up to a quarter of an hour after the domain is gone."""
    arn = str(request.params.get("CertificateArn"))
    used = any(f.get("certificate") == arn for (kind, _), f in account.facts.items() if kind == "domain")
    if used or account.age("certificate-released", arn) < RELEASED:
        return Refuse("ResourceInUseException", 400, f"Certificate {arn} in account 000000000000 is in use.")
    return None
