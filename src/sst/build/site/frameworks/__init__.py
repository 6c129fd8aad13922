"""Readers of what frameworks build: one function each."""
from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from ..output import SiteOutput
from .angular import angular
from .astro import astro
from .next import next_js
from .nitro import nitro
from .node_server import node_server
from .react_router import react_router
from .svelte_kit import svelte_kit
from .tan_stack_start import tan_stack_start

__all__ = ["READERS", "Reader"]

Reader = Callable[[Path, str], SiteOutput]
"""Takes the site's folder and what the component says of the server (``entry``); raises ``UserError``."""

READERS: Mapping[str, Reader] = {"angular": angular, "astro": astro, "next": next_js, "nitro": nitro,
                                 "node_server": node_server, "react_router": react_router, "svelte_kit": svelte_kit,
                                 "tan_stack_start": tan_stack_start}
