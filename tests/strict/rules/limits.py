"""How large things may be."""

from __future__ import annotations

import json
from base64 import b64decode

from tests.torture.proxy import Refuse

from ..account import Account
from ..request import ApiRequest
from ..rule import rule

RESERVED = frozenset(
    {
        "_HANDLER",
        "_X_AMZN_TRACE_ID",
        "AWS_DEFAULT_REGION",
        "AWS_REGION",
        "AWS_EXECUTION_ENV",
        "AWS_LAMBDA_FUNCTION_NAME",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
        "AWS_LAMBDA_FUNCTION_VERSION",
        "AWS_LAMBDA_INITIALIZATION_TYPE",
        "AWS_LAMBDA_LOG_GROUP_NAME",
        "AWS_LAMBDA_LOG_STREAM_NAME",
        "AWS_ACCESS_KEY",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_LAMBDA_RUNTIME_API",
        "LAMBDA_TASK_ROOT",
        "LAMBDA_RUNTIME_DIR",
    }
)


@rule(
    "lambda.CreateFunction lambda.UpdateFunctionConfiguration",
    source="https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html",
)
def environment_size(request: ApiRequest, account: Account) -> Refuse | None:
    """A function's variables are at most 4 KB."""
    variables = (request.params.get("Environment") or {}).get("Variables") or {}
    measured = json.dumps(variables, separators=(",", ":"))
    if len(measured.encode()) > 4096:
        return Refuse(
            "InvalidParameterValueException",
            400,
            "Lambda was unable to configure your environment variables "
            "because the environment variables you have provided exceeded the 4KB limit. String measured: "
            + measured[:60],
        )
    return None


@rule(
    "lambda.CreateFunction lambda.UpdateFunctionConfiguration",
    source="https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime",
)
def reserved_variables(request: ApiRequest, account: Account) -> Refuse | None:
    """Some variables are Lambda's own."""
    if used := sorted(RESERVED & set((request.params.get("Environment") or {}).get("Variables") or {})):
        return Refuse(
            "InvalidParameterValueException",
            400,
            "Lambda was unable to configure your environment variables "
            "because the environment variables you have provided contains reserved keys that are currently not "
            f"supported for modification. Reserved keys used in this request: {', '.join(used)}",
        )
    return None


@rule(
    "lambda.CreateFunction lambda.UpdateFunctionCode lambda.PublishLayerVersion",
    source="https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html",
)
def request_size(request: ApiRequest, account: Account) -> Refuse | None:
    """A zip that is sent in the call is at most 50 MB, the call 70,167,211 bytes."""
    if len(request.body) >= 70167211:
        return Refuse(
            "RequestEntityTooLargeException",
            413,
            f"Request must be smaller than 70167211 bytes for the {request.operation} operation",
        )
    return None


@rule("lambda.AddPermission", source="https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html")
def function_policy_size(request: ApiRequest, account: Account) -> Refuse | None:
    """A function's resource policy is at most 20 KB."""
    there = account.fact("function-policy", request.function).get("statements", [])
    arn = f"arn:aws:lambda:us-east-1:000000000000:function:{request.function}"
    size = len(json.dumps([{**s, "Resource": arn} for s in there], separators=(",", ":"))) + len(request.body) + 180
    if size > 20480:
        return Refuse(
            "PolicyLengthExceededException", 400, f"The final policy size ({size}) is bigger than the limit (20480)."
        )
    return None


@rule("s3.PutBucketPolicy", source="https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-policies.html")
def bucket_policy_size(request: ApiRequest, account: Account) -> Refuse | None:
    """A bucket's policy is at most 20 KB."""
    if len(request.body) > 20480:
        return Refuse("PolicyTooLarge", 400, "Policy exceeds the maximum allowed document size.")
    return None


@rule("iam.PutRolePolicy", source="https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html")
def role_policy_size(request: ApiRequest, account: Account) -> Refuse | None:
    """The inline policies of a role are at most 10,240 characters, white space not counted."""
    role, name = str(request.params.get("RoleName")), str(request.params.get("PolicyName"))
    there = {n: p for n, p in account.fact("role-policies", role).items() if n != name and not n.startswith("arn:")}
    new = json.loads(str(request.params.get("PolicyDocument") or "{}"))
    size = sum(len("".join(json.dumps(p, separators=(",", ":")).split())) for p in [*there.values(), new])
    if size > 10240:
        return Refuse("LimitExceeded", 409, f"Maximum policy size of 10240 bytes exceeded for role {role}")
    return None


@rule(
    "ssm.PutParameter",
    source="https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-advanced-parameters.html",
)
def parameter_size(request: ApiRequest, account: Account) -> Refuse | None:
    """A parameter is at most 4 KB, 8 KB where it is an advanced one."""
    size, tier = len(str(request.params.get("Value") or "").encode()), request.params.get("Tier") or "Standard"
    if size > (4096 if tier == "Standard" else 8192):
        return Refuse(
            "ValidationException",
            400,
            "Standard tier parameters support a maximum parameter value of 4096 "
            "characters. To create a larger parameter value, upgrade the parameter to use the advanced-parameter "
            "tier. For more information, see https://docs.aws.amazon.com/systems-manager/latest/userguide/"
            "parameter-store-advanced-parameters.html",
        )
    return None


@rule(
    "cloudfront.CreateFunction cloudfront.UpdateFunction",
    source="https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/cloudfront-limits.html",
)
def edge_code_size(request: ApiRequest, account: Account) -> Refuse | None:
    """The code of a CloudFront function is at most 10 KB."""
    code = b64decode(request.xml().findtext(".//FunctionCode") or "")
    if len(code) > 10240:
        return Refuse(
            "FunctionSizeLimitExceeded", 413, "Your function code exceeds the maximum size limit of 10240 bytes."
        )
    return None


@rule(
    "cloudfront-keyvaluestore.PutKey cloudfront-keyvaluestore.UpdateKeys",
    source="https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/cloudfront-limits.html",
)
def edge_value_size(request: ApiRequest, account: Account) -> Refuse | None:
    """A key and its value are at most 1 KB in a key value store."""
    pairs = request.params.get("Puts") or [request.params]
    if any(len(str(p.get("Key", "")).encode()) + len(str(p.get("Value", "")).encode()) > 1024 for p in pairs):
        return Refuse("ValidationException", 400, "Value exceeds the maximum size limit of 1 KB")
    return None
