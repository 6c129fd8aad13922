"""Apps of Python in the folders of a repository, as ``sst init`` found them, on stage ``local``."""
from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.dev.live import Dev, get
from tests.e2e.project import Project, call, project
from tests.runtime.conftest import environment_of

__all__ = ["environment_of"]

pytestmark = [pytest.mark.emulator, pytest.mark.slow, pytest.mark.long]
PACKAGES = ("django==5.2.8", "psycopg[binary]==3.2.12", "flask")
"""One list for the repository: its folders declare nothing."""
FILES = {
    "requirements.txt": "\n".join(PACKAGES) + "\n",
    "backend/shop/models.py": "from django.db import models\n\nclass Item(models.Model):\n"
                              "    name = models.CharField(max_length=100)\n",
    "backend/shop/urls.py": """
from django.shortcuts import render
from django.urls import path

from shop.models import Item
from shop.words import text


def items(request):
    Item.objects.create(name="lamp")
    return render(request, "home.html", {"text": f"{Item.objects.count()} items"})


urlpatterns = [path("", lambda request: render(request, "home.html", {"text": text})), path("items", items)]
""",
    "backend/shop/words.py": 'text = "from Django"\n',
    "backend/shop/templates/home.html": '{% load static %}<link href="{% static \'shop/main.css\' %}">{{ text }}',
    "backend/shop/static/shop/main.css": "h1 { color: red }",
    "admin/app.py": "from flask import Flask\nfrom words import text\n\napp = Flask(__name__)\n"
                    "app.get('/')(lambda: text)\n",
    "admin/words.py": 'text = "from Flask"\n',
    "admin/static/logo.svg": "<svg></svg>"}
WITH_DATABASE = """    db = aws.Postgres("Database", vpc=aws.Vpc("Network"))
    backend = aws.Django("Backend", path="backend", project="shop", database=db, migrate="before")
"""


@pytest.fixture
def repository(tmp_path: Path, environment_of: Callable[..., Path]) -> Iterator[Project]:
    python = environment_of(*PACKAGES)
    (tmp_path / ".venv").symlink_to(python.parents[1])
    (tmp_path / "backend").mkdir()
    subprocess.run([python, "-m", "django", "startproject", "shop", "."], cwd=tmp_path / "backend", check=True)
    settings = tmp_path / "backend/shop/settings.py"
    text = settings.read_text().replace("INSTALLED_APPS = [", 'INSTALLED_APPS = [\n    "shop",')
    settings.write_text(text.replace("DEBUG = True", "DEBUG = False"))   # which names files without hashes
    with project(tmp_path, FILES) as made:
        subprocess.run([python, "manage.py", "makemigrations", "shop"], cwd=tmp_path / "backend", check=True,
                       capture_output=True)
        yield made


def test_two_apps_are_deployed_as_they_were_found(repository: Project) -> None:
    repository.sst("init", "--yes")
    config = repository.root / "sst_config.py"
    written = config.read_text()
    found = '    backend = aws.Django("Backend", path="backend", project="shop")\n'
    assert found in written
    assert 'admin = aws.Flask("Admin", path="admin", app="app:app", static={"/static": "static"})' in written
    repository.sst("deploy")
    urls = repository.outputs()
    assert call(urls["admin"]).body == "from Flask"
    assert call(f"{urls['admin']}/static/logo.svg").body == "<svg></svg>"
    home = call(urls["backend"]).body
    assert "from Django" in home
    style = re.findall(r'href="(/static/_/shop/main\.[0-9a-f]{12}\.css)"', home)[0]
    assert call(f"{urls['backend']}{style}").body == "h1 { color: red }"
    assert "no changes" in repository.sst("deploy")

    config.write_text(written.replace(found, WITH_DATABASE))
    repository.sst("deploy")
    assert "1 items" in call(f"{urls['backend']}/items").body
    assert "[X] 0001_initial" in repository.sst("invoke", "Backend", "--manage", "showmigrations shop")
    dev = Dev(repository.root).ready()
    try:
        url = dev.url("backend")
        assert re.search(r'href="/static/_/shop/main\.[0-9a-f]{12}\.css"', get(url)[1])
        dev.save("backend/shop/words.py", 'text = "edited, and longer"\n')
        dev.until(lambda: "edited, and longer" in get(url)[1], seconds=10)
        assert "2 items" in get(f"{url}/items")[1]
        assert dev.interrupt() == 0
    finally:
        dev.kill()
