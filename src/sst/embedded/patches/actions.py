"""IAM actions as IAM names them: a batch call is allowed by the action of a single one, PartiQL by what it does to
which table.

SQS and SNS have no batch actions: ``SendMessageBatch`` needs ``sqs:SendMessage``. ``ExecuteStatement`` and its sisters
need ``dynamodb:PartiQLSelect`` and so on for the table (or index) of each statement. Source: Service Authorization
Reference, pages of SQS, SNS and DynamoDB. Goes when ministack asks for these; last checked with 1.5.33.
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

    def extract_iam_action(*arguments: Any, **options: Any) -> str | None:
        action: str | None = extract(*arguments, **options)
        return _SINGLE.get(action, action) if action else action

    def transaction_checks(action: str, body: bytes, region: str, account: str) -> list[tuple[str, str]]:
        if action in _STATEMENTS:
            return list(_partiql(body, region, account))
        return list(checks(action, body, region, account))

    iam_actions.extract_iam_action = extract_iam_action
    iam_actions.dynamodb_transaction_checks = transaction_checks


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
