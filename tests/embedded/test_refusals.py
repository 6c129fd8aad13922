"""What callers get when a function may not be called, is throttled, or answers in a form that its front end refuses."""
from __future__ import annotations

import json
import re
import uuid
from typing import Any

import pytest

from sst.embedded.cloud import Cloud
from sst.embedded.responses import balancer_fault, rest_fault, url_fault

from .functions import function, http_api, permit, url
from .test_emulator import client
from .test_front_door import fetch
from .test_websocket import Line

SAYS = "import json\ndef handler(event, context):\n    print('was called')\n    return json.loads({!r})\n"
FINE = SAYS.format('{"statusCode": 200, "body": "fine"}')


def rest_api(cloud: Cloud, arn: str, **method: Any) -> str:
    """The loopback URL of a REST API whose root calls the function."""
    apis = client(cloud, "apigateway")
    api = apis.create_rest_api(name=uuid.uuid4().hex)["id"]
    root = apis.get_resources(restApiId=api)["items"][0]["id"]
    if authorizer := method.pop("authorizer", None):
        method["authorizerId"] = apis.create_authorizer(restApiId=api, **authorizer)["id"]
    apis.put_method(restApiId=api, resourceId=root, httpMethod="ANY", **{"authorizationType": "NONE", **method})
    apis.put_integration(restApiId=api, resourceId=root, httpMethod="ANY", type="AWS_PROXY",
                         integrationHttpMethod="POST", uri=invocations(cloud, arn))
    apis.create_deployment(restApiId=api, stageName="live")
    return cloud.address("rest_api", f"https://{api}.execute-api.us-east-1.amazonaws.com/live")


def websocket_api(cloud: Cloud, arn: str, **route: Any) -> str:
    apis = client(cloud, "apigatewayv2")
    api = apis.create_api(Name=uuid.uuid4().hex, ProtocolType="WEBSOCKET",
                          RouteSelectionExpression="$request.body.action")["ApiId"]
    target = apis.create_integration(ApiId=api, IntegrationType="AWS_PROXY", IntegrationUri=arn)["IntegrationId"]
    if authorizer := route.pop("authorizer", None):
        made = apis.create_authorizer(ApiId=api, AuthorizerType="REQUEST", Name="a", **authorizer)["AuthorizerId"]
        route |= {"AuthorizationType": "CUSTOM", "AuthorizerId": made}
    apis.create_route(ApiId=api, RouteKey="$connect", Target=f"integrations/{target}", **route)
    apis.create_route(ApiId=api, RouteKey="$default", Target=f"integrations/{target}")
    apis.create_stage(ApiId=api, StageName="live", AutoDeploy=True)
    return cloud.address("websocket", f"wss://{api}.execute-api.us-east-1.amazonaws.com/live")


def balancer(cloud: Cloud, arn: str) -> str:
    """The loopback URL of a load balancer with the function behind it."""
    elb, name = client(cloud, "elbv2"), f"b{uuid.uuid4().hex[:10]}"
    made = elb.create_load_balancer(Name=name, Subnets=["subnet-1", "subnet-2"])["LoadBalancers"][0]
    group = elb.create_target_group(Name=name, TargetType="lambda")["TargetGroups"][0]["TargetGroupArn"]
    elb.register_targets(TargetGroupArn=group, Targets=[{"Id": arn}])
    elb.create_listener(LoadBalancerArn=made["LoadBalancerArn"], Protocol="HTTP", Port=80,
                        DefaultActions=[{"Type": "forward", "TargetGroupArn": group}])
    return cloud.address("load_balancer", f"http://{made['DNSName']}/")


def invocations(cloud: Cloud, arn: str) -> str:
    return f"arn:aws:apigateway:{cloud.region}:lambda:path/2015-03-31/functions/{arn}/invocations"


def arn_of(cloud: Cloud, name: str) -> str:
    return str(client(cloud, "lambda").get_function(FunctionName=name)["Configuration"]["FunctionArn"])


def status_of(address: str) -> int:
    """Of the handshake of a WebSocket."""
    line = Line(address)
    line.close()
    return line.status


def answered(address: str, **more: Any) -> tuple[int, Any]:
    status, _, body = fetch(address, **more)
    return status, json.loads(body) if body[:1] == b"{" else body


def was_called(cloud: Cloud, name: str) -> bool:
    logs = client(cloud, "logs")
    try:
        events = logs.filter_log_events(logGroupName=f"/aws/lambda/{name}")["events"]
    except logs.exceptions.ResourceNotFoundException:
        return False
    return any("was called" in event["message"] for event in events)


@pytest.mark.long
@pytest.mark.emulator
def test_a_function_that_permits_nobody_is_called_by_nobody(cloud: Cloud) -> None:
    name = function(cloud, FINE)
    arn = arn_of(cloud, name)
    rest, balanced, socket = rest_api(cloud, arn), balancer(cloud, arn), websocket_api(cloud, arn)
    assert answered(rest) == (500, {"message": "Internal server error"})
    status, body = answered(balanced)
    assert status == 502 and b"502 Bad Gateway" in body
    assert status_of(socket) != 101
    assert not was_called(cloud, name)
    permit(cloud, name, "apigateway")
    permit(cloud, name, "elasticloadbalancing")
    assert [answered(rest), answered(balanced), status_of(socket)] == [(200, b"fine"), (200, b"fine"), 101]


