"""The command ``sst``: which commands there are. Each is imported when it is run."""
from __future__ import annotations

from importlib import import_module

import click

from .call import SETTINGS, Group

__all__ = ["COMMANDS", "root"]

COMMANDS = {
    "init": "Set up a project in this folder.",
    "dev": "Run the app locally, with live functions and your own commands.",
    "deploy": "Deploy the app.",
    "diff": "Show what a deploy would change.",
    "graph": "Draw the app: who calls whom, and who may use what.",
    "refresh": "Find changes made outside sst, and accept or revert them.",
    "rollback": "Deploy an earlier version of the state.",
    "add": "Add providers: Stripe, Vercel, GitHub and others.",
    "install": "Install the providers that sst.lock names.",
    "providers": "Manage the providers of sst.lock.",
    "adopt": "Adopt an existing resource, or all of a state file.",
    "remove": "Remove all resources of a stage.",
    "secret": "Manage secrets.",
    "rotate": "Give a database or cache a new password.",
    "shell": "Run a command with the app's resources linked.",
    "tunnel": "Reach the databases in the app's networks from this machine.",
    "invoke": "Call a deployed function.",
    "logs": "Show the logs of a function, or of a running `sst dev`.",
    "console": "Open a page that shows what happens in the app.",
    "invocations": "List the recorded calls of the app's functions, the newest first.",
    "trace": "Show one request over all hops: calls of functions, and the AWS calls they made.",
    "outputs": "Show the outputs of the last deploy.",
    "state": "Inspect and edit the state of a stage.",
    "orphans": "List resources with this app's tags that are in no state.",
    "unlock": "Release the lock of a command that died.",
    "local": "Manage the local cloud.",
    "cert": "Make a certificate authority of this machine's own, for HTTPS on stage local.",
    "docs": "Search the manual of this version and print what fits, as Markdown.",
    "schema": "Print the parameters of a component or a resource type as JSON.",
    "skill": "Print a skill file for coding agents: how to work with sst.",
    "completion": "Print the completion script of a shell.",
    "version": "Show the version.",
}
"""Command → its one line in ``sst --help``: the first line of its help, checked by a test."""


class _Root(Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        found = getattr(import_module(f"{__package__}.commands.{cmd_name}"), cmd_name)
        assert isinstance(found, click.Command)
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[click.shell_completion.CompletionItem]:
        from click.shell_completion import CompletionItem

        names = [CompletionItem(n, help=h) for n, h in COMMANDS.items() if n.startswith(incomplete)]
        return names + click.Command.shell_complete(self, ctx, incomplete)


@click.group("sst", cls=_Root, context_settings=SETTINGS, no_args_is_help=False, invoke_without_command=True)
@click.pass_context
def root(ctx: click.Context) -> None:
    """Full-stack infrastructure in Python: one sst_config.py, deployed to AWS or to this machine."""
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())
