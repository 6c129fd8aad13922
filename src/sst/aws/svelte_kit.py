"""SvelteKit sites."""
from __future__ import annotations

from .ssr_site import Framework, SsrSite

__all__ = ["SvelteKit"]


class SvelteKit(SsrSite, kind="sst.aws.SvelteKit"):
    """A SvelteKit site: its server in a function, its files on the CDN.

        site = aws.SvelteKit("Web", path="web", link=[bucket])
        site.url

    SvelteKit 2 and 3, with ``@sveltejs/adapter-node`` or ``@sveltejs/adapter-auto``. https://svelte.dev/docs/kit/adapters
    All arguments are those of ``SsrSite``.
    """

    framework = Framework("SvelteKit", "@sveltejs/kit", "svelte_kit", oldest=2, port=5173,
                          environment={"SST": ""})     # adapter-auto would fetch an adapter of another SST
