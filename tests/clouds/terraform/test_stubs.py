"""Types for type checkers: a program that is right has no errors, and each mistake has its own."""
from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from venv import create

import pytest

import sst
from sst.clouds.terraform.catalogue import Catalogue
from sst.clouds.terraform.stubs import stub_files
from sst.project.resource_types import write_provider_types

PROGRAM = '''
import sst
from sst.providers import fake
from sst.providers.fake import data

one = fake.Thing("One", name="one", size=3, tags={"a": "b"}, rule={"port": 80}, user=[{"login": "me"}], alias_="x")
two = fake.Thing("Two", name=one.ip, label=f"{one.url}x", tags={"a": one.ip}, protect=True, parts=[{"key": one.ip}])
there = data.Lookup("There", name=one.ip)
other = fake.Provider("Other", url=there.ip)
link = sst.Linkable.of(two, properties={"id": two.id, "serial": two.serial})
first: sst.Output[str] = one.tags["a"]
'''
MISTAKES = {
    'fake.Thing("A", nam="x")': 'Unexpected keyword argument "nam" for "Thing"; did you mean "name"?',
    'fake.Thing("A", size=1)': 'Missing named argument "name" for "Thing"',
    'fake.Thing("A", name="x", size="many")': 'Argument "size" to "Thing" has incompatible type "str"',
    'fake.Thing("A", name="x", rule={"prot": 1})':
        'Argument "rule" to "Thing" has incompatible type "dict[str, int]"; expected "ThingRule',
    'fake.Thing("A", name="x", user={"login": "x"})': 'Argument "user" to "Thing" has incompatible type',
    'fake.Thing("A", name="x", ip="1")': 'Unexpected keyword argument "ip" for "Thing"',
    'fake.Thing(name="x")': 'Too few arguments for "Thing"',
    'fake.Thing("A", name="x").ipp': '"Thing" has no attribute "ipp"; maybe "ip"?',
    'fake.Thingy("A")': 'Module has no attribute "Thingy"; maybe "Thing"?',
    'fake.data.Lookup("A", nam="x")': 'Unexpected keyword argument "nam" for "Lookup"',
}


CHECKERS = {
    "mypy": ("-m", "mypy", "--config-file=", "--strict", "--no-error-summary", "--python-executable", "{python}",
             "--cache-dir", "cache", "program.py"),
    "pyright": ("--outputjson", "--pythonpath", "{python}", "program.py"),
    "pyrefly": ("check", "--preset", "default", "--output-format", "min-text", "--python-interpreter-path", "{python}",
                "program.py"),
    "ty": ("check", "--output-format", "concise", "--color", "never", "--python", "{python}", "program.py"),
}
"""mypy is there; the others are tried where they are installed."""


@pytest.fixture
def errors(project: Catalogue, tmp_path: Path) -> Callable[[str], dict[int, str]]:
    """What a type checker says of the program and the mistakes: line → its first error."""
    venv = tmp_path / "venv"
    create(venv, symlinks=True)
    site = next(venv.glob("lib/python3*/site-packages"))
    (site / "sst.pth").write_text(str(Path(sst.__file__).parents[1]))
    write_provider_types(venv, {"fake": stub_files("fake", "fake", project.schemas("fake"))})
    wrong = [f"    {line}" for line in MISTAKES]
    (tmp_path / "program.py").write_text(PROGRAM + "\ndef mistakes() -> None:\n" + "\n".join(wrong) + "\n")

    def check(checker: str) -> dict[int, str]:
        program = sys.executable if checker == "mypy" else shutil.which(checker)
        if program is None:
            pytest.skip(f"{checker} is not installed")
        words = [w.format(python=venv / "bin/python") for w in CHECKERS[checker]]
        done = subprocess.run([program, *words], capture_output=True, text=True, cwd=tmp_path)
        if checker == "pyright":
            found = [(d["range"]["start"]["line"] + 1, d["message"])
                     for d in json.loads(done.stdout)["generalDiagnostics"] if d["severity"] == "error"]
        else:
            lines = re.findall(r"program\.py:(\d+)(?::[\d-]+)*:? (?:error: |error\[)?(.*)", done.stdout)
            found = [(int(n), text) for n, text in lines if "note:" not in text]
        told: dict[int, str] = {}
        for line, text in found:
            told.setdefault(line, text)
        return told

    return check


@pytest.mark.long
@pytest.mark.parametrize("checker", CHECKERS)
def test_each_type_checker_knows_each_class(errors: Callable[[str], dict[int, str]], checker: str) -> None:
    first, told = PROGRAM.count("\n") + 3, errors(checker)
    assert not [told[n] for n in told if n < first]
    for n, (line, message) in enumerate(MISTAKES.items(), first):
        assert n in told and (checker != "mypy" or message in told[n]), f"{line}: {told.get(n)}"
