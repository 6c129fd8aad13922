"""An address or a domain that mails are sent from."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Self, TypedDict, Unpack

from ..clouds.aws import sesv2, sns
from ..core.component import Component, Options
from ..core.graph import current
from ..core.link import Link
from ..core.output import Input, Output
from ..core.transform import Transform
from ..dns import Dns
from ..errors import UserError
from .dns_records import dns as route53
from .existing import SENDER, identified
from .link_permissions import Access, grants, located
from .sns_topic import SnsTopic

__all__ = ["Email", "EmailEvents", "EmailTransform", "MailFrom"]

EventType = Literal["send", "reject", "bounce", "complaint", "delivery", "delivery-delay", "rendering-failure",
                    "subscription", "open", "click"]
_TYPES = ("send", "reject", "bounce", "complaint", "delivery", "delivery-delay", "rendering-failure", "subscription",
          "open", "click")


class MailFrom(TypedDict, total=False):
    """``domain``: a subdomain of the sender's, for nothing else. ``reject_on_mx_failure``: send nothing while its MX
    record is not there, instead of from Amazon's domain; False by default."""

    domain: str
    reject_on_mx_failure: bool


class EmailEvents(TypedDict, total=False):
    """Where ``types`` of events go: to ``topic``, an ``SnsTopic`` or its ARN, or to ``bus``, the ARN of the account's
    default event bus: SES takes no other."""

    name: str
    types: Sequence[EventType]
    topic: SnsTopic | Input[str]
    bus: Input[str]


class EmailTransform(TypedDict, total=False):
    identity: Transform
    configuration_set: Transform
    mail_from: Transform


