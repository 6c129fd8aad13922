"""What was answered is on disk: kinds of changes, one by one, over kill -9; and what costs nothing."""
from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sst.embedded import cloud as embedded
from sst.embedded.cloud import Cloud
from sst.errors import UserError

from .functions import function
from .test_emulator import client
from .test_events import FROM_QUEUE
from .test_front_door import fetch

pytestmark = pytest.mark.emulator
GOLDEN = Path(__file__).with_name("golden") / "2026-11"
"""A data folder of the version that kept one JSON file a service, at its end by `sst local stop`."""
GOLDEN_TIME = 1795859745
"""When its first message was sent."""


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    embedded.reset(tmp_path)


def crashed(cloud: Cloud) -> Cloud:
    """Killed, and started again."""
    root = cloud.folder.parents[1]
    os.kill(cloud.pid, signal.SIGKILL)
    again = embedded.start(root, environment=os.environ)
    assert again.pid != cloud.pid
    return again


def table(cloud: Cloud, name: str, **options: Any) -> Any:
    db = client(cloud, "dynamodb")
    db.create_table(
        TableName=name, BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}, {"AttributeName": "n", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"},
                              {"AttributeName": "n", "AttributeType": "N"}], **options)
    return db


def items(cloud: Cloud, name: str) -> list[Any]:
    found = client(cloud, "dynamodb").get_paginator("scan").paginate(TableName=name).build_full_result()["Items"]
    return sorted(found, key=lambda item: (item["id"]["S"], float(item["n"]["N"])))


def content(folder: Path) -> dict[str, list[Any]]:
    """Everything in the database of a running or ended cloud."""
    with contextlib.closing(sqlite3.connect(folder / "state" / "state.db")) as line:
        return {name: sorted(line.execute(f"select * from {name}"), key=repr) for name in ("entries", "grown", "meta")}


def golden_folder(root: Path) -> Path:
    """A copy of GOLDEN, written a minute ago: messages and records have a retention."""
    folder = embedded.folder_of(root)
    shutil.copytree(GOLDEN, folder)
    later = int(time.time()) - 60 - GOLDEN_TIME
    for file in (folder / "state").glob("*.json"):
        file.write_text(re.sub(rf"\b{GOLDEN_TIME // 10_000}\d{{4}}(?=\b|\d{{3}}\b)",
                               lambda found: str(int(found[0]) + later), file.read_text()))
    return folder


