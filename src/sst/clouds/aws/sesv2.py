"""SES: https://docs.aws.amazon.com/ses/latest/APIReference-V2/Welcome.html"""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from ...core.output import Output
from ...core.resource import Arg, out, prop
from .columns import Grant, Import, Listing, Tagging, call, grant
from .table import AwsResource, Calls

__all__ = ["ConfigurationSet", "EmailIdentity", "EventDestination", "IdentityVerification", "MailFrom"]

BUSY = ("ConcurrentModificationException",)
GONE = ("NotFoundException",)
SEND = "ses:SendEmail ses:SendRawEmail ses:SendTemplatedEmail ses:SendBulkEmail ses:SendBulkTemplatedEmail"
SENDS: Mapping[str, tuple[Grant, ...]] = {name: (grant(SEND),) for name in ("write", "read-write")} | {
    "full": (grant("ses:*"),)}
_TAGS = Tagging(add=call("tag_resource", ResourceArn="$arn", Tags="$tags"),
                remove=call("untag_resource", ResourceArn="$arn", TagKeys="$tag_keys"),
                show=call("list_tags_for_resource", ResourceArn="$arn"), in_read=False)


class EmailIdentity(AwsResource, type="aws.sesv2.EmailIdentity", service="sesv2"):
    """An address or a domain that mails are sent from. An account has it once a region, for all apps and stages."""

    name: Arg[str] = prop("EmailIdentity", replace=True, read="")
    configuration_set: Arg[str] = prop("ConfigurationSetName", default=None)
    tags: Arg[Mapping[str, str]] = prop(default=None)

    arn: Output[str] = out("=arn:$partition:ses:$region:$account:identity/$name")
    dkim_tokens: Output[list[str]] = out("DkimAttributes.Tokens")
    """Of a domain, three: make a CNAME ``TOKEN._domainkey.DOMAIN`` → ``TOKEN.dkim.amazonses.com`` for each."""

    default_configuration_set: Output[str] = out("ConfigurationSetName", volatile=True)
    feedback_host: Output[str] = out("=feedback-smtp.$region.amazonses.com")
    """Where the MX record of a ``MailFrom`` leads."""

    stand_in: ClassVar[Mapping[str, Any]] = {}
    create = call("create_email_identity", retry=BUSY)
    read = call("get_email_identity", EmailIdentity="$name")
    lookup = call("get_email_identity", EmailIdentity="$name")
    update = (call("put_email_identity_configuration_set_attributes", EmailIdentity="$name",
                   properties="configuration_set", idempotent=True),)
    omitted_when_unset = frozenset({"configuration_set"})
    reset_call = {"configuration_set": call("put_email_identity_configuration_set_attributes", EmailIdentity="$name",
                                            idempotent=True)}
    delete = call("delete_email_identity", EmailIdentity="$name", retry=BUSY, idempotent=True)
    not_found_codes = GONE
    tagging = _TAGS
    listing = Listing("list_email_identities", "EmailIdentities[].{name: IdentityName}",
                      ("NextToken", "NextToken"), {}, call("list_tags_for_resource", ResourceArn="$arn"), "$arn")
    imports = Import("aws_sesv2_email_identity", "{emailIdentity}")
    actions = SENDS

    @classmethod
    def outputs(cls, provider: Calls, answer: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
        """The answer of a change does not tell the configuration set, which then is that of the program."""
        made = super().outputs(provider, answer, known)
        return {**made, "default_configuration_set": answer.get("ConfigurationSetName")
                or known.get("configuration_set") or ""}


class ConfigurationSet(AwsResource, type="aws.sesv2.ConfigurationSet", service="sesv2"):
    """How mails are sent, and where the events of them go."""

    name: Arg[str] = prop("ConfigurationSetName", limit=64, replace=True, default=None)
    tls_policy: Arg[str] = prop("DeliveryOptions.TlsPolicy", default=None)
    """``REQUIRE``: no mail without TLS. ``OPTIONAL`` by default."""
    reputation_metrics: Arg[bool] = prop("ReputationOptions.ReputationMetricsEnabled", default=None)
    suppressed_reasons: Arg[Sequence[str]] = prop("SuppressionOptions.SuppressedReasons", default=None)
    tags: Arg[Mapping[str, str]] = prop(default=None)

    arn: Output[str] = out("=arn:$partition:ses:$region:$account:configuration-set/$name")

    create = call("create_configuration_set", retry=BUSY)
    read = call("get_configuration_set", ConfigurationSetName="$name")
    update = (
        call("put_configuration_set_delivery_options", ConfigurationSetName="$name", properties="tls_policy",
             wire={"tls_policy": "TlsPolicy"}, idempotent=True),
        call("put_configuration_set_reputation_options", ConfigurationSetName="$name", properties="reputation_metrics",
             wire={"reputation_metrics": "ReputationMetricsEnabled"}, idempotent=True),
        call("put_configuration_set_suppression_options", ConfigurationSetName="$name",
             properties="suppressed_reasons", wire={"suppressed_reasons": "SuppressedReasons"}, idempotent=True))
    reset_value = {"tls_policy": "OPTIONAL", "reputation_metrics": False, "suppressed_reasons": []}
    delete = call("delete_configuration_set", ConfigurationSetName="$name", retry=BUSY, idempotent=True)
    not_found_codes = GONE
    tagging = _TAGS
    listing = Listing("list_configuration_sets", "ConfigurationSets[].{name: @}", ("NextToken", "NextToken"), {},
                      call("list_tags_for_resource", ResourceArn="$arn"), "$arn", order=1)
    imports = Import("aws_sesv2_configuration_set", "{configurationSetName}")


class EventDestination(AwsResource, type="aws.sesv2.EventDestination", service="sesv2"):
    """Where events of a configuration set's mails go: a topic, or the account's own event bus."""

    configuration_set: Arg[str] = prop("ConfigurationSetName", replace=True)
    name: Arg[str] = prop("EventDestinationName", limit=64, replace=True, read="Name", default=None)
    enabled: Arg[bool] = prop("EventDestination.Enabled", default=True, read="Enabled")
    matching_event_types: Arg[Sequence[str]] = prop("EventDestination.MatchingEventTypes", read="MatchingEventTypes")
    sns_destination: Arg[Mapping[str, Any]] = prop("EventDestination.SnsDestination", default=None, replace=True,
                                                   read="SnsDestination")
    event_bridge_destination: Arg[Mapping[str, Any]] = prop("EventDestination.EventBridgeDestination", default=None,
                                                            replace=True, read="EventBridgeDestination")

    identity = "key"
    identifier = "$configuration_set/$name"
    create = call("create_configuration_set_event_destination")
    read = call("get_configuration_set_event_destinations", ConfigurationSetName="$configuration_set")
    item = "EventDestinations[?Name == $name] | [0]"
    update = (call("update_configuration_set_event_destination", ConfigurationSetName="$configuration_set",
                   EventDestinationName="$name", idempotent=True,
                   properties="enabled matching_event_types sns_destination event_bridge_destination"),)
    delete = call("delete_configuration_set_event_destination", ConfigurationSetName="$configuration_set",
                  EventDestinationName="$name", idempotent=True)
    not_found_codes = GONE
    imports = Import("aws_sesv2_configuration_set_event_destination", "{configurationSetName}/{eventDestinationName}")


class MailFrom(AwsResource, type="aws.sesv2.MailFrom", service="sesv2"):
    """The domain that mails come from on the way: bounces go there."""

    email_identity: Arg[str] = prop("EmailIdentity", replace=True, read="")
    domain: Arg[str] = prop("MailFromDomain", read="MailFromAttributes.MailFromDomain")
    behavior_on_mx_failure: Arg[str] = prop("BehaviorOnMxFailure", default=None,
                                            read="MailFromAttributes.BehaviorOnMxFailure")

    identity = "once"
    identifier = "$email_identity"
    create = call("put_email_identity_mail_from_attributes", idempotent=True)
    read = call("get_email_identity", EmailIdentity="$email_identity")
    exists_if = "MailFromAttributes.MailFromDomain"
    update = (create,)
    delete = call("put_email_identity_mail_from_attributes", EmailIdentity="$email_identity", idempotent=True)
    not_found_codes = GONE
    imports = Import("aws_sesv2_email_identity_mail_from_attributes", "{emailIdentity}")


class IdentityVerification(AwsResource, type="aws.sesv2.IdentityVerification", service="sesv2"):
    """Waits until SES has seen the records of a domain."""

    email_identity: Arg[str] = prop("EmailIdentity", replace=True, read="")

    identity = "once"
    identifier = "$email_identity"
    create = call("get_email_identity", until="VerifiedForSendingStatus", idempotent=True,
                  stuck="SES has not seen the records of the domain: look at its DNS, and deploy again")
    read = call("get_email_identity", EmailIdentity="$email_identity")
    exists_if = "VerifiedForSendingStatus"
    not_found_codes = GONE
