"""The one place that prints. Commands hand it what they found; it knows whether a person, a log or a program reads."""
from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO

from ...errors import UserError
from .style import Paint, clean, marks_for, wants_color, width_of

if TYPE_CHECKING:
    from ...state.redact import Redactor

__all__ = ["Screen"]


class Screen:
    """Standard output and error of one command.

    With ``as_json`` standard output holds nothing but JSON: what commands and the user's program print otherwise goes
    to standard error, or is left out.
    """

    def __init__(self, out: TextIO, err: TextIO, stdin: TextIO, *, environ: Mapping[str, str], as_json: bool = False,
                 color: bool | None = None, verbose: bool = False) -> None:
        self.out, self.err, self.stdin, self.as_json, self.verbose = out, err, stdin, as_json, verbose
        self.environ = environ
        self.marks, self.paint = marks_for(out), Paint(wants_color(out, environ, color))
        self.err_marks, self.err_paint = marks_for(err), Paint(wants_color(err, environ, color))
        self.redactor: Redactor | None = None
        self.above = False
        """A tree is shown: ``sys.stderr`` leads above it."""

    def hide(self, value: Any) -> None:
        """Never show this secret value, or those in this mapping, from now on."""
        if value:
            if self.redactor is None:
                from ...state.redact import Redactor

                self.redactor = Redactor()
            self.redactor.add(value)

    def redact(self, text: str) -> str:
        return self.redactor.redact(text) if self.redactor else text

    @property
    def asks(self) -> bool:
        """Whether there is somebody to answer a question. CI services that fake a terminal set ``CI``."""
        return self.stdin.isatty() and self.err.isatty() and not self.as_json and not self.environ.get("CI")

    @property
    def is_live(self) -> bool:
        """Whether a tree can be redrawn in place."""
        return (self.out.isatty() and not self.as_json and self.environ.get("TERM") != "dumb"
                and not self.environ.get("CI"))

    def size(self) -> tuple[int, int]:
        """Columns and rows, as they are now."""
        try:
            size = os.get_terminal_size(self.out.fileno())
        except (OSError, ValueError):
            import shutil

            size = shutil.get_terminal_size((80, 24))
        return size.columns or 80, size.lines or 24

    def line(self, text: str = "") -> None:
        """A line of the command's result."""
        if not self.as_json:
            self.out.write(self.redact(text) + "\n")

    def follow(self, text: str) -> None:
        """A line of a running operation, flushed at once."""
        self.line(text)
        self.out.flush()

    def done(self, text: str) -> None:
        self.line(f"{self.paint(self.marks.done, 'green')} {text}")

    def dim(self, text: str) -> None:
        self.line(self.paint(text, "dim"))

    def note(self, text: str) -> None:
        """A word on the side: never part of the result."""
        self._aside(self.err_paint(text, "dim"))

    def warn(self, text: str) -> None:
        self._aside(f"{self.err_paint(self.err_marks.warn, 'yellow')} {text}")

    def _aside(self, text: str) -> None:
        stream = sys.stderr if self.above else self.err
        stream.write(self.redact(text) + "\n")
        stream.flush()

    def data(self, value: Any) -> None:
        """A JSON document, for ``--json``."""
        self.out.write(self.redact(json.dumps(value, indent=None if isinstance(value, dict)
                                              and "event" in value else 2)) + "\n")

    def raw(self, text: str) -> None:
        """Text as it is, for what is piped on: a secret's value, a completion script, a function's answer."""
        self.out.write(text)

    def table(self, rows: Iterable[Sequence[str]], *, indent: str = "") -> None:
        """Columns, as wide as they need to be."""
        cells = [[clean(c) for c in row] for row in rows]
        widths = [max(map(width_of, column)) for column in zip(*cells, strict=True)]
        for row in cells:
            padded = (c + " " * (w - width_of(c)) for c, w in zip(row, widths, strict=True))
            self.line((indent + "  ".join(padded)).rstrip())

    def outputs(self, values: Mapping[str, Any]) -> None:
        """The app's outputs; those whose name starts with ``_`` are left out."""
        shown = {k: v for k, v in values.items() if not k.startswith("_")}
        width = max(map(width_of, shown), default=0) + 1
        for key, value in shown.items():
            text = value if isinstance(value, str) else json.dumps(value)
            self.line(f"  {self.paint(f'{key}:'.ljust(width), 'bold')} {clean(text)}")

    def error(self, error: BaseException) -> None:
        """The error, for whoever reads: on standard error, or as JSON on standard output."""
        from .faults import fault_lines

        if self.as_json:
            from ...events import error_to_json

            self.data({"event": "error", **error_to_json(error)})
            return
        for text in fault_lines(error, self.err_marks, self.err_paint):
            self.err.write(self.redact(text) + "\n")
        if self.verbose:
            import traceback

            cause = error.__cause__ or error
            self.err.write(self.redact("".join(traceback.format_exception(cause))))
        self.err.flush()

    @contextmanager
    def watch(self) -> Iterator[Any]:
        """The sink that shows a deploy in the way that fits: live tree, plain lines, or JSON lines."""
        from . import sinks

        if self.as_json:
            with sinks.json_sink(self.out, redact=self.redact) as sink:
                yield sink
        elif self.is_live:
            with sinks.live(self.out, self.paint, time.monotonic, self.size, redact=self.redact,
                            everything=self.verbose) as sink:
                self.above = True
                try:
                    yield sink
                finally:
                    self.above = False
        else:
            with sinks.plain(self.out, self.paint, time.monotonic, redact=self.redact) as sink:
                yield sink

    @contextmanager
    def result_only(self) -> Iterator[None]:
        """With ``--json``, what the user's program prints goes to standard error."""
        before = sys.stdout
        if self.as_json:
            sys.stdout = self.err
        try:
            yield
        finally:
            sys.stdout = before

    def restore(self) -> None:
        """Give the cursor back before the process ends without clean-up."""
        if self.is_live:
            self.out.write("\x1b[?25h\n")
            self.out.flush()

    def ask(self, question: str, default: str = "") -> str:
        """One line from the person at the terminal. Without one, ``UserError``."""
        if not self.asks:
            raise UserError(f"can't ask without a terminal: {question}", code="no-terminal")
        hint = f" [{default}]" if default else ""
        self.out.flush()
        self.err.write(f"{question}{hint} ")
        self.err.flush()
        answer = self.stdin.readline()
        if not answer:
            raise KeyboardInterrupt
        return answer.strip() or default

    def secret(self, question: str) -> str:
        """A line that is not echoed."""
        from getpass import getpass

        return getpass(f"{question} ", stream=self.err)

    def confirm(self, question: str, *, flag: str, word: str = "") -> bool:
        """Yes or no; with ``word``, that very word must be typed. Without a terminal ``UserError`` names the flag."""
        if not self.asks:
            raise UserError(f"{question.partition('?')[0]}: confirmation needed, and there is no terminal",
                            hint=f"pass {flag}", code="no-terminal")
        if word:
            return self.ask(f"{question}\n  type {self.err_paint(word, 'bold')} to continue:") == word
        return self.ask(f"{question} (y/N)").lower() in ("y", "yes")
