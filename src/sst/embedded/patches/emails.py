"""SES: an identity is made once, has a configuration set and a domain for bounces, mails cause events, and a right to
send is one on the sender. The last 1,000 mails are kept, over restarts too.

The emulator makes an identity again over the one that is there, does not know these two calls, keeps apart the
configuration sets of its two APIs, publishes no events of a configuration set, asks for the right to send from
anybody, and forgets the mails when it ends. Mails are kept, not sent; those to
Amazon's mailbox simulator bounce, or cause a complaint. Source:
https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_CreateEmailIdentity.html,
https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html and
https://docs.aws.amazon.com/ses/latest/dg/monitoring-eventbridge.html. Goes when ministack has these calls and publishes
events; last checked with 1.5.33.
"""
from __future__ import annotations

import copy
import functools
import json
import re
import uuid
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parseaddr
from typing import Any
from urllib.parse import unquote

from sst.embedded.patches.rights import Delivery, refused
from sst.embedded.settings import Settings

__all__ = ["NEEDS", "apply"]

NEEDS: Mapping[str, str] = {
    "core.iam_actions:extract_resource_arn":
        "(service, method, path, headers, body, query_params, region, account_id)",
    "core.responses:AccountRegionScopedDict": "class (self)",
    "core.responses:get_account_id": "()",
    "core.responses:get_region": "()",
    "core.responses:request_scope": "(account_id, region)",
    "services.eventbridge:_put_events": "(data, allow_aws_source=False)",
    "services.ses:_SIMULATOR_DOMAIN": "str",
    "services.ses:_SIMULATOR_OUTCOMES": "dict",
    "services.ses:_configuration_sets": "AccountRegionScopedDict",
    "services.ses:_domain_and_parents": "(domain)",
    "services.ses:_identities": "AccountRegionScopedDict",
    "services.ses:_notification_detail": "(kind, rcpt, ts, bounce_subtype=None)",
    "services.ses:_parse_raw_mime": "(raw_b64)",
    "services.ses:_send_notifications": "(msg_id, source, recipients)",
    "services.ses:_sent_emails": "AccountRegionScopedDict",
    "services.ses:_sent_emails_list": "()",
    "services.ses:get_state": "()",
    "services.ses:load_persisted_state": "(data)",
    "services.ses_v2:_sent_emails_list": "()",
    "services.ses_v2:_config_sets": "AccountRegionScopedDict",
    "services.ses_v2:_identities": "AccountRegionScopedDict",
    "services.ses_v2:_json_err": "(code, message, status=400)",
    "services.ses_v2:handle_request": "async (method, path, headers, body, query_params)",
    "services.ses_v2:json_response": "(data, status=200, *, content_type='application/x-amz-json-1.0')",
    "services.sns:_fanout":
        "(topic_arn, msg_id, message, subject, message_structure='', message_attributes=None, message_group_id='', "
        "message_dedup_id='')",
}

_SES = "ses.amazonaws.com"
_DETAIL_TYPES = {"Send": "Email Sent", "Delivery": "Email Delivered", "Bounce": "Email Bounced",
                 "Complaint": "Email Complaint Received"}
_KEPT, _STORE = 1000, "_sst_mails"
_OF_IDENTITY = re.compile(r"/identities/([^/]+)/(mail-from|configuration-set)")


def apply(settings: Settings) -> None:
    from ministack.core import iam_actions
    from ministack.services import ses, ses_v2

    resource_of = iam_actions.extract_resource_arn

    def extract_resource_arn(service: str, method: str, path: str, headers: Any, body: Any, query: Any, region: str,
                             account: str) -> str:
        if service == "ses" and (sender := _sender(method, path, body, query)):
            return f"arn:aws:ses:{region}:{account}:identity/{_identity_of(sender)}"
        return str(resource_of(service, method, path, headers, body, query, region, account))

    iam_actions.extract_resource_arn = extract_resource_arn
    _keep_mails()
    handle, notify = ses_v2.handle_request, ses._send_notifications

    async def handle_request(method: str, path: str, headers: Any, body: Any, query: Any) -> Any:
        sub, data = path.rstrip("/").removeprefix("/v2/email"), _json(body)
        if method == "PUT" and (of := _OF_IDENTITY.fullmatch(sub)):
            return _change(unquote(of[1]), of[2], data)
        name = str(data.get("EmailIdentity", ""))
        if (method, sub) == ("POST", "/identities") and name in ses_v2._identities:
            return ses_v2._json_err("AlreadyExistsException", f"Email identity {name} already exist.")
        answer = await handle(method, path, headers, body, query)
        if method in ("POST", "DELETE") and answer[0] == 200:
            _made(method, sub, data)
        return answer

    def send_notifications(message: str, source: str, recipients: Any) -> None:
        notify(message, source, recipients)
        sent = ses._sent_emails_list()[-1]
        _publish(str(sent.get("ConfigurationSetName") or ""), sent)

    ses_v2.handle_request, ses._send_notifications = handle_request, send_notifications


