"""IAM actions as IAM names them: a batch call is allowed by the action of a single one, PartiQL by what it does to
which table. What a call creates is the resource that it needs the action for, as far as its ARN has its name.

SQS and SNS have no batch actions: ``SendMessageBatch`` needs ``sqs:SendMessage``. ``ExecuteStatement`` and its sisters
need ``dynamodb:PartiQLSelect`` and so on for the table (or index) of each statement. ``CreateFunction`` and
``CreatePolicy`` are about the function and the policy that they name. Source: Service Authorization Reference, pages of
SQS, SNS, DynamoDB, Lambda and IAM. Goes when ministack asks for these; last checked with 1.5.33.
"""
from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from sst.embedded.settings import Settings

__all__ = ["NEEDS", "apply"]

NEEDS: Mapping[str, str] = {
    "core.iam_actions:dynamodb_transaction_checks": "(iam_action, body, region, account_id)",
    "core.iam_actions:extract_iam_action": "(service, method, path, headers, body, query_params)",
    "core.iam_actions:extract_resource_arn":
        "(service, method, path, headers, body, query_params, region, account_id)",
}

_SINGLE = {
    "sqs:SendMessageBatch": "sqs:SendMessage", "sqs:DeleteMessageBatch": "sqs:DeleteMessage",
    "sqs:ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility", "sns:PublishBatch": "sns:Publish",
}
_STATEMENTS = ("dynamodb:ExecuteStatement", "dynamodb:BatchExecuteStatement", "dynamodb:ExecuteTransaction")
_PARTIQL = re.compile(r"""\s*(?:(SELECT)\b.*?\bFROM|(INSERT)\s+INTO|(UPDATE)|(DELETE)\s+FROM)\s+
                          (?:"([^"]+)"|([\w-]+))(?:\."([^"]+)")?""", re.IGNORECASE | re.DOTALL | re.VERBOSE)


def apply(settings: Settings) -> None:
    from ministack.core import iam_actions

    extract, checks = iam_actions.extract_iam_action, iam_actions.dynamodb_transaction_checks
    resource_of = iam_actions.extract_resource_arn

    def extract_iam_action(*arguments: Any, **options: Any) -> str | None:
        action: str | None = extract(*arguments, **options)
        return _SINGLE.get(action, action) if action else action

    def extract_resource_arn(service: str, method: str, path: str, headers: Any, body: bytes, query_params: Any,
                             region: str, account_id: str) -> str:
        arn: str = resource_of(service, method, path, headers, body, query_params, region, account_id)
        if arn != "*":
            return arn
        return _created(service, method, path, body, query_params, region, account_id) or arn

    def transaction_checks(action: str, body: bytes, region: str, account: str) -> list[tuple[str, str]]:
        if action in _STATEMENTS:
            return list(_partiql(body, region, account))
        return list(checks(action, body, region, account))

    iam_actions.extract_iam_action = extract_iam_action
    iam_actions.extract_resource_arn = extract_resource_arn
    iam_actions.dynamodb_transaction_checks = transaction_checks


def _created(service: str, method: str, path: str, body: bytes, query: Mapping[str, Any], region: str,
             account: str) -> str:
    """The ARN of what a call is about to create; empty for other calls."""
    if service == "lambda" and method == "POST" and path.rstrip("/").endswith("/functions"):
        try:
            name = str(json.loads(body or b"{}").get("FunctionName") or "")
        except (ValueError, AttributeError):
            return ""
        return name if name.startswith("arn:") or not name else f"arn:aws:lambda:{region}:{account}:function:{name}"
    if service == "iam" and _first(query, "Action") == "CreatePolicy":
        return f"arn:aws:iam::{account}:policy{_first(query, 'Path') or '/'}{_first(query, 'PolicyName')}"
    return ""


def _first(query: Mapping[str, Any], name: str) -> str:
    value = query.get(name) or ""
    return str(value[0] if isinstance(value, list) else value)


def _partiql(body: bytes, region: str, account: str) -> Iterator[tuple[str, str]]:
    """What each statement needs, and on what; one that cannot be read needs its action on everything."""
    try:
        data = json.loads(body or b"{}")
    except ValueError:
        data = {}
    if not isinstance(data, dict):
        return
    listed = data.get("Statements") or data.get("TransactStatements") or [data]
    for entry in listed if isinstance(listed, list) else []:
        text = str(entry.get("Statement", "")) if isinstance(entry, dict) else ""
        found = _PARTIQL.match(text)
        if found is None:
            yield f"dynamodb:PartiQL{text.split(None, 1)[0].capitalize() if text.strip() else 'Select'}", "*"
            continue
        verb = next(word for word in found.groups()[:4] if word).capitalize()
        index = f"/index/{found[7]}" if found[7] else ""
        yield f"dynamodb:PartiQL{verb}", f"arn:aws:dynamodb:{region}:{account}:table/{found[5] or found[6]}{index}"
