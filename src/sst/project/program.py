"""Runs the user's ``sst_config.py``: import, ``config(input)``, then ``stacks(app)`` or ``run()``.

The program only declares. Whatever goes wrong in it is told by the user's own file and line; the tool's frames are
never shown. Each load starts fresh: modules of the project that an earlier load imported are dropped first.
"""
from __future__ import annotations

import errno
import importlib.util
import inspect
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import field
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any, NoReturn, cast

from ..errors import InternalError, SstError, UserError
from ..records import dataclass
from .app import App, AppInput
from .config import Config, check_config

__all__ = ["MODULE", "Program", "imported", "load", "unload"]

MODULE = "sst_config"
_FOREIGN = ("site-packages", "dist-packages", ".venv", "node_modules", ".sst")


@dataclass(frozen=True)
class Program:
    """A loaded ``sst_config.py``. ``files`` are the project's files that loading and running it imported: what to
    watch."""

    file: Path
    module: ModuleType
    files: set[Path] = field(default_factory=set)

    @property
    def root(self) -> Path:
        return self.file.parent

    def names(self, word: str) -> bool:
        """Whether the word stands anywhere in the config file or in what it imported so far."""
        found = re.compile(rf"\b{word}\b")
        files = {self.file, *imported(self.root).values()}
        return any(found.search(f.read_text(encoding="utf-8", errors="replace")) for f in files)

    def config(self, stage: str) -> Config:
        """The checked answer of ``config(AppInput(stage))``."""
        fn = self._function("config", "def config(input: sst.AppInput) -> sst.Config")
        if fn is None:
            raise UserError(f"{self.file.name} has no config function", where=self.file.name,
                            hint='def config(input): return sst.Config(name="my-app")')
        where = self._where(fn)
        if _takes(fn) != 1:
            raise UserError("config takes one argument, the input", where=where,
                            hint="def config(input: sst.AppInput) -> sst.Config")
        with self.blame():
            value = fn(AppInput(stage))
        return check_config(value, where)

    def declare(self, app: App) -> None:
        """Run ``stacks(app)``, or ``run(app)``, or ``run()``, and seal the graph: all problems are raised in one
        report."""
        fn, args = self._main(app)
        where = self._where(fn)
        with app.graph.active():
            try:
                with self.blame():
                    result = fn(*args)
            except SstError as e:
                if not app.graph.problems:
                    raise
                app.graph.problems.append(e)  # what came before the end is told too
                result = None
            if isinstance(result, Mapping):
                app.add_outputs(result, f"{fn.__name__}()", where)
            elif result is not None:
                app.graph.problem(f"{fn.__name__}() returned a {type(result).__name__}", where=where,
                                  hint="it returns a mapping of outputs, or nothing")
            app.graph.seal()
        self.files.update(imported(self.root).values())

    def _main(self, app: App) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        stacks = self._function("stacks", "def stacks(app: sst.App) -> None")
        run = self._function("run", "def run() -> dict[str, object]")
        if stacks and run:
            raise UserError(f"{self.file.name} has both stacks and run", where=self._where(run),
                            hint="keep one of them")
        fn = stacks or run
        if fn is None:
            raise UserError(f"{self.file.name} has no stacks or run function", where=self.file.name,
                            hint="def stacks(app): ... declares several stacks, def run(): ... is enough for one")
        takes = _takes(fn)
        if takes > 1 or (fn is stacks and takes != 1):
            raise UserError(f"{fn.__name__} takes {'one argument, the app' if stacks else 'no argument or the app'}, "
                            f"not {takes}",
                            where=self._where(fn))
        return fn, (app,) if takes else ()

    def _function(self, name: str, form: str) -> Callable[..., Any] | None:
        fn = getattr(self.module, name, None)
        if fn is None:
            return None
        if inspect.iscoroutinefunction(fn):
            raise UserError(f"{name} can't be async: the program is plain Python that only declares", hint=form,
                            where=self._where(fn))
        if not callable(fn):
            raise UserError(f"{name} is not a function but {type(fn).__name__}", hint=form, where=self.file.name)
        return fn  # type: ignore[no-any-return]  # a module's attribute

    def _where(self, fn: Callable[..., Any]) -> str:
        code = getattr(inspect.unwrap(fn), "__code__", None)
        return f"{_short(code.co_filename, self.root)}:{code.co_firstlineno}" if code else self.file.name

    @contextmanager
    def blame(self) -> Iterator[None]:
        """Turn whatever the user's code raises into a ``UserError`` at the user's line; errors of ours get that line if
        they have none."""
        with _blame(self.root):
            yield


