"""``sst install``"""
from __future__ import annotations

from ..call import Call, command


@command("install")
def install(call: Call) -> None:
    """Install the providers that sst.lock names.

    For CI, and after a clone. Exactly the locked versions are downloaded and verified; sst.lock is not
    changed.
    """
    from .providers import keep_types, opened

    here = opened(call)
    made = here.install()
    keep_types(call, here)
    if call.screen.as_json:
        call.screen.data([{"name": o.name, "version": o.version} for o in made])
        return
    for one in made:
        call.screen.done(f"installed {one}")
    if not made:
        call.screen.done("everything is installed")
