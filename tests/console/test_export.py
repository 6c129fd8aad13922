"""The console as one file: what is in it, and what is not."""
from __future__ import annotations

import re
import subprocess
import sys
from base64 import b64encode
from html.parser import HTMLParser
from pathlib import Path

import pytest

from sst.console.export import export
from sst.console.pages import Pages
from sst.console.source import Source
from sst.embedded.record_file import RecordFile
from sst.errors import UserError
from sst.project.project import Project, open_project

from .conftest import HOOK, deployed, fill, opened

SECRET = "hush-hush-hush-42"


@pytest.fixture
def pages(project: Project) -> Pages:
    deployed(project)
    backend = opened(project)
    backend.secrets.set("Hush", SECRET)
    backend.close()
    fill(project.root / ".sst/local")
    file = RecordFile(project.root / ".sst/local/console.db")
    coded = b64encode(SECRET.encode()).decode()     # as one that was not known when it was recorded
    file.write([("invocation", {"request": "secret-request", "function": "shop-api", "trace": "1-secret", "parent": "",
                                "span": "z", "began": 2e9, "trigger": f"GET /{SECRET}",
                                "event": f'"{SECRET} {coded}"'}),
                ("invocation", {"request": "secret-request", "ms": 1.0, "response": SECRET, "error": "E", "failed": 1,
                                "message": SECRET}),
                ("line", {"request": "secret-request", "function": "shop-api", "at": 2e9, "text": SECRET})])
    file.close()
    return Pages(Source(project, opened, lambda: open_project(project.program.file, stage="local", environ={})))


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()
        self.attributes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        self.attributes |= {name for name, _ in attrs}


def test_it_has_the_overview_the_graph_and_all_traces_and_no_secret(pages: Pages) -> None:
    text = export(pages)
    assert "Api failed for 1 of 2 events" in text and "<svg" in text and "PutObject" in text
    assert text.count("<summary") == 6 and "[secret Hush]" in text
    assert SECRET not in text and b64encode(SECRET.encode()).decode().rstrip("=") not in text
    tags = Tags()
    tags.feed(text)
    assert not tags.seen & {"script", "img", "link", "iframe", "object"} and HOOK not in text
    assert not [name for name in tags.attributes if name.startswith("on") or name in ("src", "href")]
    assert not re.search(r"url\((?!#)|@import", text)


def test_of_one_trace(pages: Pages) -> None:
    by_root, by_call = export(pages, "1-one"), export(pages, "00000002")
    assert re.sub("[0-9:]+ UTC", "", by_root) == re.sub("[0-9:]+ UTC", "", by_call)
    assert "1-secret" not in by_root and by_root.count("<summary") == 4
    with pytest.raises(UserError, match="no recorded call or trace nothing-here"):
        export(pages, "nothing-here")


@pytest.mark.long
def test_the_command(pages: Pages, project: Project) -> None:
    sst = Path(sys.executable).with_name("sst")
    for words, said in ((["--export", "app.html"], "app.html has overview, graph and traces"),
                        (["--export", "."], ". is a folder"), (["--trace", "1-one"], "--trace belongs to --export"),
                        (["--export", "app.html", "--trace", "nothing"], "no recorded call or trace nothing")):
        ran = subprocess.run([sst, "console", "--stage", "local", *words], cwd=project.root, capture_output=True,
                             text=True, timeout=60)
        assert said in ran.stdout + ran.stderr
    text = (project.root / "app.html").read_text()
    assert "shop/local" in text and SECRET not in text


def test_a_secret_that_was_not_known_when_it_was_recorded_is_in_no_answer(pages: Pages) -> None:
    told = repr([pages.invocations({}), pages.trace("1-secret", {}), pages.logs({}), pages.overview({}),
                 pages.invocation("secret-request", {})])
    assert SECRET not in told and "[secret Hush]" in told
