"""The recorder: bounded, redacted, and never in the way of a call."""
from __future__ import annotations

import base64
import json
import sqlite3
import stat
import time
from pathlib import Path
from typing import Any

import pytest

from sst.embedded.aws_call import AwsCall, described
from sst.embedded.record_file import FILE, RecordFile
from sst.embedded.recorder import CALL_LINES, SHOWN_BYTES, Recorder
from sst.executor import FunctionVersion, Invocation
from sst.state.holder import here
from sst.state.home import StateHome

SECRET = "let-me-in-42"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    home = StateHome.local(tmp_path, "app")
    home.secrets("local").set("UploadToken", SECRET)
    home.stage("local", here("test"))
    home.close()
    return tmp_path


def version(folder: Path) -> FunctionVersion:
    return FunctionVersion("arn:aws:lambda:us-east-1:0:function:f", "f", "$LATEST", "python3.11", "index.handler",
                           folder, memory=128)


def record(to: Recorder, folder: Path, request: str, event: bytes = b"{}", response: bytes = b"null",
           error: str = "") -> None:
    to.began(version(folder), event, request, trace="1-t", parent="", span=f"s{request}")
    to.ended(Invocation(response, error, request, duration_ms=1.5))


def rows(folder: Path, query: str) -> list[Any]:
    with sqlite3.connect(folder / FILE) as db:
        return db.execute(query).fetchall()


def everything(folder: Path) -> bytes:
    return b"".join(f.read_bytes() for f in folder.glob(f"{FILE}*"))


def test_no_form_of_a_secret_is_written(folder: Path) -> None:
    to = Recorder(folder)
    coded = base64.b64encode(f"xx{SECRET}yy".encode()).decode()
    event = {"headers": {"Authorization": f"Bearer {SECRET}", "cookie": "session=abc", "x": "1"}, "body": coded,
             "isBase64Encoded": True}
    record(to, folder, "1", json.dumps(event).encode(), json.dumps({"body": SECRET}).encode())
    to.lines("f", "1", [(1, f"printed {SECRET}"), (2, "START RequestId: 1 Version: 1")])
    record(to, folder, "2", b"{}", json.dumps({"errorType": "E", "errorMessage": f"no {SECRET}"}).encode(), "Unhandled")
    to.flush()
    found = everything(folder)
    assert SECRET.encode() not in found and base64.b64encode(SECRET.encode())[:12] not in found
    [(shown,)] = rows(folder, "SELECT event FROM invocation WHERE request = '1'")
    assert json.loads(shown)["headers"] == {"Authorization": "Bearer [secret UploadToken]", "cookie": "[masked]",
                                            "x": "1"}
    assert rows(folder, "SELECT text FROM line") == [("printed [secret UploadToken]",)]
    assert rows(folder, "SELECT error, message, failed FROM invocation WHERE request = '2'") == [
        ("E", "no [secret UploadToken]", 1)]
    assert to.restored('{"a": "[secret UploadToken]"}') == f'{{"a": "{SECRET}"}}' and to.restored(shown) is None
    assert stat.S_IMODE((folder / FILE).stat().st_mode) == 0o600


def test_the_status_of_a_long_answer_is_recorded(folder: Path) -> None:
    to = Recorder(folder)
    record(to, folder, "1", b"{}", json.dumps({"body": "x" * 500_000, "statusCode": 503}).encode())
    to.flush()
    assert rows(folder, "SELECT status, failed, response_size > 500000 FROM invocation") == [(503, 1, 1)]


def test_a_secret_that_is_set_later_is_hidden_too(folder: Path) -> None:
    to = Recorder(folder)
    record(to, folder, "1", b'{"a": "brand-new-value"}')
    to.flush()
    home = StateHome.local(folder, "app")
    home.secrets("local").set("Other", "newer-value-9")
    home.close()
    record(to, folder, "2", b'{"a": "newer-value-9"}')
    to.flush()
    assert rows(folder, "SELECT event FROM invocation ORDER BY id") == [('{"a": "brand-new-value"}',),
                                                                        ('{"a": "[secret Other]"}',)]


def test_a_secret_that_was_seen_in_the_state_first_gets_its_name(folder: Path) -> None:
    from sst.state.redact import Redactor

    to = Redactor(mask="[secret]")
    to.add({"TOKEN": SECRET})
    assert to.redact(f"is {SECRET}") == "is [secret]"
    to.add(SECRET, mask="[secret UploadToken]")
    to.add(SECRET)
    assert to.redact(f"is {SECRET}") == "is [secret UploadToken]"


def test_what_is_no_text_is_recorded(tmp_path: Path) -> None:
    """Bytes, and half of a pair of UTF-16, in any place: neither is lost, nor what came with it."""
    to = Recorder(tmp_path)
    record(to, tmp_path, "1", b"\xff\xfe\x00", b"\x89PNG\x00\xff")
    record(to, tmp_path, "2", b"{}", b'{"errorType": "E", "errorMessage": "\\ud800"}', "Unhandled")
    to.lines("f", "1", [(1, "\udcff\x00\x1b[31mred")])
    to.flush()
    assert rows(tmp_path, "SELECT event, response, ms FROM invocation WHERE request = '1'") == [
        ("[3 bytes]", "[6 bytes]", 1.5)]
    assert rows(tmp_path, "SELECT message FROM invocation WHERE request = '2'") == [("?",)]
    assert "red" in rows(tmp_path, "SELECT text FROM line")[0][0]


def test_a_state_that_cannot_be_read_withholds_texts(folder: Path) -> None:
    home = StateHome.local(folder, "app")
    home.store.put_new("app/local/snapshot/0000000001", b"not a snapshot")
    home.close()
    to = Recorder(folder)
    record(to, folder, "1", b'{"a": "b"}')
    to.flush()
    [(event, ms)] = rows(folder, "SELECT event, ms FROM invocation")
    assert "not recorded" in event and ms == 1.5


