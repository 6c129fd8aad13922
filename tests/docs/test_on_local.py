"""The first example of a component's page, with the page's handlers, on stage ``local``: deployed, called, removed."""
from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from .examples import blocks, clean_process, run_program, write
from .signatures import PAGES

pytestmark = [pytest.mark.emulator, pytest.mark.slow, pytest.mark.long]

CALLED = {"bucket": "Api", "dynamo": "Api", "linkable": "Worker", "secret": "Api", "queue": "", "cron": "",
          "api_gateway_v2": "", "postgres": "", "static_site": "", "router": "", "redis": ""}
"""The page's function that can be called as it is. A page's ``dns`` needs a hosted zone of yours; ``function`` is the
README's."""
SST = Path(sys.executable).with_name("sst")


@pytest.mark.parametrize("name", CALLED)
def test_the_example_of_a_page_lives_on_this_machine(name: str, tmp_path: Path) -> None:
    page = next(p for p in PAGES if p.name == name)
    examples = blocks(page.path, "python")
    with clean_process():
        run_program(examples[0], tmp_path)
    for made_up in ("pyproject.toml", "package.json"):
        (tmp_path / made_up).unlink()
    for block in examples:
        if block.file:
            write(tmp_path, block.file, block.text)
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "SST_"))}

    def sst(*words: str) -> str:
        done = subprocess.run([SST, *words, "--stage", "local"], cwd=tmp_path, env=environment, text=True,
                              capture_output=True,
                              timeout=120, check=False)
        assert done.returncode == 0, f"{words}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    try:
        if name == "secret":
            sst("secret", "set", "StripeKey", "sk_test")
        assert "created" in sst("deploy")
        assert "no changes" in sst("deploy")
        if CALLED[name]:
            sst("invoke", CALLED[name])
        assert "deleted" in sst("remove", "--yes")
    finally:
        sst("local", "reset", "--yes")
