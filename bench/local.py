"""Growth on stage `local`: what a change and a request cost when there is much already, beside the bare emulator
and a bare server."""
from __future__ import annotations

import asyncio
import functools
import json
import os
import shutil
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.embedded.functions import function, url
from tests.embedded.test_emulator import client

from sst.embedded import cloud as embedded
from sst.embedded.cloud import Cloud
from sst.embedded.environment import ensure
from sst.embedded.ports import free_port

from .http_load import Load, cpu_seconds, floor, load
from .report import Report

__all__ = ["run_local"]

NOTE = ("The floors are of the same run: the emulator alone (no permissions, nothing saved but objects), and a handler "
        "behind a plain asyncio server. The load is that of the whole machine, when the part begins.")
PAGE = "def handler(event, context):\n    print('a line of a log')\n    return {'statusCode': 200, 'body': 'ok'}\n"
WORKER = "def handler(event, context):\n    print('x' * 400)\n"
TALKER = """import time
def handler(event, context):
    for _ in range(event['lines']):
        print('x' * 600)
        time.sleep(event.get('pause', 0))
"""
DELIVERY = {"Effect": "Allow", "Resource": "*",
            "Action": ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]}


def run_local(report: Report, *, quick: bool, times: int) -> None:
    report.title("Growth on stage local", f"{NOTE} Here: {os.getloadavg()[0]:.1f}.")
    root = Path(tempfile.mkdtemp(prefix="sst-bench-"))
    try:
        cloud = embedded.start(root, environment=os.environ)
        alone = embedded.start(root / "alone", environment=os.environ)
        _rows(report, cloud, alone, 2_000 if quick else 10_000, times)
        embedded.stop(root / "alone")
        _requests(report, cloud, 2 if quick else 5)
        _beside_logs(report, cloud, times)
        _deliveries(report, cloud, 1_000 if quick else 10_000, 200 if quick else 2_000)
        with _bare(root) as bare:
            _objects(report, cloud, bare, times)
        report.say(f"The load is {os.getloadavg()[0]:.1f} at the end of this part.")
    finally:
        embedded.reset(root / "alone")
        embedded.reset(root)
        shutil.rmtree(root, ignore_errors=True)


def _rows(report: Report, cloud: Cloud, alone: Cloud, many: int, times: int) -> None:
    """``alone`` is a cloud with nothing but 100 rows. Puts alternate, so that other work on the machine hits all."""
    def table(there: Cloud, name: str, count: int) -> Any:
        db = client(there, "dynamodb")
        db.create_table(TableName=name, BillingMode="PAY_PER_REQUEST",
                        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
                        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}])
        for start in range(0, count, 25):
            db.batch_write_item(RequestItems={name: [{"PutRequest": {"Item": {
                "id": {"S": f"{name}{n}"}, "text": {"S": "x" * 200}}}} for n in range(start, start + 25)]})
        return functools.partial(_put_row, db, name)

    puts = {"100 rows, alone": table(alone, "few", 100), f"{many:,} rows": table(cloud, "many", many),
            f"100 rows beside {many:,} in another table": table(cloud, "few", 100)}
    took: dict[str, list[float]] = {name: [] for name in puts}
    for n in range(100 * times):
        for name, put in puts.items():
            began = time.perf_counter()
            put(n)
            took[name].append((time.perf_counter() - began) * 1e3)
    walls = {name: statistics.median(found) for name, found in took.items()}
    report.table(("one put into a table of", "wall"), [(name, f"{wall:.1f} ms") for name, wall in walls.items()])
    base, large, beside = walls.values()
    report.figure(f"a put with {many:,} rows beside one with 100", large / base, 1.5, "times")
    report.figure(f"a put beside {many:,} rows in another table", beside / base, 1.5, "times")


def _put_row(db: Any, name: str, n: int) -> None:
    db.put_item(TableName=name, Item={"id": {"S": f"new{n}"}})


