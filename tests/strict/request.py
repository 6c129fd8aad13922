"""A request to AWS read back into service, operation and parameters, by botocore's models."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl, unquote
from xml.etree import ElementTree

import botocore.session

__all__ = ["ApiRequest", "parsed"]

SERVICES = {"apigateway": "apigatewayv2", "elasticloadbalancing": "elbv2", "es": "opensearch",
            "ses": "sesv2", "tagging": "resourcegroupstaggingapi"}
"""botocore's name of a service where it is not its signing name."""
_SCOPE = re.compile(r"Credential=([^/]+)/(\d+)/([^/]+)/([^/]+)/aws4_request")
_SESSION = botocore.session.Session()


@dataclass(frozen=True)
class ApiRequest:
    """``operation`` is ``CreateFunction``. ``params`` has path labels, query and a JSON or form body by their wire
    names; an XML body stays in ``body``."""

    service: str
    operation: str
    region: str
    params: Mapping[str, Any]
    body: bytes
    protocol: str
    access_key: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return f"{self.service}.{self.operation}"

    @property
    def function(self) -> str:
        """The name of the function that it is about, without ARN and qualifier."""
        given = str(self.params.get("FunctionName") or "")
        return (
            given.partition(":function:")[2].partition(":")[0] if given.startswith("arn:") else given.partition(":")[0]
        )

    @property
    def bucket(self) -> str:
        return str(self.params.get("Bucket") or "")

    def xml(self) -> ElementTree.Element:
        """The XML body, without namespaces."""
        return ElementTree.fromstring(re.sub(rb'\sxmlns="[^"]*"', b"", self.body))  # our own client sent it


def parsed(method: str, target: str, headers: Mapping[str, str], body: bytes) -> ApiRequest | None:
    """None for what is not signed for AWS: function URLs, presigned URLs, health checks."""
    scope = _SCOPE.search(headers.get("authorization", ""))
    if scope is None:
        return None
    access_key, _, region, signing = scope.groups()
    service = SERVICES.get(signing, signing)
    try:
        model = _model(service)
    except botocore.exceptions.UnknownServiceError:
        return None
    protocol = model.resolved_protocol
    operation, params = _operation(service, protocol, method, target, headers, body)
    return ApiRequest(service, operation, region, params, body, protocol, access_key, headers)


def _operation(
    service: str, protocol: str, method: str, target: str, headers: Mapping[str, str], body: bytes
) -> tuple[str, dict[str, Any]]:
    if protocol == "json":
        return headers.get("x-amz-target", "").rpartition(".")[2], _json(body)
    if protocol in ("query", "ec2"):
        params = dict(parse_qsl(body.decode(), keep_blank_values=True))
        return params.pop("Action", ""), params
    path, _, query = target.partition("?")
    asked = dict(parse_qsl(query, keep_blank_values=True))
    for verb, pattern, needed, operation in _routes(service):
        if verb != method or not needed <= asked.keys() or not (found := pattern.fullmatch(path)):
            continue
        if all(asked[k] == v for k, v in _constants(service, operation).items() if v):
            more = _json(body) if protocol == "rest-json" else {}
            return operation, {
                **{k: v for k, v in asked.items() if k not in needed},
                **{k: unquote(v) for k, v in found.groupdict().items()},
                **more,
            }
    return "", dict(asked)


def _json(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body or b"{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


@lru_cache
def _model(service: str) -> Any:
    return _SESSION.get_service_model(service)


@lru_cache
def _constants(service: str, operation: str) -> dict[str, str]:
    uri = _model(service).operation_model(operation).http["requestUri"]
    return dict(parse_qsl(uri.partition("?")[2], keep_blank_values=True))


@lru_cache
def _routes(service: str) -> list[tuple[str, re.Pattern[str], frozenset[str], str]]:
    """Method, path, keys of the query that tell it, operation; the most specific first."""
    model, routes = _model(service), []
    for name in model.operation_names:
        operation = model.operation_model(name)
        path, _, query = operation.http["requestUri"].partition("?")
        keys = set(dict(parse_qsl(query, keep_blank_values=True)))
        if service == "s3" and operation.input_shape:  # told by a required member of the query
            keys |= {
                s.serialization.get("name", m)
                for m, s in operation.input_shape.members.items()
                if s.serialization.get("location") == "querystring" and m in operation.input_shape.required_members
            }
        pattern = re.sub(r"\\{([\w\\-]+?)(\\\+)?\\}", _group, re.escape(path))
        copied = "CopySource" in (operation.input_shape.required_members if operation.input_shape else ())
        if copied or operation.deprecated:  # what a request means now
            continue
        routes.append((operation.http["method"], re.compile(pattern.rstrip("/") + "/?"), frozenset(keys), name))
    return sorted(routes, key=lambda r: (-len(r[2]), r[1].pattern.count("(?P"), -len(r[1].pattern)))


def _group(label: re.Match[str]) -> str:
    """``{resource-arn}`` and ``{Key+}`` as named groups."""
    name = re.sub(r"\W+", "_", label[1].replace("\\", ""))
    return f"(?P<{name}>{'.+' if label[2] else '[^/]+'})"
