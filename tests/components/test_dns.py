"""What sst adds to providers of plugins: records of domains at Vercel, a webhook of Stripe."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import sst
from sst import aws
from sst.core.target import Target
from sst.errors import UserError
from tests.components.graphs import program, shown


def declared(declare: Callable[[], object]) -> dict[str, dict[str, Any]]:
    """The inputs of all resources by name, on stage ``local``, where providers need no lock."""
    with program(target=Target("local")) as graph:
        declare()
    return {row["urn"].rpartition("::")[2]: row["inputs"] for row in shown(graph)}


def api(host: str, domain: str) -> None:
    aws.ApiGatewayV2("Api", domain={"name": host, "dns": sst.vercel.dns(domain=domain)})


def test_records_at_vercel_are_relative_to_the_domain() -> None:
    found = declared(lambda: api("api.shop.example.com", "example.com"))
    assert found["Api/Dns"]["domain"] == "example.com" and found["Api/Dns"]["name"] == "api.shop"
    assert (found["Api/Dns"]["type"], found["Api/Dns"]["ttl"]) == ("CNAME", 60)
    assert found["Api/Dns"]["value"] == "<Api/DomainName.target>."
    proof = found["Api/CertificateRecord"]
    assert (proof["type"], proof["value"]) == ("CNAME", "<Api/Certificate.record_value>.")
    assert not [name for name in found if name.startswith("Api/DnsA")]


def test_the_domain_itself_gets_an_alias() -> None:
    found = declared(lambda: api("example.com", "Example.com."))
    assert (found["Api/Dns"]["name"], found["Api/Dns"]["type"]) == ("", "ALIAS")


@pytest.mark.parametrize(("declare", "message"), [
    (lambda: api("api.example.org", "example.com"), "api.example.org does not belong to example.com"),
    (lambda: api("badexample.com", "example.com"), "badexample.com does not belong to example.com"),
    (lambda: api("a.example.com", "com"), "'com' is not a domain name"),
    (lambda: sst.stripe.Webhook("Hook", url="https://a.example", events="invoice.paid"), "events must name types"),
    (lambda: sst.stripe.Webhook("Hook", url="https://a.example", events=[]), "events must name types"),
])
def test_mistakes(declare: Callable[[], object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        declared(declare)


def test_a_webhook_of_stripe_is_a_link_to_its_secret() -> None:
    def declare() -> None:
        hook = sst.stripe.Webhook("Payments", url="https://a.example/stripe", events=["invoice.paid", "charge.failed"],
                                  settings={"description": "payments"})
        aws.Function("Billing", handler="src/job.handler", link=[hook])

    found = declared(declare)
    assert found["Payments/Endpoint"] == {"url": "https://a.example/stripe", "description": "payments",
                                          "enabled_events": ["invoice.paid", "charge.failed"]}
    assert found["Billing/Function"]["secret_environment"] == "(secret)"
