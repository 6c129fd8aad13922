"""HTTP on the wire, at the ports that uvicorn's protocols serve."""
from __future__ import annotations

import os
import socket
from urllib.parse import urlsplit

import pytest

from sst.embedded.cloud import Cloud

from .functions import function, http_api
from .test_emulator import client

pytestmark = pytest.mark.emulator

SIZE = "def handler(event, context):\n    return {'statusCode': 200, 'body': str(len(event.get('body') or ''))}\n"


def said(address: str, raw: bytes) -> bytes:
    """All that comes back for what is sent as it is; the server ends the connection."""
    host = urlsplit(address).netloc.encode()
    with socket.create_connection((urlsplit(address).hostname or "", urlsplit(address).port or 0), 30) as line:
        line.sendall(raw.replace(b"HOST", host))
        got = b""
        while part := line.recv(65536):
            got += part
    return got


@pytest.fixture(scope="module")
def api(cloud: Cloud) -> str:
    return http_api(cloud, function(cloud, SIZE), "$default")


@pytest.mark.parametrize(("head", "body", "size"), [
    (b"Content-Length: 5", b"hello", b"5"),
    (b"Content-Length: 5\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk", b"hello",
     b"5"),
    (b"Transfer-Encoding: chunked", b"5\r\nhello\r\n3;name=x\r\nabc\r\n0\r\nTrailer: 1\r\n\r\n", b"8"),
], ids=["length", "an-offer-of-http2", "chunks"])
def test_a_body_arrives_whole_and_the_connection_goes_on(api: str, head: bytes, body: bytes, size: bytes) -> None:
    got = said(api, b"POST / HTTP/1.1\r\nHost: HOST\r\nContent-Type: text/plain\r\n" + head + b"\r\n\r\n" + body
               + b"GET / HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n\r\n")
    first, second = got.split(b"HTTP/1.1 200 OK\r\n")[1:]
    assert first.endswith(b"\r\n\r\n" + size) and second.endswith(b"\r\n\r\n0")


@pytest.mark.parametrize(("head", "status"), [
    (b"GET / HTTP/1.1\r\nHost: HOST\r\nHost: example.com\r\n\r\n", b"400"),
    (b"GET / HTTP/1.1\r\n\r\n", b"400"),
    (b"GET / HTTP/1.1\r\nHost: HOST\r\nX-Long: " + b"a" * 40_000 + b"\r\n\r\n", b"431"),
    (b"POST / HTTP/1.1\r\nHost: HOST\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b"400"),
], ids=["two-hosts", "no-host", "long", "two-lengths"])
def test_a_head_that_no_front_end_takes_is_refused(api: str, cloud: Cloud, head: bytes, status: bytes) -> None:
    for address in (api, cloud.endpoint):
        got = said(address, head)
        assert got.startswith(b"HTTP/1.1 " + status) and b"connection: close" in got


def test_a_body_is_asked_for_where_the_client_waits_to_be_asked(api: str) -> None:
    host, port = urlsplit(api).hostname or "", urlsplit(api).port or 0
    with socket.create_connection((host, port), 30) as line:
        line.sendall(b"PUT / HTTP/1.1\r\nHost: %s\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n"
                     b"Expect: 100-continue\r\nConnection: close\r\n\r\n" % urlsplit(api).netloc.encode())
        assert line.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        line.sendall(b"hello")
        got = b""
        while part := line.recv(65536):
            got += part
    assert got.startswith(b"HTTP/1.1 200 OK\r\n") and got.endswith(b"\r\n\r\n5")


def test_a_connection_goes_on_after_an_answer_without_a_body(cloud: Cloud) -> None:
    s3 = client(cloud, "s3")
    s3.create_bucket(Bucket="unchanged")
    tag = s3.put_object(Bucket="unchanged", Key="a/b", Body=b"x")["ETag"]
    signed = urlsplit(s3.generate_presigned_url("get_object", Params={"Bucket": "unchanged", "Key": "a/b"}))
    asked = f"GET {signed.path}?{signed.query} HTTP/1.1\r\nHost: HOST\r\n".encode()
    got = said(cloud.endpoint, asked + f"If-None-Match: {tag}\r\n\r\n".encode() + asked
               + b"Connection: close\r\n\r\n")
    assert got.startswith(b"HTTP/1.1 304 ") and b"HTTP/1.1 200 OK" in got and got.endswith(b"\r\n\r\nx")


@pytest.mark.parametrize("size", [256 * 1024, 256 * 1024 + 1, 1_000_000])
def test_a_long_body_comes_back_as_it_was_sent(cloud: Cloud, size: int) -> None:
    s3, body = client(cloud, "s3"), os.urandom(size)
    s3.create_bucket(Bucket=f"long-{size}")
    s3.put_object(Bucket=f"long-{size}", Key="k", Body=body)
    assert s3.get_object(Bucket=f"long-{size}", Key="k")["Body"].read() == body
    assert s3.head_object(Bucket=f"long-{size}", Key="k")["ContentLength"] == size
