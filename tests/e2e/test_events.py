"""Queues, streams, buckets, crons, links and secrets: one app on the embedded cloud, from its deploy to its last
trace."""
from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.project import Project, eventually, project

APP = Path(__file__).parent / "apps/events"
TOKEN = 'tok"en ä € \\ 12345'

pytestmark = [pytest.mark.emulator, pytest.mark.slow]


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    files = {str(f.relative_to(APP)): f.read_text() for f in APP.rglob("*.py")}
    with project(tmp_path_factory.mktemp("events"), files) as made:
        refused = made.run("deploy")
        assert refused.returncode == 1 and "sst secret set Token" in refused.stderr
        made.sst("secret", "set", "Token", TOKEN)
        made.sst("deploy")
        yield made


def rows(app: Project) -> set[str]:
    table = app.client("dynamodb").list_tables()["TableNames"][0]
    return {item["id"]["S"] for item in app.client("dynamodb").scan(TableName=table)["Items"]}


@pytest.mark.long
def test_a_second_deploy_has_nothing_to_do(app: Project) -> None:
    assert "no changes" in app.sst("deploy")
    assert "no changes" in app.sst("diff")


def test_a_role_is_named_by_its_transform(app: Project) -> None:
    outputs = app.outputs()
    assert outputs["role"].startswith("events-local-FRole-") and outputs["role"].endswith("-CustomRole")
    assert outputs["role"] in [r["RoleName"] for r in app.client("iam").list_roles()["Roles"]]


def test_an_f_string_inside_json_is_escaped_as_json(app: Project) -> None:
    assert json.loads(app.outputs()["text"])["quoted"].endswith('"ä"')


@pytest.mark.long
def test_the_handlers_spelled_as_in_sst_run(app: Project) -> None:
    assert "MyFunction" in app.invoke("MyFunction")["ran"]
    assert "MyCron" in app.invoke("MyCron/Handler")["ran"]


@pytest.mark.long
def test_a_queue_filters_reports_failures_and_has_a_dead_letter_queue(app: Project) -> None:
    app.invoke("Sender")
    eventually(lambda: "queue-1-small" in rows(app))
    dead = app.client("sqs").get_queue_url(QueueName=next(
        u for u in app.client("sqs").list_queues()["QueueUrls"] if "DeadQueue" in u).rpartition("/")[2])["QueueUrl"]
    got: list[str] = []

    def arrived() -> bool:
        got.extend(m["Body"] for m in app.client("sqs").receive_message(QueueUrl=dead).get("Messages", []))
        return bool(got)

    eventually(arrived)
    assert [json.loads(m)["n"] for m in got] == [3]
    assert not any(r.startswith("queue-2") for r in rows(app))


@pytest.mark.long
def test_a_stream_follows_only_what_its_filter_wants(app: Project) -> None:
    app.invoke("Sender")
    eventually(lambda: "followed-first-row" in rows(app))
    assert "followed-second-row" not in rows(app)


def test_a_bucket_tells_its_subscriber(app: Project) -> None:
    bucket = app.leftovers()["buckets"][0]
    app.client("s3").put_object(Bucket=bucket, Key="a picture.jpg", Body=b"x")
    eventually(lambda: "s3-a+picture.jpg" in rows(app))


@pytest.mark.long
def test_a_cron_runs_by_itself(app: Project) -> None:
    eventually(lambda: "ran" in app.sst("logs", "MyCron/Handler") or "REPORT" in app.sst("logs", "MyCron/Handler"),
               seconds=100)


def test_a_topic_and_a_bus_tell_those_whose_filter_fits(app: Project) -> None:
    assert app.invoke("Publisher") == {"failed": 0}
    eventually(lambda: {"heard-paid", "heard-300"} <= rows(app))
    queue = app.client("sqs").list_queues(QueueNamePrefix="events-local-Audit")["QueueUrls"][0]
    got: list[str] = []

    def arrived() -> bool:
        got.extend(m["Body"] for m in app.client("sqs").receive_message(QueueUrl=queue).get("Messages", []))
        return len(got) >= 2

    eventually(arrived)
    assert [m.get("total") or m["detail"]["total"] for m in map(json.loads, got)] in ([200, 9], [9, 200])
    assert {r for r in rows(app) if r.startswith("heard")} == {"heard-paid", "heard-300"}


def test_mails_are_sent_from_the_linked_sender_alone_and_their_events_told(app: Project) -> None:
    assert app.invoke("Mailer") == {"me@example.com bounce": "sent", "me@example.com success": "sent",
                                    "me@else.example success": "AccessDeniedException"}
    eventually(lambda: {"lost-Bounce-bounce", "mail-Email Sent-success", "mail-Email Sent-bounce"} <= rows(app))
    assert "lost-Bounce-success" not in rows(app)
    made = app.client("sesv2").get_email_identity(EmailIdentity="example.com")
    assert made["MailFromAttributes"]["MailFromDomain"] == "bounce.example.com"


def test_a_fifo_queue_keeps_its_suffix(app: Project) -> None:
    told = app.invoke("Fifo")
    assert told["url"].endswith(".fifo") and told["got"] == ["a"]


def test_a_link_grants_what_it_says_and_no_more(app: Project) -> None:
    assert app.invoke("Writer") == {"list": "yes", "put": "yes"}
    assert app.invoke("Reader") == {"list": "yes", "put": "AccessDenied"}
    assert app.invoke("Stranger") == {"list": "AccessDenied", "put": "AccessDenied"}


def test_links_that_are_secret_or_large_arrive_encrypted(app: Project) -> None:
    assert app.invoke("Secretive") == {"token": TOKEN, "big": 500, "file": "resource.enc", "in_variables": []}
    for f in app.client("lambda").list_functions()["Functions"]:
        assert TOKEN not in json.dumps(f)


def test_the_shell_has_the_links_of_the_app(app: Project) -> None:
    told = app.sst("shell", "--", sys.executable, "-c",
                   "from sst import Resource; print(Resource.MyBucket.name, Resource.Token.value)")
    assert told.startswith("events-local-mybucket") and TOKEN in told


def test_what_was_removed_is_gone(app: Project) -> None:
    """The last test of this module: it takes everything down."""
    app.sst("remove", "--yes")
    assert app.leftovers() == {}
    assert "0 resources" in app.sst("state", "list")
