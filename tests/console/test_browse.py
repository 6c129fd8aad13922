"""What the app's resources hold: each kind on the embedded cloud, and what the console allows of it."""
from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any
from uuid import uuid4

import pytest

from sst.clouds.aws.browse.browsers import BROWSERS
from sst.clouds.aws.browse.calls import Calls
from sst.clouds.aws.client import Aws
from sst.console.browse import Browse
from sst.console.permission import UNLOCKED_SECONDS, Permission
from sst.console.server import Forbidden, NotThere
from sst.console.source import Source
from sst.core.browse import Act, Action, Browser, Column, Field, Item, Listing, Row
from sst.core.model import State
from sst.embedded.cloud import Cloud
from sst.errors import ProviderError, UserError
from sst.project.project import Project, open_project
from tests.embedded.functions import role

from .conftest import ask, deployed, opened, served


@pytest.fixture(scope="module")
def aws(cloud: Cloud) -> Iterator[Aws]:
    with Aws(region=cloud.region, endpoint=cloud.endpoint, credentials=(cloud.access_key, cloud.secret_key),
             environment={}) as made:
        yield made


def browser(aws: Aws, cloud: Cloud, type: str, id: str, **values: Any) -> Browser:
    return BROWSERS[type](Calls(lambda: aws, cloud.messages), State(f"{type}::X", type, id, values))


@pytest.mark.emulator
def test_a_bucket(aws: Aws, cloud: Cloud) -> None:
    name = f"b-{uuid4().hex[:8]}"
    aws.call("s3", "create_bucket", {"Bucket": name})
    found = browser(aws, cloud, "aws.s3.Bucket", name, name=name)
    for key, body in (("a/one.json", b'{"n": 1}'), ("a/two.bin", b"\0\1"), ("top.txt", "grün".encode())):
        found.acts["put"]("", {"key": key, "content": b64encode(body).decode()})
    assert [(r.id, r.folder) for r in found.rows({}).rows] == [("a/", True), ("top.txt", False)]
    inside = found.rows({"folder": "a/", "prefix": "o"}).rows
    assert [(r.id, r.cells[:2]) for r in inside] == [("a/one.json", ("one.json", 8))]
    assert (found.item("a/one.json").form, found.item("a/two.bin").form, found.item("top.txt").body) == (
        "json", "bytes", "grün")
    assert name in found.acts["link"]("top.txt", {})["url"]
    found.acts["delete"]("top.txt", {})
    with pytest.raises(UserError, match=r"no object top\.txt"):
        found.item("top.txt")
    with pytest.raises(UserError, match="needs a key"):
        found.acts["put"]("", {"key": "a/", "content": ""})


@pytest.mark.emulator
def test_a_table(aws: Aws, cloud: Cloud) -> None:
    name = f"t-{uuid4().hex[:8]}"
    aws.call("dynamodb", "create_table", {
        "TableName": name, "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": k, "AttributeType": t} for k, t in (("id", "S"), ("n", "N"))],
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}, {"AttributeName": "n", "KeyType": "RANGE"}]})
    found = browser(aws, cloud, "aws.dynamodb.Table", name, name=name)
    for n in range(3):
        item = {"id": {"S": "a"}, "n": {"N": str(n)}, "m": {"M": {"b": {"B": "AAE="}}}}
        found.acts["put"]("", {"item": json.dumps(item)})
    listed = found.rows({"hash": "a", "compare": ">=", "sort": "1"})
    assert listed.note.startswith("A query") and [r.cells for r in listed.rows] == [
        ("a", str(n), '{"m": {"b": "AAE="}}') for n in (1, 2)]
    assert found.rows({}).note.startswith("A scan")
    id = listed.rows[0].id
    old = str(found.item(id).body)
    changed = json.dumps({**json.loads(old), "new": {"BOOL": True}})
    found.acts["put"](id, {"item": changed, "old": old})
    with pytest.raises(UserError, match="another by now"):
        found.acts["put"](id, {"item": changed, "old": old.replace("AAE=", "AAI=")})
    with pytest.raises(UserError, match="exists already"):
        found.acts["put"]("", {"item": changed})
    with pytest.raises(UserError, match="this is not an item"):
        found.acts["put"]("", {"item": "[]"})
    answer = found.acts["partiql"]("", {"statement": f"SELECT * FROM \"{name}\" WHERE id = 'a' AND n = 1"})
    assert answer["items"][0]["new"] == {"BOOL": True}
    found.acts["delete"](id, {"old": changed})
    with pytest.raises(UserError, match="no such item"):
        found.item(id)


