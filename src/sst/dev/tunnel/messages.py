"""The messages of a session of Session Manager, as the agent in a task or instance reads and writes them.

Source: https://github.com/aws/session-manager-plugin/blob/mainline/src/message/clientmessage.go
"""
from __future__ import annotations

import enum
import hashlib
import json
import struct
import time
import uuid
from dataclasses import dataclass

__all__ = ["ACKNOWLEDGE", "CLOSED", "INPUT", "OUTPUT", "Flag", "Message", "Payload", "acknowledgement"]

INPUT, OUTPUT, ACKNOWLEDGE, CLOSED = "input_stream_data", "output_stream_data", "acknowledge", "channel_closed"
_HEAD = struct.Struct(">I32sIQqQ16s32sII")
"""Length of the head without its last number, type, version, milliseconds, number, flags, id, digest, kind of payload,
length of payload."""
_LENGTH = _HEAD.size - 4


class Payload(enum.IntEnum):
    NONE = 0
    DATA = 1
    HANDSHAKE_REQUEST = 5
    HANDSHAKE_RESPONSE = 6
    HANDSHAKE_COMPLETE = 7
    FLAG = 10


class Flag(enum.IntEnum):
    TERMINATE = 2
    NOT_CONNECTED = 3
    """The agent could not connect to the host and port."""


@dataclass(frozen=True, slots=True)
class Message:
    """``kind`` is one of `Payload`, or a number of a later version."""

    type: str
    number: int
    kind: int
    body: bytes
    id: uuid.UUID

    @classmethod
    def made(cls, type: str, number: int, kind: int, body: bytes) -> Message:
        return cls(type, number, kind, body, uuid.uuid4())

    @classmethod
    def parsed(cls, data: bytes) -> Message:
        """Raises ``ValueError``."""
        if len(data) < _HEAD.size:
            raise ValueError("a message is cut off")
        length, type, _, _, number, _, id, _, kind, _ = _HEAD.unpack_from(data)
        return cls(type.strip(b"\0 ").decode("ascii", "replace"), number, kind, data[length + 4:],
                   uuid.UUID(bytes=id[8:] + id[:8]))

    def to_bytes(self) -> bytes:
        id = self.id.bytes
        return _HEAD.pack(_LENGTH, self.type.encode().ljust(32), 1, int(time.time() * 1000), self.number,
                          3 if self.type == ACKNOWLEDGE else 0, id[8:] + id[:8],
                          hashlib.sha256(self.body).digest(), self.kind, len(self.body)) + self.body


def acknowledgement(of: Message) -> Message:
    text = {"AcknowledgedMessageType": of.type, "AcknowledgedMessageId": str(of.id),
            "AcknowledgedMessageSequenceNumber": of.number, "IsSequentialMessage": True}
    return Message.made(ACKNOWLEDGE, 0, Payload.NONE, json.dumps(text).encode())
