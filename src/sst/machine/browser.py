"""Opens addresses in the browser of this machine."""
from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping

__all__ = ["open_url"]


def open_url(url: str, environment: Mapping[str, str]) -> bool:
    """Open it, beside this process and without its terminal; False if there is no browser to be seen, as over ssh."""
    if sys.platform != "darwin" and not any(environment.get(k) for k in ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY")):
        return False
    subprocess.Popen([sys.executable, "-m", "webbrowser", url], env=dict(environment), stdin=subprocess.DEVNULL,
                     stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    return True
