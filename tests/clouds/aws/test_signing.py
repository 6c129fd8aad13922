"""What is sent, beside what botocore would send and sign for the same call."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import random
import string
import subprocess
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

import botocore.auth
import botocore.session
import pytest
from botocore import xform_name
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials as BotoCredentials
from hypothesis import given, settings
from hypothesis import strategies as st

from sst.clouds.aws.client import Aws
from sst.clouds.aws.models import loader
from sst.clouds.aws.rows import all_rows
from sst.clouds.aws.service import Service
from sst.clouds.aws.sign import Credentials, signed, signed_url

STAMP, MOMENT = "20260102T030405Z", dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC)
KEYS = ("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
SERVICES = sorted(
    {k.service for k in all_rows().values()} | {"sts", "ec2", "kms", "resourcegroupstaggingapi", "cloudwatch"}
)
ODD = [
    "a b",
    "ü/é",
    "😀",
    "+",
    "~",
    "a//b",
    "./a",
    "../a",
    "..",
    "%41",
    "&=#?",
    "'\"",
    ";:\\",
    "{|}^",
    "a\nb",
    "a\tb",
    "a\rb",
    "*",
]
SESSION = botocore.session.Session()


class Captured(Exception):
    def __init__(self, request: AWSRequest) -> None:
        self.request = request


def botocores(service: str, operation: str, params: Mapping[str, Any], region: str, token: str | None) -> AWSRequest:
    """The request as botocore would send it, signed at STAMP."""
    with pytest.raises(Captured) as e:
        getattr(client(service, region, token), operation)(**params)
    return e.value.request


@cache
def client(service: str, region: str, token: str | None) -> Any:
    """A client of botocore's that sends nothing."""
    style = {"s3": {"addressing_style": "virtual", "us_east_1_regional_endpoint": "regional"}}
    made = SESSION.create_client(
        service,
        region,
        aws_access_key_id=KEYS[0],
        aws_secret_access_key=KEYS[1],
        aws_session_token=token,
        config=Config(**style),
    )

    def stop(request: Any, **_: Any) -> None:
        raise Captured(request)

    made.meta.events.register_first("before-send", stop)
    return made


@cache
def model_of(service: str) -> Service:
    return Service(service, loader())


def ours(
    service: str, operation: str, params: Mapping[str, Any], region: str
) -> tuple[str, str, dict[str, str], bytes, str, Any]:
    made = model_of(service)
    arguments = dict(params)
    made.fill_tokens(operation, arguments, "a-token-of-thirty-two-characters")
    request = made.prepare(operation, arguments, region=region, endpoint=None, flags={})
    body = request.body if isinstance(request.body, bytes) else b"" if request.body is None else request.body.read()
    return request.method, request.target, request.headers, body, request.payload_hash, request.place


def resigned(method: str, place: Any, target: str, headers: Mapping[str, str], body: bytes, token: str | None) -> str:
    """The signature that botocore computes over a request that is on its way."""
    s3 = not place.double
    auth: Any = (botocore.auth.S3SigV4Auth if s3 else botocore.auth.SigV4Auth)(
        BotoCredentials(*KEYS, token), place.signing_name, place.region
    )
    names = headers["Authorization"].split("SignedHeaders=")[1].split(",")[0].split(";")
    lower = {k.lower(): v for k, v in headers.items()}
    request = AWSRequest(
        method,
        f"{place.origin[0]}://{place.host}{target}",
        {n: lower[n] for n in names if n != "host"} | {"Host": place.host},
        body,
    )
    request.context.update(
        timestamp=STAMP,
        signing={"region": place.region, "signing_name": place.signing_name},
        payload_signing_enabled=True,
    )
    canonical = auth.canonical_request(request)
    return str(auth.signature(auth.string_to_sign(request, canonical), request))


UNUSED = ("SSECustomer", "Checksum")
"""Members that need more of botocore, and that no row has."""


