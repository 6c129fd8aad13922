"""A Django project on stage ``local``: database, migrations, static files, uploads, tasks, the admin in a browser.

Django 5.2 on the Python of the tests, Django 6 on the newest other one of this machine;
with ``make sites SITES=all`` on each one that Django 6 runs on.
"""
from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from tests.browser import launch, needs_browser
from tests.e2e.project import Project, call, eventually, project
from tests.pythons import others
from tests.runtime.conftest import environment_of

__all__ = ["environment_of"]

HERE = Path(__file__).parent / "django"
pytestmark = [pytest.mark.emulator, pytest.mark.slow, pytest.mark.skipif(
    not os.environ.get("SST_SITES"), reason="make sites opens the admin in Chromium"), needs_browser]
ADDED = '''
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("shop", "0001_initial")]
    operations = [migrations.RunSQL("alter table nowhere add column x int")]
'''


DJANGO_6 = "django==6.0.*\npsycopg[binary]==3.2.13\n"
"""It has tasks of its own."""


def newer() -> list[str]:
    """Pythons with Django 6, each as its version and its program."""
    if not os.environ.get("SST_SITES"):
        return []
    found = [f"{major}.{minor} {python}" for (major, minor), python in sorted(others().items())]
    return found if os.environ["SST_SITES"] == "all" else found[-1:]


@pytest.fixture(scope="module", params=["", *newer()], ids=lambda one: one.split(" ")[0] or "here")
def shop(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory,
         environment_of: Callable[..., Path]) -> Iterator[Project]:
    root = tmp_path_factory.mktemp("shop")
    shutil.copytree(HERE, root, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    version, _, program = str(request.param).partition(" ")
    if version:
        (root / "requirements.txt").write_text(DJANGO_6)
        (root / ".python-version").write_text(version)
        for name, old, new in (("tasks", "django_tasks", "django.tasks"), ("settings", '"django_tasks",', "")):
            file = root / f"shop/{name}.py"
            file.write_text(file.read_text().replace(old, new))
    python = environment_of(*(root / "requirements.txt").read_text().split(), python=program or sys.executable)
    (root / ".venv").symlink_to(python.parents[1])
    with project(root, {}) as made:
        made.sst("deploy")
        yield made


def test_the_admin_is_used_in_a_browser(shop: Project) -> None:
    said = shop.run("invoke", "Shop", "--manage", "createsuperuser", DJANGO_SUPERUSER_USERNAME="ada",
                    DJANGO_SUPERUSER_EMAIL="ada@example.com", DJANGO_SUPERUSER_PASSWORD="pass-7f3e9a51")
    assert said.returncode == 0 and "Superuser created" in said.stdout
    url = shop.outputs()["url"]
    with sync_playwright() as play:
        browser = launch(play)
        page = browser.new_page()
        missing: list[str] = []
        page.on("response", lambda r: missing.append(f"{r.status} {r.url}") if r.status >= 400 else None)
        page.goto(f"{url}/admin/")
        assert page.url == f"{url}/admin/login/?next=/admin/"
        page.fill("#id_username", "ada")
        page.fill("#id_password", "pass-7f3e9a51")
        page.click("[type=submit]")
        page.wait_for_selector("text=Site administration")
        page.click("text=Items")
        page.click("text=Add item")
        page.fill("#id_name", "Müller's lamp")
        page.set_input_files("#id_picture", files=[{"name": "lamp.png", "mimeType": "image/png", "buffer": PICTURE}])
        page.click("[name=_save]")
        page.wait_for_selector("text=was added successfully")
        page.goto(url)
        page.wait_for_function("document.title === 'From a module'")
        assert page.evaluate("getComputedStyle(document.querySelector('h1')).color") == "rgb(1, 2, 3)"
        assert page.evaluate("document.querySelector('img').naturalWidth") == 1
        page.fill("[name=name]", "from the form")
        page.click("button")
        page.wait_for_selector("li:nth-child(2)")
        assert missing == []
        browser.close()
    eventually(lambda: {"name": "from the form", "thumbnails": 1} in call(f"{url}/items").json["items"])


PICTURE = bytes.fromhex("89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c4944415408d763f8cfc0"
                        "0000030101003c5ad9b60000000049454e44ae426082")


def test_static_files_have_hashes_in_their_names_and_are_kept_for_ever(shop: Project) -> None:
    url = shop.outputs()["url"]
    path = re.findall(r'href="(/static/_/shop/main\.[0-9a-f]{12}\.css)"', call(url).body)[0]
    style = call(f"{url}{path}")
    assert dict(style.headers)["cache-control"] == "public,max-age=31536000,immutable"
    assert re.search(r"dot\.[0-9a-f]{12}\.svg", style.body)
    assert dict(call(f"{url}/static/shop/main.css").headers)["cache-control"].startswith("public,max-age=0")
    assert "no changes" in shop.sst("deploy")


def test_a_migration_that_fails_leaves_the_old_code_and_the_next_one_goes_on(shop: Project) -> None:
    url, urls = shop.outputs()["url"], (shop.root / "shop/urls.py").read_text()
    shop.write({"shop/urls.py": urls.replace("VERSION = 1", "VERSION = 2"), "shop/migrations/0002_added.py": ADDED})
    failed = shop.run("deploy")
    assert failed.returncode == 2 and 'relation "nowhere" does not exist' in failed.stdout + failed.stderr
    assert call(f"{url}/items").json["version"] == 1
    shop.write({"shop/migrations/0002_added.py": ADDED.replace("nowhere", "shop_item")})
    shop.sst("deploy")
    assert call(f"{url}/items").json["version"] == 2
    assert "[X] 0002_added" in shop.sst("invoke", "Shop", "--manage", "showmigrations shop")
    assert shop.run("invoke", "Shop", "--manage", "nonsense").returncode == 2
    major = "6" if (pinned := shop.root / ".python-version").exists() else "5"
    line = "shell -c 'import django, sys; print(django.VERSION[0], sys.version_info[:2])'"
    wanted = tuple(map(int, pinned.read_text().split("."))) if pinned.exists() else sys.version_info[:2]
    assert f"{major} {wanted}" in shop.sst("invoke", "Shop", "--manage", line)
