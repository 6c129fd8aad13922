"""Public things on plain loopback URLs."""
from __future__ import annotations

import ast
import base64
import http.client
import json
import os
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from sst.embedded import cloud as embedded
from sst.embedded.cloud import Cloud
from sst.errors import SstError

from .functions import function, http_api, permit, url
from .test_emulator import client

pytestmark = pytest.mark.emulator

ECHO = "def handler(event, context):\n    return event\n"
PAGES = """
import base64
def handler(event, context):
    path = event["rawPath"]
    if path == "/binary":
        return {"statusCode": 200, "headers": {"content-type": "image/png"}, "isBase64Encoded": True,
                "body": base64.b64encode(bytes(range(256))).decode()}
    if path == "/cookies":
        return {"statusCode": 201, "cookies": ["a=1; Path=/", "b=2"], "body": "ok"}
    if path == "/fail":
        raise ValueError("secret detail")
    return {"statusCode": 200, "body": event.get("body") or ""}
"""


def fetch(address: str, method: str = "GET", *, body: bytes | None = None,
          headers: dict[str, str] | None = None) -> tuple[int, list[tuple[str, str]], bytes]:
    parts = urlsplit(address)
    line = http.client.HTTPConnection(parts.netloc, timeout=30)
    try:
        line.request(method, (parts.path or "/") + (f"?{parts.query}" if parts.query else ""), body=body,
                     headers=headers or {})
        answer = line.getresponse()
        return answer.status, [(k.lower(), v) for k, v in answer.getheaders()], answer.read()
    finally:
        line.close()


@pytest.fixture(scope="module")
def echo(cloud: Cloud) -> str:
    return function(cloud, ECHO)


@pytest.fixture(scope="module")
def pages(cloud: Cloud) -> str:
    return function(cloud, PAGES)


def test_a_function_url_gets_the_event_of_aws(cloud: Cloud, echo: str) -> None:
    address = url(cloud, echo)
    status, _, body = fetch(f"{address}/a%20b/c?x=1&y=%C3%BC&x=2", "POST", body=b"hi",
                            headers={"cookie": "s=1; t=2", "content-type": "text/plain", "x-one": "1"})
    event = json.loads(body)
    assert status == 200
    assert event["rawPath"] == "/a%20b/c"
    assert event["rawQueryString"] == "x=1&y=%C3%BC&x=2"
    assert event["queryStringParameters"] == {"x": "1,2", "y": "ü"}
    assert event["cookies"] == ["s=1", "t=2"]
    assert "cookie" not in event["headers"]
    assert (event["body"], event["isBase64Encoded"]) == ("hi", False)
    assert event["headers"]["host"] == event["requestContext"]["domainName"] == urlsplit(address).netloc
    assert event["requestContext"]["http"]["method"] == "POST"
    binary = json.loads(fetch(address, "POST", body=b"\x00\xff",
                              headers={"content-type": "application/octet-stream"})[2])
    assert binary["isBase64Encoded"] and base64.b64decode(binary["body"]) == b"\x00\xff"


def test_an_http_api_gets_the_event_of_aws(cloud: Cloud, echo: str) -> None:
    address = http_api(cloud, echo, "GET /items/{id}", "ANY /all/{rest+}", variables={"color": "blue"})
    event = json.loads(fetch(f"{address}/items/7?q=1", headers={"cookie": "s=1; t=2"})[2])
    assert event["pathParameters"] == {"id": "7"}
    assert event["cookies"] == ["s=1", "t=2"]
    assert event["stageVariables"] == {"color": "blue"}
    assert event["routeKey"] == "GET /items/{id}"
    assert fetch(f"{address}/nothing")[0] == 404
    assert json.loads(fetch(f"{address}/all/a/b", "OPTIONS")[2])["requestContext"]["http"]["method"] == "OPTIONS"


def test_paths_keep_their_last_slash(cloud: Cloud, echo: str) -> None:
    address = http_api(cloud, echo, "$default", "GET /exact")
    for path in ("/", "/admin", "/admin/", "/deep/er/", "//admin/", "/a%20b/", "/exact/"):
        event = json.loads(fetch(f"{address}{path}")[2])
        assert event["rawPath"] == event["requestContext"]["http"]["path"] == path.replace("%20", " ")
        assert event["routeKey"] == "$default"
    assert json.loads(fetch(f"{address}/exact")[2])["routeKey"] == "GET /exact"


