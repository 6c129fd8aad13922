"""The browser that tests drive, the machine's own Chromium, and the one place that looks for it. ``python -m
tests.browser`` installs it where it is missing and may be: on Debian, as root."""
from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Playwright

__all__ = ["CHROMIUM", "MISSING", "launch", "needs_browser"]

CHROMIUM = os.environ.get("SST_CHROMIUM") or next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), "")
MISSING = "no browser: install the package chromium, or name one in SST_CHROMIUM"
needs_browser = pytest.mark.skipif(not CHROMIUM, reason=MISSING)
_INSTALL_SECONDS = 300


def launch(playwright: Playwright, *arguments: str) -> Browser:
    """Playwright's own download is not needed. Without a sandbox, which root can't have."""
    return playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu", *arguments])


def _install() -> None:
    apt = shutil.which("apt-get")
    if CHROMIUM or not apt or os.geteuid() != 0:
        return
    for words in (("update",), ("install", "--yes", "--no-install-recommends", "chromium")):
        try:
            subprocess.run([apt, "-qq", *words], check=True, timeout=_INSTALL_SECONDS, stdout=subprocess.DEVNULL,
                           env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"})
        except (OSError, subprocess.SubprocessError) as error:
            print(f"the package chromium can't be installed: {error}")
            return


if __name__ == "__main__":
    _install()
