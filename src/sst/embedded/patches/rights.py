"""Who may deliver: each delivery of one service to another is asked for as AWS asks, and each refusal is said.

A service is let in by the policy of what it delivers to, or by the role that it was given. The emulator asks for S3 and
SNS to queues and topics alone. A refusal is one line in ``cloud.log`` and in ``sst dev``, a failed call in the trace,
and a metric where AWS has one. Nothing is asked when the cloud runs without IAM.

Goes when ministack asks for every delivery; last checked with 1.5.33.
"""
from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sst.embedded import trace
from sst.embedded.aws_call import AwsCall
from sst.embedded.patches import functions
from sst.embedded.recorder import recorder
from sst.embedded.settings import Settings

__all__ = ["NEEDS", "Delivery", "apply", "count", "named", "refused", "role_lacks", "trusts"]

NEEDS: Mapping[str, str] = {
    "core.iam_evaluator:EvalContext":
        "class (self, principal_arn, principal_type, principal_account, action, resource_arn, region, "
        "source_ip=<factory>, secure_transport=<factory>, request_tags=<factory>, tag_keys=<factory>, "
        "service_context=<factory>, principal_keys=<factory>)",
    "core.iam_evaluator:_permissions_boundary": "(store, name, account_id)",
    "core.iam_evaluator:_gather_role_policies": "(role_name, account_id)",
    "core.iam_evaluator:_resource_policy": "(service, resource_arn)",
    "core.iam_evaluator:combine_resource_policy": "(identity, ctx, policy, owner_account, required=False, limits=())",
    "core.iam_evaluator:evaluate": "(ctx, policies, *limits)",
    "core.iam_evaluator:evaluate_resource_policy":
        "(doc, ctx, service=None, named_only=False, direct_only=False)",
    "core.iam_evaluator:parse_policy_document": "(doc)",
    "core.responses:get_account_id": "()",
    "core.responses:get_region": "()",
    "services.cloudwatch:_store_datum": "(namespace, name, dims, ts, unit, value, values, counts, stat_values)",
    "services.iam:_roles": "AccountScopedDict",
    "services.s3:_bucket_tags": "AccountScopedDict",
    "services.sns:topic_policy_allows": "(topic_arn, service, source_arn, source_account)",
    "services.sqs:queue_policy_allows": "(queue_arn, service, source_arn, source_account)",
    "services.tagging:resource_tags": "(arn)",
}

_log = logging.getLogger("sst.rights")
_QUIET_SECONDS = 10.0
"""The same refusal is said again after so long, with how often it happened meanwhile."""
_KINDS = {"sqs": "queue", "sns": "topic", "lambda": "function", "s3": "bucket", "iam": "role", "execute-api": "API",
          "states": "state machine", "kinesis": "stream", "dynamodb": "stream of table", "scheduler": "schedule",
          "cognito-idp": "user pool", "elasticloadbalancing": "target group"}
_VERBS = {"sqs:SendMessage": "send to", "sns:Publish": "publish to", "lambda:InvokeFunction": "call",
          "states:StartExecution": "start", "events:PutEvents": "send events to"}
_READS = ("Receive", "Get", "Describe", "List", "Delete")

_asks = False


@dataclass(frozen=True)
class Delivery:
    """``source`` (an ARN) delivers to ``target`` as ``service``, or as ``role`` if it was given one."""

    service: str
    """``events.amazonaws.com``."""
    source: str
    action: str
    """``sqs:SendMessage``."""
    target: str
    role: str = ""
    may_use_policy: bool = True
    """Whether the policy of the target may allow what the role does not."""


def apply(settings: Settings) -> None:
    global _asks
    _asks = settings.iam
    from ministack.core import iam_evaluator
    from ministack.services import sns, sqs

    parse = iam_evaluator.parse_policy_document
    parse_text = lru_cache(2048)(parse)
    iam_evaluator.parse_policy_document = lambda doc: parse_text(doc) if isinstance(doc, str) else parse(doc)

    def allows(action: str) -> Callable[[str, str, str, str], bool]:
        return lambda target, service, source, account: not refused(Delivery(service, source, action, target))

    sqs.queue_policy_allows = allows("sqs:SendMessage")
    sns.topic_policy_allows = allows("sns:Publish")


def refused(delivery: Delivery) -> str:
    """Why it is refused, after it was said; "" if it is allowed. Runs in the scope of the account and region."""
    if not _asks:
        return ""
    why = _role_refusal(delivery) if delivery.role else _policy_refusal(delivery)
    if why:
        verb = _VERBS.get(delivery.action) or ("read from" if delivery.action.partition(":")[2].startswith(_READS)
                                               else f"do {delivery.action} on")
        _say(delivery, f"{named(delivery.source)} may not {verb} {named(delivery.target)}: {why}")
    return why


def role_lacks(role: str, actions: tuple[str, ...], target: str) -> str:
    """The first of ``actions`` that the role may not do on ``target``; "" if it may do all, or nothing is asked."""
    if not _asks:
        return ""
    return next((action for action in actions if _as_role(role, action, target, may_use_policy=True) != "Allow"), "")


def trusts(role: str, service: str, source: str = "") -> bool:
    """Whether the role may be assumed by ``service``."""
    found = _role(role)
    return not _asks or (found is not None and _by_policy(found.get("AssumeRolePolicyDocument"), service,
                                                           "sts:AssumeRole", role, source) == "Allow")