def check_kept(cloud: Cloud) -> None:
    sqs = client(cloud, "sqs")
    url = sqs.get_queue_url(QueueName="Jobs")["QueueUrl"]
    got = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0,
                              MessageAttributeNames=["All"])["Messages"]
    assert [(m["Body"], m["MessageAttributes"]["n"]["StringValue"]) for m in got] == [
        (f"job {n}", str(n)) for n in range(3)]
    notes = client(cloud, "dynamodb").scan(TableName="Notes")["Items"]
    assert sorted(note["at"]["N"] for note in notes) == ["0", "1", "2", "3", "4"]
    assert {bytes(note["data"]["B"])[1] for note in notes} == {255}
    logs = client(cloud, "logs")
    group = logs.describe_log_groups(logGroupNamePrefix="/aws/lambda/")["logGroups"][0]["logGroupName"]
    lines = [event["message"] for event in logs.filter_log_events(logGroupName=group)["events"]]
    assert "golden line" in lines
    assert client(cloud, "ssm").get_parameter(Name="/p", WithDecryption=True)["Parameter"]["Value"] == "v"
    assert client(cloud, "s3").get_object(Bucket="files", Key="a/b.txt")["Body"].read() == b"hello"
    kinesis = client(cloud, "kinesis")
    place = kinesis.get_shard_iterator(StreamName="clicks", ShardId="shardId-000000000000",
                                       ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
    assert [record["Data"] for record in kinesis.get_records(ShardIterator=place)["Records"]] == [b"x"]
    assert client(cloud, "sns").list_subscriptions()["Subscriptions"][0]["Endpoint"].endswith(":Jobs")


@pytest.mark.long
def test_a_folder_of_the_former_format_goes_on_with_its_data(root: Path) -> None:
    folder = golden_folder(root)
    former = {file.name for file in (folder / "state").glob("*.json")}
    cloud = embedded.start(root, environment=os.environ)
    check_kept(cloud)
    client(cloud, "sqs").create_queue(QueueName="New")
    cloud = crashed(cloud)
    check_kept(cloud)
    client(cloud, "sqs").create_queue(QueueName="Newer")
    client(cloud, "sqs").create_queue(QueueName="Newest")
    assert former and not list((folder / "state").glob("*.json"))
    found = embedded.status(root)
    assert found and any(name.startswith("function_url/") for name in found.addresses)
    address = next(url for name, url in found.addresses.items() if name.startswith("function_url/"))
    assert fetch(address)[::2] == (200, b"golden")
    assert embedded.stop(root)
    check_kept(embedded.start(root, environment=os.environ))


@pytest.mark.long
def test_a_folder_of_the_former_format_that_is_damaged_is_refused(root: Path) -> None:
    folder = golden_folder(root)
    file = folder / "state" / "sqs.json"
    whole = file.read_text()
    file.write_text(whole[:-20])
    with pytest.raises(UserError, match=r"sqs\.json.*damaged"):
        embedded.start(root, environment=os.environ)
    assert file.read_text() == whole[:-20]
    file.write_text(whole)
    check_kept(embedded.start(root, environment=os.environ))


@pytest.mark.long
def test_every_way_to_change_a_table(root: Path) -> None:
    cloud = embedded.start(root, environment=os.environ)
    db = table(cloud, "tab")
    for n in range(30):
        db.put_item(TableName="tab",
                    Item={"id": {"S": f"p{n % 3}"}, "n": {"N": str(n)}, "v": {"L": [{"B": b"\0\xff"}]}})
    db.update_item(TableName="tab", Key={"id": {"S": "p0"}, "n": {"N": "0"}}, UpdateExpression="SET #v = :v ADD c :c",
                   ExpressionAttributeNames={"#v": "v"},
                   ExpressionAttributeValues={":v": {"S": "updated"}, ":c": {"N": "2"}})
    db.update_item(TableName="tab", Key={"id": {"S": "made"}, "n": {"N": "1"}},
                   AttributeUpdates={"x": {"Action": "PUT", "Value": {"S": "legacy"}}})
    db.delete_item(TableName="tab", Key={"id": {"S": "p1"}, "n": {"N": "1"}})
    db.batch_write_item(RequestItems={"tab": [
        {"PutRequest": {"Item": {"id": {"S": "batch"}, "n": {"N": "1"}}}},
        {"DeleteRequest": {"Key": {"id": {"S": "p2"}, "n": {"N": "2"}}}}]})
    db.transact_write_items(TransactItems=[
        {"Put": {"TableName": "tab", "Item": {"id": {"S": "transaction"}, "n": {"N": "1"}}}},
        {"Update": {"TableName": "tab", "Key": {"id": {"S": "p0"}, "n": {"N": "3"}}, "UpdateExpression": "SET z = :z",
                    "ExpressionAttributeValues": {":z": {"BOOL": True}}}},
        {"Delete": {"TableName": "tab", "Key": {"id": {"S": "p1"}, "n": {"N": "4"}}}}])
    db.execute_statement(Statement="INSERT INTO tab VALUE {'id': 'partiql', 'n': 1, 'w': 'x'}")
    db.execute_statement(Statement="UPDATE tab SET w = 'y' WHERE id = 'partiql' AND n = 1")
    db.execute_statement(Statement="DELETE FROM tab WHERE id = 'p2' AND n = 5")
    before = items(cloud, "tab")
    assert len(before) == 30
    cloud = crashed(cloud)
    assert items(cloud, "tab") == before
    db = client(cloud, "dynamodb")
    db.delete_table(TableName="tab")
    table(cloud, "tab").put_item(TableName="tab", Item={"id": {"S": "second life"}, "n": {"N": "1"}})
    cloud = crashed(cloud)
    assert [item["id"]["S"] for item in items(cloud, "tab")] == ["second life"]
    assert client(cloud, "dynamodb").describe_table(TableName="tab")["Table"]["ItemCount"] == 1


def test_every_way_to_change_a_queue(root: Path) -> None:
    cloud = embedded.start(root, environment=os.environ)
    sqs = client(cloud, "sqs")
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    for n in range(10):
        sqs.send_message(QueueUrl=url, MessageBody=f"m{n}")
    got = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=4, VisibilityTimeout=600)["Messages"]
    sqs.delete_message(QueueUrl=url, ReceiptHandle=got[0]["ReceiptHandle"])
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=got[1]["ReceiptHandle"], VisibilityTimeout=0)
    emptied = sqs.create_queue(QueueName="emptied")["QueueUrl"]
    sqs.send_message_batch(QueueUrl=emptied, Entries=[{"Id": name, "MessageBody": name} for name in "ab"])
    sqs.purge_queue(QueueUrl=emptied)
    dropped = sqs.create_queue(QueueName="dropped")["QueueUrl"]
    sqs.send_message(QueueUrl=dropped, MessageBody="gone")
    sqs.delete_queue(QueueUrl=dropped)
    cloud = crashed(cloud)
    sqs = client(cloud, "sqs")
    numbers = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert (numbers["ApproximateNumberOfMessages"], numbers["ApproximateNumberOfMessagesNotVisible"]) == ("7", "2")
    sqs.delete_message(QueueUrl=url, ReceiptHandle=got[2]["ReceiptHandle"])  # a receipt is good after the crash too
    bodies = [m["Body"] for _ in range(3)
              for m in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])]
    assert sorted(bodies) == sorted([got[1]["Body"], *(f"m{n}" for n in range(4, 10))])
    assert not sqs.receive_message(QueueUrl=emptied).get("Messages")
    assert sorted(name.rsplit("/", 1)[1] for name in sqs.list_queues()["QueueUrls"]) == ["emptied", "q"]


