"""Functions that run from their source: fresh at each call, warm again before the next one."""
from __future__ import annotations

import asyncio
import contextlib
import json
import re
import uuid
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..build.in_place import InPlace, in_place
from ..build.layout import layout
from ..build.node import check
from ..core.names import did_you_mean
from ..errors import SstError, UserError
from ..executor import Executor, FunctionVersion, Invocation, LogLines, Refused, Stamp, stamp
from ..machine.mounts import Mounts
from .call import LiveCall, RunningCall
from .events import AnyEvent, FunctionBroken, FunctionRecovered, FunctionReloaded, Notice
from .read_files import ReadFiles
from .recorder import BODY_LIMIT, CallRecorder, OpenCall
from .runnable import RunnableFunction

if TYPE_CHECKING:
    from ..build.source import Source
    from .node import NodeBundle, NodeBundler

__all__ = ["Functions"]

_STREAM_WRAPPER = "/var/task/sst/runtime/stream.sh"
"""On AWS it starts our client in place of Lambda's; here our client runs anyway."""
_DEBUGGED_SECONDS = 24 * 3600.0
"""A function that stands at a breakpoint does not time out."""


class Functions:
    """Implements `call.CallRunner`. Lives in the session's event loop.

    ``packages`` is a folder of what Lambda's Python has of itself (boto3). ``debug`` gives the debugger's folder and a
    port for the functions that are debugged. ``emit`` gets what happens.
    """

    def __init__(self, *, folder: Path, cache: Path, host: Mapping[str, str], packages: Callable[[], Path | None],
                 recorder: CallRecorder, emit: Callable[[AnyEvent], None],
                 debug: Callable[[RunnableFunction], tuple[str, int] | None] | None = None) -> None:
        self._folder, self._cache, self._packages = folder, cache, packages
        self._recorder, self._emit, self._debug = recorder, emit, debug
        self.on_log: Callable[[LogLines], None] = lambda lines: None
        """Gets each line that a function writes."""
        self._executor = Executor(folder=folder / "run", on_log=self._heard, host=host, freeze=debug is None,
                                  on_files=self._has_read,
                                  on_stale=lambda version, path: self._forget(version.arn, [path]))
        self._node: NodeBundler | None = None
        self._functions: dict[str, RunnableFunction] = {}
        self._reading = ReadFiles()
        self._places: dict[str, tuple[RunnableFunction, Mapping[Path, Stamp], InPlace]] = {}
        self._bundles: dict[str, tuple[Source, NodeBundle]] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self._last: dict[str, FunctionVersion] = {}
        self.declared: set[Path] = set()
        """Files that name their dependencies."""
        self.roots: set[Path] = set()
        """Folders with their code."""
        self._broken: dict[str, str] = {}
        """Functions whose last start failed, with why."""
        self._latest: dict[str, _Origin] = {}
        """The latest call of each function by title."""

    async def start(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        await self._executor.start()

    async def close(self) -> None:
        await self._executor.close()
        if self._node:
            await self._node.close()

    @property
    def ids(self) -> list[str]:
        return sorted(self._functions)

    @property
    def titles(self) -> list[str]:
        return sorted(f.title for f in self._functions.values())

    async def use(self, functions: Mapping[str, RunnableFunction]) -> None:
        """These, and no others, from now on."""
        for arn, was in list(self._functions.items()):
            if functions.get(arn) != was:
                self._reading.forget(arn)
                await self._executor.retire(arn)
                self._last.pop(arn, None)
                if (
                    self._bundles.pop(arn, None)
                    and self._node
                    and all(f.source != was.source for f in functions.values())
                ):
                    await self._node.forget(was.source)
        self._functions = dict(functions)
        self.declared, self.roots = await asyncio.to_thread(_places, list(functions.values()))

    @asynccontextmanager
    async def stream(self, call: LiveCall, *, beside: Path | None = None, layers: tuple[Path, ...] = (),
                     mounts: Mounts | None = None, replay_of: int = 0) -> AsyncIterator[RunningCall]:
        """Run a call with the source as it is now. ``beside`` is where the deployed code lies, if that is on this
        machine."""
        function = self._functions[call.function]
        record = self._recorder.begin(function.title, call.event, call.request_id, replay_of=replay_of)
        self._latest[function.title] = _Origin(call, beside, layers, mounts)
        try:
            version = await self._version(function, call, beside, layers, mounts)
            running = self._executor.stream(version, call.event, request_id=call.request_id, trace_id=call.trace_id,
                                            client_context=call.client_context)
            streaming = await running.__aenter__()
        except (SstError, OSError, Refused) as error:
            failed = _Failed(_invocation(error, call.request_id))
            self._recorder.end(record, failed.result)
            yield failed
            return
        try:
            yield _Recorded(streaming, record)
        finally:
            await running.__aexit__(None, None, None)
            self._recorder.end(record, streaming.result or Invocation(b"", "Unhandled", call.request_id))

    async def replay(self, number: int, event: bytes | None = None) -> None:
        """Call a function again with the event of an earlier call, or with another one; nobody gets the answer.

        Raises `UserError` if the call is too long ago, or its function is gone.
        """
        kept = self._recorder.replay_event(number)
        origin = self._latest.get(kept[0]) if kept else None
        if kept is None or origin is None or origin.call.function not in self._functions:
            raise UserError(f"call #{number} can't be replayed", hint="the latest 200 calls of this session can be")
        again = replace(origin.call, event=kept[1] if event is None else event, request_id=str(uuid.uuid4()))
        async with self.stream(again, beside=origin.beside, layers=origin.layers, mounts=origin.mounts,
                               replay_of=number) as answer:
            async for _ in answer:
                pass

    async def restart(self, title: str) -> None:
        """End the workers of one function; the next call finds a new one. Raises `UserError` if there is none of that
        name."""
        found = next((f for f in self._functions.values() if f.title == title), None)
        if found is None:
            raise UserError(f"there is no function {title}", hint=did_you_mean(title, self.titles), code="unknown-name")
        self._reading.forget(found.id)
        await self._executor.retire(found.id)
        self._emit(Notice("functions", f"{title} restarted"))
        if found.id in self._last:
            await self._warm(found.id)

    async def changed(self, paths: Iterable[str]) -> None:
        """Files were saved, created or deleted: what has read them starts anew, before it is called."""
        touched = self._reading.touched(list(paths))
        reloaded: dict[tuple[str, ...], list[str]] = {}
        for arn, files in touched.items():
            if self._reading.forget(arn) and (function := self._functions.get(arn)):
                reloaded.setdefault(_shown_all(files, function), []).append(function.title)
            await self._executor.retire(arn)
        for names, titles in reloaded.items():
            self._emit(FunctionReloaded(tuple(sorted(titles)), names))
        again = {*touched, *self._broken} & self._last.keys()
        await asyncio.gather(*(self._warm(arn) for arn in again))

    def _forget(self, arn: str, files: Iterable[str]) -> None:
        """What it has read is another now."""
        if self._reading.forget(arn) and (function := self._functions.get(arn)):
            self._emit(FunctionReloaded((function.title,), _shown_all(files, function)))

    async def _warm(self, arn: str) -> None:
        """Start it anew; report once what is wrong with it, and once that it recovered."""
        function = self._functions.get(arn)
        if function is None:
            return
        try:
            version = await self._placed(function, self._last[arn])
            error = await self._executor.prepare(version)
            document = error or b""
        except (SstError, OSError, ValueError) as failure:
            document = _invocation(failure, "").payload
        self._report(arn, function, document)

    def _report(self, arn: str, function: RunnableFunction, document: bytes) -> None:
        was = self._broken.pop(arn, None)
        if not document:
            if was is not None:
                self._emit(FunctionRecovered(function.title))
            return
        key = _reason(document)
        also = key in self._broken.values()  # one broken file may break many functions
        self._broken[arn] = key
        if key != was:
            self._emit(FunctionBroken(function.title, document.decode("utf-8", "replace"), also))

    async def _version(self, function: RunnableFunction, call: LiveCall, beside: Path | None,
                       layers: tuple[Path, ...], mounts: Mounts | None) -> FunctionVersion:
        environment = dict(call.environment)
        if environment.get("AWS_LAMBDA_EXEC_WRAPPER") == _STREAM_WRAPPER:
            del environment["AWS_LAMBDA_EXEC_WRAPPER"]
        if (sealed := environment.get("SST_KEY_FILE")) and not sealed.startswith("/"):
            environment["SST_KEY_FILE"] = str(self._beside(function, call, beside, sealed))
        debug = self._debug(function) if self._debug else None
        bare = FunctionVersion(
            arn=function.id, name=function.name, version="$LATEST", runtime=function.source.runtime, handler="",
            code=Path(),
            layers=layers, environment=tuple(sorted(environment.items())),
            timeout=_DEBUGGED_SECONDS if debug else function.timeout,
            memory=function.memory, log_group=function.log_group, log_format=function.log_format,
            debug=debug, mounts=mounts)
        self._last[function.id] = bare
        return await self._placed(function, bare)

    def _beside(self, function: RunnableFunction, call: LiveCall, beside: Path | None, name: str) -> Path:
        """A file of the deployed code at a path that stays the same over deploys: a worker's environment names it."""
        folder = self._folder / "files" / function.name
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        files = dict(call.files)
        if beside is not None:
            files[name] = (beside / name).read_bytes()
        for file, content in files.items():
            place = folder / Path(file).name
            if not place.is_file() or place.read_bytes() != content:
                part = place.with_name(f".{place.name}.{uuid.uuid4().hex}")
                part.write_bytes(content)
                part.replace(place)
        return folder / name

    async def _placed(self, function: RunnableFunction, bare: FunctionVersion) -> FunctionVersion:
        """With code and handler as the source has them now."""
        async with self._locks.setdefault(function.id, asyncio.Lock()):
            if function.source.is_python:
                at = await self._place(function)
                return replace(bare, handler=at.handler, code=at.folder, path=at.path, watch=at.roots,
                               packages=self._packages())
            bundle = await self._bundle(function)
            return replace(bare, handler=bundle.handler, code=bundle.folder)

    async def _place(self, function: RunnableFunction) -> InPlace:
        """Found once; again when what names its dependencies has changed."""
        known = self._places.get(function.id)
        if known and known[0] == function and all(stamp(path) == was for path, was in known[1].items()):
            return known[2]
        at = await asyncio.to_thread(in_place, function.source, cache=self._cache, note=self._note)
        self._places[function.id] = (function, {path: stamp(path) for path in at.declared}, at)
        return at

    async def _bundle(self, function: RunnableFunction) -> NodeBundle:
        source, bundle = self._bundles.get(function.id, (None, None))
        if source != function.source:
            bundle = None
        before = bundle.digest if bundle else ""
        others = [str(path) for path, was in bundle.files.items() if stamp(path) != was] if bundle else []
        if bundle is None or others:
            self._forget(function.id, others)
            try:
                bundle = await self._bundler().bundle(function.source)
            except UserError as error:
                self._broken.setdefault(function.id, str(error))
                raise
            if bundle.digest != before:
                await self._executor.retire(function.id)
            self._bundles[function.id] = function.source, bundle
        self._reading.note(function.id, {str(path): found for path, found in bundle.files.items()})
        return bundle

    def _bundler(self) -> NodeBundler:
        if self._node is None:
            from .node import NodeBundler

            self._node = NodeBundler(cache=self._cache, folder=self._folder / "node", note=self._note)
        return self._node

    def _note(self, text: str) -> None:
        self._emit(Notice("functions", text))

    def _has_read(self, version: FunctionVersion, files: Mapping[str, Stamp]) -> None:
        self._reading.note(version.arn, files)

    def _heard(self, lines: LogLines) -> None:
        if function := self._functions.get(lines.function.arn):
            self._recorder.log(lines, function.title)
        self.on_log(lines)


@dataclass(frozen=True, slots=True)
class _Origin:
    """Where a call came from: enough to make it again."""

    call: LiveCall
    beside: Path | None
    layers: tuple[Path, ...]
    mounts: Mounts | None


class _Recorded:
    """An answer that is kept for looking at while it passes."""

    def __init__(self, inner: RunningCall, call: OpenCall) -> None:
        self._inner, self._call, self.kind = inner, call, inner.kind

    @property
    def result(self) -> Invocation | None:
        return self._inner.result

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for part in self._inner:
            if len(self._call.response) < BODY_LIMIT:
                self._call.response += part
            yield part


class _Failed:
    """The answer of a function that could not be started."""

    kind = ""

    def __init__(self, made: Invocation) -> None:
        self.result = made

    async def __aiter__(self) -> AsyncIterator[bytes]:
        no_parts: tuple[bytes, ...] = ()
        for part in no_parts:
            yield part


def _invocation(error: Exception, request_id: str) -> Invocation:
    message = f"{error.message}" if isinstance(error, SstError) else str(error)
    if isinstance(error, UserError) and (more := " ".join(x for x in (error.where, error.hint) if x)):
        message = f"{message}\n{more}"
    return Invocation(json.dumps({"errorType": "Sst.CannotStart", "errorMessage": message}).encode(), "Unhandled",
                      request_id)


def _places(functions: Iterable[RunnableFunction]) -> tuple[set[Path], set[Path]]:
    """Files that name dependencies, and folders with code."""
    files, folders = set[Path](), set[Path]()
    for function in functions:
        with contextlib.suppress(UserError):  # its handler is missing or broken: that is told when it is called
            if function.source.is_python:
                at = layout(function.source)
                files |= set(at.declared)
                folders |= {at.base, *at.local}
            else:
                folders.add(check(function.source).base)
    return files, folders


def _shown_all(paths: Iterable[str], function: RunnableFunction) -> tuple[str, ...]:
    return tuple(sorted(path.removeprefix(f"{function.source.folder}/") for path in paths))


def _reason(document: bytes) -> str:
    """The same for all functions that one broken file breaks: where it broke, or what was said."""
    try:
        known = json.loads(document)
        frames = known.get("stackTrace") or []
        if frames and (at := re.search(r'File "([^"]+)", line (\d+)', str(frames[-1]))):
            return f"{at[1]}:{at[2]}"
        if at := re.search(r'([\w.-]+\.py)"?,? [Ll]ine (\d+)', str(known.get("errorMessage"))):
            return f"{at[1]}:{at[2]}"
        return f"{known.get('errorType')}: {known.get('errorMessage')}"
    except (ValueError, AttributeError):
        return document.decode("utf-8", "replace")
