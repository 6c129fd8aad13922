from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import pytest

from sst.errors import ProviderError, StateError
from sst.state.holder import here
from sst.state.home import StateHome
from sst.state.keys import SsmKeys, decrypt, encrypt
from sst.state.store import Conflict, Store
from sst.state.stores.bootstrap import RECORD, Bucket, bootstrap, partition_of
from sst.state.stores.s3 import S3Store

from .aws_calls import Calls
from .store_suite import StoreSuite, race
from .worlds import begin, made, state

if TYPE_CHECKING:
    from sst.embedded.cloud import Cloud

pytestmark = pytest.mark.emulator
REGION = "us-east-1"


@pytest.fixture(scope="module")
def calls(cloud: Cloud) -> Iterator[Calls]:
    calls = Calls(cloud)
    yield calls
    calls.close()


@pytest.fixture
def bucket(calls: Calls) -> str:
    name = f"state-{uuid.uuid4().hex[:12]}"
    calls(REGION)("s3", "create_bucket", {"Bucket": name})
    return name


@pytest.fixture
def no_record(calls: Calls) -> None:
    try:
        calls(REGION)("ssm", "delete_parameter", {"Name": RECORD})
    except ProviderError as e:
        assert e.code == "ParameterNotFound"


class TestS3(StoreSuite):
    @pytest.fixture
    def store(self, calls: Calls, bucket: str) -> Store:
        return S3Store(calls(REGION), bucket)


def test_a_long_list_is_read_to_its_end(calls: Calls, bucket: str) -> None:
    def call(service: str, operation: str, params: object) -> object:
        small = {"MaxKeys": 3} if operation == "list_objects_v2" else {}
        return calls(REGION)(service, operation, {**params, **small})  # type: ignore[dict-item]

    store = S3Store(call, bucket)  # type: ignore[arg-type]
    keys = [f"app/prod/{n:03}" for n in range(10)]
    for key in keys:
        store.put_new(key, b"x")
    assert store.list("app/") == keys
    store.delete(*keys)
    assert store.list("app/") == []


def test_a_write_whose_reply_got_lost_counts_once(calls: Calls, bucket: str) -> None:
    store = S3Store(calls(REGION), bucket)
    lost: list[str] = []

    def lose(operation: str) -> bool:
        if operation == "put_object" and not lost:
            lost.append(operation)
            return True
        return False

    calls.lose = lose
    try:
        tag = store.put_new("a/b/c", b"mine")
        lost.clear()
        tag = store.put_if("a/b/c", b"mine, later", tag)
    finally:
        calls.lose = lambda operation: False
    assert lost and store.get("a/b/c").tag == tag  # type: ignore[union-attr]
    with pytest.raises(Conflict):
        store.put_new("a/b/c", b"another's")


