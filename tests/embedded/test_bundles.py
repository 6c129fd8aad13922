"""Unpacking code, and the beginning of a streamed response."""
from __future__ import annotations

import io
import os
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sst.embedded.bridge import StreamedBody
from sst.embedded.functions import refusal, unpack


def archive(entries: dict[str, tuple[int, bytes]]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as made:
        for name, (mode, content) in entries.items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = mode << 16
            made.writestr(entry, content)
    return stream.getvalue()


def test_code_is_unpacked_once_with_its_modes_and_links(tmp_path: Path) -> None:
    code = archive({"bootstrap": (0o100755, b"#!"), "a/b.py": (0o100600, b"x = 1"), "latest": (0o120777, b"a/b.py")})
    with ThreadPoolExecutor(8) as pool:
        folders = set(pool.map(lambda _: unpack(tmp_path / "code", code), range(16)))
    assert len(folders) == 1
    folder = folders.pop()
    assert os.access(folder / "bootstrap", os.X_OK) and not os.access(folder / "a" / "b.py", os.X_OK)
    assert (folder / "latest").read_text() == "x = 1"
    assert [f.name for f in (tmp_path / "code").iterdir()] == [folder.name]


@pytest.mark.parametrize("target", ["../../outside", "/etc/passwd"])
def test_a_link_out_of_the_bundle_is_refused(tmp_path: Path, target: str) -> None:
    with pytest.raises(ValueError, match="leads out"):
        unpack(tmp_path / "code", archive({"x": (0o120777, target.encode())}))
    assert not list((tmp_path / "code").iterdir())


def test_what_cannot_run_here_is_refused() -> None:
    assert refusal({"Runtime": "python3.12"}) == refusal({"Runtime": "provided.al2023"}) == ""
    assert "java21" in refusal({"Runtime": "java21"})
    assert "container" in refusal({"PackageType": "Image"})


def test_the_prelude_comes_before_the_body_however_it_is_cut() -> None:
    whole = b'{"statusCode": 201}' + b"\0" * 8 + b"one two"
    for size in (1, 3, 7, 100):
        body = StreamedBody(iter([whole[i:i + size] for i in range(0, len(whole), size)]))
        assert body.prelude == {"statusCode": 201}
        assert b"".join(body) == b"one two"


@pytest.mark.parametrize("plain", [b"", b"just text", b'{"no": "prelude"}'])
def test_a_body_without_prelude_is_all_body(plain: bytes) -> None:
    body = StreamedBody(iter([plain]))
    assert body.prelude is None and b"".join(body) == plain
