"""``sst local``"""
from __future__ import annotations

import time

import click

from ..call import Call, group, pass_call


@group("local")
def local() -> None:
    """Manage the local cloud."""


@local.command("status")
@pass_call
def status(call: Call) -> None:
    """Show its status and its addresses."""
    from ...embedded.cloud import status as look
    from ...embedded.stand_ins import stand_ins
    from ...project.find import find_config
    from ..ui.style import seconds

    screen, root = call.screen, find_config(call.cwd, call.config).parent
    found = look(root)
    standing = stand_ins(found.cloud) if found else []
    if screen.as_json:
        screen.data({"running": False} if not found else {
            "running": True, "endpoint": found.cloud.endpoint, "region": found.cloud.region, "pid": found.cloud.pid,
            "folder": str(found.cloud.folder), "started": found.started, "iam": found.iam, "current": found.current,
            "addresses": dict(found.addresses), "services": dict(found.services), "stand_ins": standing,
            "edge": {name: dict(used) for name, used in found.edge.items()}})
    elif not found:
        screen.line("The local cloud is not running; `sst deploy --stage local` starts it.")
    else:
        screen.done(f"running at {found.cloud.endpoint} for {seconds(max(0.0, time.time() - found.started))} (process "
                    f"{found.cloud.pid})")
        screen.line(f"  region {found.cloud.region}, IAM {'enforced' if found.iam else 'not enforced'}, data in "
                    f"{found.cloud.folder}")
        if not found.current:
            screen.warn("it was started by another version of sst; the next deploy restarts it")
        if found.addresses:
            screen.table([*found.addresses.items()], indent="  ")
        if found.services:
            screen.table([*found.services.items()], indent="  ")
        for name, used in found.edge.items():
            screen.line(f"  edge function {name}: {used['calls']:,.0f} calls, {used['ms']:.2f} ms each, at most "
                        f"{used['slowest_ms']:.1f} ms, {used['errors']:,.0f} errors")
        for arn in standing:
            screen.line(f"  stand-in for {arn}")


@local.command("stop")
@pass_call
def stop(call: Call) -> None:
    """Stop it. Its data is kept; the next deploy starts it again."""
    from ...embedded.cloud import stop as end
    from ...project.find import find_config

    stopped = end(find_config(call.cwd, call.config).parent)
    if call.screen.as_json:
        call.screen.data({"stopped": stopped})
    else:
        call.screen.done("stopped; its data is kept" if stopped else "it is not running")


@local.command("reset")
@click.option("--yes", is_flag=True, help="Don't ask; needed without a terminal.")
@pass_call
def reset(call: Call, yes: bool) -> None:
    """Stop it and delete its resources, data, keys, and the state of stage local.

    Refused where that stage is protected by the config.
    """
    from ...embedded.cloud import reset as wipe
    from ...errors import UserError
    from ...project.find import find_config

    root = find_config(call.cwd, call.config).parent
    if _protected(call):
        raise UserError('stage "local" is protected', code="protected",
                        hint="set protect=False in the config for this stage to delete it")
    if not yes and not call.screen.confirm(f"Delete everything in stage local of {root}?", flag="--yes"):
        raise UserError("nothing was deleted: not confirmed", code="not-confirmed")
    wipe(root)
    if call.screen.as_json:
        call.screen.data({"reset": True})
    else:
        call.screen.done("stage local is empty")


def _protected(call: Call) -> bool:
    """By the config as it is; if it can't be used, by that of the last deploy; if there is none either, no."""
    from ...errors import SstError
    from ...project.find import find_config
    from ...project.last_config import last_config
    from ...project.stage import LOCAL

    call.stage = LOCAL
    try:
        return call.project(broken=True).config.protect
    except SstError:
        last = last_config(find_config(call.cwd, call.config).parent / ".sst", LOCAL)
        return bool(last and last.protect)
