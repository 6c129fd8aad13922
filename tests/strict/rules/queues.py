"""SQS and SNS."""

from __future__ import annotations

import json

from tests.torture.proxy import Refuse

from ..account import Account, statements
from ..request import ApiRequest
from ..rule import after, rule
from .identity import unseen_principal

COOL_DOWN = 60.0


def _name(request: ApiRequest) -> str:
    return str(request.params.get("QueueName") or str(request.params.get("QueueUrl")).rpartition("/")[2])


@rule(
    "sqs.CreateQueue",
    source="https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html",
)
def deleted_recently(request: ApiRequest, account: Account) -> Refuse | None:
    """The name of a deleted queue is free after a minute."""
    if account.age("queue-gone", _name(request)) < COOL_DOWN:
        return Refuse(
            "QueueDeletedRecently",
            400,
            "You must wait 60 seconds after deleting a queue before you can create another with the same name.",
        )
    return None


@rule(
    "sqs.SetQueueAttributes sqs.CreateQueue",
    source="https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html",
)
def queue_policy_of_an_unknown_role(request: ApiRequest, account: Account) -> Refuse | None:
    """A queue's policy may only name roles that exist and are seen."""
    policy = (request.params.get("Attributes") or {}).get("Policy")
    if policy and unseen_principal(policy, account):
        return Refuse("InvalidAttributeValue", 400, "Invalid value for the parameter Policy.")
    return None


@rule("sns.SetTopicAttributes", source="https://docs.aws.amazon.com/sns/latest/api/API_SetTopicAttributes.html")
def topic_policy_of_an_unknown_role(request: ApiRequest, account: Account) -> Refuse | None:
    """A topic's policy may only name roles that exist and are seen."""
    if request.params.get("AttributeName") == "Policy" and unseen_principal(
        request.params.get("AttributeValue"), account
    ):
        return Refuse("InvalidParameter", 400, "Invalid parameter: Policy Error: PrincipalNotFound")
    return None


@rule(
    "sqs.CreateQueue sqs.SetQueueAttributes",
    source="https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html",
)
def fifo_dead_letters(request: ApiRequest, account: Account) -> Refuse | None:
    """The dead-letter queue of a FIFO queue is a FIFO queue, that of another is not."""
    redrive = (request.params.get("Attributes") or {}).get("RedrivePolicy")
    dead = str(json.loads(redrive).get("deadLetterTargetArn", "")) if redrive else ""
    if dead and dead.endswith(".fifo") != _name(request).endswith(".fifo"):
        return Refuse(
            "InvalidParameterValue",
            400,
            f"Value {redrive} for parameter RedrivePolicy is invalid. Reason: Dead-"
            "letter queue must be same type of queue as the source.",
        )
    return None


@after("sqs.CreateQueue sqs.SetQueueAttributes")
def kept(request: ApiRequest, account: Account) -> None:
    given = request.params.get("Attributes") or {}
    known = account.fact("queue", _name(request))
    if "VisibilityTimeout" in given:
        known["visibility"] = given["VisibilityTimeout"]
    if "Policy" in given:
        known["policy"] = statements(given["Policy"])
        account.mark("queue-policy", _name(request))


@after("sqs.DeleteQueue")
def removed(request: ApiRequest, account: Account) -> None:
    account.mark("queue-gone", _name(request))
    account.forget("queue", _name(request))
