"""The command ``sst``: which commands there are. Each is imported when it is run."""
from __future__ import annotations

from importlib import import_module

import click

from .call import SETTINGS, Group

__all__ = ["COMMANDS", "root"]

COMMANDS = {
    "init": "Set up this folder as a project.",
    "dev": "Run the app with live functions, and everything beside it.",
    "deploy": "Make the cloud what sst_config.py declares.",
    "diff": "Show what a deploy would change.",
    "refresh": "Find what was changed in the cloud by hand.",
    "rollback": "Go back to an earlier deploy.",
    "adopt": "Take over a thing that exists already.",
    "remove": "Remove everything of a stage.",
    "secret": "Set, list, load and remove secrets.",
    "shell": "Run a command with the app's resources linked.",
    "invoke": "Call a deployed function.",
    "logs": "Show a function's logs.",
    "outputs": "Show what the last deploy returned.",
    "state": "Look into a stage's state.",
    "orphans": "List what carries this app's tags but is in no state.",
    "unlock": "Break the lock of a command that died.",
    "local": "Look after the cloud on this machine.",
    "completion": "Print a shell's completion script.",
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
