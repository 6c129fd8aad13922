"""A folder in a bucket as one resource, on the embedded cloud."""
from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sst.clouds.aws.client import Aws
from sst.clouds.aws.file_options import headers
from sst.clouds.aws.file_sync import MANIFESTS
from sst.clouds.aws.provider import AwsProvider
from sst.core.model import Entry, Op
from sst.core.provider import Found
from sst.engine.record import pending
from sst.errors import UserError
from sst.events import StepNote
from tests.fakes import refresh

from ..provider_suite import Case, ProviderSuite, Stage

pytestmark = pytest.mark.emulator


@pytest.fixture
def bucket(aws: Aws) -> Iterator[str]:
    name = f"files-{os.urandom(4).hex()}"
    aws.call("s3", "create_bucket", {"Bucket": name})
    yield name
    for key in keys(aws, name, all=True):
        aws.call("s3", "delete_object", {"Bucket": name, "Key": key})
    aws.call("s3", "delete_bucket", {"Bucket": name})


def keys(aws: Aws, bucket: str, *, all: bool = False) -> list[str]:
    found: list[str] = []
    more: dict[str, Any] = {}
    while True:
        page = aws.call("s3", "list_objects_v2", {"Bucket": bucket, **more})
        found += [o["Key"] for o in page.get("Contents", ()) if all or not o["Key"].startswith(MANIFESTS)]
        if not page.get("IsTruncated"):
            return found
        more = {"ContinuationToken": page["NextContinuationToken"]}


def puts(aws: Aws) -> int:
    return aws.counts.get("s3.put_object", 0)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    made = tmp_path / "site"
    (made / "assets").mkdir(parents=True)
    (made / "index.html").write_text("<h1>one</h1>")
    (made / "assets" / "logo ü.bin").write_bytes(bytes(range(256)))
    (made / "empty.txt").write_bytes(b"")
    return made


@pytest.fixture
def stage(aws: Aws, site: Path) -> Stage:
    provider = AwsProvider(aws, app="app", stage="test", lineage="l", root=site.parent)
    return Stage(Case(provider, "aws", "aws.s3.Files", {}, {}, {}, "fingerprint"))


class TestFilesInTheSuite(ProviderSuite):
    @pytest.fixture
    def case(self, aws: Aws, bucket: str, site: Path, stage: Stage) -> Case:
        (site.parent / "other").mkdir()
        (site.parent / "other" / "a.txt").write_text("a")
        return replace(stage.case, inputs={"bucket": bucket, "source": "site"}, update={"source": "other"},
                       replace={"prefix": "docs"})


def test_bytes_and_headers_arrive(aws: Aws, bucket: str, site: Path, stage: Stage) -> None:
    stage.deploy({"bucket": bucket, "source": "site", "prefix": "/docs/", "options": [
        {"files": "assets/**", "cache_control": "max-age=60"},
        {"files": "*.txt", "content_type": "text/x-mine"}]}).check()
    assert keys(aws, bucket) == ["docs/assets/logo ü.bin", "docs/empty.txt", "docs/index.html"]
    logo = aws.call("s3", "get_object", {"Bucket": bucket, "Key": "docs/assets/logo ü.bin"})
    assert (logo["Body"], logo["CacheControl"]) == (bytes(range(256)), "max-age=60")
    page, empty = (aws.call("s3", "head_object", {"Bucket": bucket, "Key": f"docs/{k}"})
                   for k in ("index.html", "empty.txt"))
    assert page["ContentType"] == "text/html; charset=utf-8" and "CacheControl" not in page
    assert (empty["ContentType"], empty["ContentLength"]) == ("text/x-mine", 0)


def test_only_what_differs_is_sent_and_what_left_is_deleted(aws: Aws, bucket: str, site: Path, stage: Stage) -> None:
    inputs = {"bucket": bucket, "source": "site"}
    aws.call("s3", "put_object", {"Bucket": bucket, "Key": "upload-of-a-user", "Body": b"x"})
    stage.deploy(inputs).check()
    before = puts(aws)
    stage.deploy(inputs).check()
    assert puts(aws) == before
    (site / "index.html").write_text("<h1>two</h1>")
    (site / "empty.txt").unlink()
    stage.deploy(inputs).check()
    assert puts(aws) == before + 2, "the page and the manifest"
    assert keys(aws, bucket) == ["assets/logo ü.bin", "index.html", "upload-of-a-user"]
    stage.deploy({**inputs, "options": [{"files": "*.html", "cache_control": "no-cache"}]}).check()
    assert puts(aws) == before + 4
    assert len(keys(aws, bucket, all=True)) == 4, "one manifest"
    stage.remove().check()
    assert keys(aws, bucket, all=True) == ["upload-of-a-user"]


def test_old_files_can_be_kept_till_the_end(aws: Aws, bucket: str, site: Path, stage: Stage) -> None:
    inputs = {"bucket": bucket, "source": "site", "keep_old": True}
    stage.deploy(inputs).check()
    for name in ("index.html", "empty.txt"):
        (site / name).unlink()
        stage.deploy(inputs).check()
    assert len(keys(aws, bucket)) == 3
    stage.remove().check()
    assert not keys(aws, bucket, all=True)


