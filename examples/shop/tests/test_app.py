"""The app itself, deployed to the cloud on this machine."""
import json
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import boto3

from sst import Resource
from sst.testing import App, eventually


def call(url: str, data: object = None) -> tuple[int, dict]:
    body = None if data is None else json.dumps(data).encode()
    try:
        with urlopen(Request(url, body, {"content-type": "application/json"}), timeout=30) as answer:
            return answer.status, json.load(answer)
    except HTTPError as e:
        with e:
            return e.code, json.load(e)


def order(app: App, item: str, quantity: int) -> dict:
    """Place one, and wait for its receipt."""
    status, made = call(f"{app.outputs['api']}/orders", {"item": item, "quantity": quantity})
    assert status == 201

    def with_receipt() -> dict:
        found = call(f"{app.outputs['api']}/orders/{made['id']}")[1]
        assert found["receipt"]
        return found

    return eventually(with_receipt)


def text(key: str) -> str:
    return boto3.client("s3").get_object(Bucket=Resource.Receipts.name, Key=key)["Body"].read().decode()


def test_an_order_gets_a_receipt_and_is_cached(sst_app: App) -> None:
    found = order(sst_app, "tea", 3)
    assert text(found["receipt"]) == "3 x tea\n"
    assert call(f"{sst_app.outputs['api']}/orders/{found['id']}") == (200, {**found, "cached": True})
    assert "receipt for 3 x tea" in sst_app.logs("OrdersSubscriber/Function")


def test_what_makes_no_sense_is_refused(sst_app: App) -> None:
    assert call(f"{sst_app.outputs['api']}/orders", {"item": "tea", "quantity": 0})[0] == 422
    assert call(f"{sst_app.outputs['api']}/orders/00000000-0000-0000-0000-000000000000")[0] == 404


def test_two_replicas_share_the_cache(sst_app: App) -> None:
    seen = [call(str(sst_app.outputs["api"]))[1] for _ in range(6)]
    assert len({answer["process"] for answer in seen}) == 2
    assert [answer["visits"] for answer in seen] == list(range(seen[0]["visits"], seen[0]["visits"] + 6))


def test_the_report_of_the_night_counts_orders(sst_app: App) -> None:
    order(sst_app, "coffee", 2)
    order(sst_app, "coffee", 5)
    assert sst_app.fire("Night").result["status"]

    def report() -> str:
        keys = [o["Key"] for o in boto3.client("s3").list_objects_v2(
            Bucket=Resource.Receipts.name, Prefix="reports/").get("Contents", [])]
        assert keys
        return text(keys[0])

    def counted() -> bool:
        assert "coffee,7" in report()
        return True

    assert eventually(counted, seconds=60)