@pytest.mark.long
@pytest.mark.emulator
def test_a_throttled_function_is_refused_in_the_words_of_each_front_end(cloud: Cloud) -> None:
    """https://docs.aws.amazon.com/lambda/latest/dg/services-apigateway-errors.html: 500 if Lambda rejects the call;
    https://docs.aws.amazon.com/lambda/latest/dg/urls-configuration.html#urls-throttling: 429 of a function URL."""
    name = function(cloud, FINE)
    arn = permit(cloud, name, "apigateway")
    permit(cloud, name, "elasticloadbalancing")
    client(cloud, "lambda").put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    assert answered(url(cloud, name))[0] == 429
    assert answered(http_api(cloud, name, "$default")) == (500, {"message": "Internal Server Error"})
    assert answered(rest_api(cloud, arn)) == (500, {"message": "Internal server error"})
    status, body = answered(balancer(cloud, arn))
    assert status == 502 and b"502 Bad Gateway" in body
    assert status_of(websocket_api(cloud, arn)) != 101
    assert not was_called(cloud, name)


@pytest.mark.long
@pytest.mark.emulator
@pytest.mark.parametrize(("answer", "http", "rest", "balanced"), [
    ({"statusCode": "abc", "body": "x"}, 500, 502, 502), ({"statusCode": 200, "headers": "x"}, 500, 502, 502),
    ({"x": 1}, 200, 502, 502), (["a"], 200, 502, 502), (None, 200, 502, 502)])
def test_a_malformed_answer_is_an_error_of_the_front_end(cloud: Cloud, answer: object, http: int, rest: int,
                                                         balanced: int) -> None:
    name = function(cloud, SAYS.format(json.dumps(answer)))
    arn = permit(cloud, name, "apigateway")
    permit(cloud, name, "elasticloadbalancing")
    for address, wanted, text in ((url(cloud, name), 502 if http != 200 else 200, "Internal Server Error"),
                                  (http_api(cloud, name, "$default"), http, "Internal Server Error"),
                                  (rest_api(cloud, arn), rest, "Internal server error")):
        status, body = answered(address)
        assert status == wanted
        if wanted != 200:
            assert body == {"message": text}
    status, body = answered(balancer(cloud, arn))
    assert status == balanced and b"502 Bad Gateway" in body
    assert re.search(rf"the answer of the call [0-9a-f-]{{36}} is malformed: {re.escape(balancer_fault(answer))}",
                     (cloud.folder / "cloud.log").read_text())


@pytest.mark.long
@pytest.mark.emulator
def test_an_authorizer_keeps_callers_out(cloud: Cloud) -> None:
    name, decides = function(cloud, FINE), function(cloud, """
def handler(event, context):
    token = event.get("authorizationToken") or (event.get("headers") or {}).get("x") \\
        or (event.get("queryStringParameters") or {}).get("x")
    if event.get("version") == "2.0":
        return {"isAuthorized": token == "good"}
    return {"principalId": "me", "policyDocument": {"Version": "2012-10-17", "Statement": [
        {"Action": "execute-api:Invoke", "Effect": "Allow" if token == "good" else "Deny",
         "Resource": event["methodArn"]}]}}
""")
    arn, authorizer = permit(cloud, name, "apigateway"), invocations(cloud, permit(cloud, decides, "apigateway"))
    apis = client(cloud, "apigatewayv2")
    http = http_api(cloud, name, "GET /")
    api = next(a["ApiId"] for a in apis.get_apis()["Items"] if a["Name"] == name)
    made = apis.create_authorizer(ApiId=api, Name="a", AuthorizerType="REQUEST", AuthorizerUri=authorizer,
                                  AuthorizerPayloadFormatVersion="2.0", EnableSimpleResponses=True,
                                  IdentitySource=["$request.header.x"])["AuthorizerId"]
    route = apis.get_routes(ApiId=api)["Items"][0]["RouteId"]
    apis.update_route(ApiId=api, RouteId=route, AuthorizationType="CUSTOM", AuthorizerId=made)
    rest = rest_api(cloud, arn, authorizationType="CUSTOM", authorizer={
        "name": "a", "type": "TOKEN", "authorizerUri": authorizer, "identitySource": "method.request.header.x"})
    for address in (http, rest):
        assert answered(address) == (401, {"message": "Unauthorized"})
        assert answered(address, headers={"x": "bad"})[0] == 403
        assert not was_called(cloud, name)
    socket = websocket_api(cloud, arn, authorizer={"AuthorizerUri": authorizer,
                                                   "IdentitySource": ["route.request.querystring.x"]})
    assert [status_of(socket), status_of(f"{socket}?x=bad")] == [401, 403]
    assert not was_called(cloud, name)
    assert status_of(f"{socket}?x=good") == 101
    for address in (http, rest):
        assert answered(address, headers={"x": "good"}) == (200, b"fine")


@pytest.mark.parametrize(("answer", "url", "rest", "balanced"), [
    ({"statusCode": 200, "body": "x"}, "", "", ""),
    ({"statusCode": "201", "headers": None}, "", "", ""),
    ({"body": "x"}, "", "", "it is no object with a statusCode"),
    ("x", "", "it is no object", "it is no object with a statusCode"),
    ({"statusCode": 200, "body": {}}, "", "body is no string", "body is no string"),
    ({"statusCode": True}, *["statusCode True is no status"] * 3),
    ({"statusCode": 2000}, *["statusCode 2000 is no status"] * 3),
    ({"statusCode": 200, "multiValueHeaders": [1]}, *["multiValueHeaders is no object"] * 3),
    ({"statusCode": 200, "cookies": "a=1"}, "cookies is no list", "", "")])
def test_what_is_wrong_is_named(answer: object, url: str, rest: str, balanced: str) -> None:
    assert (url_fault(answer), rest_fault(answer), balancer_fault(answer)) == (url, rest, balanced)
