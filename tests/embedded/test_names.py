"""What the code knows of the emulator: one facade and the patches, all of it checked at the start."""
from __future__ import annotations

import ast
import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

import sst
from sst.embedded import emulator, patches

from .emulator_names import PACKAGE, used_names

SRC = Path(sst.__file__).parent
ROOM = SRC / "embedded"
FACADE = ROOM / "emulator.py"
PATCHES = {name: ROOM / "patches" / f"{name}.py" for name in patches.TOPICS}


def needs(name: str) -> dict[str, str]:
    return dict(importlib.import_module(f"sst.embedded.patches.{name}").NEEDS)


def test_only_the_facade_and_the_patches_name_the_emulator() -> None:
    """Imports, strings, comments and docstrings: the word does not occur anywhere else in the package."""
    odd = [str(file.relative_to(SRC)) for file in SRC.rglob("*.py")
           if PACKAGE in file.read_text("utf-8").lower() and file != FACADE and file.parent != ROOM / "patches"]
    assert not odd


def test_nothing_outside_of_them_imports_a_module_by_a_computed_name() -> None:
    """``importlib`` would get around the test above: in this room it is for the patches' own table and the check."""
    odd = []
    for file in ROOM.rglob("*.py"):
        names = {alias.name for node in ast.walk(ast.parse(file.read_text("utf-8")))
                 if isinstance(node, ast.Import) for alias in node.names}
        if "importlib" in names and file not in (FACADE, ROOM / "patches" / "__init__.py"):
            odd.append(file.name)
    assert not odd


@pytest.mark.parametrize("file", [FACADE, *PATCHES.values()], ids=lambda file: file.stem)
def test_every_name_that_is_used_is_checked(file: Path) -> None:
    listed = emulator.NEEDS if file == FACADE else needs(file.stem)
    assert used_names(file) - set(listed) == set()
    assert all(listed.values()), "a need without a signature"


def test_every_patch_is_applied() -> None:
    assert set(PATCHES.values()) | {ROOM / "patches" / "__init__.py"} == set((ROOM / "patches").glob("*.py"))


@pytest.mark.parametrize("name", patches.TOPICS)
def test_a_patch_says_when_it_can_go(name: str) -> None:
    doc = ast.get_docstring(ast.parse(PATCHES[name].read_text("utf-8"))) or ""
    assert "Goes when" in doc or "Stays:" in doc
    assert "last checked with 1.5.33" in " ".join(doc.split()), "say with which version of the emulator"
    assert f"{PACKAGE}==1.5.33" in (ROOM / "requirements.lock").read_text("utf-8")


def a(key: str, *, loud: bool = False, kept: object = object()) -> None: ...


async def b(*rest: int, **more: int) -> int:
    return 0


class C:
    def __init__(self, size: int = 1) -> None:
        self.size = size


@pytest.mark.parametrize(("thing", "signature"), [
    (a, "(key, *, loud=False, kept=...)"), (b, "async (*rest, **more)"), (C, "class (self, size=1)"),
    (ValueError, "class"), ({}, "dict"), (json, "module"), (1.5, "float"),
])
def test_a_signature_is_what_a_caller_relies_on(thing: object, signature: str) -> None:
    assert emulator.signature_of(thing) == signature


@pytest.mark.emulator
@pytest.mark.parametrize(("edit", "said"), [
    ("del app.pin_signed_request", "has no app:pin_signed_request, which embedded/emulator.py needs"),
    ("app.pin_signed_request = lambda method: None",
     "app:pin_signed_request is (method), and embedded/emulator.py needs (method, raw_path,"),
    ("from ministack.services import sqs; sqs._queue_by_arn = lambda arn, more: None",
     "services.sqs:_queue_by_arn is (arn, more), and the patch `events` needs"),
])
def test_another_emulator_is_refused_by_name(cloud: object, tmp_path: Path, edit: str, said: str) -> None:
    """In the emulator's own environment, before anything is patched."""
    from sst.embedded.environment import cache_folder, folder_name

    program = f"""
import os, sys, types
package = types.ModuleType("sst")
package.__path__ = [{str(SRC)!r}]
sys.modules["sst"] = package
os.chdir({str(tmp_path)!r})
from ministack import app
{edit}
from pathlib import Path
from sst.embedded import patches
from sst.embedded.settings import Keys, Settings
from sst.errors import InternalError
try:
    patches.apply_all(Settings(Path("."), "us-east-1", Keys("a", "b", "c")))
except InternalError as error:
    print(error.message)
from ministack.core import iam_evaluator
print("unpatched" if iam_evaluator.enforce.__module__.startswith("ministack") else "patched")
"""
    import os

    python = cache_folder(os.environ) / folder_name() / "bin" / "python"
    ran = subprocess.run([str(python), "-I", "-c", program], capture_output=True, text=True, check=False, env={})
    assert ran.returncode == 0, ran.stderr
    assert said in ran.stdout and ran.stdout.splitlines()[-1] == "unpatched"
    assert sys.executable != str(python)
