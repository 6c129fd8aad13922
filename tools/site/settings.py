"""The generator's settings."""
from __future__ import annotations

import json
from collections.abc import Mapping

__all__ = ["settings"]

_HEAD = """[project]
site_name = "sst for Python"
site_description = "Full-stack infrastructure defined in Python code"
docs_dir = "docs"
site_dir = "site"
use_directory_urls = true
nav = {nav}

[project.extra.version]
provider = "mike"
default = {version}

[project.theme]
font = false
features = ["navigation.tabs", "navigation.indexes", "navigation.top", "search.highlight", "content.code.copy",
            "toc.follow"]

[[project.theme.palette]]
media = "(prefers-color-scheme: light)"
scheme = "default"
toggle.icon = "lucide/sun"
toggle.name = "Dark"

[[project.theme.palette]]
media = "(prefers-color-scheme: dark)"
scheme = "slate"
toggle.icon = "lucide/moon"
toggle.name = "Light"

[project.markdown_extensions.toc]
permalink = true

[project.markdown_extensions.tables]
[project.markdown_extensions.pymdownx.highlight]
[project.markdown_extensions.pymdownx.superfences]
"""


def settings(navigation: Mapping[str, list[str]], version: str) -> str:
    """``navigation``: title of a tab -> its pages. No font and no script comes from another host."""
    nav = ", ".join(f"{{ {json.dumps(title)} = {json.dumps(pages)} }}" for title, pages in navigation.items())
    return _HEAD.format(nav=f"[{nav}]", version=json.dumps(version))