def test_mails_and_their_senders(root: Path) -> None:
    cloud = embedded.start(root, environment=os.environ)
    ses = client(cloud, "sesv2")
    ses.create_configuration_set(ConfigurationSetName="all")
    ses.create_email_identity(EmailIdentity="example.com", ConfigurationSetName="all")
    ses.put_email_identity_mail_from_attributes(EmailIdentity="example.com", MailFromDomain="bounce.example.com")
    with pytest.raises(ses.exceptions.AlreadyExistsException):
        ses.create_email_identity(EmailIdentity="example.com")
    for n in range(3):
        ses.send_email(FromEmailAddress="me@example.com", Destination={"ToAddresses": [f"{n}@example.org"]},
                       Content={"Simple": {"Subject": {"Data": f"mail {n}"}, "Body": {"Text": {"Data": "text"}}}})
    cloud = crashed(cloud)
    assert [mail["Subject"] for mail in cloud.mails()] == ["mail 0", "mail 1", "mail 2"]
    kept = client(cloud, "sesv2").get_email_identity(EmailIdentity="example.com")
    assert (kept["ConfigurationSetName"], kept["MailFromAttributes"]["MailFromDomain"]) == ("all", "bounce.example.com")


@pytest.mark.long
def test_log_lines_deleted_streams_and_late_lines(root: Path) -> None:
    cloud = embedded.start(root, environment=os.environ)
    logs = client(cloud, "logs")
    now = int(time.time() * 1000)
    logs.create_log_group(logGroupName="g")
    for stream in ("kept", "dropped"):
        logs.create_log_stream(logGroupName="g", logStreamName=stream)
        for n in range(3):
            logs.put_log_events(logGroupName="g", logStreamName=stream,
                                logEvents=[{"timestamp": now + n, "message": f"{stream} {n}"}])
    logs.put_log_events(logGroupName="g", logStreamName="kept", logEvents=[{"timestamp": now - 5, "message": "late"}])
    logs.delete_log_stream(logGroupName="g", logStreamName="dropped")
    logs = client(crashed(cloud), "logs")
    found = logs.filter_log_events(logGroupName="g")["events"]
    assert [event["message"] for event in found] == ["late", "kept 0", "kept 1", "kept 2"]
    logs.put_log_events(logGroupName="g", logStreamName="kept", logEvents=[{"timestamp": now + 9, "message": "more"}])
    again = embedded.start(root, environment=os.environ)
    found = client(crashed(again), "logs").filter_log_events(logGroupName="g")["events"]
    assert [event["message"] for event in found] == ["late", "kept 0", "kept 1", "kept 2", "more"]


