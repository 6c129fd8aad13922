"""The app itself, deployed to the cloud on this machine."""
import json
from collections.abc import Mapping
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import Request, urlopen

import pytest

from sst import Resource
from sst.testing import App, eventually

PICTURE = (Path(__file__).parents[1] / "pictures/mountain.jpg").read_bytes()


def call(url: str, body: bytes | None = None, headers: Mapping[str, str] | None = None) -> tuple[int, bytes]:
    try:
        with urlopen(Request(url, body, dict(headers or {})), timeout=60) as answer:
            return answer.status, answer.read()
    except HTTPError as e:
        with e:
            return e.code, e.read()


def upload(app: App, name: str, token: str, picture: bytes = PICTURE) -> tuple[int, bytes]:
    headers = {"authorization": f"Bearer {token}", "content-type": "image/jpeg"}
    return call(f"{app.outputs['api']}/photos/{quote(name)}", picture, headers)


def row(app: App, name: str) -> dict[str, object]:
    status, body = call(f"{app.outputs['api']}/photos/{quote(name)}")
    assert status == 200, body
    found: dict[str, object] = json.loads(body)
    return found


def announced(app: App, name: str) -> dict[str, object]:
    found = row(app, name)
    assert found.get("announced") is True
    return found


@pytest.fixture(scope="session")
def mountain(sst_app: App, token: str) -> dict[str, object]:
    assert upload(sst_app, "mountain", token) == (202, json.dumps({"name": "mountain", "bytes": len(PICTURE)}).encode())
    return eventually(lambda: announced(sst_app, "mountain"), seconds=60)


def test_a_picture_becomes_a_thumbnail_a_row_and_an_announcement(sst_app: App, mountain: dict[str, object]) -> None:
    assert {k: mountain[k] for k in ("width", "height", "thumbnail")} == {
        "width": 960, "height": 640, "thumbnail": "thumbnails/mountain.png"}
    status, thumbnail = call(str(mountain["url"]))
    assert status == 200 and thumbnail.startswith(b"\x89PNG")
    assert int.from_bytes(thumbnail[16:20], "big") == 128
    assert "mountain: 960x640 -> 128x85" in sst_app.logs("Pictures/Subscriber")


def test_a_wrong_token_uploads_nothing(sst_app: App) -> None:
    assert upload(sst_app, "stolen", "let-me-in") == (401, b"a wrong token\n")
    assert call(f"{sst_app.outputs['api']}/photos/stolen")[0] == 404


def test_the_badge_is_drawn_by_node(sst_app: App) -> None:
    status, svg = call(f"{sst_app.outputs['badge']}?label=%3Cb%3E")
    assert status == 200 and b">b: Node " in svg
    assert f"<title>{sst_app.outputs['api']}/photos</title>".encode() in svg


def test_the_nightly_job_counts_photos(sst_app: App, mountain: dict[str, object]) -> None:
    tidied = sst_app.fire("Tidy")
    assert tidied.result == {"photos": 1}
    assert tidied.logs == ("1 photos on stage local",)


def test_photos_are_counted_each_hour(sst_app: App) -> None:
    assert [run.function for run in sst_app.advance("3 hours")] == ["Tidy"] * 3


def test_what_is_no_picture_is_reported(sst_app: App) -> None:
    event = {"Records": [{"s3": {"object": {"key": "originals/nothing"}}}]}
    failed = sst_app.invoke("Pictures/Subscriber", event)
    assert failed.error and failed.error.type in ("NoSuchKey", "ClientError")
    with pytest.raises(AssertionError, match=r"(?s)Pictures/Subscriber raised .*thumbnail\.py"):
        assert failed.result


def test_tests_see_what_is_linked(sst_app: App, token: str) -> None:
    assert Resource.Pictures.name == sst_app.outputs["bucket"]
    assert Resource.UploadToken.value == token
    assert Resource.App.stage == "local"
