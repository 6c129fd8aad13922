"""Things that take one change at a time: a second call while one is on its way loses."""

from __future__ import annotations

from tests.torture.proxy import Refuse

from ..request import ApiRequest

__all__ = ["FUNCTION", "SOURCES", "changes"]

FUNCTION = frozenset(
    {
        "UpdateFunctionCode",
        "UpdateFunctionConfiguration",
        "PublishVersion",
        "AddPermission",
        "RemovePermission",
        "CreateFunctionUrlConfig",
        "UpdateFunctionUrlConfig",
        "DeleteFunctionUrlConfig",
        "PutFunctionConcurrency",
        "DeleteFunctionConcurrency",
        "PutFunctionEventInvokeConfig",
        "UpdateFunctionEventInvokeConfig",
        "DeleteFunctionEventInvokeConfig",
        "CreateAlias",
        "UpdateAlias",
        "DeleteAlias",
        "DeleteFunction",
    }
)
"""Operations of Lambda that change a function or what belongs to it."""
SOURCES = {
    "lambda": "https://github.com/anomalyco/sst/issues/6923",
    "apigatewayv2": "https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/apis-apiid-routes.html",
    "s3": "https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html",
    "route53": "https://docs.aws.amazon.com/Route53/latest/APIReference/API_ChangeResourceRecordSets.html",
    "appsync": "https://docs.aws.amazon.com/appsync/latest/APIReference/API_CreateChannelNamespace.html",
    "events": "https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutTargets.html",
    "iam": "https://docs.aws.amazon.com/IAM/latest/APIReference/API_PutRolePolicy.html",
}
CONFLICT = Refuse(
    "ResourceConflictException", 409, "The function could not be updated due to a concurrent update operation."
)
GATEWAY = Refuse(
    "ConflictException", 409, "Unable to complete operation due to concurrent modification. Please try again later."
)
BUCKET = Refuse(
    "OperationAborted",
    409,
    "A conflicting conditional operation is currently in progress against this resource. Please try again.",
)
ZONE = Refuse(
    "PriorRequestNotComplete", 400, "The request was rejected because Route 53 was still processing a prior request."
)
APPSYNC = Refuse(
    "ConcurrentModificationException",
    409,
    "Another modification is in progress at this time and it must complete before you can make your change.",
)
RULE = Refuse("ConcurrentModificationException", 400, "Rule {} has been modified concurrently.")
ROLE = Refuse(
    "ConcurrentModification",
    409,
    "The request was rejected because multiple requests to change this object were submitted simultaneously.",
)


def changes(request: ApiRequest) -> tuple[str, str, Refuse] | None:
    """Kind and name of what a call changes, and what is said to another call meanwhile."""
    op, params = request.operation, request.params
    verb = op.startswith(("Create", "Put", "Update", "Delete", "Attach", "Detach", "Remove"))
    match request.service:
        case "lambda" if op in FUNCTION:
            return "function", request.function, CONFLICT
        case "apigatewayv2" if verb and (api := params.get("apiId") or params.get("domainName")):
            return "api", str(api), GATEWAY
        case "s3" if verb and request.bucket and "Bucket" in op and op != "CreateBucket":
            return "bucket", request.bucket, BUCKET
        case "route53" if op == "ChangeResourceRecordSets":
            return "zone", str(params.get("Id")), ZONE
        case "appsync" if verb and (api := params.get("apiId")):
            return "events-api", str(api), APPSYNC
        case "events" if op in ("PutRule", "PutTargets", "RemoveTargets", "DeleteRule"):
            name = str(params.get("Rule") or params.get("Name"))
            return "rule", name, Refuse(RULE.code, RULE.status, RULE.message.format(name))
        case "iam" if verb and op != "CreateRole" and (role := params.get("RoleName")):
            return "role", str(role), ROLE
    return None
