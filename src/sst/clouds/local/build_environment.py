"""The environment of builds: what they need of the user's shell, and nothing that would make builds differ."""
from __future__ import annotations

from collections.abc import Mapping

__all__ = ["build_environment"]

_KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "LOGNAME", "TEMP", "TMP", "TMPDIR", "TZ", "USER", "XDG_CACHE_HOME",
         "XDG_CONFIG_HOME", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy",
         "NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE", "SSL_CERT_DIR")


def build_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Of ``environ``: PATH, HOME, locale, proxies, certificates, and npm's settings; with ``CI=1`` and ``SST=1``."""
    kept = {k: v for k, v in environ.items() if k in _KEPT or k.lower().startswith(("npm_config_", "corepack_"))}
    return {**kept, "CI": "1", "SST": "1"}