@pytest.mark.emulator
def test_a_queue_is_looked_into_without_receiving(aws: Aws, cloud: Cloud) -> None:
    url = aws.call("sqs", "create_queue", {"QueueName": f"q-{uuid4().hex[:8]}"})["QueueUrl"]
    found = browser(aws, cloud, "aws.sqs.Queue", url, url=url)
    found.acts["send"]("", {"body": '{"a": 1}'})
    found.acts["send"]("", {"body": "later", "delay": "60"})
    for _ in range(3):
        listed = found.rows({})
    assert [r.cells[1:] for r in listed.rows] == [("visible", 0, '{"a": 1}'), ("delayed", 0, "later")]
    assert listed.facts["Visible"] == 1 and listed.facts["Delayed"] == 1
    assert found.item(listed.rows[0].id).form == "json"
    assert "receive" not in [a.verb for a in listed.actions]
    with pytest.raises(UserError, match="no dead letters"):
        found.acts["redrive"]("", {})
    with pytest.raises(UserError, match="at most 900"):
        found.acts["send"]("", {"body": "x", "delay": "901"})
    found.acts["purge"]("", {})
    assert found.rows({}).rows == ()
    blind = BROWSERS["aws.sqs.Queue"](Calls(lambda: aws, None), State("u", "aws.sqs.Queue", url, {"url": url}))
    receive = next(a for a in blind.rows({}).actions if a.verb == "receive")
    assert "counts as a try" in receive.loses and blind.rows({}).rows == ()


@pytest.mark.emulator
def test_topics_buses_mails_and_schedules(aws: Aws, cloud: Cloud) -> None:
    name = f"x-{uuid4().hex[:8]}"
    url = aws.call("sqs", "create_queue", {"QueueName": name})["QueueUrl"]
    queue = aws.call("sqs", "get_queue_attributes", {"QueueUrl": url, "AttributeNames": ["QueueArn"]})["Attributes"]
    arn = aws.call("sns", "create_topic", {"Name": name})["TopicArn"]
    aws.call("sqs", "set_queue_attributes", {"QueueUrl": url, "Attributes": {"Policy": json.dumps({"Statement": [{
        "Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage",
        "Resource": queue["QueueArn"]}]})}})
    aws.call("sns", "subscribe", {"TopicArn": arn, "Protocol": "sqs", "Endpoint": queue["QueueArn"]})
    topic = browser(aws, cloud, "aws.sns.Topic", arn, arn=arn)
    assert [r.cells for r in topic.rows({}).rows] == [("sqs", name, "")]
    topic.acts["publish"]("", {"message": "hello"})
    assert "hello" in cloud.messages(url)[0]["Body"]

    aws.call("events", "create_event_bus", {"Name": name})
    aws.call("events", "put_rule", {"Name": "orders", "EventBusName": name, "EventPattern": '{"source": ["shop"]}'})
    aws.call("events", "put_targets", {"Rule": "orders", "EventBusName": name, "Targets": [
        {"Id": "1", "Arn": queue["QueueArn"]}]})
    bus = browser(aws, cloud, "aws.events.EventBus", name, name=name)
    event = {"source": "shop", "detail-type": "New", "detail": {}}
    assert bus.rows({}).rows[0].cells[2:] == ('{"source": ["shop"]}', name)
    assert bus.acts["match"]("", {"event": json.dumps(event)}) == {"matching": {"orders": name}}
    assert bus.acts["match"]("", {"event": json.dumps(event | {"source": "else"})}) == {"matching": {}}
    with pytest.raises(UserError, match="this is not an event"):
        bus.acts["send"]("", {"event": "{}"})

    sender = f"{name}.example.com"
    aws.call("sesv2", "create_email_identity", {"EmailIdentity": sender})
    mail = BROWSERS["aws.sesv2.EmailIdentity"](Calls(lambda: aws, None, mails=cloud.mails), State(
        "u", "aws.sesv2.EmailIdentity", sender, {"name": sender}))
    mail.acts["send"]("", {"from": f"me@{sender}", "to": "a@example.org, b@example.org", "subject": "Hi", "text": "T"})
    [row] = mail.rows({}).rows
    assert row.cells[1:] == ("Hi", "a@example.org, b@example.org", f"me@{sender}") and mail.item(row.id).body == "T"
    with pytest.raises(ProviderError, match="not verified"):
        mail.acts["send"]("", {"from": "me@else.example", "to": "a@example.org"})
    with pytest.raises(UserError, match="someone to get it"):
        mail.acts["send"]("", {"to": " , "})

    aws.call("scheduler", "create_schedule", {
        "Name": name, "ScheduleExpression": "rate(1 hour)", "FlexibleTimeWindow": {"Mode": "OFF"},
        "Target": {"Arn": queue["QueueArn"], "RoleArn": role(cloud, f"{name}-runs", service="scheduler")}})
    schedule = browser(aws, cloud, "aws.scheduler.Schedule", name, name=name).rows({})
    times = [float(r.cells[0] or 0) for r in schedule.rows]
    assert len(times) == 5 and {round(b - a) for a, b in pairwise(times)} == {3600}
    assert schedule.actions == ()


# what the console makes of a browser, without a cloud

