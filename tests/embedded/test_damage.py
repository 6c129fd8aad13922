"""What can't be written is an error to the caller, and what is damaged names a way out."""
from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sst.embedded import cloud as embedded
from sst.embedded.cloud import Cloud
from sst.embedded.database import Changes, Database
from sst.embedded.ports import remembered
from sst.errors import StateError, UserError

from .functions import bundle, function, invoke, role
from .test_durability import crashed
from .test_emulator import client

pytestmark = pytest.mark.emulator

BIG, SMALL = os.urandom(400_000), b"x" * 1000
WRITES = """
import os, pathlib
def handler(event, context):
    root, said = pathlib.Path(os.environ["LAMBDA_TASK_ROOT"]), []
    for write in (lambda: (root / "new").write_text("x"), lambda: (root / "index.py").write_text("x"),
                  lambda: (root / "index.py").unlink(), lambda: (root / "folder").mkdir()):
        try:
            write()
            said.append("written")
        except OSError as error:
            said.append(type(error).__name__)
    (pathlib.Path(os.environ["TMPDIR"]) / "ok").write_text("x")
    return said
"""


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    embedded.reset(tmp_path)


@contextlib.contextmanager
def full(cloud: Cloud) -> Iterator[None]:
    """No file of the cloud can grow beyond 100 kB: to a large write, the disk is full."""
    import resource

    was = resource.prlimit(cloud.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(cloud.pid, resource.RLIMIT_FSIZE, (100_000, was[1]))
    try:
        yield
    finally:
        resource.prlimit(cloud.pid, resource.RLIMIT_FSIZE, was)


def refused(call: Any, **arguments: Any) -> None:
    with pytest.raises(ClientError, match="could not be written") as raised:
        call(**arguments)
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500
    assert raised.value.response["Error"]["Code"] == "InternalError"


@pytest.mark.skipif(sys.platform != "linux", reason="the limit of another process can be set on Linux only")
def test_what_could_not_be_written_is_an_error_and_nothing_answered_is_lost(root: Path) -> None:
    cloud = embedded.start(root, environment=os.environ)
    s3, sqs = client(cloud, "s3"), client(cloud, "sqs")
    for bucket in ("plain", "kept"):
        s3.create_bucket(Bucket=bucket)
    s3.put_bucket_versioning(Bucket="kept", VersioningConfiguration={"Status": "Enabled"})
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    for bucket in ("plain", "kept"):
        s3.put_object(Bucket=bucket, Key="old", Body=SMALL, Metadata={"a": "b"})
        s3.put_object(Bucket=bucket, Key="large", Body=BIG)
    upload = s3.create_multipart_upload(Bucket="plain", Key="parts")["UploadId"]
    part = s3.upload_part(Bucket="plain", Key="parts", UploadId=upload, PartNumber=1, Body=BIG)["ETag"]
    arn, code = role(cloud, "r"), bundle({"index.py": WRITES, "data": os.urandom(200_000).hex()})
    with full(cloud):
        for bucket in ("plain", "kept"):
            refused(s3.put_object, Bucket=bucket, Key="new", Body=BIG)
            refused(s3.put_object, Bucket=bucket, Key="old", Body=BIG)
            refused(s3.copy_object, Bucket=bucket, Key="old", CopySource={"Bucket": "plain", "Key": "large"})
        refused(s3.complete_multipart_upload, Bucket="plain", Key="parts", UploadId=upload,
                MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part}]})
        refused(client(cloud, "lambda").create_function, FunctionName="f", Runtime="python3.11", Role=arn,
                Handler="index.handler", Code={"ZipFile": code})
        refused(sqs.send_message, QueueUrl=url, MessageBody="x" * 200_000)
        refused(client(cloud, "iam").create_user, UserName="somebody")  # the file of the others can't grow any more
    sqs.send_message(QueueUrl=url, MessageBody="after")
    cloud = crashed(cloud)
    s3, sqs = client(cloud, "s3"), client(cloud, "sqs")
    for bucket in ("plain", "kept"):
        old = s3.get_object(Bucket=bucket, Key="old")
        assert old["Body"].read() == SMALL and old["Metadata"] == {"a": "b"}
        assert s3.get_object(Bucket=bucket, Key="large")["Body"].read() == BIG
    bodies = {m["Body"] for _ in range(4) for m in sqs.receive_message(QueueUrl=url).get("Messages", [])}
    assert "after" in bodies


