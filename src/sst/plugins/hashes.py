"""Hashes of packages as Terraform's lock files have them: ``zh:`` of the zip file, ``h1:`` of what is in it."""
from __future__ import annotations

import base64
import hashlib
from pathlib import Path

__all__ = ["h1_of_folder", "zh_of"]


def zh_of(sha256: str) -> str:
    """Of a zip file, from its SHA-256 in hexadecimal digits."""
    return f"zh:{sha256}"


def h1_of_folder(folder: Path) -> str:
    """Of an unpacked package: the sums of its files by name, and the sum of those (golang.org/x/mod/sumdb/dirhash,
    Hash1)."""
    lines = []
    for file in sorted(p for p in folder.rglob("*") if p.is_file()):
        with file.open("rb") as stream:
            lines.append((file.relative_to(folder).as_posix(), hashlib.file_digest(stream, "sha256").hexdigest()))
    text = "".join(f"{digest}  {name}\n" for name, digest in sorted(lines))
    return "h1:" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
