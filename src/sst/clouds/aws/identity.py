"""The one call of a deploy that changes nothing, ``GetCallerIdentity``, without botocore, which is slow to import.

Source: https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
"""
from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from html import unescape
from typing import Any
from urllib.parse import urlsplit

from ...net.http import Response
from .service import Endpoint, Request, Unreadable

__all__ = ["SUFFIXES", "Identity"]

SUFFIXES = {"cn-": "amazonaws.com.cn", "us-iso-": "c2s.ic.gov", "us-isob-": "sc2s.sgov.gov",
            "eu-isoe-": "cloud.adc-e.uk", "us-isof-": "csp.hci.ic.gov", "eusc-": "amazonaws.eu"}
"""Ends of the names of hosts by the first letters of the region; ``amazonaws.com`` elsewhere."""
BODY = b"Action=GetCallerIdentity&Version=2011-06-15"


class Identity:
    """STS as far as this call goes; a ``Service`` for it."""

    name = "sts"

    def fill_tokens(self, operation: str, arguments: dict[str, Any], token: str) -> None:
        """It takes none."""

    def prepare(self, operation: str, params: Mapping[str, Any], *, region: str, endpoint: str | None,
                flags: Mapping[str, bool]) -> Request:
        suffix = next((end for start, end in SUFFIXES.items() if region.startswith(start)), "amazonaws.com")
        url = urlsplit(endpoint or f"https://sts.{region}.{suffix}")
        port = url.port or (443 if url.scheme == "https" else 80)
        place = Endpoint((url.scheme, url.hostname or "", port), url.netloc, url.path or "/", region, "sts", True, {})
        headers = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
        return Request("POST", place.path, headers, BODY, hashlib.sha256(BODY).hexdigest(), place, False, False, None)

    def parse(self, operation: str, reply: Response) -> dict[str, Any]:
        text = reply.body.decode(errors="replace")

        def word(tag: str) -> str:
            found = re.search(rf"<{tag}>([^<]*)</{tag}>", text)
            return unescape(found[1]).strip() if found else ""

        meta = {"HTTPStatusCode": reply.status, "RequestId": word("RequestId")}
        if reply.status >= 300:
            return {"Error": {"Code": word("Code") or str(reply.status), "Message": word("Message") or text[:200]},
                    "ResponseMetadata": meta}
        if not word("Account"):
            raise Unreadable(f"no account in {text[:100]!r}")
        return {"Account": word("Account"), "Arn": word("Arn"), "UserId": word("UserId"), "ResponseMetadata": meta}