@pytest.mark.long
def test_nothing_is_left_for_the_orderly_end(root: Path) -> None:
    """What calls of many services changed is on disk by itself: the end, which looks at everything, finds no more."""
    cloud = embedded.start(root, environment=os.environ)
    name = function(cloud, "def handler(event, context):\n    print('hello')\n", FROM_QUEUE)
    sqs, sns, iam, events = (client(cloud, service) for service in ("sqs", "sns", "iam", "events"))
    url = sqs.create_queue(QueueName="q", tags={"a": "b"})["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    topic = sns.create_topic(Name="t")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "7"})
    sqs.tag_queue(QueueUrl=url, Tags={"c": "d"})
    iam.create_role(RoleName="r", AssumeRolePolicyDocument='{"Version":"2012-10-17","Statement":[]}')
    iam.tag_role(RoleName="r", Tags=[{"Key": "k", "Value": "v"}])
    iam.delete_role(RoleName="r")
    events.put_rule(Name="rule", EventPattern='{"source": ["x"]}')
    events.put_targets(Rule="rule", Targets=[{"Id": "1", "Arn": arn}])
    s3 = client(cloud, "s3")
    s3.create_bucket(Bucket="buck")
    s3.put_bucket_versioning(Bucket="buck", VersioningConfiguration={"Status": "Enabled"})
    s3.put_object(Bucket="buck", Key="k", Body=b"1")
    functions = client(cloud, "lambda")
    functions.update_function_configuration(FunctionName=name, Timeout=9, Environment={"Variables": {"A": "1"}})
    functions.create_event_source_mapping(FunctionName=name, EventSourceArn=arn)
    functions.invoke(FunctionName=name, InvocationType="Event", Payload=b"{}")
    time.sleep(4)
    before = content(cloud.folder)
    assert embedded.stop(root)
    after = content(cloud.folder)
    ended = {"transfer"}  # a service that the emulator loads for its own end: its empty parts are noted then
    for part in ("entries", "grown"):
        assert [row for row in after[part] if row not in before[part] and row[0] not in ended] == []
        assert [row for row in before[part] if row not in after[part]] == []


@pytest.mark.long
def test_reading_writes_nothing(root: Path) -> None:
    cloud = embedded.start(root, environment=os.environ)
    db = table(cloud, "tab")
    for n in range(20):
        db.put_item(TableName="tab", Item={"id": {"S": "a"}, "n": {"N": str(n)}})
    sqs, s3 = client(cloud, "sqs"), client(cloud, "s3")
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    s3.create_bucket(Bucket="buck")
    s3.put_object(Bucket="buck", Key="k", Body=b"1")

    def read() -> None:
        db.get_item(TableName="tab", Key={"id": {"S": "a"}, "n": {"N": "1"}})
        db.query(TableName="tab", KeyConditionExpression="id = :a", ExpressionAttributeValues={":a": {"S": "a"}})
        db.scan(TableName="tab")
        db.describe_table(TableName="tab")
        sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
        sqs.list_queues()
        s3.get_object(Bucket="buck", Key="k")
        s3.list_objects_v2(Bucket="buck")
        client(cloud, "lambda").list_functions()

    def written() -> tuple[int, int]:
        found = (cloud.folder / "state" / "state.db-wal").stat()
        return found.st_size, found.st_mtime_ns

    read()  # a service that is loaded for it is noted as empty
    time.sleep(3.5)
    before = written()
    for _ in range(5):
        read()
    time.sleep(2.5)
    assert written() == before
