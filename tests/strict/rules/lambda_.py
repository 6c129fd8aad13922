"""Lambda: https://docs.aws.amazon.com/lambda/latest/dg/functions-states.html"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.torture.proxy import Refuse

from ..account import Account
from ..request import ApiRequest
from ..rule import after, rule, shown
from .identity import SEEN, role_name

PENDING, UPDATING, MAPPING = 3.0, 3.0, 3.0
"""Seconds that a function is Pending, that an update of it is InProgress, that a mapping is being changed."""
WANTED = {
    "sqs": ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"),
    "dynamodb": ("dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:DescribeStream", "dynamodb:ListStreams"),
}


@after("lambda.CreateFunction")
def made(request: ApiRequest, account: Account) -> None:
    name = str(request.params["FunctionName"])
    account.mark("function", name)
    account.facts["function", name] = {
        "role": role_name(request.params.get("Role")),
        "timeout": request.params.get("Timeout", 3),
    }


@after("lambda.UpdateFunctionCode lambda.UpdateFunctionConfiguration")
def updated(request: ApiRequest, account: Account) -> None:
    account.mark("function-update", request.function)
    known = account.fact("function", request.function)
    if role := request.params.get("Role"):
        known["role"] = role_name(role)
    known["timeout"] = request.params.get("Timeout", known.get("timeout", 3))


@after("lambda.DeleteFunction")
def removed(request: ApiRequest, account: Account) -> None:
    if not request.params.get("Qualifier"):
        account.forget("function", request.function)
        account.forget("function-policy", request.function)


@rule(
    "lambda.CreateFunction lambda.UpdateFunctionConfiguration",
    source="https://github.com/hashicorp/terraform-provider-aws/blob/main/internal/service/lambda/function.go",
)
def role_not_assumable(request: ApiRequest, account: Account) -> Refuse | None:
    """A role that was just made can't be assumed for some seconds."""
    role = role_name(request.params.get("Role"))
    if role and account.age("role", role) < SEEN:
        return Refuse(
            "InvalidParameterValueException", 400, "The role defined for the function cannot be assumed by Lambda."
        )
    return None


@rule(
    "lambda.UpdateFunctionCode lambda.UpdateFunctionConfiguration lambda.PublishVersion lambda.Invoke "
    "lambda.PutFunctionConcurrency",
    source="https://docs.aws.amazon.com/lambda/latest/dg/functions-states.html",
)
def pending(request: ApiRequest, account: Account) -> Refuse | None:
    """A new function is Pending for a moment: it can't be called or changed."""
    if account.age("function", request.function) < PENDING:
        return Refuse(
            "ResourceConflictException",
            409,
            "The operation cannot be performed at this time. The function is currently in the following state: Pending",
        )
    return None


@rule(
    "lambda.UpdateFunctionCode lambda.UpdateFunctionConfiguration lambda.PublishVersion",
    source="https://docs.aws.amazon.com/lambda/latest/dg/functions-states.html#functions-states-updating",
)
def update_in_progress(request: ApiRequest, account: Account) -> Refuse | None:
    """An update is InProgress for a moment: another one has to wait."""
    if account.age("function-update", request.function) < UPDATING:
        return Refuse(
            "ResourceConflictException",
            409,
            "The operation cannot be performed at this time. An update is in "
            f"progress for resource: arn:aws:lambda:us-east-1:000000000000:function:{request.function}",
        )
    return None


@shown(
    "lambda.GetFunction lambda.GetFunctionConfiguration lambda.CreateFunction lambda.UpdateFunctionCode "
    "lambda.UpdateFunctionConfiguration",
    source="https://docs.aws.amazon.com/lambda/latest/dg/functions-states.html",
)
def state(request: ApiRequest, account: Account, answer: dict[str, Any]) -> Mapping[str, Any]:
    """State and LastUpdateStatus tell what is going on."""
    name = request.function
    told: dict[str, Any] = {"State": "Active", "LastUpdateStatus": "Successful"}
    if account.age("function", name) < PENDING:
        told = {"State": "Pending", "StateReasonCode": "Creating", "LastUpdateStatus": "InProgress"}
    elif account.age("function-update", name) < UPDATING:
        told["LastUpdateStatus"] = "InProgress"
    if isinstance(inside := answer.get("Configuration"), Mapping):
        return {**answer, "Configuration": {**inside, **told}}
    return {**answer, **told}


