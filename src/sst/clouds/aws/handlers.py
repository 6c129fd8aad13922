"""What single operations need beyond their model. botocore keeps these in its handlers, and so does this module."""
from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from threading import Lock
from typing import Any

__all__ = ["adapt_body", "adapt_parameters", "adapt_response", "part"]

LISTS = {"list_objects": "decode_list_object", "list_objects_v2": "decode_list_object_v2",
         "list_object_versions": "decode_list_object_versions"}
"""Lists of S3 that may hold keys which XML can't: botocore's function that decodes the response."""
ESCAPED = frozenset({"delete_objects", "put_bucket_lifecycle_configuration"})
"""Operations of S3 with keys in an XML body, where a bare line break would become another one."""

_importing = Lock()


def part(name: str) -> Any:
    """``botocore.handlers`` or ``botocore.waiter``: both lead into a circle of imports, in which two threads that enter
    it at different places at once fail."""
    with _importing:
        return import_module(f"botocore.{name}")


def adapt_parameters(service: str, operation: str, model: Any, params: dict[str, Any]) -> None:
    """Ask S3 for URL-encoded keys; take the path off ids of Route 53 (``/hostedzone/Z1``); encode the user
    data of instances."""
    if service == "s3" and operation in LISTS:
        params.setdefault("EncodingType", "url")
    elif service == "route53":
        part("handlers").fix_route53_ids(params, model)
    elif service == "ec2" and operation == "run_instances":
        part("handlers").base64_encode_user_data(params)


def adapt_body(service: str, operation: str, raw: dict[str, Any]) -> None:
    """Escape line breaks in an XML body."""
    if service == "s3" and operation in ESCAPED:
        part("handlers").escape_xml_payload(raw)


def adapt_response(service: str, operation: str, parsed: dict[str, Any], headers: Mapping[str, str]) -> None:
    """Decode the keys of a list; name the ETag of an edge function, which its model misspells."""
    if operation == "update_function" and service == "cloudfront" and "etag" in headers:
        parsed["ETag"] = headers["etag"]
    if service == "s3" and operation in LISTS:
        getattr(part("handlers"), LISTS[operation])(parsed, {"encoding_type_auto_set": True})
