"""A small project of Node functions, and a bundler for it."""
from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from sst.build.source import Source
from sst.dev.node import NodeBundle, NodeBundler

FILES = {"src/one.ts": 'import { text } from "./shared";\nexport const handler = async () => text;\n',
         "src/shared.ts": 'export const text: string = "first";\n', "package.json": "{}"}


def play(root: Path, cache: Path, story: Callable[[NodeBundler], Awaitable[None]]) -> None:
    """Tell a story to a bundler that is closed afterwards."""
    async def whole() -> None:
        bundler = NodeBundler(cache=cache, folder=root / ".sst/dev/node")
        try:
            async with asyncio.timeout(60):
                await story(bundler)
        finally:
            await bundler.close()

    asyncio.run(whole())


def source(root: Path, handler: str = "src/one.handler", **nodejs: Any) -> Source:
    return Source(str(root), handler, "nodejs22.x", host=True, nodejs=nodejs)


def says(bundle: NodeBundle) -> str:
    """What its handler answers, in Node."""
    file = next(f for f in bundle.folder.iterdir() if f.stem == "bundle" and f.suffix in (".mjs", ".cjs"))
    program = f"import({json.dumps(str(file))}).then(async (m) => console.log(await m.handler()))"
    return subprocess.run(["node", "-e", program], capture_output=True, text=True, check=True).stdout.strip()