@shown(
    "lambda.GetFunction lambda.GetFunctionConfiguration",
    source="https://docs.aws.amazon.com/lambda/latest/api/API_LoggingConfig.html",
)
def log_levels(request: ApiRequest, account: Account, answer: dict[str, Any]) -> Mapping[str, Any]:
    """Logs in JSON have levels, INFO where none was asked for."""
    inside = answer.get("Configuration")
    config = (inside or answer).get("LoggingConfig") or {}
    if config.get("LogFormat") != "JSON":
        return answer
    full = {"LoggingConfig": {"ApplicationLogLevel": "INFO", "SystemLogLevel": "INFO", **config}}
    return {**answer, "Configuration": {**inside, **full}} if inside else {**answer, **full}


@shown("lambda.GetFunctionUrlConfig", source="https://docs.aws.amazon.com/lambda/latest/api/API_Cors.html")
def lower_case_headers(request: ApiRequest, account: Account, answer: dict[str, Any]) -> Mapping[str, Any]:
    """Names of headers come back in lower case."""
    cors = answer.get("Cors")
    if not isinstance(cors, Mapping):
        return answer
    return {
        **answer,
        "Cors": {
            **cors,
            **{k: [h.lower() for h in v] for k, v in cors.items() if k in ("AllowHeaders", "ExposeHeaders") and v},
        },
    }


# event sources


def _source(arn: str) -> tuple[str, str]:
    service = arn.split(":")[2] if arn.count(":") > 4 else ""
    return service, arn.rpartition(":")[2]


@rule(
    "lambda.CreateEventSourceMapping",
    source="https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html#events-sqs-permissions",
)
def source_not_readable(request: ApiRequest, account: Account) -> Refuse | None:
    """The function's role must be allowed to read from the source, by policies that are seen already."""
    arn = str(request.params.get("EventSourceArn") or "")
    service, _ = _source(arn)
    role = account.fact("function", request.function).get("role", "")
    missing = [a for a in WANTED.get(service, ()) if not account.role_allows(role, a, arn, older_than=SEEN)]
    if not missing:
        return None
    if service == "sqs":
        return Refuse(
            "InvalidParameterValueException",
            400,
            f"The provided execution role does not have permissions to call {missing[0].partition(':')[2]} on SQS",
        )
    return Refuse(
        "InvalidParameterValueException",
        400,
        f"Cannot access stream {arn}. Please ensure the role can perform "
        "the GetRecords, GetShardIterator, DescribeStream, and ListStreams Actions on your stream in IAM.",
    )


@rule(
    "lambda.CreateEventSourceMapping", source="https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html"
)
def visibility_timeout(request: ApiRequest, account: Account) -> Refuse | None:
    """A message must be hidden for as long as the function may work on it."""
    service, name = _source(str(request.params.get("EventSourceArn") or ""))
    hidden = int(account.fact("queue", name).get("visibility", 30)) if service == "sqs" else 1 << 20
    timeout = int(account.fact("function", request.function).get("timeout", 3))
    if hidden < timeout:
        return Refuse(
            "InvalidParameterValueException",
            400,
            f"Queue visibility timeout: {hidden} seconds is less than Function timeout: {timeout} seconds",
        )
    return None


@after("lambda.UpdateEventSourceMapping")
def mapping_updated(request: ApiRequest, account: Account) -> None:
    account.mark("mapping", str(request.params.get("UUID")))


@shown(
    "lambda.CreateEventSourceMapping",
    source="https://docs.aws.amazon.com/lambda/latest/api/API_CreateEventSourceMapping.html",
)
def mapping_made(request: ApiRequest, account: Account, answer: dict[str, Any]) -> Mapping[str, Any]:
    """A new mapping is Creating."""
    account.mark("mapping", str(answer.get("UUID")))
    return {**answer, "State": "Creating"}


@rule(
    "lambda.UpdateEventSourceMapping lambda.DeleteEventSourceMapping",
    source="https://docs.aws.amazon.com/lambda/latest/api/API_DeleteEventSourceMapping.html",
)
def mapping_in_use(request: ApiRequest, account: Account) -> Refuse | None:
    """A mapping that is being made or changed takes no other change."""
    verb = "delete" if request.operation.startswith("Delete") else "update"
    if account.age("mapping", str(request.params.get("UUID"))) < MAPPING:
        return Refuse("ResourceInUseException", 400, f"Cannot {verb} the event source mapping because it is in use.")
    return None