def test_a_stage_of_an_http_api_is_in_the_path_that_the_app_sees(cloud: Cloud, echo: str) -> None:
    address = http_api(cloud, echo, "GET /items/{id}", "GET /")
    identity = json.loads(fetch(f"{address}/items/1")[2])["requestContext"]["apiId"]
    client(cloud, "apigatewayv2").create_stage(ApiId=identity, StageName="live", AutoDeploy=True)
    event = json.loads(fetch(f"{address}/live/items/7")[2])
    assert (event["rawPath"], event["pathParameters"]) == ("/live/items/7", {"id": "7"})
    assert event["requestContext"]["stage"] == "live"
    assert json.loads(fetch(f"{address}/live")[2])["routeKey"] == "GET /"
    assert json.loads(fetch(f"{address}/live/")[2])["rawPath"] == "/live/"


@pytest.mark.parametrize("host", ["127.0.0.1:{port}", "localhost:{port}", "localhost:5173", "app.localhost:{port}"])
def test_an_app_sees_host_and_scheme_of_its_caller(cloud: Cloud, echo: str, host: str) -> None:
    for address in (url(cloud, function(cloud, ECHO)), http_api(cloud, echo, "$default")):
        named = host.format(port=urlsplit(address).port)
        event = json.loads(fetch(address, headers={"host": named})[2])
        sent = event["headers"]
        assert event["requestContext"]["domainName"] == sent["host"] == named
        assert (sent["x-forwarded-proto"], sent["x-forwarded-port"]) == ("http", named.split(":")[1])
        proxied = fetch(address, headers={"host": named, "x-forwarded-proto": "https"})[2]
        assert json.loads(proxied)["headers"]["x-forwarded-proto"] == "https"


@pytest.mark.parametrize("value", ["{'a': [1, 'ü']}", "['a', 1]", "7", "True"])
def test_a_body_that_is_no_string_is_sent_as_json(cloud: Cloud, value: str) -> None:
    name = function(cloud, f"def handler(event, context):\n    return {{'statusCode': 201, 'body': {value}}}\n")
    for address in (url(cloud, name), http_api(cloud, name, "$default")):
        status, _, body = fetch(address)
        assert (status, json.loads(body)) == (201, ast.literal_eval(value))


@pytest.mark.parametrize("path", ["/health", "/login", "/_ministack/reset", "/_ministack/health", "/oauth2/token",
                                  "/_sst/status"])
def test_paths_of_the_emulator_are_the_users_own(cloud: Cloud, pages: str, path: str) -> None:
    address = http_api(cloud, pages, "$default")
    assert fetch(f"{address}{path}", "POST", body=b"mine", headers={"content-type": "text/plain"})[::2] == (
        200,
        b"mine",
    )


def test_answers_with_cookies_bytes_and_errors(cloud: Cloud, pages: str) -> None:
    for address, failed in ((url(cloud, pages), 502), (http_api(cloud, pages, "$default"), 500)):
        status, headers, body = fetch(f"{address}/binary")
        assert (status, dict(headers)["content-type"], body) == (200, "image/png", bytes(range(256)))
        status, headers, _ = fetch(f"{address}/cookies")
        assert (status, [v for k, v in headers if k == "set-cookie"]) == (201, ["a=1; Path=/", "b=2"])
        status, _, body = fetch(f"{address}/fail")
        assert status == failed and b"secret" not in body and b"Internal Server Error" in body


