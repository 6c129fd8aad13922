"""Unpacking code, and the beginning of a streamed response."""
from __future__ import annotations

import asyncio
import io
import os
import zipfile
from collections.abc import AsyncGenerator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from sst.embedded.bridge import StreamedBody
from sst.embedded.functions import refusal, unpack
from sst.machine.files import remove_tree


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
        assert asyncio.run(streamed([whole[i:i + size] for i in range(0, len(whole), size)])) == (
            {"statusCode": 201}, b"one two")


@pytest.mark.parametrize("plain", [b"", b"just text", b'{"no": "prelude"}'])
def test_a_body_without_prelude_is_all_body(plain: bytes) -> None:
    assert asyncio.run(streamed([plain])) == (None, plain)


async def streamed(given: list[bytes]) -> tuple[dict[str, Any] | None, bytes]:
    """What a response in these parts becomes."""
    async def parts() -> AsyncGenerator[bytes]:
        for part in given:
            yield part

    body = await StreamedBody.of(parts())
    return body.prelude, b"".join([part async for part in body])


@pytest.mark.parametrize("entries", [
    {"p/q/../..": (0o120777, b"."), "x": (0o120777, b"p/q")},
    {"p": (0o120777, b"."), "q/a": (0o100600, b""), "x": (0o120777, b"p/q/../.."), "x/evil": (0o100600, b"out")},
    {"up": (0o120777, b".."), "up/evil": (0o120777, b"x")},
    {"a": (0o120777, b"b"), "b": (0o120777, b"a/../..")},
    {"../evil": (0o120777, b"x")},
    {"/tmp/evil": (0o120777, b"x")},
])
def test_nothing_leads_out_of_the_folder(tmp_path: Path, entries: dict[str, tuple[int, bytes]]) -> None:
    (tmp_path / "deep").mkdir()
    with pytest.raises(ValueError, match=r"leads out|something else"):
        unpack(tmp_path / "deep" / "code", archive(entries))
    assert [p.name for p in tmp_path.rglob("*")] == ["deep", "code"] and not list((tmp_path / "deep/code").iterdir())


def test_what_is_no_archive_is_refused_in_words(tmp_path: Path) -> None:
    whole = archive({"a.py": (0o100600, b"x = 1" * 200)})
    for broken in (b"", b"PK", whole[:-30], whole.replace(b"x = 1", b"x = 2")):
        with pytest.raises(ValueError, match="damaged or no zip file"):
            unpack(tmp_path / "code", broken)


def test_code_is_read_only_and_can_be_deleted(tmp_path: Path) -> None:
    folder = unpack(tmp_path / "code", archive({"a/b.py": (0o100644, b""), "run": (0o100755, b"#!")}))
    modes = {p.name: p.stat().st_mode & 0o777 for p in (folder, *folder.rglob("*"))}
    assert modes == {folder.name: 0o500, "a": 0o500, "b.py": 0o400, "run": 0o500}
    remove_tree(tmp_path / "code")
    assert not (tmp_path / "code").exists()
