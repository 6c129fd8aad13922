"""A folder as a site, and routes of several apps in one store, on the embedded cloud."""
from __future__ import annotations

import json
import os
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sst.clouds.aws.client import Aws
from sst.clouds.aws.cloudfront_keys import Keys
from sst.clouds.aws.cloudfront_pages import split_value
from sst.clouds.aws.provider import AwsProvider
from sst.clouds.local.folders import read_folder
from sst.core.model import Op, Operation, State
from sst.core.provider import Absent, Found
from sst.errors import ProviderError

from .world import World, note

pytestmark = pytest.mark.emulator

SITE, ROUTE = "aws.cloudfront.Site", "aws.cloudfront.Route"


class Site:
    """A folder, and its site as the engine would manage it. ``clock`` is the time that the provider sees."""

    def __init__(self, aws: Aws, root: Path, bucket: str, store: str) -> None:
        self.aws, self.bucket, self.store = aws, bucket, store
        self.folder = root / "site"
        self.folder.mkdir()
        self.provider = AwsProvider(aws, app="app", stage="test", lineage="l", root=root)
        self.state = State("u", SITE, "", base="app-test-Site-abcdefgh")

    def write(self, **files: str) -> None:
        for name, text in files.items():
            (self.folder / name.replace("_", ".")).write_text(text)

    def inputs(self, **more: Any) -> dict[str, Any]:
        return {"bucket": self.bucket, "domain": f"{self.bucket}.s3.us-east-1.amazonaws.com", "store": self.store,
                "key": "site", "index_page": "index.html", "redirect": True, "keep": 1000,
                "source": {"folder": "site", "digest": read_folder(self.folder, self.folder).digest}, **more}

    def deploy(self, **more: Any) -> Counter[str]:
        """The calls of one deploy."""
        inputs, before = self.inputs(**more), Counter(self.aws.counts)
        change = self.provider.plan(SITE, self.state if self.state.id else None, inputs)
        if change.changed:
            operation = Operation("u", Op.UPDATE if self.state.id else Op.CREATE, SITE, self.state.base, "t", inputs,
                                  changed=change.changed)
            made = (self.provider.update(operation, self.state, note) if self.state.id
                    else self.provider.create(operation, note))
            self.state = replace(self.state, id=made.id, inputs=inputs, outputs=made.outputs, unsure=False)
        return Counter(self.aws.counts) - before

    @property
    def record(self) -> Mapping[str, Any]:
        value = Keys(self.aws, self.store, None).read("s:site")
        return dict(json.loads(value)) if value else {}

    def objects(self) -> set[str]:
        answer = self.aws.call("s3", "list_objects_v2", {"Bucket": self.bucket})
        return {o["Key"] for o in answer.get("Contents", ()) if not o["Key"].startswith(".sst/")}


@pytest.fixture
def site(aws: Aws, world: World, tmp_path: Path) -> Iterator[Site]:
    bucket = world.make("aws.s3.Bucket", {"force_destroy": True})["name"]
    yield Site(aws, tmp_path, bucket, world.make("aws.cloudfront.KeyValueStore", {})["arn"])


def test_one_changed_page_takes_six_calls_and_none_without_a_change(site: Site) -> None:
    site.write(index_html="home", a_html="a", b_html="b")
    site.deploy()
    site.write(a_html="another")
    assert site.deploy().total() <= 6
    assert site.deploy().total() == 0


def test_what_left_the_site_stays_for_a_while_and_then_goes(site: Site) -> None:
    site.write(index_html="one")
    site.deploy()
    first = site.objects()
    site.write(index_html="two")
    site.deploy()
    assert first < site.objects()
    site.aws.clock = lambda now=site.aws.clock() + 2000: now     # type: ignore[misc]  # the client's own clock
    site.write(index_html="three")
    site.deploy()
    site.write(index_html="four")
    site.deploy()
    assert not first & site.objects()


def test_a_former_version_comes_back_without_its_folder(site: Site) -> None:
    site.write(index_html="one")
    site.deploy()
    former, served = site.state.inputs, site.record
    site.write(index_html="two")
    site.deploy()
    (site.folder / "index.html").unlink()
    calls = Counter(site.aws.counts)
    made = site.provider.update(Operation("u", Op.UPDATE, SITE, site.state.base, inputs=former,
                                          changed=frozenset({"source"})), site.state, note)
    assert site.record["v"] == served["v"] == made.outputs["version"]
    assert (Counter(site.aws.counts) - calls)["s3.put_object"] == 1     # its list alone


def test_a_folder_that_changed_meanwhile_is_not_deployed(site: Site) -> None:
    site.write(index_html="one")
    inputs = site.inputs()
    site.write(index_html="two")
    with pytest.raises(ProviderError, match="does not hold the files of this deploy"):
        site.provider.create(Operation("u", Op.CREATE, SITE, site.state.base, "t", inputs), note)


class Cut(Exception):
    """The process ended here."""


def cut_off(site: Site, *, after: int, **more: Any) -> bool:
    """A deploy whose process ends before its call number ``after + 1``; whether it did not come to its end."""
    left = [after]

    def guard() -> None:
        left[0] -= 1
        if left[0] < 0:
            raise Cut

    provider, site.provider = site.provider, AwsProvider(site.aws, app="app", stage="test", lineage="l",
                                                         root=site.folder.parent, guard=guard)
    try:
        site.deploy(**more)
    except Cut:
        site.state = replace(site.state, unsure=True)
        return True
    finally:
        site.provider = provider
    return False