class _Mails(list[Any]):
    """The mails of an account and region; each is an entry of ``store`` too, which is saved as what changes in it."""

    def __init__(self, store: Any) -> None:
        super().__init__(sorted(store.values(), key=lambda mail: float(mail["Timestamp"])))
        self._store = store

    def append(self, mail: Any) -> None:
        super().append(mail)
        self._store[mail["MessageId"]] = mail
        while len(self) > _KEPT:
            self._store.pop(self.pop(0)["MessageId"], None)


def _keep_mails() -> None:
    from ministack.core.responses import AccountRegionScopedDict, request_scope
    from ministack.services import ses, ses_v2

    store: Any = AccountRegionScopedDict()
    setattr(ses, _STORE, store)     # what a service has saves itself
    save, load = ses.get_state, ses.load_persisted_state

    def sent_emails_list() -> Any:
        if "entries" not in ses._sent_emails:
            ses._sent_emails["entries"] = _Mails(store)
        return ses._sent_emails["entries"]

    @functools.wraps(save)
    def get_state() -> Any:
        return {**save(), _STORE: copy.deepcopy(store)}

    @functools.wraps(load)
    def load_persisted_state(data: Any) -> Any:
        loaded = load(data)
        store.update(data.get(_STORE) or {})
        for account, region in {key[:2] for key in store.to_dict()}:
            with request_scope(account, region):
                sent_emails_list()
        return loaded

    ses._sent_emails_list = ses_v2._sent_emails_list = sent_emails_list
    ses.get_state, ses.load_persisted_state = get_state, load_persisted_state


def _sender(method: str, path: str, body: Any, query: Any) -> str:
    """Who a mail is from; empty for calls that send none."""
    from ministack.services import ses

    if method == "POST" and path.rstrip("/").endswith(("/outbound-emails", "/outbound-bulk-emails")):
        data = _json(body)
        given, raw = data.get("FromEmailAddress"), ((data.get("Content") or {}).get("Raw") or {}).get("Data")
    else:
        asked = {k: str(v[0] if isinstance(v, list) else v) for k, v in (query or {}).items()}
        if not asked.get("Action", "").startswith("Send") or asked["Action"] == "SendCustomVerificationEmail":
            return ""
        given, raw = asked.get("Source"), asked.get("RawMessage.Data")
    return parseaddr(str(given or (ses._parse_raw_mime(raw) if raw else {}).get("From") or ""))[1]


def _identity_of(sender: str) -> str:
    """The identity of SES that an address sends by: its own, else the nearest domain's."""
    from ministack.services import ses, ses_v2

    domains = ses._domain_and_parents(sender.rpartition("@")[2].lower())
    return next((name for name in (sender, *domains) if name in ses_v2._identities or name in ses._identities), sender)