class Values:
    """Parameters that fit a model, by chance."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)

    def of(self, shape: Any, name: str = "", depth: int = 0) -> Any:
        dice = self.dice
        match shape.type_name:
            case "structure":
                names = [
                    n
                    for n in shape.members
                    if n in shape.required_members or (depth < 2 and not n.startswith(UNUSED) and dice.random() < 0.3)
                ]
                if shape.metadata.get("union") or getattr(shape, "is_tagged_union", False):
                    names = names[:1] or list(shape.members)[:1]
                return {n: self.of(shape.members[n], n, depth + 1) for n in names}
            case "list":
                return [self.of(shape.member, name, depth + 1) for _ in range(max(1, shape.metadata.get("min", 1)))]
            case "map":
                return {self.of(shape.key, "", depth + 1): self.of(shape.value, "", depth + 1)}
            case "boolean":
                return dice.random() < 0.5
            case "integer" | "long":
                return max(int(shape.metadata.get("min", 1)), min(7, int(shape.metadata.get("max", 7))))
            case "float" | "double":
                return 0.5
            case "timestamp":
                return MOMENT
            case "blob":
                return b"\x00bytes \xff"
        return self.text(shape, name)

    def text(self, shape: Any, name: str) -> str:
        if shape.enum:
            return str(self.dice.choice(shape.enum))
        if name == "Bucket":
            return "a-bucket-of-ours"
        if "arn" in name.lower():
            return "arn:aws:sns:us-east-1:123456789012:a-topic" + "x" * max(0, int(shape.metadata.get("min", 1)) - 42)
        least, most = int(shape.metadata.get("min", 1)), int(shape.metadata.get("max", 60))
        odd = self.dice.choice(ODD) if name in ("Key", "Prefix", "Message", "Description", "MessageBody") else ""
        body = odd + "".join(self.dice.choice(string.ascii_letters) for _ in range(max(least, min(8, most))))
        return body[: max(most, 1)]


def operations() -> Iterator[tuple[str, str]]:
    """Each call of each row, and what the rest of the product calls."""
    for kind in all_rows().values():
        calls = [
            kind.create,
            kind.read,
            kind.delete,
            kind.find,
            kind.lookup,
            *kind.update,
            *kind.reset_call.values(),
            *kind.extra_reads.values(),
        ]
        tagging = kind.tagging
        calls += [tagging.add, tagging.remove, tagging.show] if tagging else []
        yield from ((kind.service, c.op) for c in calls if c)
    yield from (
        ("sts", "get_caller_identity"),
        ("resourcegroupstaggingapi", "get_resources"),
        ("s3", "list_objects_v2"),
        ("s3", "list_object_versions"),
        ("s3", "delete_objects"),
        ("s3", "get_object"),
        ("ssm", "put_parameter"),
        ("ec2", "describe_availability_zones"),
        ("route53", "list_hosted_zones"),
        ("lambda", "invoke"),
        ("sqs", "send_message"),
        ("cloudwatch", "put_metric_data"),
        ("kms", "describe_key"),
    )


CALLS = sorted(set(operations()))
SKIPPED_HEADERS = {
    "user-agent",
    "authorization",
    "x-amz-date",
    "amz-sdk-invocation-id",
    "amz-sdk-request",
    "host",
    "content-length",
    "expect",
    "x-amz-security-token",
    "x-amz-content-sha256",
    "x-amz-checksum-mode",
    "x-amz-checksum-crc32",
    "x-amz-sdk-checksum-algorithm",
    "accept-encoding",
    "amz-sdk-retry",
    "x-amz-user-agent",
    "connection",
    "transfer-encoding",
    "content-encoding",
    "x-amz-trailer",
    "x-amz-decoded-content-length",
    "content-md5",
    "accept",
    "x-amzn-query-mode",
}


def comparable(headers: Mapping[str, Any]) -> dict[str, str]:
    return {
        k.lower(): v.decode() if isinstance(v, bytes) else str(v)
        for k, v in headers.items()
        if k.lower() not in SKIPPED_HEADERS
    }


def without_tokens(service: str, operation: str, body: bytes) -> Any:
    """The body with the idempotency tokens that each side makes for itself taken out."""
    model = SESSION.get_service_model(service)
    members = set(
        model.operation_model({xform_name(n): n for n in model.operation_names}[operation]).idempotent_members
    )
    try:
        return {k: v for k, v in json.loads(body).items() if k.lower() not in {m.lower() for m in members}}
    except (ValueError, AttributeError):
        return [p for p in parse_qsl(body.decode(errors="replace")) if p[0] not in members] or body


@pytest.mark.parametrize(("service", "operation"), CALLS)
def test_a_call_is_sent_and_signed_as_by_botocore(service: str, operation: str) -> None:
    model = SESSION.get_service_model(service)
    shape = model.operation_model({xform_name(n): n for n in model.operation_names}[operation]).input_shape
    for seed in range(3):
        params = Values(seed).of(shape) if shape else {}
        if service == "rds":
            params.pop("SourceRegion", None)    # botocore makes a signed URL of it
        method, target, headers, body, digest, place = ours(service, operation, params, "eu-central-1")
        token = "a/session+token==" if seed else None
        stamped = signed(
            method,
            place.host,
            target,
            {**headers, "User-Agent": "x"},
            digest,
            credentials=Credentials(*KEYS, token),
            region=place.region,
            service=place.signing_name,
            stamp=STAMP,
            double=place.double,
        )
        signature = stamped["Authorization"].rpartition("Signature=")[2]
        assert signature == resigned(method, place, target, stamped, body, token), f"{service}.{operation} {params}"

        theirs = botocores(service, operation, params, "eu-central-1", token)
        at = urlsplit(theirs.url)
        assert (method, place.host, target.partition("?")[0]) == (theirs.method, at.netloc, at.path), params
        assert sorted(target.partition("?")[2].split("&")) == sorted(at.query.split("&")) or "oken" in at.query, params
        if "aws-chunked" not in str(theirs.headers.get("Content-Encoding", "")):
            assert comparable(headers) == comparable(theirs.headers), params
            sent = (
                theirs.body
                if isinstance(theirs.body, bytes)
                else (theirs.body or "").encode()
                if isinstance(theirs.body or "", str)
                else theirs.body.read()
            )
            assert without_tokens(service, operation, body) == without_tokens(service, operation, sent), params


NAME = st.text("ab-._~A1%", min_size=1, max_size=4)


@settings(max_examples=300, deadline=None)
@given(
    pairs=st.lists(st.tuples(NAME, NAME), max_size=5),
    path=st.lists(st.sampled_from(["a", "", ".", "..", "b c", "ü", "~"]), max_size=5),
    token=st.sampled_from([None, "t+/="]),
    s3=st.booleans(),
)
def test_any_path_and_query_is_signed_as_by_botocore(
    pairs: list[tuple[str, str]], path: list[str], token: str | None, s3: bool
) -> None:
    from urllib.parse import quote

    from sst.clouds.aws.service import Endpoint

    query = "&".join(f"{quote(k, safe='-_.~')}={quote(v, safe='-_.~')}" for k, v in pairs)
    target = "/" + "/".join(quote(p, safe="-_.~") for p in path) + (f"?{query}" if query else "")
    place = Endpoint(("https", "h.test", 443), "h.test", "", "eu-west-1", "s3" if s3 else "lambda", not s3, {})
    headers = signed(
        "GET",
        "h.test",
        target,
        {"X-Amz-Meta-A": "  two  words "},
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        credentials=Credentials(*KEYS, token),
        region="eu-west-1",
        service=place.signing_name,
        stamp=STAMP,
        double=not s3,
    )
    assert headers["Authorization"].rpartition("Signature=")[2] == resigned("GET", place, target, headers, b"", token)


@pytest.mark.parametrize("key", ODD)
@pytest.mark.parametrize("token", [None, "a+b/c="])
def test_a_presigned_url_is_botocores(key: str, token: str | None) -> None:
    from urllib.parse import quote

    url = f"https://b.s3.eu-west-1.amazonaws.com/{quote(key, safe='/-_.~')}"
    made = signed_url(
        "GET", url, credentials=Credentials(*KEYS, token), region="eu-west-1", service="s3", stamp=STAMP, expires=60
    )
    auth = botocore.auth.S3SigV4QueryAuth(BotoCredentials(*KEYS, token), "s3", "eu-west-1", expires=60)
    request = AWSRequest("GET", url)
    request.context["timestamp"] = STAMP
    auth._modify_request_before_signing(request)
    wanted = auth.signature(auth.string_to_sign(request, auth.canonical_request(request)), request)
    assert dict(parse_qsl(urlsplit(made).query))["X-Amz-Signature"] == wanted


def test_keys_that_xml_can_t_hold_are_listed_and_deleted_as_they_are() -> None:
    from sst.net.http import Response

    s3 = Service("s3", loader())
    request = s3.prepare("list_object_versions", {"Bucket": "b"}, region="eu-west-1", endpoint=None, flags={})
    assert "encoding-type=url" in request.target
    body = (
        b'<?xml version="1.0"?><ListVersionsResult><EncodingType>url</EncodingType><Version><Key>a%00%0D+b</Key>'
        b"<VersionId>1</VersionId></Version></ListVersionsResult>"
    )
    assert s3.parse("list_object_versions", Response(200, {}, body))["Versions"][0]["Key"] == "a\x00\r b"
    sent = s3.prepare(
        "delete_objects",
        {"Bucket": "b", "Delete": {"Objects": [{"Key": "a\rb\n"}]}},
        region="eu-west-1",
        endpoint=None,
        flags={},
    ).body
    assert isinstance(sent, bytes) and b"a&#xD;b&#xA;" in sent and b"\r" not in sent


def test_an_error_within_a_result_is_not_the_answer_of_the_call() -> None:
    from sst.net.http import Response

    s3 = Service("s3", loader())
    kept = b"<DeleteResult><Error><Key>k</Key><Code>AccessDenied</Code><Message>m</Message></Error></DeleteResult>"
    answer = s3.parse("delete_objects", Response(200, {}, kept))
    assert "Error" not in answer and answer["Errors"][0]["Code"] == "AccessDenied"
    for failed in (
        b"<Error><Code>InternalError</Code></Error>",
        b'<?xml version="1.0"?>\n<Error><Code>SlowDown</Code></Error>',
    ):
        assert s3.parse("complete_multipart_upload", Response(200, {}, failed))["Error"]["Code"] in (
            "InternalError",
            "SlowDown",
        )


def test_ids_of_zones_are_sent_without_their_path() -> None:
    aws = Aws(region="eu-west-1", credentials=(*KEYS, None), environment={})
    request = aws.service("route53").prepare(
        "get_hosted_zone", {"Id": "/hostedzone/Z1"}, region="eu-west-1", endpoint=None, flags={}
    )
    assert request.target == "/2013-04-01/hostedzone/Z1"


def test_version_4a_is_as_awscrt_makes_it() -> None:
    """Signatures with ECDSA differ each time: what is signed must be the same, and each must verify the other's."""
    from awscrt.auth import (
        AwsCredentialsProvider,
        AwsSignatureType,
        AwsSigningAlgorithm,
        AwsSigningConfig,
        aws_sign_request,
    )
    from awscrt.http import HttpHeaders, HttpRequest
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
    from cryptography.hazmat.primitives.hashes import SHA256

    from sst.clouds.aws.sign import _key_4a

    host = "123456789012.cloudfront-kvs.global.api.aws"
    target = "/key-value-stores/arn%3Aaws%3Acloudfront%3A%3A123456789012%3Akey-value-store%2Fa/keys?MaxResults=50"
    digest = hashlib.sha256(b"{}").hexdigest()
    ours = signed("POST", host, target, {"Content-Type": "application/json"}, digest,
                  credentials=Credentials(*KEYS, "token"), region="us-east-1", service="cloudfront-keyvaluestore",
                  stamp=STAMP, regions="*")
    request = HttpRequest("POST", target, HttpHeaders([("Host", host), ("Content-Type", "application/json")]))
    theirs = aws_sign_request(request, AwsSigningConfig(
        algorithm=AwsSigningAlgorithm.V4_ASYMMETRIC, signature_type=AwsSignatureType.HTTP_REQUEST_HEADERS, region="*",
        credentials_provider=AwsCredentialsProvider.new_static(*KEYS, "token"), service="cloudfront-keyvaluestore",
        date=MOMENT, signed_body_value=digest)).result(10)
    made = dict(theirs.headers)
    assert {k.lower(): v for k, v in ours.items() if k != "Authorization"} == {
        k.lower(): v for k, v in made.items() if k not in ("Authorization", "Host")}
    heads = [h["Authorization"].rpartition("Signature=") for h in (ours, made)]
    assert heads[0][0] == heads[1][0]
    canonical = "\n".join(("POST", quote(target.partition("?")[0], safe="/"), "MaxResults=50",
                           "content-type:application/json", f"host:{host}", f"x-amz-date:{STAMP}", "x-amz-region-set:*",
                           "x-amz-security-token:token", "",
                           "content-type;host;x-amz-date;x-amz-region-set;x-amz-security-token", digest))
    text = "\n".join(("AWS4-ECDSA-P256-SHA256", STAMP, f"{STAMP[:8]}/cloudfront-keyvaluestore/aws4_request",
                      hashlib.sha256(canonical.encode()).hexdigest())).encode()
    for _, _, signature in heads:
        _key_4a(*KEYS).public_key().verify(bytes.fromhex(signature), text, ECDSA(SHA256()))