def test_a_deploy_that_was_cut_off_anywhere_is_finished_by_the_next(site: Site) -> None:
    """What is served is always one version whole, and no object is left over in the end."""
    site.write(index_html="one", a_html="one")
    site.deploy()
    for n in range(1, 12):
        site.write(index_html=f"{n}", a_html=f"{n}")
        if cut_off(site, after=n):
            site.deploy()
        assert site.record["v"] == site.state.outputs["version"]
        served = {f"_p/{r[10:18]}" for key, value in _keys(site).items() if key.startswith(site.record["ns"] + "/")
                  for r in [value[i:i + 18] for i in range(0, len(value), 18)]}
        assert served <= site.objects()
    site.provider.delete(site.state, note)
    assert site.objects() == set() and _keys(site) == {}
    site.provider.delete(site.state, note)


def _keys(site: Site) -> dict[str, str]:
    answer = site.aws.call("cloudfront-keyvaluestore", "list_keys", {"KvsARN": site.store, "MaxResults": 50})
    return {i["Key"]: i["Value"] for i in answer["Items"]}


@pytest.mark.long
def test_five_thousand_folders_are_one_site(site: Site) -> None:
    """SST keeps the names of top-level folders in one value of 1 KB."""
    for n in range(5000):
        (site.folder / f"f{n}").mkdir()
        os.link(_page(site), site.folder / f"f{n}" / "index.html")
    calls = site.deploy()
    assert calls["s3.put_object"] == 2      # one content for all, and the list
    assert calls["cloudfront-keyvaluestore.update_keys"] <= 6


def _page(site: Site) -> Path:
    page = site.folder / "index.html"
    if not page.exists():
        page.write_text("<h1>page</h1>")
    return page


def test_a_site_is_found_after_a_lost_answer(site: Site) -> None:
    site.write(index_html="one")
    operation = Operation("u", Op.CREATE, SITE, site.state.base, "t", site.inputs())
    assert isinstance(site.provider.find(operation), Absent)
    site.provider.create(operation, note)
    found = site.provider.find(operation)
    assert isinstance(found, Found)
    assert found.made.id == f"{site.bucket}|site"


def route(store: str, path: str, target: Any, base: str, host: str = "*") -> Operation:
    return Operation(f"u{path}", Op.CREATE, ROUTE, base, "t", {"store": store, "host": host, "path": path,
                                                                "target": target, "name": base})


def test_routes_of_many_apps_at_once_lose_none(aws: Aws, world: World, tmp_path: Path) -> None:
    store = world.make("aws.cloudfront.KeyValueStore", {})["arn"]
    apps = [AwsProvider(aws, app=f"app{n}", stage="test", lineage=f"l{n}", root=tmp_path) for n in range(2)]
    made: list[tuple[AwsProvider, Operation, Any]] = []

    def add(n: int) -> None:
        provider, operation = apps[n % 2], route(store, f"/p{n}", {"u": f"{n}.example.com"}, f"app-test-R-{n:08d}")
        made.append((provider, operation, provider.create(operation, note)))

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(add, range(50)))
    keys = Keys(aws, store, None)
    rows = json.loads(keys.read("h:*") or "")
    assert sorted(r[0] for r in rows) == sorted(f"/p{n}" for n in range(50))
    assert len(keys.get("h:*") or "") <= 1000      # and the rest in further values
    provider, operation, first = made[0]
    provider.delete(State("u", ROUTE, first.id, operation.inputs, first.outputs, base=operation.base), note)
    assert len(json.loads(keys.read("h:*") or "")) == 49


def test_a_route_of_another_app_is_not_taken_over(aws: Aws, world: World, tmp_path: Path) -> None:
    store = world.make("aws.cloudfront.KeyValueStore", {})["arn"]
    provider = AwsProvider(aws, app="app", stage="test", lineage="l", root=tmp_path)
    provider.create(route(store, "/docs", "one", "app-test-R-aaaaaaaa"), note)
    with pytest.raises(ProviderError, match="the route /docs belongs to another app"):
        provider.create(route(store, "/docs", "two", "app-test-R-bbbbbbbb"), note)
    assert isinstance(provider.find(route(store, "/docs", "two", "app-test-R-bbbbbbbb")), Absent)


def test_the_longest_path_of_a_host_is_first(aws: Aws, world: World, tmp_path: Path) -> None:
    store = world.make("aws.cloudfront.KeyValueStore", {})["arn"]
    provider = AwsProvider(aws, app="app", stage="test", lineage="l", root=tmp_path)
    for i, path in enumerate(("/a", "/a/b/c", "/", "/a/b")):
        provider.create(route(store, path, {"u": "x"}, f"app-test-R-{i:08d}", "a.example.com"), note)
    keys = Keys(aws, store, None)
    assert [r[0] for r in json.loads(keys.read("h:a.example.com") or "")] == ["/a/b/c", "/a/b", "/a", "/"]
    assert keys.read("h") == "a.example.com"


def test_parts_of_two_updates_are_never_put_together(aws: Aws, world: World) -> None:
    store = world.make("aws.cloudfront.KeyValueStore", {})["arn"]
    one, two = "1" * 2500, "2" * 2500
    keys, parts = Keys(aws, store, None), {**split_value("h:*", one), "h:*#2": split_value("h:*", two)["h:*#2"]}
    etag = aws.call("cloudfront-keyvaluestore", "describe_key_value_store", {"KvsARN": store})["ETag"]
    aws.call("cloudfront-keyvaluestore", "update_keys", {"KvsARN": store, "IfMatch": etag, "Puts": [
        {"Key": k, "Value": v} for k, v in parts.items()]})     # as a reader sees it between the reads
    mended = threading.Timer(0.3, lambda: keys.change(lambda changes: changes.write("h:*", two)))
    mended.start()
    assert keys.read("h:*") == two
    mended.join()