def test_the_bucket_is_made_once_and_safe(calls: Calls, no_record: None) -> None:
    found = race(8, lambda i: bootstrap(calls, REGION))
    assert len(set(found)) == 1
    bucket = found[0]
    assert isinstance(bucket, Bucket)
    assert bucket.name.startswith("sst-py-state-us-east-1-") and len(bucket.name.rpartition("-")[2]) == 12
    s3 = calls(REGION)
    named = {"Bucket": bucket.name}
    assert s3("s3", "get_bucket_versioning", named)["Status"] == "Enabled"
    rules = s3("s3", "get_bucket_encryption", named)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rules[0]["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
    assert all(s3("s3", "get_public_access_block", named)["PublicAccessBlockConfiguration"].values())
    assert "aws:SecureTransport" in s3("s3", "get_bucket_policy", named)["Policy"]
    buckets = [b["Name"] for b in s3("s3", "list_buckets", {})["Buckets"]]
    assert [b for b in buckets if b.startswith("sst-py-state-")].count(bucket.name) == 1
    calls.made.clear()
    calls.regions.clear()
    assert bootstrap(calls, REGION) == bucket
    assert calls.made == ["get_parameter"] and calls.regions == {REGION}, "nothing leaves the region"


def test_who_only_reads_makes_nothing(calls: Calls, no_record: None) -> None:
    calls.made.clear()
    home = StateHome.aws(calls, REGION, f"app-{uuid.uuid4().hex[:8]}")
    assert home.stage("prod", here("ann")).load().serial == 0
    assert home.secrets("prod").get_all() == {} and len(home.keys("prod").provisional()) == 32
    assert set(calls.made) == {"get_parameter"}
    home.secrets("prod").set("A", "1")
    assert "create_bucket" in calls.made and home.secrets("prod").get_all() == {"A": "1"}
    assert home.keys("prod").provisional() == home.keys("prod").current()[1]


def test_many_keys_fit_into_a_parameter(calls: Calls) -> None:
    asked = []

    def call(service: str, operation: str, params: Mapping[str, Any]) -> Mapping[str, Any]:
        asked.append(params)
        return calls(REGION)(service, operation, params)

    keys = SsmKeys(call, f"/sst-py/key/app/{uuid.uuid4().hex}")
    keys.current()
    keys.rotate()
    assert [p["Tier"] for p in asked if "Tier" in p] == ["Intelligent-Tiering"] * 2


def test_a_bootstrap_that_died_half_way_is_finished(calls: Calls, no_record: None) -> None:
    name = f"sst-py-state-{REGION}-{uuid.uuid4().hex[:12]}"
    calls(REGION)("ssm", "put_parameter", {"Name": RECORD, "Type": "String",
                                          "Value": json.dumps({"bucket": name, "region": REGION, "ready": False})})
    assert bootstrap(calls, REGION) == Bucket(name, REGION)
    assert calls(REGION)("s3", "get_bucket_versioning", {"Bucket": name})["Status"] == "Enabled"


def test_a_record_that_cannot_be_read_is_said(calls: Calls, no_record: None) -> None:
    calls(REGION)("ssm", "put_parameter", {"Name": RECORD, "Type": "String", "Value": "nonsense"})
    with pytest.raises(StateError, match=RECORD):
        bootstrap(calls, REGION)
    calls(REGION)("ssm", "delete_parameter", {"Name": RECORD})


def test_arns_are_those_of_the_partition() -> None:
    assert [partition_of(r) for r in ("eu-west-1", "cn-northwest-1", "us-gov-east-1", "eusc-de-east-1")] == [
        "aws", "aws-cn", "aws-us-gov", "aws-eusc"]


def test_keys_in_ssm_are_made_once_and_rotate(calls: Calls) -> None:
    name = f"/sst-py/key/app/{uuid.uuid4().hex[:8]}"
    rings = [SsmKeys(calls(REGION), name) for _ in range(8)]
    ids = race(8, lambda i: rings[i].current()[0])
    assert len(set(ids)) == 1
    box = encrypt(rings[0], "s3cret", "here")
    rings[1].rotate()
    assert decrypt(rings[1], box, "here") == "s3cret"
    assert decrypt(rings[2], encrypt(rings[1], "new", "here"), "here") == "new"
    parameter = calls(REGION)("ssm", "get_parameter", {"Name": name, "WithDecryption": False})["Parameter"]
    assert parameter["Type"] == "SecureString"


def test_a_stage_in_the_account(calls: Calls, no_record: None) -> None:
    home = StateHome.aws(calls, REGION, "shop")
    stage = home.stage("prod", here("ann"))
    with stage.locked("deploy") as session:
        session.write(begin(state(1, secret="s3cret-s3cret")))
        session.write(made(state(1, secret="s3cret-s3cret")))
        session.save()
    home.secrets("prod").set("Key", "v4lue-v4lue")
    again = StateHome.aws(calls, REGION, "shop")
    assert again.stage("prod", here("bob")).load().resources[state(1).urn].inputs["password"] == "s3cret-s3cret"
    assert again.secrets("prod").get_all() == {"Key": "v4lue-v4lue"}
    calls.made.clear()
    with again.stage("prod", here("bob")).locked("deploy") as session:
        session.save()
    assert calls.made.count("put_object") == 2 and len(calls.made) <= 8  # the lock, taken and given back


def test_an_unreachable_store_means_no_lock() -> None:
    def dead(service: str, operation: str, params: object) -> dict[str, object]:
        raise ProviderError("connection refused", operation=f"{service} {operation}", sent=False)

    home = StateHome(S3Store(dead, "bucket"), "app", lambda stage: SsmKeys(dead, stage), where="")
    with pytest.raises(ProviderError, match="refused"), home.stage("prod", here("ann")).locked("deploy"):
        raise AssertionError("must not be reached")
