"""Events as the front ends send them, cut to what counts."""
from __future__ import annotations

from typing import Any


def v2(path: str = "/", *, method: str = "GET", query: str = "", stage: str = "$default",
       headers: dict[str, str] | None = None,
       cookies: list[str] | None = None, body: str | None = None, base64: bool = False) -> dict[str, Any]:
    """A function URL or an HTTP API, payload 2.0."""
    event: dict[str, Any] = {
        "version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": query,
        "headers": {"host": "abc.lambda-url.us-east-1.on.aws", "x-forwarded-proto": "https", "x-forwarded-port": "443",
                    **(headers or {})},
        "requestContext": {"accountId": "anonymous", "domainName": "abc.lambda-url.us-east-1.on.aws", "stage": stage,
                           "requestId": "r",
                           "http": {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "203.0.113.9"}},
        "isBase64Encoded": base64}
    if cookies:
        event["cookies"] = cookies
    return {**event, "body": body} if body is not None else event


def v1(path: str = "/", *, method: str = "GET", query: dict[str, list[str]] | None = None, stage: str = "prod",
       headers: dict[str, list[str]] | None = None, body: str | None = None) -> dict[str, Any]:
    """A REST API, payload 1.0."""
    several = {"Host": ["x.execute-api.us-east-1.amazonaws.com"], "X-Forwarded-Proto": ["https"], **(headers or {})}
    return {"resource": "/{proxy+}", "path": path, "httpMethod": method,
            "headers": {k: v[-1] for k, v in several.items()},
            "multiValueHeaders": several, "queryStringParameters": {k: v[-1] for k, v in query.items()} if query
            else None,
            "multiValueQueryStringParameters": query, "body": body, "isBase64Encoded": False,
            "requestContext": {"path": f"/{stage}{path}", "stage": stage, "protocol": "HTTP/1.1", "httpMethod": method,
                               "identity": {"sourceIp": "203.0.113.9"},
                               "domainName": "x.execute-api.us-east-1.amazonaws.com"}}


def alb(path: str = "/", *, method: str = "GET", query: dict[str, str] | None = None, many: bool = False,
        headers: dict[str, str] | None = None, body: str = "") -> dict[str, Any]:
    """A load balancer, with lists of values or without."""
    sent = {"host": "lb.example.com", "x-forwarded-for": "10.0.0.1, 203.0.113.9", "x-forwarded-proto": "http",
            "x-forwarded-port": "80",
            **(headers or {})}
    event: dict[str, Any] = {"requestContext": {"elb": {"targetGroupArn": "arn:..."}}, "httpMethod": method,
                             "path": path, "body": body,
                             "isBase64Encoded": False}
    if many:
        return {**event, "multiValueHeaders": {k: [v] for k, v in sent.items()},
                "multiValueQueryStringParameters": {k: [v] for k, v in (query or {}).items()}}
    return {**event, "headers": sent, "queryStringParameters": query or {}}