class Shelf(Browser):
    """Holds texts."""

    def __init__(self) -> None:
        self.held = {"a": "one", "s": "it is hush-hush"}

    def rows(self, query: Mapping[str, str]) -> Listing:
        return Listing((Column("Name"),), tuple(Row(k, (v,)) for k, v in self.held.items()),
                       actions=(Action("put", "Put", (Field("text", "Text"),), "shelf put"),
                                Action("count", "Count", reads=True)))

    def item(self, id: str) -> Item:
        return Item(id, self.held[id], actions=(Action("drop", "Drop", loses="It is gone."),))

    @property
    def acts(self) -> Mapping[str, Act]:
        return {"put": self._put, "count": lambda id, values: len(self.held),
                "drop": lambda id, values: self.held.pop(id)}

    def _put(self, id: str, values: Mapping[str, str]) -> Any:
        self.held["n"] = values["text"]


class Shelves(Source):
    shelf = Shelf()

    def browser(self, seen: Any, state: State) -> Browser | None:
        return self.shelf if state.type == "aws.s3.Bucket" else None


@pytest.fixture
def shelves(project: Project) -> Shelves:
    deployed(project)
    made = Shelves(project, opened, lambda: open_project(project.program.file, stage="local", environ={}))
    made.shelf = Shelf()
    made.redactor.add("hush-hush", mask="[secret Hush]")
    return made


def test_what_a_browser_offers_is_shown_without_secrets(shelves: Shelves) -> None:
    browse = Browse(shelves, Permission(shelves.project))
    assert browse.parts({}) == [{"name": "Pictures", "title": "Pictures", "kind": "bucket"}]
    assert list(browse.rows("Pictures", {})["rows"][1]["cells"]) == ["it is [secret Hush]"]
    assert browse.item("Pictures", {"id": "s"})["body"] == "it is [secret Hush]"
    with pytest.raises(NotThere):
        browse.rows("Api", {})


def test_changes_need_what_was_offered_and_a_yes(shelves: Shelves) -> None:
    browse = Browse(shelves, Permission(shelves.project))
    assert browse.change({"name": "Pictures", "verb": "put", "values": {"text": "x"}})["command"] == "shelf put"
    assert shelves.shelf.held["n"] == "x"
    with pytest.raises(UserError, match="in place of a secret"):
        browse.change({"name": "Pictures", "verb": "put", "values": {"text": "it is [secret Hush]"}})
    with pytest.raises(UserError, match="not confirmed"):
        browse.change({"name": "Pictures", "verb": "drop", "id": "a"})
    assert browse.change({"name": "Pictures", "verb": "drop", "id": "a", "sure": True})["done"] == "one"
    with pytest.raises(UserError, match="not offered"):
        browse.change({"name": "Pictures", "verb": "drop"})
    with pytest.raises(NotThere):
        browse.change({"name": "Pictures", "verb": "explode"})


def test_read_only_offers_what_only_reads(shelves: Shelves) -> None:
    browse = Browse(shelves, Permission(shelves.project, read_only=True))
    assert [a["verb"] for a in browse.rows("Pictures", {})["actions"]] == ["count"]
    assert browse.change({"name": "Pictures", "verb": "count"})["done"] == 2
    with pytest.raises(Forbidden, match="read-only"):
        browse.change({"name": "Pictures", "verb": "put", "values": {"text": "x"}})


CONFIG = ("import sst\n\ndef config(input):\n    return sst.Config(name='a', protect={}, home='local', "
          "region='us-east-1')\n\n"
          "def run():\n    pass\n")


@pytest.mark.parametrize("protect", [False, True])
def test_a_stage_in_aws_is_unlocked_by_its_name(project: Project, protect: bool) -> None:
    (project.root / "sst_config.py").write_text(CONFIG.format(protect))
    far, now = open_project(project.program.file, stage="far", environ={}), [0.0]
    permission = Permission(far, clock=lambda: now[0])
    assert not permission.writes
    if protect:
        with pytest.raises(Forbidden, match="protected"):
            permission.unlock({"confirm": "far"})
        return
    with pytest.raises(Forbidden, match="unlock it"):
        permission.check()
    with pytest.raises(Forbidden, match="not typed"):
        permission.unlock({"confirm": "fa"})
    assert permission.unlock({"confirm": "far"}) == {"writes": True, "seconds": UNLOCKED_SECONDS}
    now[0] = UNLOCKED_SECONDS + 1
    assert not permission.writes
    permission.unlock({"confirm": "far"})
    assert permission.unlock({"confirm": ""}) == {"writes": False, "seconds": 0}


def test_every_action_of_a_protected_stage_is_refused(project: Project) -> None:
    (project.root / "sst_config.py").write_text(CONFIG.format(True))
    server = served(open_project(project.program.file, stage="local", environ={}))
    try:
        posts = [path for method, path, _ in server.routes if method == "POST"]
        assert len(posts) >= 4
        for path in posts:
            assert ask(server, path.lstrip("/"), {"id": "1", "name": "X", "verb": "put", "confirm": "local"})[0] in (
                403, 404), path
    finally:
        server.close()