def load(file: Path) -> Program:
    """Import the config file in a fresh state. Raises ``UserError`` with file and line for whatever is wrong with
    it."""
    root = file.parent
    _refuse_shadow(root)
    if (last := getattr(sys.modules.get(MODULE), "__file__", None)) and Path(last).parent != root:
        unload(Path(last).parent)
        sys.path[:] = [p for p in sys.path if p != str(Path(last).parent)]
    unload(root)
    if str(root) not in sys.path:
        sys.path.insert(0, str(root))
    importlib.invalidate_caches()
    _Fresh.install(root)
    loader = _FreshLoader(MODULE, str(file))
    spec = importlib.util.spec_from_file_location(MODULE, file, loader=loader)
    assert spec
    module = importlib.util.module_from_spec(spec)
    sys.modules[MODULE] = module
    try:
        with _blame(root):
            loader.exec_module(module)
    except SstError as e:
        e.where = e.where or file.name
        raise
    return Program(file, module, {file, *imported(root).values()})


class _FreshLoader(SourceFileLoader):
    """Always reads the source: Python's cached bytecode is told apart by whole seconds, too coarse for edit and
    deploy."""

    def path_stats(self, path: Any) -> NoReturn:
        raise OSError("no cache")


class _Fresh:
    """Finds the project's own modules, to be loaded fresh; all others as ever."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @staticmethod
    def install(root: Path) -> None:
        sys.meta_path[:] = [_Fresh(root), *(f for f in sys.meta_path if not isinstance(f, _Fresh))]

    def find_spec(self, name: str, path: Sequence[str] | None = None,
                  target: ModuleType | None = None) -> ModuleSpec | None:
        if name in sys.builtin_module_names or name.partition(".")[0] in ("sst", "encodings"):
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec and spec.origin and isinstance(spec.loader, SourceFileLoader) and _is_users(spec.origin, self.root):
            spec.loader = _FreshLoader(name, spec.origin)
            return spec
        return None


def unload(root: Path) -> None:
    """Forget the project's own modules, so that the next import reads the files again."""
    for name in (*imported(root), MODULE):
        sys.modules.pop(name, None)


def imported(root: Path) -> dict[str, Path]:
    """The loaded modules that are files of the project, by name."""
    found, folder = {}, f"{root}{os.sep}"
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if (file and str(file).startswith(folder) and name != "__main__" and name.partition(".")[0] != "sst"
                and _is_users(file, root)):
            found[name] = Path(file)
    return found


def _is_users(file: str, root: Path) -> bool:
    path = Path(file)
    return path.is_relative_to(root) and not any(p in _FOREIGN for p in path.relative_to(root).parts)


def _refuse_shadow(root: Path) -> None:
    for own in (root / "sst.py", root / "sst" / "__init__.py"):
        if own.is_file():
            raise UserError(f"{own.relative_to(root)} hides the sst package from your functions",
                            where=str(own.relative_to(root)),
                            hint="rename it: `import sst` must find this tool")


_MISSING = re.compile(r"([\w.]+)\(\) missing \d+ required (?:positional|keyword-only) arguments?: (.+)")
_UNKNOWN = re.compile(r"([\w.]+)\(\) got an unexpected keyword argument ('\w+')")
"""What Python says of a call that does not fit."""