@pytest.mark.long
def test_damaged_code_is_named_and_can_be_uploaded_again(root: Path) -> None:
    cloud = embedded.start(root, environment=os.environ)
    name = function(cloud, "def handler(event, context):\n    return 'fine'\n")
    functions = client(cloud, "lambda")
    before = functions.get_function_configuration(FunctionName=name)["CodeSha256"]
    embedded.stop(root)
    (blob,) = (cloud.folder / "state" / "lambda-blobs").iterdir()
    blob.write_bytes(blob.read_bytes()[:-20])
    cloud = embedded.start(root, environment=os.environ)
    answer, failed = invoke(cloud, name)
    assert failed and "is damaged" in answer["errorMessage"] and str(blob) in answer["errorMessage"]
    functions = client(cloud, "lambda")
    assert functions.get_function_configuration(FunctionName=name)["CodeSha256"] != before
    functions.update_function_code(FunctionName=name,
                                   ZipFile=bundle({"index.py": "def handler(event, context):\n    return 'mended'\n"}))
    functions.get_waiter("function_updated_v2").wait(FunctionName=name)
    assert invoke(cloud, name) == ("mended", "")


def test_a_database_that_was_emptied_is_no_new_one(tmp_path: Path) -> None:
    file = tmp_path / "state.db"
    (tmp_path / "state.db-new").write_text("of a start that was killed")
    database = Database(file, json.dumps)
    database.write(Changes({"sqs": 1}))
    database.close()
    again = Database(file, json.dumps)
    assert again.versions() == {"sqs": 1}
    again.close()
    file.write_bytes(b"")
    with pytest.raises(StateError, match="is damaged: it is empty") as raised:
        Database(file, json.dumps)
    assert "sst local reset" in (raised.value.hint or "")


@pytest.mark.parametrize("content", [b'{"a": {"b": 1}, "c": "7", "d": 5}', b"[" * 100_000, b"\xff", b"null"])
def test_damaged_ports_are_given_anew(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "ports.json").write_bytes(content)
    assert remembered(tmp_path / "ports.json") in ({}, {"d": 5})


@pytest.mark.parametrize("content", ["", "\0" * 300, '{"access_key": "AKIA', "[]", '{"port": 1}'])
def test_damaged_keys_are_never_replaced_without_a_word(root: Path, content: str) -> None:
    folder = embedded.folder_of(root)
    folder.mkdir(parents=True)
    (folder / "keys.json").write_text(content)
    with pytest.raises(UserError, match=r"keys\.json is damaged") as raised:
        embedded.start(root, environment=os.environ)
    assert "delete it" in (raised.value.hint or "") and (folder / "keys.json").read_text() == content


@pytest.mark.long
def test_keys_that_are_damaged_while_the_cloud_runs_can_be_deleted(root: Path) -> None:
    cloud = embedded.start(root, environment=os.environ)
    client(cloud, "sqs").create_queue(QueueName="kept")
    keys = cloud.folder / "keys.json"
    keys.write_text(keys.read_text()[:40])
    with pytest.raises(UserError, match="is damaged"):
        embedded.start(root, environment=os.environ)
    keys.unlink()
    cloud = embedded.start(root, environment=os.environ)
    assert json.loads(keys.read_text())["access_key"] == cloud.access_key
    assert len(client(cloud, "sqs").list_queues()["QueueUrls"]) == 1


def test_the_folder_of_the_code_is_read_only(cloud: Cloud) -> None:
    said, failed = invoke(cloud, function(cloud, WRITES))
    assert not failed and said == ["PermissionError"] * 4
    node = ("const fs = require('fs');\nexports.handler = async () => {\n  try { fs.writeFileSync('new', 'x'); }\n"
            "  catch (error) { return error.code; }\n};\n")
    assert invoke(cloud, function(cloud, node, file="index.js", runtime="nodejs20.x"))[0] == "EACCES"