def _json(body: Any) -> dict[str, Any]:
    try:
        found = json.loads(body) if body else {}
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _change(name: str, what: str, data: Mapping[str, Any]) -> Any:
    from ministack.services import ses_v2

    kept = ses_v2._identities.get(name)
    if kept is None:
        return ses_v2._json_err("NotFoundException", f"Email identity <{name}> does not exist.", 404)
    if what == "configuration-set":
        kept.pop("ConfigurationSetName", None)
        chosen = {k: v for k, v in data.items() if k == "ConfigurationSetName" and v}
        if chosen and chosen["ConfigurationSetName"] not in ses_v2._config_sets:
            return ses_v2._json_err("NotFoundException",
                                    f"Configuration set <{chosen['ConfigurationSetName']}> does not exist.", 404)
        ses_v2._identities[name] = {**kept, **chosen}
    else:
        domain = data.get("MailFromDomain")
        ses_v2._identities[name] = {**kept, "MailFromAttributes": {
            "BehaviorOnMxFailure": data.get("BehaviorOnMxFailure") or "USE_DEFAULT_VALUE",
            **({"MailFromDomain": domain, "MailFromDomainStatus": "SUCCESS"} if domain else {})}}
    return ses_v2.json_response({})


def _made(method: str, sub: str, data: Mapping[str, Any]) -> None:
    """After a call of the second API that was answered."""
    from ministack.services import ses, ses_v2

    name = str(data.get("ConfigurationSetName") or "")
    if method == "DELETE" and (gone := re.fullmatch(r"/configuration-sets/([^/]+)", sub)):
        ses._configuration_sets.pop(unquote(gone[1]), None)
    elif sub == "/configuration-sets":
        ses._configuration_sets[name] = {"Name": name, "CreatedTimestamp": _now()}
    elif sub == "/identities" and name:
        identity = str(data["EmailIdentity"])
        ses_v2._identities[identity] = {**ses_v2._identities[identity], "ConfigurationSetName": name}
    elif sub == "/outbound-emails":
        _publish(name, ses._sent_emails_list()[-1])


def _publish(name: str, sent: Mapping[str, Any]) -> None:
    """Tell the event destinations of a configuration set, or that of the sender, what becomes of a mail."""
    from ministack.services import ses_v2

    source = parseaddr(str(sent.get("Source", "")))[1]
    name = name or str((ses_v2._identities.get(_identity_of(source)) or {}).get("ConfigurationSetName") or "")
    destinations = [d for d in ((ses_v2._config_sets.get(name) or {}).get("EventDestinations") or {}).values()
                    if d.get("Enabled")]
    for kind, event in _events(name, source, sent) if destinations else ():
        for destination in destinations:
            if kind.upper() in destination["MatchingEventTypes"]:
                _deliver(name, destination, kind, event)


def _events(name: str, source: str, sent: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    from ministack.services import ses

    at, to = _now(), [address for key in ("To", "CC", "BCC") for address in sent.get(key) or ()]
    mail = {"timestamp": at, "source": source, "messageId": sent["MessageId"], "destination": to,
            "commonHeaders": {"from": [sent.get("Source", "")], "to": list(sent.get("To") or ()),
                              "subject": sent.get("Subject", ""), "messageId": sent["MessageId"]},
            "tags": {"ses:configuration-set": [name], "ses:from-domain": [source.rpartition("@")[2]]}}
    yield "Send", {"eventType": "Send", "mail": mail, "send": {}}
    for address in (parseaddr(one)[1] for one in to):
        user, _, domain = address.partition("@")
        outcomes: Any = (("Delivery", None),)
        if domain.lower() == ses._SIMULATOR_DOMAIN:
            outcomes = ses._SIMULATOR_OUTCOMES.get(user.lower().split("+")[0], outcomes)
        for kind, more in outcomes:
            yield kind, {"eventType": kind, "mail": mail, **ses._notification_detail(kind, address, at, more)}


def _deliver(name: str, destination: Mapping[str, Any], kind: str, event: dict[str, Any]) -> None:
    from ministack.core.responses import get_account_id, get_region
    from ministack.services import eventbridge, sns

    own = f"arn:aws:ses:{get_region()}:{get_account_id()}:configuration-set/{name}"
    if topic := (destination.get("SnsDestination") or {}).get("TopicArn"):
        if not refused(Delivery(_SES, own, "sns:Publish", topic)):
            sns._fanout(topic, str(uuid.uuid4()), json.dumps(event), "Amazon SES Email Event Notification")
    elif destination.get("EventBridgeDestination"):
        eventbridge._put_events({"Entries": [{
            "Source": "aws.ses", "DetailType": _DETAIL_TYPES[kind], "Detail": json.dumps(event),
            "Resources": [own]}]}, allow_aws_source=True)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
