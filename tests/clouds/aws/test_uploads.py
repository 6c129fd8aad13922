"""Code that many functions share goes to AWS once, and is never held in memory."""
from __future__ import annotations

import tracemalloc
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import pytest

from sst.clouds.aws.client import Aws
from sst.clouds.aws.uploads import OFTEN, SHARED, Uploads


class Receiver:
    """Takes what is uploaded, as a server does: piece by piece."""

    def __init__(self) -> None:
        self.objects: Counter[str] = Counter()

    def call(self, service: str, operation: str, params: Mapping[str, Any], *, idempotent: bool) -> dict[str, Any]:
        assert (service, operation, idempotent) == ("s3", "put_object", True)
        while params["Body"].read(65536):
            pass
        self.objects[params["Key"]] += 1
        return {}


@contextmanager
def lent(inputs: Mapping[str, Any]) -> Iterator[Path]:
    yield Path(inputs["code"]["path"])


def uploads(receiver: Receiver) -> Uploads:
    return Uploads(lambda: cast(Aws, receiver), lent, lambda: "assets", "assets/app/test")


def test_what_many_functions_share_is_uploaded_once(tmp_path: Path) -> None:
    (tmp_path / "code.zip").write_bytes(b"x" * SHARED)
    (tmp_path / "small.zip").write_bytes(b"x" * 100)
    receiver, inputs = Receiver(), {"code": {"path": str(tmp_path / "code.zip"), "sha256": "1"}}
    sent = uploads(receiver)
    with ThreadPoolExecutor(16) as pool:
        codes = list(pool.map(lambda _: sent.code(inputs), range(100)))
    assert sum("ZipFile" in c for c in codes) == OFTEN and list(receiver.objects.values()) == [1]
    assert len({c["S3Key"] for c in codes if "S3Key" in c}) == 1
    small = {"code": {"path": str(tmp_path / "small.zip"), "sha256": "2"}}
    assert all("ZipFile" in sent.code(small) for _ in range(10))


def test_another_zip_of_the_same_bundle_is_another_object(tmp_path: Path) -> None:
    receiver = Receiver()
    sent = uploads(receiver)
    sent.inline = 10
    for text in (b"a" * 20, b"b" * 20, b"a" * 20):
        (tmp_path / "code.zip").write_bytes(text)
        sent.code({"code": {"path": str(tmp_path / "code.zip"), "sha256": "same"}})
    assert sorted(receiver.objects.values()) == [1, 1]


@pytest.mark.parametrize("functions", [1, 30])
def test_memory_does_not_grow_with_the_functions_that_share_a_bundle(functions: int, tmp_path: Path) -> None:
    (tmp_path / "code.zip").write_bytes(bytes(30_000_000))
    sent = uploads(Receiver())
    tracemalloc.start()
    with ThreadPoolExecutor(32) as pool:
        list(pool.map(lambda _: sent.code({"code": {"path": str(tmp_path / "code.zip")}}), range(functions)))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 20_000_000
