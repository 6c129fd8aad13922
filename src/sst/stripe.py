"""What sst adds to the provider of Stripe."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from . import providers
from .core.component import Component
from .core.link import Link
from .core.output import Input, Output
from .errors import UserError

__all__ = ["Webhook"]


class Webhook(Component, kind="sst.stripe.Webhook"):
    """An endpoint of yours that Stripe calls, with its signing secret as a link.

        hook = sst.stripe.Webhook("Payments", url=f"{api.url}/stripe", events=["invoice.paid"])
        aws.Function("Billing", handler="src/billing.handler", link=[hook])     # Resource.Payments.secret

    url: where Stripe sends events; HTTPS on every stage but ``local``.
    events: types of events, as ``invoice.paid``; ``["*"]`` is all but those that must be named.
    settings: further arguments of ``stripe.WebhookEndpoint``, as ``{"description": "..."}``.

    It needs the provider `stripe` (``sst add stripe``) and its key in ``STRIPE_API_KEY``. Stripe tells the secret once,
    when the endpoint is created: one that was imported has none. On stage ``local`` both are placeholders.
    https://docs.stripe.com/api/webhook_endpoints
    """

    def __init__(self, name: str, *, url: Input[str], events: Sequence[str],
                 settings: Mapping[str, Any] | None = None) -> None:
        super().__init__(name)
        if isinstance(events, str) or not events or not all(isinstance(e, str) and e for e in events):
            raise UserError(f"events must name types of events, not {events!r}", hint='events=["invoice.paid"]')
        with self.scope():
            self.endpoint = providers.stripe.WebhookEndpoint(
                "Endpoint", url=url, enabled_events=list(events), **(settings or {}))
        self.secret: Output[str] = self.endpoint.secret.as_secret()
        """What the signatures of events are verified with."""

    @property
    def url(self) -> Output[str]:
        """Where Stripe sends events."""
        url: Output[str] = self.endpoint.url
        return url

    def link(self) -> Link:
        return Link(self.logical_name, self.kind, {"secret": self.secret})
