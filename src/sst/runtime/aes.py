"""AES-256-GCM decryption with the standard library alone.

All blocks are worked on at once: the 16 bytes of a block are 16 planes, plane ``i`` holding byte ``i`` of every block.
A step of the cipher is then a ``bytes.translate`` or an exclusive-or of a whole plane, which the interpreter does in C.
It is not hardened against an observer on the same processor; its key is the function's own.
"""
from __future__ import annotations

import hmac
import struct

__all__ = ["Tampered", "decrypt"]


class Tampered(ValueError):
    """The key is wrong, or the bytes are damaged or were changed."""


def decrypt(key: bytes, nonce: bytes, sealed: bytes, extra: bytes = b"") -> bytes:
    """The text of ``sealed``, whose last 16 bytes are the tag. The key has 32 bytes, the nonce 12.

    ``extra`` is what was authenticated beside the text. Raises ``Tampered`` before any text is given out.

        decrypt(key, bytes(12), path.read_bytes())
    """
    if len(key) != 32 or len(nonce) != 12:
        raise ValueError(f"the key must have 32 bytes and the nonce 12; they have {len(key)} and {len(nonce)}")
    if len(sealed) < 16:
        raise Tampered("the text is cut: it is shorter than its tag")
    text, tag = sealed[:-16], sealed[-16:]
    counters = b"".join(nonce + struct.pack(">I", n) for n in range(1, 2 + -(-len(text) // 16)))
    stream = _encrypt(_round_keys(key), bytes(16) + counters)
    hashed = _hash(stream[:16], _padded(extra) + _padded(text) + struct.pack(">QQ", len(extra) * 8, len(text) * 8))
    if not hmac.compare_digest(_xor(hashed, stream[16:32]), tag):
        raise Tampered("the text does not fit the key")
    return _xor(text, stream[32:32 + len(text)])


def _padded(text: bytes) -> bytes:
    return text + bytes(-len(text) % 16)


def _xor(one: bytes, two: bytes) -> bytes:
    return (int.from_bytes(one, "big") ^ int.from_bytes(two, "big")).to_bytes(len(one), "big")


def _substitutions() -> bytes:
    """The S-box: the inverse in GF(2^8), then an affine map."""
    box = bytearray(256)
    p = q = 1
    while True:
        p ^= (p << 1) ^ (0x11B if p & 0x80 else 0)  # times 3
        q ^= q << 1  # divided by 3
        q ^= q << 2
        q ^= q << 4
        q &= 0xFF
        if q & 0x80:
            q ^= 0x09
        turned = q * 0x101
        box[p] = (q ^ turned >> 7 ^ turned >> 6 ^ turned >> 5 ^ turned >> 4) & 0xFF ^ 0x63
        if p == 1:
            box[0] = 0x63
            return bytes(box)


_SBOX = _substitutions()
_SBOX_TWICE = bytes(s << 1 ^ (0x11B if s & 0x80 else 0) for s in _SBOX)
_SHIFTED = [(i + 4 * (i % 4)) % 16 for i in range(16)]
"""Where byte ``i`` of a block comes from when its rows are shifted."""


def _round_keys(key: bytes) -> list[bytes]:
    words = [key[i:i + 4] for i in range(0, 32, 4)]
    power = 1
    for i in range(8, 60):
        word = words[-1]
        if i % 8 == 0:
            word = word[1:] + word[:1]
            word = bytes((_SBOX[word[0]] ^ power, *(_SBOX[b] for b in word[1:])))
            power <<= 1
        elif i % 8 == 4:
            word = word.translate(_SBOX)
        words.append(_xor(words[i - 8], word))
    return [b"".join(words[i:i + 4]) for i in range(0, 60, 4)]


def _encrypt(keys: list[bytes], blocks: bytes) -> bytes:
    """Each block of 16 bytes, encrypted. ``planes`` are integers so that they can be xored at once."""
    count = len(blocks) // 16
    ones = int.from_bytes(b"\1" * count, "big")
    planes = [int.from_bytes(blocks[i::16], "big") ^ ones * keys[0][i] for i in range(16)]
    for number in range(1, 15):
        shifted = [planes[i].to_bytes(count, "big") for i in _SHIFTED]
        once = [int.from_bytes(p.translate(_SBOX), "big") for p in shifted]
        if number < 14:
            twice = [int.from_bytes(p.translate(_SBOX_TWICE), "big") for p in shifted]
            once = [_mixed(once, twice, i) for i in range(16)]
        planes = [p ^ ones * k for p, k in zip(once, keys[number])]  # noqa: B905  # Python 3.9
    out = bytearray(len(blocks))
    for i, plane in enumerate(planes):
        out[i::16] = plane.to_bytes(count, "big")
    return bytes(out)


def _mixed(once: list[int], twice: list[int], i: int) -> int:
    """Byte ``i`` after the columns are mixed: 2, 3, 1, 1 times the bytes of its column, beginning with itself."""
    column = i - i % 4
    second, third, fourth = (column + (i + n) % 4 for n in (1, 2, 3))
    return twice[i] ^ twice[second] ^ once[second] ^ once[third] ^ once[fourth]


def _hash(key: bytes, text: bytes) -> bytes:
    """GHASH. A table for each of the 16 byte positions holds the products of all byte values with the key."""
    tables = []
    power = int.from_bytes(key, "big")
    for _ in range(16):
        table = [0] * 256
        for bit in (128, 64, 32, 16, 8, 4, 2, 1):
            table[bit] = power
            power = power >> 1 ^ (0xE1 << 120 if power & 1 else 0)
        for n in range(1, 256):
            low = n & -n
            table[n] = table[low] ^ table[n ^ low]
        tables.append(table)
    total = 0
    for at in range(0, len(text), 16):
        block = (total ^ int.from_bytes(text[at:at + 16], "big")).to_bytes(16, "big")
        total = 0
        for table, byte in zip(tables, block):  # noqa: B905  # Python 3.9
            total ^= table[byte]
    return total.to_bytes(16, "big")
