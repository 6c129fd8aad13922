"""Runs a session where it is to be seen: on a terminal of panes, or as one stream of lines."""
from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TextIO

from .session import Session
from .terminal import Mono, Multiplexer

__all__ = ["show"]


def show(session: Session, *, mode: str, title: str, environment: Mapping[str, str], out: TextIO, columns: int,
         colour: bool) -> None:
    """Until the user ends it. ``mode`` "multi" takes the whole terminal; otherwise lines go to ``out``."""
    async def run() -> None:
        stream = session.stream
        stream.functions.keys = {"i": ("request and response", session.look)}
        panes = [stream.deploys, stream.functions]
        if mode == "multi":
            await session.run(Multiplexer(panes, environment=environment, prints=stream.deploys, title=title))
        else:
            await session.run(Mono(panes, environment=environment, out=out, colour=colour, columns=columns))

    asyncio.run(run())