def _requests(report: Report, cloud: Cloud, seconds: float) -> None:
    port = int(url(cloud, function(cloud, PAGE, MemorySize=512)).rsplit(":", 1)[1])
    asyncio.run(load(port, 50, 1))  # as many sandboxes as will be needed
    rows: list[tuple[object, ...]] = []
    found: dict[int, tuple[Load, float]] = {}
    for connections in (1, 10, 50):
        began = cpu_seconds(cloud.pid)
        got = asyncio.run(load(port, connections, seconds))
        cpu = (cpu_seconds(cloud.pid) - began) / (got.rate * seconds) * 1e3
        bare = asyncio.run(floor(connections, seconds / 2))
        found[connections] = got, cpu
        rows.append((connections, f"{got.rate:.0f}/s", f"{got.p50:.1f} ms", f"{got.p99:.1f} ms", f"{cpu:.2f} ms",
                     f"{bare.rate:.0f}/s"))
    report.table(("function URL, connections", "requests", "p50", "p99", "cpu of the cloud", "bare server"), rows)
    for connections, (got, cpu) in found.items():
        report.figure(f"milliseconds a request, {connections} connections", 1e3 / got.rate, 1e3 / 400, "ms")
        report.figure(f"p99 beside p50, {connections} connections", got.p99 / got.p50, 5, "times")
        report.figure(f"processor time a request, {connections} connections", cpu, 1, "ms")


def _beside_logs(report: Report, cloud: Cloud, times: int) -> None:
    """A changing call while a function runs whose log group holds 6 MB."""
    sqs = client(cloud, "sqs")
    address = sqs.create_queue(QueueName="nobody-reads")["QueueUrl"]

    def send() -> float:
        return _median(lambda n: sqs.send_message(QueueUrl=address, MessageBody=str(n)), 50)

    name = function(cloud, TALKER, MemorySize=512, Timeout=60)
    functions = client(cloud, "lambda")
    for _ in range(10):
        functions.invoke(FunctionName=name, Payload=b'{"lines": 1000}')
    took: dict[bool, list[float]] = {False: [], True: []}
    for _ in range(times):      # in turns, so that other work on the machine hits both
        for busy in took:
            with _calling(functions, name) if busy else nullcontext():
                took[busy].append(send())
    idle, running = min(took[False]), min(took[True])
    report.say(f"Sending a message: {idle:.1f} ms idle, {running:.1f} ms while a function with 6 MB of logs runs.")
    report.figure("a changing call while a function with 6 MB of logs runs", running / idle, 1.5, "times")


@contextmanager
def _calling(functions: Any, name: str) -> Iterator[None]:
    """Have a function run meanwhile that writes a hundred lines a second."""
    done = threading.Event()

    def invoke() -> None:
        while not done.is_set():
            functions.invoke(FunctionName=name, Payload=b'{"lines": 100, "pause": 0.01}')

    thread = threading.Thread(target=invoke)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _deliveries(report: Report, cloud: Cloud, messages: int, objects: int) -> None:
    sqs, s3, functions = (client(cloud, name) for name in ("sqs", "s3", "lambda"))
    worker = function(cloud, WORKER, DELIVERY, MemorySize=512)
    address = sqs.create_queue(QueueName="jobs")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=address, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    functions.create_event_source_mapping(FunctionName=worker, EventSourceArn=arn, BatchSize=10)
    began = time.perf_counter()
    for start in range(0, messages, 10):
        sqs.send_message_batch(QueueUrl=address, Entries=[{"Id": str(n), "MessageBody": f"{start + n}"}
                                                          for n in range(10)])
    _until_empty(sqs, address)
    rate = messages / (time.perf_counter() - began)
    report.figure(f"milliseconds a message, {messages:,} SQS messages sent to a worker", 1e3 / rate, 1e3 / 300, "ms")
    s3.create_bucket(Bucket="uploads")
    noted = sqs.create_queue(QueueName="noted")["QueueUrl"]
    noted_arn = sqs.get_queue_attributes(QueueUrl=noted, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = {"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}, "Action": "sqs:SendMessage",
        "Resource": noted_arn}]}
    sqs.set_queue_attributes(QueueUrl=noted, Attributes={"Policy": json.dumps(policy)})
    s3.put_bucket_notification_configuration(Bucket="uploads", NotificationConfiguration={
        "QueueConfigurations": [{"QueueArn": noted_arn, "Events": ["s3:ObjectCreated:*"]}]})
    functions.create_event_source_mapping(FunctionName=worker, EventSourceArn=noted_arn, BatchSize=10)
    began, used = time.perf_counter(), cpu_seconds(cloud.pid)
    for n in range(objects):
        s3.put_object(Bucket="uploads", Key=f"k{n}", Body=b"x")
    _until_empty(sqs, noted)
    rate = objects / (time.perf_counter() - began)
    spent = (cpu_seconds(cloud.pid) - used) / objects * 1e3
    report.say(f"A notification: {spent:.1f} ms of processor in the cloud, with the put and the call of the worker.")
    report.figure(f"milliseconds a notification, {objects:,} S3 objects to a worker", 1e3 / rate, 1e3 / 100, "ms")


