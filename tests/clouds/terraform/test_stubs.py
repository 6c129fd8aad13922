"""Types for type checkers: a program that is right has none of mypy's errors, and each mistake has its own."""
from __future__ import annotations

import subprocess
import sys
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


@pytest.mark.long
def test_mypy_knows_each_class(project: Catalogue, tmp_path: Path) -> None:
    venv = tmp_path / "venv"
    create(venv, symlinks=True)
    site = next(venv.glob("lib/python3*/site-packages"))
    (site / "sst.pth").write_text(str(Path(sst.__file__).parents[1]))
    write_provider_types(venv, {"fake": stub_files("fake", "fake", project.schemas("fake"))})
    code = tmp_path / "program.py"
    wrong = [f"    {line}" for line in MISTAKES]
    code.write_text(PROGRAM + "\ndef mistakes() -> None:\n" + "\n".join(wrong) + "\n")
    first = PROGRAM.count("\n") + 3
    done = subprocess.run([sys.executable, "-m", "mypy", "--config-file=", "--strict", "--python-executable",
                           str(venv / "bin/python"), "--cache-dir", str(tmp_path / "cache"), "--no-error-summary",
                           str(code)], capture_output=True, text=True, cwd=tmp_path)
    told: dict[int, str] = {}
    for line in done.stdout.splitlines():
        if ": error:" in line:
            told.setdefault(int(line.split(":")[1]), line.partition(": error: ")[2])
    assert not [told[n] for n in told if n < first], done.stdout
    for n, (line, message) in enumerate(MISTAKES.items(), first):
        assert message in told.get(n, ""), f"{line}: {told.get(n)}"
