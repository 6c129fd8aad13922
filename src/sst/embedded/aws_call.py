"""What an AWS call is, told from its bytes: service, action, and the resource it is about."""
from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import parse_qs, unquote

__all__ = ["AwsCall", "described"]

_SCOPE = re.compile(r"Credential=[^/]+/\d+/[^/]+/([^/]+)/")
_ERROR = re.compile(rb'(?:"__type"\s*:\s*"|"code"\s*:\s*"|<Code>)(?:[^"<#]*#)?([\w.]+)')
_NAMES = ("TableName", "QueueUrl", "TopicArn", "TargetArn", "StreamName", "StreamARN", "FunctionName", "SecretId",
          "EventBusName", "Name", "stateMachineArn", "StateMachineArn", "KeyId", "logGroupName", "UserPoolId",
          "DestinationArn", "RoleArn", "ResourceArn")
_S3 = {"GET": "GetObject", "PUT": "PutObject", "HEAD": "HeadObject", "DELETE": "DeleteObject", "POST": "PostObject"}
_S3_BUCKET = {"GET": "ListObjects", "PUT": "CreateBucket", "HEAD": "HeadBucket", "DELETE": "DeleteBucket",
              "POST": "PostBucket"}
_PARTS = {"uploads": "MultipartUpload", "uploadId": "UploadPart", "tagging": "ObjectTagging", "acl": "Acl",
          "delete": "DeleteObjects", "list-type": "ListObjectsV2", "versions": "ListObjectVersions",
          "location": "GetBucketLocation", "notification": "BucketNotification", "policy": "BucketPolicy"}
_INVOKE = re.compile(r"/2015-03-31/functions/([^/]+)/invocations")
_LONGEST = 256


class AwsCall(NamedTuple):
    service: str
    """``s3``, ``dynamodb``."""
    action: str
    """``PutObject``; for a service that is spoken to with paths alone, method and path."""
    resource: str
    """A name without the region and account: ``BUCKET/KEY``, a table, a queue; "" if none is named."""
    error: str
    """The code of the refusal."""


def described(method: str, path: str, headers: Mapping[str, str], body: bytes, query: Mapping[str, Sequence[str]],
              failure: object) -> AwsCall:
    """``failure`` is the body of an answer with an error status, if there is one."""
    found = _ERROR.search(failure) if isinstance(failure, bytes) else None
    error = found[1].decode().rpartition("/")[2] if found else ""
    service, action, resource = _what(method, path, headers, body, query)
    return AwsCall(service[:_LONGEST], action[:_LONGEST], _short(resource)[:_LONGEST], error[:_LONGEST])


def _what(method: str, path: str, headers: Mapping[str, str], body: bytes,
          query: Mapping[str, Sequence[str]]) -> tuple[str, str, str]:
    scope = _SCOPE.search(headers.get("authorization", ""))
    signed = str((query.get("X-Amz-Credential") or [""])[0]).split("/")
    service = scope[1] if scope else signed[3] if len(signed) > 3 else "s3"
    if target := headers.get("x-amz-target", ""):
        return service, target.rpartition(".")[2], _named(body)
    if service == "s3":
        return service, *_s3(method, path, headers, query)
    if invoked := _INVOKE.search(path):
        return service, "Invoke", unquote(invoked[1])
    form = parse_qs(body[:16384].decode("utf-8", "replace")) if b"Action=" in body[:16384] else query
    if action := (form.get("Action") or [""])[0]:
        return service, action, next((str(form[name][0]) for name in _NAMES if name in form), "")
    return service, f"{method} {path}", ""


def _named(body: bytes) -> str:
    try:
        data: Any = json.loads(body)
    except ValueError:
        return ""
    if not isinstance(data, dict):
        return ""
    if isinstance(tables := data.get("RequestItems"), dict):
        return ", ".join(map(str, tables))
    if isinstance(entries := data.get("Entries"), list) and entries and isinstance(entries[0], dict):
        data = {**entries[0], **data}
    if isinstance(items := data.get("TransactItems"), list):
        inner = [part for item in items if isinstance(item, dict) for part in item.values() if isinstance(part, dict)]
        return ", ".join(dict.fromkeys(str(part.get("TableName", "")) for part in inner))
    return next((str(data[name]) for name in _NAMES if isinstance(data.get(name), str)), "")


def _s3(method: str, path: str, headers: Mapping[str, str], query: Mapping[str, Sequence[str]]) -> tuple[str, str]:
    bucket, _, key = path.lstrip("/").partition("/")
    if "x-amz-copy-source" in headers:
        return "CopyObject", f"{bucket}/{unquote(key)}"
    part = next((word for name, word in _PARTS.items() if name in query), "")
    verb = {"GET": "Get", "PUT": "Put", "HEAD": "Head", "DELETE": "Delete", "POST": "Create"}.get(method, method)
    if part:
        whole = part[0].isupper() and part.startswith(("Get", "Delete", "List", "Upload"))
        return part if whole else f"{verb}{part}", f"{bucket}/{unquote(key)}" if key else bucket
    return ((_S3 if key else _S3_BUCKET).get(method, method), f"{bucket}/{unquote(key)}" if key else bucket)


def _short(resource: str) -> str:
    if resource.startswith("arn:"):
        resource = resource.split(":", 5)[-1]
        return re.sub(r"^(?:table|function|queue|stream|topic|event-bus|stateMachine|secret)[:/]", "", resource)
    return resource.rsplit("/", 1)[-1] if resource.startswith(("http://", "https://")) else resource
