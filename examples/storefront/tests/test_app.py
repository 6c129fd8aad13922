"""The app itself, deployed to the cloud on this machine."""
import json
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

from sst.testing import App


def get(url: str, data: bytes | None = None, **headers: str) -> tuple[int, str, str]:
    """Status, body, and where it led to."""
    try:
        with urlopen(Request(url, data, headers), timeout=30) as answer:
            return answer.status, answer.read().decode(), answer.url
    except HTTPError as e:
        with e:
            return e.code, e.read().decode(), e.url


def test_the_page_shows_what_the_database_has(sst_app: App) -> None:
    status, page, _ = get(sst_app.outputs["url"])
    assert status == 200
    assert "Green tea, 100 g" in page and "$14.50" in page


def test_an_order_is_placed_by_a_form(sst_app: App) -> None:
    url = f"{sst_app.outputs['url'].rstrip('/')}/products/cup"
    origin = url.removesuffix("/products/cup")
    status, page, led = get(url, urlencode({"quantity": 3}).encode(), origin=origin)
    assert status == 200 and led.startswith(f"{origin}/orders/")
    assert "3 × Cup without a handle: $43.50" in page


def test_the_api_is_on_the_same_domain(sst_app: App) -> None:
    api = sst_app.outputs["api"]
    assert api == f"{sst_app.outputs['url'].rstrip('/')}/api"
    assert [one["id"] for one in json.loads(get(f"{api}/products")[1])] == ["pot", "cup", "tea"]
    body = json.dumps({"product": "tea", "quantity": 0}).encode()
    assert get(f"{api}/orders", body, **{"content-type": "application/json"})[0] == 422


def test_what_is_not_there_is_404(sst_app: App) -> None:
    assert get(f"{sst_app.outputs['api']}/products/nothing")[0] == 404
    assert get(f"{sst_app.outputs['url'].rstrip('/')}/products/nothing")[0] == 404


def test_a_page_of_the_build_comes_from_the_cdn(sst_app: App) -> None:
    status, page, _ = get(f"{sst_app.outputs['url'].rstrip('/')}/about")
    assert status == 200 and "rendered by the build" in page
