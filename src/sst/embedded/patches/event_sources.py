"""Event source mappings read from their queue or stream with the role of their function.

CreateEventSourceMapping refuses a role without the rights, as AWS does; if they are taken away later, nothing is read
until they are back, and ``LastProcessingResult`` says so. The emulator reads as nobody. Source:
https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html#events-sqs-permissions and
https://docs.aws.amazon.com/lambda/latest/dg/services-ddb.html#events-dynamodb-permissions; not asked: the actions that
list streams. Goes when ministack asks for the rights of the role; last checked with 1.5.33.
"""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sst.embedded.patches.rights import Delivery, refused, role_lacks
from sst.embedded.settings import Settings

__all__ = ["NEEDS", "apply", "may_read"]

NEEDS: Mapping[str, str] = {
    "services.lambda_svc:_create_esm": "(data)",
    "services.lambda_svc:_get_func_record_for_ref": "(function_ref)",
    "services.lambda_svc:_invalid_parameter_value": "(message)",
    "services.lambda_svc:_sqs_esm_concurrency": "(esm, func_rec, config, queue=None)",
}

_WANTED = {
    "sqs": ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"),
    "dynamodb": ("dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:DescribeStream"),
    "kinesis": ("kinesis:GetRecords", "kinesis:GetShardIterator", "kinesis:DescribeStream"),
}
_SERVICE = "lambda.amazonaws.com"


def apply(settings: Settings) -> None:
    from ministack.services import lambda_svc

    create, concurrency = lambda_svc._create_esm, lambda_svc._sqs_esm_concurrency

    def create_esm(data: Any) -> Any:
        source = str(data.get("EventSourceArn") or "")
        _, config, _ = lambda_svc._get_func_record_for_ref(data.get("FunctionName", ""))
        if config and (lacking := role_lacks(str(config.get("Role", "")), _wanted(source), source)):
            return lambda_svc._invalid_parameter_value(_refusal(source, lacking))
        return create(data)

    def sqs_concurrency(mapping: Any, record: Any, config: Any, queue: Any = None) -> int:
        """None while the role may not read: then no batch is taken."""
        return int(concurrency(mapping, record, config, queue)) if may_read(mapping, record) else 0

    lambda_svc._create_esm = create_esm
    lambda_svc._sqs_esm_concurrency = sqs_concurrency


def _wanted(source: str) -> tuple[str, ...]:
    return _WANTED.get(source.split(":")[2] if source.count(":") > 4 else "", ())


def may_read(mapping: Any, record: Mapping[str, Any]) -> bool:
    """Whether the role of the mapping's function may read its source; says so if not."""
    source, role = str(mapping.get("EventSourceArn", "")), str((record.get("config") or record).get("Role", ""))
    if not (lacking := role_lacks(role, _wanted(source), source)):
        return True
    refused(Delivery(_SERVICE, str(mapping.get("FunctionArn", "")), lacking, source, role))
    mapping["LastProcessingResult"] = f"PROBLEM: {_refusal(source, lacking)}"
    return False


def _refusal(source: str, lacking: str) -> str:
    if ":sqs:" in source:
        return f"The provided execution role does not have permissions to call {lacking.partition(':')[2]} on SQS"
    lists = "ListStreams" if ":dynamodb:" in source else "ListShards, and ListStreams"
    return (f"Cannot access stream {source}. Please ensure the role can perform the GetRecords, GetShardIterator, "
            f"DescribeStream, {'and ' if ':dynamodb:' in source else ''}{lists} Actions on your stream in IAM.")