class Email(Component, kind="sst.aws.Email", parts=tuple(EmailTransform.__annotations__)):
    """Mails through SES, from an address or from all addresses of a domain.

        mail = aws.Email("Mail", sender="example.com", events=[{"name": "Lost", "types": ["bounce"], "topic": orders}])
        aws.Function("Api", handler="src/api.handler", link=[mail])     # Resource.Mail.sender

    sender: an address, whose owner gets a mail with a link to click, or a domain, proved by three records.
    dns: where the records of a domain are made, ``aws.dns()`` by default; False: nowhere, they are yours to make.
    dmarc: the domain's DMARC policy, ``"v=DMARC1; p=none;"`` by default. mail_from: a domain of yours that bounces go
    to; Amazon's by default. events: what to tell of each mail. A new account sends to verified addresses only, 200
    mails a day, until AWS lets it out of the sandbox.

    Source: SES API CreateEmailIdentity,
    https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_CreateEmailIdentity.html
    """

    def __init__(self, name: str, *, sender: str, dns: Dns | bool = True, dmarc: str | None = None,
                 mail_from: MailFrom | None = None, events: Sequence[EmailEvents] = (),
                 transform: EmailTransform | None = None, **options: Unpack[Options]) -> None:
        super().__init__(name, **options)
        self._sender = identified(sender, SENDER)
        domain = "@" not in sender
        if not domain and (odd := [k for k, v in (("dmarc", dmarc), ("mail_from", mail_from)) if v is not None]):
            raise UserError(f"{odd[0]} is for a domain; the sender {sender} is an address",
                            hint=f'sender="{sender.rpartition("@")[2]}"')
        with self.scope(transform):
            self.configuration_set = sesv2.ConfigurationSet("ConfigurationSet")
            self.identity = sesv2.EmailIdentity("Identity", name=sender,
                                                configuration_set=self.configuration_set.name)
            for given in events:
                self._declare_events(given)
            records = (route53() if dns is True else dns) or None
            if mail_from is not None:
                self._declare_mail_from(mail_from, records)
            if domain and records and not current().target.is_local:
                self._declare_records(records, dmarc or "v=DMARC1; p=none;")
        self._config_set: Output[str] = self.configuration_set.name

    @classmethod
    def get(cls, name: str, sender: str, **options: Unpack[Options]) -> Self:
        """An existing sender: one of another stage or app, which an account has once a region. It is linked like any
        other, and never changed or deleted.

            mail = aws.Email.get("Mail", "example.com")

        On stage ``local`` a sender stands in for it, unless there is one.
        """
        self = cls.existing(name, **options)
        self._sender = identified(sender, SENDER)
        with self.scope():
            self.identity = sesv2.EmailIdentity.get("Identity", name=sender)
        self._config_set = self.identity.default_configuration_set
        return self

    @property
    def sender(self) -> str:
        return self._sender

    @property
    def config_set(self) -> Output[str]:
        """The name of its configuration set."""
        return self._config_set

    def link(self, access: Access | None = None) -> Link:
        """The sender and its configuration set, and the calls that send from it."""
        return Link(self.logical_name, self.kind, located(self, {"sender": self.sender, "configSet": self.config_set}),
                    grants(self.kind, sesv2.EmailIdentity.actions, self._arns(), access))

    def _arns(self) -> list[Input[str]]:
        """What a mail needs the right to use: its sender, which may be an address of the domain that the account has
        by itself, and the configuration set."""
        own: list[Input[str]] = [self.identity.arn]
        if "@" not in self.sender:
            domain = self.sender
            own.append(self.identity.arn.apply(lambda arn: f"{arn.removesuffix(domain)}*@{domain}"))
        return [*own, self.identity.arn.apply(_sets) if not hasattr(self, "configuration_set")
                else self.configuration_set.arn]

    def _declare_events(self, given: EmailEvents) -> None:
        current().check_options(f'events of "{self.logical_name}"', given, frozenset(EmailEvents.__annotations__),
                                self.where)
        name, types = given.get("name", ""), list(given.get("types", ()))
        if not name or not types or ("topic" in given) == ("bus" in given):
            raise UserError("events need a name, types, and one of topic and bus",
                            hint='{"name": "Lost", "types": ["bounce", "complaint"], "topic": topic}')
        if odd := [t for t in types if t not in _TYPES]:
            raise UserError(f"there is no event {odd[0]!r} of mails", hint=f"one of {', '.join(_TYPES)}")
        topic, ready = given.get("topic"), []
        if isinstance(topic, SnsTopic):
            ready = [sns.TopicPolicy(f"{name}TopicPolicy", topic_arn=topic.arn,
                                     policy=_may_publish(topic.arn, self.configuration_set.arn))]
        sesv2.EventDestination(
            f"{name}Events", configuration_set=self.configuration_set.name, name=name,
            matching_event_types=sorted(t.upper().replace("-", "_") for t in types),
            sns_destination={"TopicArn": topic.arn if isinstance(topic, SnsTopic) else topic} if topic is not None
            else None,
            event_bridge_destination={"EventBusArn": given["bus"]} if "bus" in given else None, depends_on=ready)

    def _declare_mail_from(self, given: MailFrom, records: Dns | None) -> None:
        host = given.get("domain", "")
        if not host.endswith(f".{self.sender}"):
            raise UserError(f"the domain of mail_from is a subdomain of {self.sender}; it is {host!r}",
                            hint=f'mail_from={{"domain": "bounce.{self.sender}"}}')
        made = sesv2.MailFrom(
            "MailFrom", email_identity=self.identity.name, domain=host,
            behavior_on_mx_failure="REJECT_MESSAGE" if given.get("reject_on_mx_failure") else "USE_DEFAULT_VALUE")
        if records and not current().target.is_local:
            records.record("MailFromMx", host, "MX", self.identity.feedback_host)
            records.record("MailFromSpf", host, "TXT", "v=spf1 include:amazonses.com ~all")
        self.mail_from = made

    def _declare_records(self, records: Dns, dmarc: str) -> None:
        tokens = self.identity.dkim_tokens
        proofs = [records.proof(f"Dkim{i + 1}", self.sender, _dkim_name(tokens[i], self.sender),
                                tokens[i].apply(_dkim_value)) for i in range(3)]
        records.record("Dmarc", f"_dmarc.{self.sender}", "TXT", dmarc)
        sesv2.IdentityVerification("Verification", email_identity=self.identity.name, depends_on=proofs)


def _dkim_name(token: Output[str], domain: str) -> Output[str]:
    return token.apply(lambda known: f"{known}._domainkey.{domain}")


def _dkim_value(token: str) -> str:
    return f"{token}.dkim.amazonses.com"


def _sets(arn: str) -> str:
    return f"{arn.partition(':identity/')[0]}:configuration-set/*"


def _may_publish(topic: Output[str], configuration_set: Output[str]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/ses/latest/dg/configure-sns-notifications.html"""
    return {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "ses.amazonaws.com"}, "Action": "sns:Publish", "Resource": topic,
         "Condition": {"ArnLike": {"aws:SourceArn": configuration_set}}}]}