def _until_empty(sqs: Any, address: str) -> None:
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    deadline = time.monotonic() + 300
    while any(int(n) for n in sqs.get_queue_attributes(QueueUrl=address, AttributeNames=names)["Attributes"].values()):
        if time.monotonic() > deadline:
            raise RuntimeError(f"{address} is not empty after five minutes")
        time.sleep(0.05)


def _objects(report: Report, cloud: Cloud, bare: Cloud, times: int) -> None:
    body, rounds = os.urandom(10_000_000), 5 * times
    calls: dict[str, dict[str, Callable[[int], object]]] = {}
    for name, there in (("bare", bare), ("ours", cloud)):
        s3 = client(there, "s3")
        s3.create_bucket(Bucket="large")
        calls[name] = {"put": functools.partial(_put, s3, body), "get": functools.partial(_get, s3)}
    walls: dict[tuple[str, str], list[float]] = {}
    used: dict[tuple[str, str], float] = {}
    for what in ("put", "get"):
        for n in range(rounds):       # in turns, so that other work on the machine hits both
            for name, there in (("bare", bare), ("ours", cloud)):
                before, began = cpu_seconds(there.pid), time.perf_counter()
                calls[name][what](n)
                walls.setdefault((what, name), []).append((time.perf_counter() - began) * 1e3)
                used[what, name] = used.get((what, name), 0.0) + cpu_seconds(there.pid) - before
    took = {key: statistics.median(found) for key, found in walls.items()}
    cpu = {key: found / rounds * 1e3 for key, found in used.items()}
    report.table(("10 MB", "stage local", "its processor", "bare emulator", "its processor"),
                 [(what, f"{took[what, 'ours']:.0f} ms", f"{cpu[what, 'ours']:.0f} ms", f"{took[what, 'bare']:.0f} ms",
                   f"{cpu[what, 'bare']:.0f} ms") for what in ("put", "get")])
    for what in ("put", "get"):
        report.figure(f"S3 {what} of 10 MB beside the bare emulator", took[what, "ours"] / took[what, "bare"], 1.2,
                      "times")


def _put(s3: Any, body: bytes, n: int) -> None:
    s3.put_object(Bucket="large", Key=f"k{n}", Body=body)


def _get(s3: Any, n: int) -> bytes:
    return bytes(s3.get_object(Bucket="large", Key=f"k{n}")["Body"].read())


@contextmanager
def _bare(root: Path) -> Iterator[Cloud]:
    """The emulator alone, as a cloud to talk to."""
    python, port, data = ensure(os.environ, note=lambda text: None), free_port(0), root / "bare"
    env = {"PATH": os.environ["PATH"], "GATEWAY_PORT": str(port), "S3_PERSIST": "1", "S3_DATA_DIR": str(data),
           "LOG_LEVEL": "ERROR", "TMPDIR": str(root)}
    process = subprocess.Popen([str(python), "-m", "hypercorn", "ministack.app:app", "--workers", "0", "--bind",
                                f"127.0.0.1:{port}"], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    bare = Cloud(f"http://127.0.0.1:{port}", "us-east-1", "000000000000", "test", "test", process.pid, data)
    try:
        deadline = time.monotonic() + 30
        while True:
            try:
                client(replace(bare), "sqs").list_queues()
                break
            except Exception:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
        yield bare
    finally:
        process.terminate()
        process.wait()


def _median(call: Callable[[int], object], count: int) -> float:
    """Milliseconds."""
    took = []
    for n in range(count):
        began = time.perf_counter()
        call(n)
        took.append((time.perf_counter() - began) * 1e3)
    return statistics.median(took)