def count(namespace: str, metric: str, **dimensions: str) -> None:
    """One more of a metric of CloudWatch."""
    from ministack.services import cloudwatch

    cloudwatch._store_datum(namespace, metric, dimensions, time.time(), "Count", 1, None, None, None)


def named(arn: str) -> str:
    """``queue Jobs``: in the words of the program if a tag says them, else by its physical name."""
    service, resource = (arn.split(":", 5)[2::3] if arn.count(":") > 4 else ("", arn))
    kind, name = _KINDS.get(service, ""), resource.replace("/", ":").rpartition(":")[2]
    if service == "events":
        kind = {"event-bus": "bus", "api-destination": "API destination"}.get(resource.partition("/")[0], "rule")
    elif service == "execute-api":
        name = resource.partition("/")[0]
    elif service == "dynamodb":
        arn = arn.partition("/stream/")[0]
        name = arn.rpartition("/")[2]
    elif service == "lambda":
        arn, name = ":".join(arn.split(":")[:7]), arn.split(":")[6]
    return f"{kind} {_logical(service, arn, resource) or name}".strip()


def _logical(service: str, arn: str, resource: str) -> str:
    """The name in the program: `Files/Subscriber` of the urn `…::Files/Subscriber/Function`."""
    from ministack.services import s3, tagging

    tags = s3._bucket_tags.get(resource) if service == "s3" else tagging.resource_tags(arn)
    types, separator, names = str((tags or {}).get("sst:urn", "")).partition("::")
    inner = types.rpartition("/")[2].rpartition(".")[2]
    return names.removesuffix(f"/{inner}") if separator else ""


def _policy_refusal(delivery: Delivery) -> str:
    from ministack.core import iam_evaluator

    found = iam_evaluator._resource_policy(delivery.target.split(":")[2], delivery.target)
    decision = _by_policy(found[0] if found else None, delivery.service, delivery.action, delivery.target,
                          delivery.source)
    if decision == "Allow":
        return ""
    whom = f"{delivery.action} to {delivery.service} from {delivery.source}"
    return f"its policy denies {whom}" if decision == "Deny" else f"no statement of its policy allows {whom}"


def _role_refusal(delivery: Delivery) -> str:
    role = named(delivery.role)
    if _role(delivery.role) is None:
        return f"{role} does not exist"
    if not trusts(delivery.role, delivery.service, delivery.source):
        return f"{role} can't be assumed by {delivery.service}"
    decision = _as_role(delivery.role, delivery.action, delivery.target, may_use_policy=delivery.may_use_policy)
    if decision == "Allow":
        return ""
    return f"{role} {'is denied' if decision == 'Deny' else 'lacks'} {delivery.action} on {delivery.target}"


def _role(arn: str) -> Mapping[str, Any] | None:
    from ministack.services import iam

    found: Mapping[str, Any] | None = iam._roles.get(arn.rpartition("/")[2])
    return found


def _by_policy(policy: object, service: str, action: str, target: str, source: str) -> str:
    from ministack.core.iam_evaluator import EvalContext, evaluate_resource_policy
    from ministack.core.responses import get_account_id, get_region

    context = EvalContext(principal_arn="*", principal_type="Service", principal_account="", action=action,
                          resource_arn=target, region=get_region(), secure_transport=True,
                          service_context={"aws:sourcearn": source or None, "aws:sourceaccount": get_account_id()})
    document = _document(policy) if isinstance(policy, str) else policy
    return str(evaluate_resource_policy(document, context, service=service).decision)


@lru_cache(2048)
def _document(text: str) -> Any:
    try:
        return json.loads(text or "{}")
    except ValueError:
        return None


def _as_role(arn: str, action: str, target: str, *, may_use_policy: bool) -> str:
    from ministack.core import iam_evaluator
    from ministack.core.responses import get_account_id, get_region
    from ministack.services import iam

    account, name = get_account_id(), arn.rpartition("/")[2]
    context = iam_evaluator.EvalContext(
        principal_arn=f"arn:aws:sts::{account}:assumed-role/{name}/sst", principal_type="AssumedRole",
        principal_account=account, action=action, resource_arn=target, region=get_region(), secure_transport=True,
        service_context={"aws:tagkeys": None})
    limits = iam_evaluator._permissions_boundary(iam._roles, name, account)
    result = iam_evaluator.evaluate(context, iam_evaluator._gather_role_policies(name, account), *limits)
    found = iam_evaluator._resource_policy(target.split(":")[2], target) if may_use_policy else None
    if found is not None:
        result = iam_evaluator.combine_resource_policy(result, context, *found, limits=tuple(limits))
    return str(result.decision)


_said: dict[tuple[str, str], tuple[float, int]] = {}
_guard = threading.Lock()


def _say(delivery: Delivery, text: str) -> None:
    root, parent = trace.parse(trace.CURRENT.get())
    service, _, action = delivery.action.partition(":")
    call = AwsCall(service, action, delivery.target.rpartition(":")[2], "AccessDenied")
    recorder().call(lambda: call, trace=root or trace.new_root(), span=trace.new_span(), parent=parent,
                    began=time.time(), status=403, ms=0.0, key=("", False))
    key, now = (delivery.source, delivery.target), time.monotonic()
    with _guard:
        last, missed = _said.get(key, (-_QUIET_SECONDS, 0))
        if now - last < _QUIET_SECONDS:
            _said[key] = last, missed + 1
            return
        _said[key] = now, 0
    text += f" ({missed} more in the meantime)" if missed else ""
    _log.warning("%s", text)
    functions.notice(text)