def test_a_rest_api_hides_what_a_failed_function_said(cloud: Cloud, pages: str) -> None:
    apis = client(cloud, "apigateway")
    api = apis.create_rest_api(name="rest")
    root = apis.get_resources(restApiId=api["id"])["items"][0]["id"]
    child = apis.create_resource(restApiId=api["id"], parentId=root, pathPart="{proxy+}")["id"]
    fails = function(cloud, "def handler(event, context):\n    raise ValueError('secret detail')\n")
    for resource, target in ((child, permit(cloud, pages, "apigateway")), (root, permit(cloud, fails, "apigateway"))):
        apis.put_method(restApiId=api["id"], resourceId=resource, httpMethod="ANY", authorizationType="NONE")
        apis.put_integration(
            restApiId=api["id"], resourceId=resource, httpMethod="ANY", type="AWS_PROXY", integrationHttpMethod="POST",
            uri=f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{target}/invocations")
    apis.create_deployment(restApiId=api["id"], stageName="live")
    address = cloud.address("rest_api", f"https://{api['id']}.execute-api.us-east-1.amazonaws.com/live")
    status, _, body = fetch(f"{address}/")
    assert (status, json.loads(body)) == (502, {"message": "Internal server error"})


def test_cors_is_what_was_configured(cloud: Cloud) -> None:
    page, other = {"origin": "http://page.example"}, {"origin": "http://other.example"}
    asks = {"access-control-request-method": "GET"}
    name = function(cloud, PAGES)
    one = url(cloud, name, Cors={"AllowOrigins": ["http://page.example"], "AllowMethods": ["GET"], "MaxAge": 60})
    two = http_api(cloud, name, "$default", CorsConfiguration={"AllowOrigins": ["http://page.example"],
                                                               "AllowMethods": ["GET"]})
    for address in (one, two):
        for status, headers, _ in (fetch(address, "OPTIONS", headers={**page, **asks}), fetch(address, headers=page)):
            assert status in (200, 204)
            assert dict(headers)["access-control-allow-origin"] == "http://page.example"
        for _, headers, _ in (fetch(address, "OPTIONS", headers={**other, **asks}), fetch(address, headers=other)):
            assert "access-control-allow-origin" not in dict(headers)


def test_a_url_with_iam_auth_wants_a_signature(cloud: Cloud) -> None:
    assert fetch(url(cloud, function(cloud, ECHO), AuthType="AWS_IAM"))[0] == 403


def test_any_name_of_this_machine_is_answered_and_no_other(cloud: Cloud, echo: str) -> None:
    """Also in a ``Host`` that a dev server passes on. https://www.rfc-editor.org/rfc/rfc6761#section-6.3"""
    address = http_api(cloud, echo, "$default")
    for host in ("127.0.0.1", "127.1.2.3:5173", "[::1]:8000", "LOCALHOST:80", "localhost.", "app.localhost:3000"):
        status, _, body = fetch(address, headers={"host": host})
        assert status == 200 and json.loads(body)["headers"]["host"] == host, host
    for host in ("rebound.example", "127.0.0.1.nip.io", "localhost.example", "127.1", "1127.0.0.1", "127.0.0.1@x", ""):
        assert fetch(address, headers={"host": host})[0] == 403, host


def test_a_page_uploads_by_a_presigned_url(cloud: Cloud) -> None:
    s3 = client(cloud, "s3")
    s3.create_bucket(Bucket="uploads")
    rule = {"AllowedOrigins": ["http://page.example"], "AllowedMethods": ["PUT", "GET"], "AllowedHeaders": ["*"]}
    s3.put_bucket_cors(Bucket="uploads", CORSConfiguration={"CORSRules": [rule]})
    address = cloud.address("bucket", "uploads.s3.us-east-1.amazonaws.com")
    signer = client(replace(cloud, endpoint=address), "s3")
    put = signer.generate_presigned_url("put_object", Params={"Bucket": "uploads", "Key": "a/b.txt"})
    page = {"origin": "http://page.example"}
    asked = fetch(put, "OPTIONS", headers={**page, "access-control-request-method": "PUT"})
    assert asked[0] == 200 and dict(asked[1])["access-control-allow-origin"] == "http://page.example"
    status, headers, _ = fetch(put, "PUT", body=b"picture", headers=page)
    assert status == 200 and dict(headers)["access-control-allow-origin"] == "http://page.example"
    get = signer.generate_presigned_url("get_object", Params={"Bucket": "uploads", "Key": "a/b.txt"})
    assert fetch(get, headers=page)[::2] == (200, b"picture")
    assert fetch(get.replace("Signature=", "Signature=0"), headers=page)[0] == 403
    assert fetch(f"{address}/a/b.txt")[0] == 403
    assert fetch(f"{address}/_ministack/reset", "POST")[0] in (403, 404, 405)
    assert s3.head_object(Bucket="uploads", Key="a/b.txt")["ContentLength"] == 7


def test_what_is_not_there_has_no_address(cloud: Cloud) -> None:
    for kind, value in (("function_url", "https://" + "a" * 32 + ".lambda-url.us-east-1.on.aws/"),
                        ("bucket", "no.s3.amazonaws.com"),
                        ("http_api", "https://0123abcd.execute-api.us-east-1.amazonaws.com"),
                        ("http_api", "https://api.example.com")):
        with pytest.raises(SstError, match="no address"):
            cloud.address(kind, value)


def test_an_unknown_kind_is_an_error(cloud: Cloud) -> None:
    with pytest.raises(SstError, match="no address"):
        cloud.address("pigeon", "https://x")


def test_ports_stay_the_same_after_a_restart(tmp_path: Path) -> None:
    try:
        first = embedded.start(tmp_path, environment=os.environ)
        name = function(first, PAGES)
        address = url(first, name)
        embedded.stop(tmp_path)
        second = embedded.start(tmp_path, environment=os.environ)
        assert fetch(address, "POST", body=b"again", headers={"content-type": "text/plain"})[::2] == (200, b"again")
        made = client(second, "lambda").get_function_url_config(FunctionName=name)["FunctionUrl"]
        assert second.address("function_url", made).rstrip("/") == address
    finally:
        embedded.reset(tmp_path)


def test_a_deleted_function_takes_its_url_along(cloud: Cloud) -> None:
    name = function(cloud, ECHO)
    address = url(cloud, name)
    client(cloud, "lambda").delete_function(FunctionName=name)
    assert fetch(address)[0] == 404
