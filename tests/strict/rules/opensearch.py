"""OpenSearch Service."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.torture.proxy import Refuse

from ..account import Account
from ..request import ApiRequest
from ..rule import after, rule, shown

CREATING, MODIFYING = 900.0, 600.0
"""Seconds that a domain is being created and changed."""
API = "https://docs.aws.amazon.com/opensearch-service/latest/APIReference"


def _name(request: ApiRequest) -> str:
    return str(request.params.get("DomainName") or "")


def _creating(name: str, account: Account) -> bool:
    return account.age("domain", name) < CREATING


def _busy(name: str, account: Account) -> bool:
    return _creating(name, account) or account.age("domain-change", name) < MODIFYING


@after("opensearch.CreateDomain")
def made(request: ApiRequest, account: Account) -> None:
    account.mark("domain", _name(request))


@after("opensearch.UpdateDomainConfig opensearch.UpgradeDomain")
def changed(request: ApiRequest, account: Account) -> None:
    account.mark("domain-change", _name(request))


@rule("opensearch.UpdateDomainConfig opensearch.UpgradeDomain", source=f"{API}/API_UpdateDomainConfig.html")
def domain_busy(request: ApiRequest, account: Account) -> Refuse | None:
    """A domain that is being created or changed takes no other change."""
    if _busy(_name(request), account):
        return Refuse("ValidationException", 400, "A change/update is in progress. Please wait for it to complete "
                                                  "before requesting another change.")
    return None


@shown("opensearch.DescribeDomain", source=f"{API}/API_DomainStatus.html")
def domain_status(request: ApiRequest, account: Account, answer: dict[str, Any]) -> Mapping[str, Any]:
    """A domain is Processing for minutes after its creation, without an endpoint, and after each change."""
    domain, name = dict(answer["DomainStatus"]), _name(request)
    if _creating(name, account):
        domain.pop("Endpoint", None)
    return {**answer, "DomainStatus": {**domain, "Processing": domain["Processing"] or _busy(name, account)}}