@contextmanager
def _blame(root: Path) -> Iterator[None]:
    try:
        yield
    except SstError as e:
        e.where = e.where.removeprefix(f"{root}/") or _last_line(e.__traceback__, root)
        raise
    except SyntaxError as e:
        where = f"{_short(e.filename, root)}:{e.lineno}" if e.filename else ""
        text = f"\n    {e.text.strip()}" if e.text else ""
        raise UserError(f"{type(e).__name__}: {e.msg}{text}", where=where, code="program-failed") from e
    except (KeyboardInterrupt, GeneratorExit):
        raise
    except SystemExit as e:
        raise UserError(f"the program called exit({e.code!r})", where=_last_line(e.__traceback__, root),
                        code="program-failed") from e
    except RecursionError as e:
        raise UserError("the program calls itself without end", where=_last_line(e.__traceback__, root),
                        code="program-failed") from e
    except BaseException as e:
        if isinstance(e, NameError | AssertionError) and _is_ours(e.__traceback__):
            raise InternalError(_said(e), where=_last_line(e.__traceback__, root)) from e
        where = _last_line(e.__traceback__, root)
        if error := _misfit(e, root):
            error.where = where
            raise error from e
        raise UserError(_said(e), hint=_advice(e), where=where, code="program-failed") from e


def _misfit(error: BaseException, root: Path) -> UserError | None:
    """What is wrong with the arguments of the method of ours that the user's code called last."""
    from ..core.given import misfit

    frame, trace = None, error.__traceback__
    while trace is not None:
        if _is_users(trace.tb_frame.f_code.co_filename, root):
            frame = None
        elif frame is None:
            frame = trace.tb_frame
        trace = trace.tb_next
    if frame is None or not isinstance(error, TypeError | AttributeError | ValueError | LookupError):
        return None
    names, function = frame.f_code.co_qualname, None
    if str(frame.f_globals.get("__name__")).partition(".")[0] == "sst":
        head, *rest = names.split(".")
        function = frame.f_globals.get(head)
        for name in rest:
            function = getattr(function, name, None)
    if getattr(function, "__code__", None) is not frame.f_code:
        return None
    return misfit(cast(Callable[..., Any], function), frame.f_locals, f"{names.rpartition('.')[2]}()")


def _is_ours(trace: TracebackType | None) -> bool:
    """Whether an error was raised in this package: then it is a bug here, unless it is of a kind that we raise on
    purpose."""
    package = ""
    while trace is not None:
        package, trace = str(trace.tb_frame.f_globals.get("__name__", "")).partition(".")[0], trace.tb_next
    return package == "sst"


def _said(error: BaseException) -> str:
    text = str(error).strip()
    if isinstance(error, ImportError) and error.path and not isinstance(error, ModuleNotFoundError):
        text = text.removesuffix(f" ({error.path})")
    if isinstance(error, TypeError) and (call := _MISSING.fullmatch(text)):
        return f"{call[1]}() needs {call[2]}"
    if isinstance(error, TypeError) and (call := _UNKNOWN.match(text)):
        return f"{call[1]}() has no argument {call[2]}"
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _advice(error: BaseException) -> str:
    if isinstance(error, UnboundLocalError) and (name := getattr(error, "name", None) or _quoted(str(error))):
        return f"{name} is set further down, or not on this way: declare it above"
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "free some space on the disk, then run the command again"
    if not isinstance(error, ImportError):
        return ""
    name = error.name or ""
    if name == "sst" or name.startswith("sst."):
        from ..core.names import did_you_mean

        wanted, module = str(error).partition("cannot import name '")[2].partition("'")[0], sys.modules.get(name)
        known = list(getattr(module, "__all__", None) or dir(module)) if wanted else ["aws"]
        return did_you_mean(wanted or name.rpartition(".")[2], known)
    if isinstance(error, ModuleNotFoundError) and name:
        package = name.partition(".")[0]
        return f"sst runs on {sys.executable}; install {package} there (in a uv project: `uv add {package}`)"
    return ""


def _quoted(text: str) -> str:
    return text.partition("'")[2].partition("'")[0]


def _last_line(trace: TracebackType | None, root: Path) -> str:
    """The innermost line of the traceback that is in the user's project."""
    found = ""
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        if _is_users(file, root):
            found = f"{_short(file, root)}:{trace.tb_lineno}"
        trace = trace.tb_next
    return found


def _short(file: str, root: Path) -> str:
    path = Path(file)
    return str(path.relative_to(root)) if path.is_relative_to(root) else file


def _takes(fn: Callable[..., Any]) -> int:
    """How many arguments a call must or may give by position."""
    try:
        parameters = inspect.signature(fn).parameters.values()
    except (TypeError, ValueError):
        return 1
    return sum(p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) for p in parameters)
