"""Text files as people have them: UTF-8 with and without a byte-order mark, UTF-16 (PowerShell's ``>``), UTF-32."""
from __future__ import annotations

import codecs
from pathlib import Path

__all__ = ["text_of"]

_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"),
          (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


def text_of(path: Path) -> str:
    """A file's text by its byte-order mark, as UTF-8 without one. Bytes that fit nothing, and NUL, become the
    replacement character; line ends become ``\\n``."""
    raw = path.read_bytes()
    encoding = next((name for mark, name in _MARKS if raw.startswith(mark)), "utf-8")
    text = raw.decode(encoding, errors="replace").replace("\0", "\ufffd")
    return text.replace("\r\n", "\n").replace("\r", "\n")