def test_a_key_value_store_is_called_with_version_4a_at_the_place_of_its_account() -> None:
    place = Service("cloudfront-keyvaluestore", loader()).prepare(
        "describe_key_value_store", {"KvsARN": "arn:aws:cloudfront::123456789012:key-value-store/a"},
        region="eu-west-1", endpoint=None, flags={}).place
    assert place.host == "123456789012.cloudfront-kvs.global.api.aws" and place.regions == "*"


AT_ONCE = """
import random, sys, threading, time
from sst.clouds.aws.handlers import adapt_body
from sst.clouds.aws.models import loader
from sst.clouds.aws.service import Service

needs = [lambda: Service("elbv2", loader()).waiters,
         lambda: adapt_body("s3", "delete_objects", {"body": b""})]
sys.setswitchinterval(random.choice([1e-5, 1e-4, 5e-4]))
threading.excepthook = lambda failed: print(failed.exc_value)
threads = [threading.Timer(random.random() * 0.03, need) for need in needs * 2]
for thread in threads: thread.start()
for thread in threads: thread.join()
"""


@pytest.mark.long
def test_threads_may_need_different_parts_of_botocore_at_once() -> None:
    """Without the lock about one process in eight failed."""
    for _ in range(20):
        done = subprocess.run([sys.executable, "-c", AT_ONCE], capture_output=True, text=True, check=True, timeout=60)
        assert done.stdout == ""
