"""``sst add``"""
from __future__ import annotations

import click

from ..call import Call, command


@command("add")
@click.argument("names", metavar="NAME[@VERSION]...", nargs=-1, required=True)
def add(call: Call, names: tuple[str, ...]) -> None:
    """Add providers: Stripe, Vercel, GitHub and others.

    NAME is vercel, vercel/vercel or registry.example.com/acme/dns. VERSION is 4.2.0, 4.2 (the newest
    4.x from 4.2 on) or a constraint: "vercel@>= 4.0, < 5.0". The newest version that fits is downloaded,
    verified and locked in sst.lock, with the hashes of all platforms. Commit that file.
    """
    from .providers import keep_types, opened

    here = opened(call)
    made = here.add(names)
    keep_types(call, here)
    if call.screen.as_json:
        call.screen.data([{"name": o.name, "source": str(o.source), "version": o.version, "key": o.key} for o in made])
        return
    for one in made:
        signed = f"signed by {one.key}" if one.key else "not signed; pinned by hash"
        call.screen.done(f"{one.name}: {one.source} {one.version}, {signed}")
        call.screen.dim(f"  from sst.providers import {one.name}")
