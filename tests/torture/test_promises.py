"""A full disk under random writes, and names that the cloud refuses in the middle of a deploy."""
from __future__ import annotations

import contextlib
import os
import random
import re
import sys
from collections import Counter
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from sst.embedded import cloud as embedded
from tests.e2e.project import project
from tests.embedded.test_damage import full as full_disk
from tests.embedded.test_durability import crashed
from tests.embedded.test_emulator import client

from .conftest import FULL, ROUNDS

pytestmark = [pytest.mark.emulator, pytest.mark.slow, pytest.mark.timeout(900)]

PROGRAM = """
import sst
from sst import aws
from sst.providers.aws import {modules}


def config(input):
    return sst.Config(name="names")


def run():
    first = sqs.Queue("First")
    {line}
"""
REFUSED = {
    "bucket": ('s3.Bucket("Thing", name=first.name.apply(lambda n: "My_Bucket"))', "s3"),
    "bucket of dots": ('s3.Bucket("Thing", name=first.name.apply(lambda n: "a..b"))', "s3"),
    "queue": ('sqs.Queue("Thing", name=first.name.apply(lambda n: "a queue"))', "sqs"),
    "topic": ('sns.Topic("Thing", name=first.name.apply(lambda n: "a/b"))', "sns"),
    "table": ('dynamodb.Table("Thing", name=first.name.apply(lambda n: "a b"), key_schema=[{"AttributeName": "id", '
              '"KeyType": "HASH"}], attribute_definitions=[{"AttributeName": "id", "AttributeType": "S"}])',
              "dynamodb"),
    "parameter": ('ssm.Parameter("Thing", name=first.name.apply(lambda n: "a b"), type="String", value="x")', "ssm"),
}
"""Known only once the first queue is there, so no check of the program sees them."""


@pytest.mark.parametrize("kind", REFUSED if FULL else list(REFUSED)[:1])
@pytest.mark.parametrize("way", ["corrected", "dropped", "removed"] if FULL else ["corrected"])
@pytest.mark.long
def test_a_refused_name_never_leaves_a_stage_stuck(tmp_path: Path, kind: str, way: str, figures: Counter[str]) -> None:
    line, module = REFUSED[kind]
    modules = ", ".join(sorted({"sqs", module}))
    with project(tmp_path, {"sst_config.py": PROGRAM.format(line=line, modules=modules)}) as app:
        made = app.run("deploy")
        if made.returncode == 0:
            pytest.skip(f"the embedded cloud takes this name: {line}")
        assert "Thing" in made.stdout + made.stderr
        figures["names that were refused"] += 1
        if way == "corrected":
            right = ('s3.Bucket("Thing")' if module == "s3"
                     else re.sub(r'lambda n: "[^"]*"', 'lambda n: n + "-right"', line))
            app.write({"sst_config.py": PROGRAM.format(line=right, modules=modules)})
            app.sst("deploy")
        if way == "dropped":
            app.write({"sst_config.py": PROGRAM.format(line="return", modules=modules)})
            app.sst("deploy")
        app.sst("remove", "--yes")
        assert not app.leftovers()


@pytest.mark.skipif(sys.platform != "linux", reason="the limit of another process can be set on Linux only")
@pytest.mark.parametrize("seed", range(3 * ROUNDS if FULL else 1))
def test_nothing_answered_is_lost_however_full_the_disk_is(tmp_path: Path, seed: int, figures: Counter[str]) -> None:
    """What must be there is what the last answered write of each key put there, or what a later refused one did."""
    rng = random.Random(seed)
    cloud = embedded.start(tmp_path, environment=os.environ)
    try:
        client(cloud, "s3").create_bucket(Bucket="files")
        sure: dict[str, bytes | None] = {}
        maybe: dict[str, list[bytes | None]] = {}
        for _ in range(6 if FULL else 2):
            with full_disk(cloud) if rng.random() < 0.7 else contextlib.nullcontext():
                s3 = client(cloud, "s3")
                for _ in range(15):
                    key = f"k{rng.randrange(5)}/{rng.randrange(3)}"
                    body = rng.choice([None, rng.randbytes(rng.randrange(1, 2000)), rng.randbytes(250_000)])
                    try:
                        if body is None:
                            s3.delete_object(Bucket="files", Key=key)
                        else:
                            s3.put_object(Bucket="files", Key=key, Body=body)
                        sure[key], maybe[key] = body, []
                        figures["writes that were answered"] += 1
                    except ClientError:
                        maybe.setdefault(key, []).append(body)
                        figures["writes that were refused"] += 1
            cloud = crashed(cloud)
            s3 = client(cloud, "s3")
            for key in {*sure, *maybe}:
                try:
                    there: bytes | None = s3.get_object(Bucket="files", Key=key)["Body"].read()
                except s3.exceptions.NoSuchKey:
                    there = None
                assert there in (sure.get(key), *maybe.get(key, [])), key
                sure[key], maybe[key] = there, []
    finally:
        embedded.reset(tmp_path)