@pytest.mark.long
def test_a_thousand_files_are_counted_and_the_state_stays_small(aws: Aws, bucket: str, site: Path,
                                                                stage: Stage) -> None:
    for n in range(1_000):
        (site / f"{n}.txt").write_text(str(n))
    stage.deploy({"bucket": bucket, "source": "site"}).check()
    notes = [e.text for e in stage.events if isinstance(e, StepNote)]
    assert "120 of 1,003 files" in notes and notes[-1] == "1,003 of 1,003 files"
    assert len(keys(aws, bucket)) == 1_003 and stage.state().outputs["files"] == 1_003
    assert len(json.dumps([stage.state().outputs, stage.state().inputs])) < 1_000


def test_a_change_by_hand_is_drift_and_the_next_deploy_mends_it(aws: Aws, bucket: str, site: Path,
                                                                stage: Stage) -> None:
    inputs = {"bucket": bucket, "source": "site"}
    stage.deploy(inputs).check()
    aws.call("s3", "put_object", {"Bucket": bucket, "Key": "index.html", "Body": b"by hand"})
    aws.call("s3", "delete_object", {"Bucket": bucket, "Key": "empty.txt"})
    drift, = refresh(stage.journal, lambda item: stage.case.provider, stage.events.append)
    assert drift.property == "source" and "2 of 3 files" in str(drift.cloud_value)
    stage.deploy(inputs).check()
    assert aws.call("s3", "get_object", {"Bucket": bucket, "Key": "index.html"})["Body"] == b"<h1>one</h1>"
    assert len(keys(aws, bucket)) == 3 and not stage.plan(inputs).changes


def test_a_folder_that_is_not_on_this_machine_stops_no_deploy(aws: Aws, bucket: str, site: Path,
                                                              stage: Stage) -> None:
    """A build that git ignores, on another machine than the one that made it."""
    inputs = {"bucket": bucket, "source": "site"}
    stage.deploy(inputs)
    site.rename(site.parent / "elsewhere")
    plan = stage.plan(inputs)
    assert not plan.changes and any("'site'" in n for s in plan.steps if s.change for n in s.change.notes)
    with pytest.raises(UserError, match="no folder 'site'"):
        stage.plan({**inputs, "prefix": "docs"})
    stage.deploy(inputs)
    assert len(keys(aws, bucket)) == 3


def test_what_a_command_made_must_still_be_there(aws: Aws, bucket: str, site: Path, stage: Stage) -> None:
    result = stage.deploy({"bucket": bucket, "source": {"folder": "site", "digest": "of another time"}})
    assert "does not hold what its command made" in str(result.failures[0].error)
    assert not stage.journal.snapshot.pending and not keys(aws, bucket, all=True)


UPLOAD = """
import json, sys
from pathlib import Path
from sst.clouds.aws.client import Aws
from sst.clouds.aws.provider import AwsProvider
from sst.core.model import Op, Operation
region, endpoint, key, secret, root, bucket, base = sys.argv[1:]
with Aws(region=region, endpoint=endpoint, credentials=(key, secret), environment={}) as aws:
    AwsProvider(aws, app="app", stage="test", lineage="l", root=Path(root)).create(
        Operation("aws.s3.Files::One", Op.CREATE, "aws.s3.Files", base, inputs={"bucket": bucket, "source": "site"}),
        lambda text: print(text, flush=True))
"""


def test_after_kill_9_in_the_middle_the_next_deploy_converges(cloud: Any, aws: Aws, bucket: str, site: Path,
                                                              stage: Stage) -> None:
    for n in range(600):
        (site / f"{n}.txt").write_text(str(n))
    inputs = {"bucket": bucket, "source": "site"}
    goal = stage.goal("One", "aws.s3.Files", inputs)
    operation = pending(goal, Op.CREATE, "app-test-One-abc", inputs, None)
    stage.journal.write(Entry("begin", goal.urn, pending=operation))
    child = subprocess.Popen([sys.executable, "-c", UPLOAD, cloud.region, cloud.endpoint, cloud.access_key,
                              cloud.secret_key, str(site.parent), bucket, operation.base], stdout=subprocess.PIPE)
    assert child.stdout and child.stdout.readline().startswith(b"20 of 603")
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdout.close()
    there = len(keys(aws, bucket))
    assert 20 <= there < 603
    assert isinstance(stage.case.provider.find(operation), Found)
    (site / "0.txt").unlink()       # what the run that was killed uploaded leaves too
    before = puts(aws)
    stage.deploy(inputs).check()
    assert puts(aws) - before <= 602 - there + 40 + 1, "what had arrived was not sent again"
    assert len(keys(aws, bucket)) == 602 and not stage.plan(inputs).changes
    stage.remove().check()
    assert not keys(aws, bucket, all=True)


@pytest.mark.parametrize(("name", "type"), [
    ("a.js", "text/javascript; charset=utf-8"), ("a.woff2", "font/woff2"), ("a", "application/octet-stream"),
    ("a.svg", "image/svg+xml; charset=utf-8"), ("a.tar.gz", "application/gzip"), ("A.PNG", "image/png")])
def test_the_type_is_told_by_the_name(name: str, type: str) -> None:
    assert headers(name, ()) == {"ContentType": type}


def test_patterns() -> None:
    def hit(pattern: str, name: str) -> bool:
        return "CacheControl" in headers(name, [{"files": pattern, "cache_control": "x"}])

    assert hit("*.html", "a/b.html") and hit("a/*.html", "a/b.html") and hit("**/*.html", "b.html")
    assert hit("a/**", "a/b/c") and not hit("a/*", "a/b/c") and not hit("a/*.html", "a/b/c.html")
