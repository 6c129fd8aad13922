"""A stage for functions: an executor in a temporary folder, its log, and a way to write a function in a line."""
from __future__ import annotations

import asyncio
import json
import sys
import textwrap
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from sst.executor import Executor, FunctionVersion, Invocation, LogLines
from sst.executor.interpreters import Interpreters

PYTHON = f"python{sys.version_info[0]}.{sys.version_info[1]}"
NODE = f"nodejs{Interpreters({}).node()[1]}.x"


class Stage:
    def __init__(self, folder: Path, **options: Any) -> None:
        self.folder = folder
        self.log: list[LogLines] = []
        self.executor = Executor(folder=folder / "run", on_log=self.log.append, **options)

    @property
    def lines(self) -> list[str]:
        return [text for batch in self.log for _, text in batch.lines]

    def function(self, source: str, *, file: str = "app.py", runtime: str = "", handler: str = "", name: str = "f",
                 environment: Mapping[str, str] | None = None, **more: Any) -> FunctionVersion:
        """A function of one file, with ``handler`` in it."""
        code = self.folder / f"code-{name}"
        (code / file).parent.mkdir(parents=True, exist_ok=True)
        (code / file).write_text(textwrap.dedent(source))
        (code / file).chmod(0o755)
        runtime = runtime or (PYTHON if file.endswith(".py") else NODE)
        return FunctionVersion(arn=f"arn:aws:lambda:us-east-1:000000000000:function:{name}", name=name,
                               version="$LATEST", runtime=runtime,
                               handler=handler or f"{file.rpartition('.')[0]}.handler", code=code,
                               log_group=f"/aws/lambda/{name}",
                               environment=tuple(sorted((environment or {}).items())),
                               **({"timeout": 10, "memory": 256} | more))

    async def call(self, fn: FunctionVersion, event: Any = None) -> Invocation:
        return await self.executor.invoke(fn, json.dumps(event).encode())

    async def value(self, fn: FunctionVersion, event: Any = None) -> Any:
        """What the function returns; it must not fail."""
        made = await self.call(fn, event)
        assert made.error == "", made.payload
        return json.loads(made.payload)

    async def failure(self, fn: FunctionVersion, event: Any = None) -> dict[str, Any]:
        """The error document; the function must fail."""
        made = await self.call(fn, event)
        assert made.error == "Unhandled", made.payload
        return dict(json.loads(made.payload))


def play(folder: Path, story: Callable[[Stage], Awaitable[None]], **options: Any) -> Stage:
    """Run a story on a stage; everything is ended after it."""
    async def whole() -> Stage:
        stage = Stage(folder, **options)
        await stage.executor.start()
        try:
            async with asyncio.timeout(60):
                await story(stage)
        finally:
            await stage.executor.close()
        return stage

    return asyncio.run(whole())
