"""Bundles of a session, run as a session runs them."""
from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from sst.dev.node import NodeBundle, NodeBundler
from sst.executor import Executor, FunctionVersion

from ..live import write
from .project import FILES, play, source

THROWS = """import { text } from "./shared";
export const handler = async (): Promise<never> => {
  throw new RangeError(text);
};
"""


def test_edits_are_answered_and_traces_name_the_lines(tmp_path: Path, cache: Path) -> None:
    root = write(tmp_path, FILES)

    async def story(bundler: NodeBundler) -> None:
        executor = Executor(folder=tmp_path / "run", on_log=lambda lines: None, host=os.environ)
        await executor.start()

        async def answer(bundle: NodeBundle) -> Any:
            if bundle.changed:
                await executor.retire("arn:one")
            made = await executor.invoke(FunctionVersion("arn:one", "one", "$LATEST", "nodejs22.x", bundle.handler,
                                                         bundle.folder), b"{}")
            return json.loads(made.payload)

        try:
            assert await answer(await bundler.bundle(source(root))) == "first"
            write(root, {"src/shared.ts": 'export const text: string = "second";\n'})
            assert await answer(await bundler.bundle(source(root))) == "second"
            for comments, line in (("", 3), ("// one\n// two\n", 5)):  # the code is the same, its lines are not
                write(root, {"src/one.ts": comments + THROWS})
                failed = await answer(await bundler.bundle(source(root)))
                assert (failed["errorType"], failed["errorMessage"]) == ("RangeError", "second")
                assert f"{root / 'src/one.ts'}:{line}:9" in failed["trace"][1]
        finally:
            await executor.close()

    play(root, cache, story)
