"""S3 for browsers: one bucket, and the endpoint of all of them."""
from __future__ import annotations

import re

from sst.embedded import emulator
from sst.embedded.doors.door import HttpOnly, Request
from sst.embedded.emulator import Answer

__all__ = ["S3", "Bucket"]


class Bucket(HttpOnly):
    """``https://NAME.s3.REGION.amazonaws.com``; paths may begin with the bucket's name or not."""

    kind = "bucket"
    keeps = True

    def identity(self, host: str) -> str:
        return re.split(r"\.s3[.-]", host)[0]

    def exists(self, identity: str) -> bool:
        return emulator.find_bucket(identity)

    async def answer(self, identity: str, request: Request, *, region: str) -> Answer | None:
        path = request.path if request.path.startswith(f"/{identity}/") else f"/{identity}{request.path}"
        return await emulator.answer_bucket(path, request.method, request.headers, request.body, request.parameters)


class S3(HttpOnly):
    """``https://s3.REGION.amazonaws.com``: the address that functions presign for. Always there."""

    kind = "s3"
    keeps = True

    def identity(self, host: str) -> str:
        return ""

    def exists(self, identity: str) -> bool:
        return True

    async def answer(self, identity: str, request: Request, *, region: str) -> Answer | None:
        return await emulator.answer_bucket(request.path, request.method, request.headers, request.body,
                                            request.parameters)
