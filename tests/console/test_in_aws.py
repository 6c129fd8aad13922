"""A stage in AWS in a real browser: what AWS is asked, what is shown of its answers, and what axe finds."""
from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from sst.core.model import Entry
from sst.project.project import Project, open_project
from tests.browser import needs_browser
from tests.clouds.aws.stand_in import Answer, StandIn, stand_in

from .conftest import DRAWN, ask, function, opened, served, shown, until
from .test_accessibility import Checked
from .test_far import BUSY, KEYS, lines

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [pytest.mark.long, needs_browser]
CALLER = Answer(body=b"""<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
<GetCallerIdentityResult><Arn>arn:aws:iam::123456789012:user/a</Arn><UserId>A</UserId><Account>123456789012</Account>
</GetCallerIdentityResult></GetCallerIdentityResponse>""", headers={"Content-Type": "text/xml"})


def called(request: tuple[str, str, dict[str, str], bytes]) -> str:
    """The service, as the signature names it."""
    return request[2]["authorization"].split("/")[3]


@contextmanager
def in_aws() -> Iterator[StandIn]:
    """Logs of one function, a caller, and a CloudWatch that is busy."""
    made: list[StandIn] = []
    answers = {"logs": lines("START RequestId: 1", "[ERROR] it failed", at=time.time() - 60), "monitoring": BUSY,
               "sts": CALLER}
    with stand_in(lambda n: answers.get(called(made[0].requests[n]), Answer())) as there:
        made.append(there)
        yield there


def far_project(project: Project, url: str) -> Project:
    """With one function that is deployed."""
    (project.root / "sst_config.py").write_text(
        "import sst\n\ndef config(input):\n    return sst.Config(name='shop', home='local', region='us-east-1')\n\n"
        "def run():\n    pass\n")
    there = open_project(project.program.file, stage="far", environ={
        **KEYS, "HOME": str(project.root), "XDG_STATE_HOME": str(project.root / "state"), "AWS_ENDPOINT_URL": url})
    backend = opened(there)
    with backend.stage.locked("deploy") as session:
        session.write(Entry("made", (state := function("shop-api", "Api")).urn, state=state))
        session.save()
    backend.close()
    return there


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_axe_finds_nothing_on_a_stage_in_aws(browser: Browser, project: Project, theme: str) -> None:
    """Read-only, then unlocked; lines that came, and a cloud that asks to slow down."""
    with in_aws() as aws:
        server = served(far_project(project, aws.url))
        try:
            made = Checked(browser, server.url, theme)
            shown(made.page, "logs")
            made.page.wait_for_selector("text=Searched 15 minutes, 1 of 1 logs.")
            made.page.wait_for_selector("code:has-text('[ERROR] it failed')")
            made.look("logs")
            shown(made.page, "metrics")
            made.page.wait_for_selector("text=The cloud asks to slow down")
            made.look("metrics")
            for name in ("overview", "invocations", "secrets", "drift", "cost", "deploys"):
                shown(made.page, name)
                made.page.wait_for_selector(DRAWN)
                made.look(name)
            made.page.click("button:has-text('Unlock changes')")
            made.look("the dialog that unlocks")
            made.page.fill("[role=dialog] input", "far")
            made.page.keyboard.press("Enter")
            made.page.wait_for_selector("text=unlocked")
            made.look("unlocked")
            made.close()
        finally:
            server.close()


def test_what_a_stage_in_aws_is_asked(browser: Browser, project: Project) -> None:
    """At most three calls until logs or metrics are opened, none of CloudWatch; nothing is written unless unlocked."""
    with in_aws() as aws:
        server = served(far_project(project, aws.url))
        page = browser.new_context().new_page()
        try:
            page.goto(server.url)
            page.wait_for_selector("section[aria-label='Not deployed yet'] :has-text('Look again')")
            until(page, "!document.querySelector('main').innerText.includes('Running the program')", seconds=20)
            for name in ("graph", "deploys", "invocations", "secrets", "cost", "data"):
                shown(page, name)
            assert len(aws.requests) <= 3 and not [r for r in aws.requests if called(r) in ("logs", "monitoring")]
            assert page.locator("button:has-text('Deploy')").count() == 0
            shown(page, "logs")
            page.wait_for_selector("text=1 of 1 logs.")
            asked = [r for r in aws.requests if called(r) == "logs"]
            assert len(asked) == 1 and page.locator("text=1 calls of the cloud").count() == 1
            shown(page, "metrics")
            page.wait_for_selector("text=The cloud asks to slow down")
            assert len([r for r in aws.requests if called(r) == "monitoring"]) == 1
            assert ask(server, "api/do/plan-deploy", {})[0] == 403
            assert not [r for r in aws.requests if called(r) not in ("logs", "monitoring", "sts")]
        finally:
            page.context.close()
            server.close()
