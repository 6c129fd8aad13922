"""What a function and a developer's machine say to each other over AppSync Events: messages, in pieces that fit, and
signatures.

A message is a head (JSON) and a body (bytes). Events are small, unordered and may come twice: a message goes as
numbered pieces, and `Assembler` puts each together once. Both ends use this module.

Source: https://docs.aws.amazon.com/appsync/latest/eventapi/event-api-websocket-protocol.html
"""
from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
import zlib
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, NamedTuple

__all__ = ["ALL", "ASK", "DEVELOPER", "PIECE", "SILENCE", "SOON", "Assembler", "Keys", "body_of", "pieces", "place",
           "protocols", "signed"]

PIECE = 170_000
"""Bytes of a message in one event: as base64, with what is around it, less than the 240 KB that an event may have."""
SOON = 2.0
"""Seconds between two signs of life of a developer's machine while it runs a function."""
ASK = 3.0
"""Seconds of silence after which a function asks for what it has missed."""
SILENCE = 5.0
"""Seconds of silence after which the developer is gone."""
DEVELOPER = "in"
"""The channel that developers hear; each process of a function hears ``out/`` and its own name. All are below that of
app and stage."""
ALL = "out/all"
"""The channel on which a session announces itself: all functions subscribe to it."""
_WORTH = 4096
_AHEAD = 256
_FIXED = {"accept": "application/json, text/javascript", "content-encoding": "amz-1.0",
          "content-type": "application/json; charset=UTF-8"}


class Keys(NamedTuple):
    access: str
    secret: str
    token: str = ""


def place(host: str) -> tuple[str, int, bool]:
    """Address, port, and whether it speaks TLS. A name below ``localhost`` is this machine (RFC 6761): the embedded
    cloud."""
    name, _, port = host.partition(":")
    if name.endswith(".localhost"):
        return "127.0.0.1", int(port or 80), False
    return name, int(port or 443), True


def body_of(channel: str, *events: str) -> bytes:
    """What is posted to ``/event``, and what is signed for a subscription (no events)."""
    return json.dumps({"channel": channel, **({"events": events} if events else {})}, separators=(",", ":")).encode()


def signed(host: str, body: bytes, keys: Keys, at: float) -> dict[str, str]:
    """The headers of ``POST https://{host}/event`` with their signature (SigV4). Connections and subscriptions carry
    the same in JSON.

    ``at`` is in seconds since 1970. The host tells the region: ``{id}.appsync-api.{region}.amazonaws.com``.
    """
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(at))
    headers = {**_FIXED, "host": host, "x-amz-date": stamp,
               **({"x-amz-security-token": keys.token} if keys.token else {})}
    names = sorted(headers)
    canonical = "\n".join(("POST", "/event", "", *(f"{n}:{headers[n]}" for n in names), "", ";".join(names),
                           hashlib.sha256(body).hexdigest()))
    scope = f"{stamp[:8]}/{host.split('.')[2]}/appsync/aws4_request"
    text = "\n".join(("AWS4-HMAC-SHA256", stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()))
    key = f"AWS4{keys.secret}".encode()
    for part in (*scope.split("/"), text):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    headers["Authorization"] = (f"AWS4-HMAC-SHA256 Credential={keys.access}/{scope}, SignedHeaders={';'.join(names)}, "
                                f"Signature={key.hex()}")
    return headers


def protocols(host: str, keys: Keys, at: float) -> tuple[str, str]:
    """The WebSocket's subprotocols: the second one is the authorization to connect."""
    text = json.dumps(signed(host, b"{}", keys, at)).encode()
    return "aws-appsync-event-ws", "header-" + base64.urlsafe_b64encode(text).decode().rstrip("=")


def pieces(name: str, head: Mapping[str, Any], body: bytes = b"") -> list[str]:
    """The events of one message. ``name`` tells messages apart: sent again, it has the same."""
    start = json.dumps(head, separators=(",", ":")).encode()
    data, packed = len(start).to_bytes(4, "big") + start + body, 0
    if len(data) > _WORTH and len(less := zlib.compress(data, 1)) < len(data):
        data, packed = less, 1
    parts = [data[at:at + PIECE] for at in range(0, len(data), PIECE)]
    return [json.dumps({"m": name, "i": i, "n": len(parts), "z": packed, "d": base64.b64encode(part).decode()},
                       separators=(",", ":"))
            for i, part in enumerate(parts)]


class Assembler:
    """Puts messages together, each once. Of those that never become whole, the latest 256 are kept."""

    def __init__(self) -> None:
        self._parts: OrderedDict[str, dict[int, bytes]] = OrderedDict()
        self._done: OrderedDict[str, None] = OrderedDict()

    def take(self, event: str) -> tuple[dict[str, Any], bytes] | None:
        """The message that is whole with this event; None if it is not yet, or was already. Raises `ValueError` for
        anything else."""
        try:
            piece = json.loads(event)
            name, index, count = str(piece["m"]), int(piece["i"]), int(piece["n"])
            data = base64.b64decode(piece["d"])
        except (KeyError, TypeError) as e:
            raise ValueError(f"no piece of a message: {event[:80]!r}") from e
        if name in self._done:
            return None
        parts = self._parts.setdefault(name, {})
        self._parts.move_to_end(name)
        parts[index] = data
        if len(parts) < count:
            while len(self._parts) > _AHEAD:
                self._parts.popitem(last=False)
            return None
        del self._parts[name]
        self._done[name] = None
        while len(self._done) > 16 * _AHEAD:
            self._done.popitem(last=False)
        try:
            whole = b"".join(parts[i] for i in range(count))
            if piece.get("z"):
                whole = zlib.decompress(whole)
            size = int.from_bytes(whole[:4], "big")
            return dict(json.loads(whole[4:4 + size])), whole[4 + size:]
        except (KeyError, TypeError, zlib.error) as e:
            raise ValueError(f"no message: {e}") from e