def test_what_is_large_is_cut(folder: Path) -> None:
    to = Recorder(folder)
    record(to, folder, "1", json.dumps({"a": "x" * 6_000_000}).encode())
    to.lines("f", "1", [(1, "y" * 10_000_000)])
    to.lines("f", "1", [(n, f"line {n}") for n in range(CALL_LINES + 50)])
    to.flush(20)
    [(event, size)] = rows(folder, "SELECT length(event), event_size FROM invocation")
    assert event == SHOWN_BYTES and size == 6_000_009
    assert rows(folder, "SELECT max(length(text)), count(*) FROM line")[0][0] < SHOWN_BYTES + 100
    assert rows(folder, "SELECT count(*) FROM line") == [(CALL_LINES + 1,)]


@pytest.mark.parametrize("damage", ["bytes", "newer", "other"])
def test_a_file_that_cannot_be_used_is_set_aside_once(folder: Path, damage: str,
                                                      caplog: pytest.LogCaptureFixture) -> None:
    file = folder / FILE
    if damage == "bytes":
        file.write_bytes(b"no database" * 1000)
    else:
        with sqlite3.connect(file) as db:
            db.executescript("CREATE TABLE x(y);" + ("PRAGMA user_version = 99;" if damage == "newer" else ""))
    to = Recorder(folder)
    record(to, folder, "1")
    to.flush()
    record(to, folder, "2")
    to.flush()
    assert len(list(folder.glob(f"{FILE}.aside-*"))) == 1 and rows(folder, "SELECT count(*) FROM invocation") == [(2,)]
    assert len(caplog.records) == 1 and "console.db" in caplog.text


def test_a_writer_that_cannot_write_stops_no_call(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").touch()
    to, began = Recorder(tmp_path / "file"), time.perf_counter()
    for n in range(500):
        record(to, tmp_path, str(n))
    assert time.perf_counter() - began < 2
    to.flush()
    assert to.dropped and len(caplog.records) <= 2


def test_more_than_fits_is_dropped_and_counted(tmp_path: Path) -> None:
    to = Recorder(tmp_path)
    big = b'"' + b"x" * 3_000_000 + b'"'
    for n in range(60):
        record(to, tmp_path, str(n), big)
    to.flush(20)
    assert rows(tmp_path, "SELECT count(*) FROM invocation")[0][0] < 60
    assert "rows were not recorded" in rows(tmp_path, "SELECT text FROM line")[0][0]


def test_the_oldest_are_trimmed(tmp_path: Path) -> None:
    file = RecordFile(tmp_path / FILE, calls=50)
    now = time.time()
    for n in range(120):
        file.write([("invocation", {"request": str(n), "function": "f", "trace": "t", "parent": "", "span": "",
                                    "began": now + n}), ("line", {"request": str(n), "function": "f", "at": now + n,
                                                                  "text": "x"})])
    file.trim()
    assert rows(tmp_path, "SELECT count(*), min(request + 0) FROM invocation") == [(50, 70)]
    assert rows(tmp_path, "SELECT count(*) FROM line") == [(50,)]
    file.close()


def test_calls_that_end_with_others_or_later_are_whole(tmp_path: Path) -> None:
    def began(name: str) -> tuple[str, dict[str, object]]:
        return "invocation", {"request": name, "function": "f", "trace": "t", "parent": "", "span": "", "began": 1.0}

    def ended(name: str, ms: float) -> tuple[str, dict[str, object]]:
        return "invocation", {"request": name, "ms": ms, "status": 200}

    file = RecordFile(tmp_path / FILE)
    file.write([began("a"), ended("a", 1), began("b"), began("c"), ended("c", 3)])
    file.write([ended("b", 2), began("a"), began("d")])  # of two with the same id the first counts
    found = rows(tmp_path, "SELECT request, function, ms, status FROM invocation ORDER BY request")
    assert found == [("a", "f", 1, 200), ("b", "f", 2, 200), ("c", "f", 3, 200), ("d", "f", None, 0)]
    file.close()


def test_calls_are_named() -> None:
    signed = "AWS4-HMAC-SHA256 Credential=AKIA/20261128/us-east-1/{}/aws4_request"
    def of(service: str, method: str = "POST", path: str = "/", body: bytes = b"", target: str = "",
           query: dict[str, list[str]] | None = None, failure: object = b"") -> AwsCall:
        return described(method, path, {"authorization": signed.format(service), "x-amz-target": target}, body,
                         query or {}, failure)

    assert of("dynamodb", body=b'{"TableName": "t"}', target="DynamoDB_20120810.GetItem") == (
        "dynamodb", "GetItem", "t", "")
    assert of("sqs", body=b'{"QueueUrl": "http://localhost:1/0/q"}', target="AmazonSQS.SendMessage")[1:3] == (
        "SendMessage", "q")
    assert of("sns", body=b"Action=Publish&TopicArn=arn:aws:sns:us-east-1:0:news")[1:3] == ("Publish", "news")
    assert of("s3", "PUT", "/b/a%20b")[1:3] == ("PutObject", "b/a b")
    assert of("s3", "GET", "/b", query={"list-type": ["2"]})[1:3] == ("ListObjectsV2", "b")
    assert of("lambda", path="/2015-03-31/functions/f/invocations")[1:3] == ("Invoke", "f")
    assert of("s3", "GET", "/b/k", failure=b"<Error><Code>AccessDenied</Code></Error>").error == "AccessDenied"
    assert of("sqs", body=b"{", target="AmazonSQS.SendMessage", failure=b'{"__type": "com.amazonaws.sqs#QueueGone"}'
              ).error == "QueueGone"
