"""One random root key pair whose signatures are verified like everyone's; nobody is root by default.

The emulator takes ``test`` and any 12-digit number as root, does not check the signature of a root key, and answers
unsigned S3 requests as root. All of that would let any program (or page) that reaches the port do anything.

A call over loopback counts as secure transport: on AWS the same program calls over HTTPS, and a bucket that refuses
anything else must not refuse it here.

Goes when ministack takes its root keys from settings, verifies their signatures, answers unsigned S3 calls as
anonymous, and can take loopback for secure transport; last checked with 1.5.33.
"""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sst.embedded.settings import Settings
from sst.embedded.tracking import reading

__all__ = ["NEEDS", "apply"]

NEEDS: Mapping[str, str] = {
    "core.iam_evaluator:EvalContext":
        "class (self, principal_arn, principal_type, principal_account, action, resource_arn, region, "
        "source_ip=<factory>, secure_transport=<factory>, request_tags=<factory>, tag_keys=<factory>, "
        "service_context=<factory>, principal_keys=<factory>)",
    "core.iam_evaluator:EvalResult":
        "class (self, decision, principal_arn='', matched_sid='', reason='', resource_policy_arn='')",
    "core.iam_evaluator:_is_root_key": "(access_key_id)",
    "core.iam_evaluator:_principal_org_id": "(account_id)",
    "core.iam_evaluator:_resolve_condition_key": "(key, ctx)",
    "core.iam_evaluator:_resource_policy": "(service, resource_arn)",
    "core.iam_evaluator:_signed_request": "ContextVar",
    "core.iam_evaluator:enforce":
        "(access_key_id, iam_action, service, region, resource_arn='*', service_context=None)",
    "core.iam_evaluator:evaluate_resource_policy": "(doc, ctx, service=None, named_only=False, direct_only=False)",
    "core.iam_evaluator:is_root_access_key": "(access_key_id)",
    "core.iam_evaluator:resolve_caller_identity": "(access_key_id)",
    "services.sts:is_root_access_key": "(access_key_id)",
}


def apply(settings: Settings) -> None:
    from ministack.core import iam_evaluator as iam
    from ministack.services import sts

    root = settings.keys.access_key

    def is_root(key: str) -> bool:
        return not key or key == root

    iam.is_root_access_key = sts.is_root_access_key = is_root
    if not settings.iam:
        return
    iam._is_root_key = lambda key: False  # it decides whose signature is skipped
    resolve = iam._resolve_condition_key
    iam._resolve_condition_key = lambda key, asked: (
        "true" if key.lower() == "aws:securetransport" else resolve(key, asked)
    )
    identity = iam.resolve_caller_identity

    def resolve_caller_identity(key: str) -> Any:
        if key != root:
            return identity(key)
        arn = f"arn:aws:iam::{settings.account}:root"
        return {"accessKey": key, "accountId": settings.account, "userArn": arn, "userId": settings.account,
                "principalOrgId": iam._principal_org_id(settings.account), "session": None}

    iam.resolve_caller_identity = resolve_caller_identity
    enforce = iam.enforce

    def enforce_signed(key: str, action: str, service: str, region: str, resource_arn: str = "*",
                       service_context: Any = None) -> Any:
        with reading():  # of users, roles and policies: a call changes nothing of them by being checked
            if service == "s3" and not key and iam._signed_request.get() is None:
                return _anonymous(iam, action, region, resource_arn, service_context)
            return enforce(key, action, service, region, resource_arn=resource_arn, service_context=service_context)

    iam.enforce = enforce_signed


def _anonymous(iam: Any, action: str, region: str, resource_arn: str, service_context: Any) -> Any:
    """An unsigned S3 request gets what the bucket policy gives to everyone."""
    context = {key.lower(): value for key, value in (service_context or {}).items()}
    asked = iam.EvalContext(principal_arn="anonymous", principal_type="Anonymous", principal_account="anonymous",
                            action=action,
                            resource_arn=resource_arn, region=region, service_context=context, principal_keys={})
    policy = iam._resource_policy("s3", resource_arn)
    verdict = iam.evaluate_resource_policy(policy[0], asked) if policy else iam.EvalResult("ImplicitDeny")
    if verdict.decision == "Allow":
        return None
    verdict.principal_arn = "anonymous"
    return verdict
