"""What every command is given: its flags, the environment, the screen, and the project it works on."""
from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..records import dataclass

if TYPE_CHECKING:
    from ..clouds.context import LocalCloud
    from ..errors import SstError
    from ..plugins.lock import Lock
    from ..project.backend import Backend
    from ..project.project import Project
    from .ui.screen import Screen

__all__ = ["Call", "Command", "command", "group", "pass_call"]


@dataclass
class Call:
    """One run of the command line."""

    environ: Mapping[str, str]
    cwd: Path
    stage: str | None = None
    config: str | None = None
    as_json: bool = False
    verbose: bool = False
    no_color: bool = False
    root: Path | None = field(default=None)
    """The project's folder, once it is found: where the log goes."""
    _backends: list[Backend] = field(default_factory=list)

    @classmethod
    def here(cls, argv: Sequence[str]) -> Call:
        """For this process. Flags that say how to speak are looked for first, so that errors in the others are told
        that way."""
        words = list(argv)[: list(argv).index("--")] if "--" in argv else list(argv)
        try:
            cwd = Path.cwd()
        except FileNotFoundError:
            # the folder was deleted under us; looking for the config there tells it
            cwd = Path(os.environ.get("PWD", "/"))
        return cls(os.environ, cwd, as_json="--json" in words, verbose="--verbose" in words,
                   no_color="--no-color" in words)

    @cached_property
    def screen(self) -> Screen:
        from .ui.screen import Screen

        return Screen(sys.stdout, sys.stderr, sys.stdin, environ=self.environ, as_json=self.as_json,
                      color=False if self.no_color else None, verbose=self.verbose)

    def project(self, *, broken: bool = False, lock: Lock | None = None) -> Project:
        """The project here, with its stage chosen, its ``.env`` files read and its ``config`` function run. With
        ``broken``, for commands that need no program, a config that can't be used is replaced by the last one that
        could. ``lock`` stands for ``sst.lock``."""
        from ..project.find import find_config
        from ..project.project import open_project

        file = find_config(self.cwd, self.config)
        self.root = file.parent
        with self.screen.result_only():
            return open_project(file, stage=self.stage, environ=self.environ,
                                ask=self._ask_stage if self.screen.asks else None,
                                broken=self._tell_broken if broken else None, note=self.screen.note, lock=lock)

    def backend(self, project: Project, *, note: Callable[[str], None] | None = None) -> Backend:
        """The cloud and the state of the project's stage; nothing is started yet. ``note`` hears that the local cloud
        starts; by default the screen."""
        from ..embedded.settings import ACCOUNT
        from ..project.backend import Backend

        def begin() -> LocalCloud:
            from ..embedded.cloud import start

            return start(project.root, region=project.region, note=note or self.screen.note,
                         environment=project.environ)

        self._backends.append(Backend(project, begin, ACCOUNT))
        return self._backends[-1]

    def close(self) -> None:
        """At the end: the files of the state, and connections."""
        for backend in self._backends:
            backend.close()

    def _tell_broken(self, e: SstError) -> None:
        where = f"{e.where}: " if e.where else ""
        self.screen.warn(f"{where}{e.message}; this command goes by the config of the last deploy from this folder")

    def _ask_stage(self) -> str:
        self.screen.note("No stage is chosen yet. `local` lives on this machine and needs no account; any other name "
                         "is a stage in AWS.")
        return self.screen.ask("Name of your stage", "local")


def _keep(ctx: click.Context, param: click.Parameter, value: Any) -> None:
    """Global options may stand before or after the command; the last one counts."""
    if value not in (None, False) and isinstance(ctx.obj, Call):
        setattr(ctx.obj, str(param.name), value)


def global_options() -> list[click.Option]:
    flags: dict[str, Any] = {"expose_value": False, "callback": _keep, "is_eager": True}
    return [
        click.Option(["--stage"], metavar="NAME", help="Stage to work on. Default: SST_STAGE, then .sst/stage.",
                     **flags),
        click.Option(["--config"], metavar="FILE", help="Config file. Default: sst_config.py here or above.", **flags),
        click.Option(["--json", "as_json"], is_flag=True, help="Print JSON only.", **flags),
        click.Option(["--verbose"], is_flag=True, help="Show more: every resource, tracebacks.", **flags),
        click.Option(["--no-color"], is_flag=True, help="No colours; NO_COLOR=1 does the same.", **flags),
    ]


class _Helped:
    """Help in two parts: the command's own options, then those that every command takes."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        assert isinstance(self, click.Command)
        common = {o.name for o in global_options()} | {"help", "_click_default_help"}
        own: list[tuple[str, str]] = []
        shared: list[tuple[str, str]] = []
        for param in self.get_params(ctx):
            if (record := param.get_help_record(ctx)) and record[1]:
                (shared if param.name in common else own).append(record)
        for title, rows in (("Options", own), ("Global options", shared)):
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows)


SETTINGS: dict[str, Any] = {"help_option_names": ["-h", "--help"], "max_content_width": 110}


class Command(_Helped, click.Command):
    """A command that takes the global options too."""

    def __init__(self, *args: Any, **named: Any) -> None:
        named["context_settings"] = {**SETTINGS, **(named.get("context_settings") or {})}
        super().__init__(*args, **named)
        self.params += global_options()


class Group(_Helped, click.Group):
    """A command with sub-commands."""

    command_class = Command

    def __init__(self, *args: Any, **named: Any) -> None:
        named.setdefault("context_settings", SETTINGS)
        super().__init__(*args, **named)
        self.params += global_options()

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The first sentence of each, wrapped where click would cut it."""
        with formatter.section("Commands"):
            formatter.write_dl([(n, c.get_short_help_str(limit=1000)) for n, c in self.commands.items()])

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        self.format_commands(ctx, formatter)
        _Helped.format_options(self, ctx, formatter)

    def resolve_command(self, ctx: click.Context,
                        args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        word = args[0]
        if not word.startswith("-") and word not in (known := self.list_commands(ctx)) and not ctx.resilient_parsing:
            from ..core.names import did_you_mean
            from ..errors import UserError

            raise UserError(f'there is no command "{ctx.command_path} {word}"', hint=did_you_mean(word, known),
                            code="usage")
        return super().resolve_command(ctx, args)


def command(name: str, **named: Any) -> Callable[[Callable[..., Any]], Command]:
    """Make a function a command; it gets the ``Call`` first."""
    def wrap(fn: Callable[..., Any]) -> Command:
        return click.command(name, cls=Command, **named)(pass_call(fn))
    return wrap


def group(name: str, **named: Any) -> Callable[[Callable[..., Any]], Group]:
    return click.group(name, cls=Group, **named)


def pass_call(fn: Callable[..., Any]) -> Callable[..., Any]:
    """For a command of a group: it gets the ``Call`` first."""
    return click.pass_obj(fn)
