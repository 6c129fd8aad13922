"""Runs folders of cases, each a project that once failed: ``python -m tests.cases FOLDER [NAME ...]``.

A folder ``NN-name`` holds the project (in ``app/`` if something lies beside it). What has to be done to it, and what is
right, is in `CASES`; folders that are not in it are left to others.
"""
from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import traceback
import urllib.request
import zipfile
from collections.abc import Callable
from pathlib import Path

SST = str(Path(sys.executable).with_name("sst"))


def deployed(root: Path) -> str:
    """Deploy to stage local; what was said. AssertionError if it failed."""
    done = subprocess.run([SST, "deploy", "--stage", "local"], cwd=root, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def answer(root: Path, name: str = "url", path: str = "") -> str:
    """What the function behind an output says, redirects followed."""
    done = subprocess.run([SST, "outputs", name, "--stage", "local"], cwd=root, capture_output=True, text=True,
                          check=True)
    with urllib.request.urlopen(done.stdout.strip() + path, timeout=60) as said:
        assert "://127.0.0.1:" in said.url, said.url
        return str(said.read().decode())


def says(*words: str) -> Callable[[Path], None]:
    def check(root: Path) -> None:
        deployed(root)
        said = answer(root)
        assert not words or said in words, said

    return check


def ignored(file: str, text: str) -> Callable[[Path], None]:
    """A file that git ignores, and that is therefore not in the folder of the case."""
    def check(root: Path) -> None:
        path = root / file
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        says("ok")(root)

    return check


def linked(root: Path) -> None:
    """A copy of the case may hold its link as a file with the target's name."""
    place = root / "src/shared"
    if not place.is_symlink():
        target = place.read_text()
        place.unlink()
        place.symlink_to(target)
    says("hello")(root)


def large_data(root: Path) -> None:
    (root / "data").mkdir(exist_ok=True)
    with (root / "data/model.bin").open("wb") as file:
        file.truncate(300 * 1024 * 1024)
    says("ok")(root)


def changing(root: Path) -> None:
    for kind in ("grow", "sqlite", "swap"):
        writer = subprocess.Popen([sys.executable, "writer.py", kind], cwd=root)
        try:
            says("ok")(root)
        finally:
            writer.kill()
            writer.wait()


def edited(root: Path) -> None:
    files = ("packages/core/index.ts", "page/page.hbs", "web/generated/client.ts")
    client = root / files[2]
    client.parent.mkdir(exist_ok=True)
    client.write_text('export const word: string = "before";\n')
    names = ("sibling", "loader", "generated")
    for word in ("before", "after"):
        for file in files:
            (root / file).write_text((root / file).read_text().replace("before", word))
        deployed(root)
        assert [answer(root, n) for n in names] == [word] * 3
    assert "no changes" in deployed(root)


def private(root: Path) -> None:
    (root / "functions/a/private").mkdir(exist_ok=True)
    (root / "functions/a/private/customers.csv").write_text("secret")
    shas = set()
    for _ in range(2):
        deployed(root)
        for archive in (root / ".sst/cache/zips").glob("*.zip"):
            shas.add(archive.name)
            with zipfile.ZipFile(archive) as z:
                assert not [n for n in z.namelist() if "private" in n]
        subprocess.run(["git", "init", "-q"], cwd=root, check=True)
    assert len(shas) == 1


def refused(*words: str) -> Callable[[Path], None]:
    """Refused at the plan, with these words and the file."""
    def check(root: Path) -> None:
        done = subprocess.run([SST, "diff", "--stage", "local"], cwd=root, capture_output=True, text=True, timeout=300)
        said = done.stdout + done.stderr
        assert done.returncode == 1 and all(w in said for w in (*words, "sst_config.py:")), said

    return check


def another_key_type(root: Path) -> None:
    deployed(root)
    config = root / "sst_config.py"
    config.write_text(config.read_text().replace('"a": "string"', '"a": "number"'))
    deployed(root)
    assert json.loads(answer(root))["a"] == "N", answer(root)
    assert "no changes" in deployed(root)


def slash(root: Path) -> None:
    deployed(root)
    for path in ("/admin/", "/deep/er/"):
        assert answer(root, path=path) == path


def redirected(root: Path) -> None:
    deployed(root)
    assert (answer(root, "url", "a/b"), answer(root, "api", "/a/b")) == ("page", "page")


CASES: dict[str, Callable[[Path], None]] = {
    "01": linked, "02": ignored("lib/api.py",
                                       "def handler(e, c):\n    return {'statusCode': 200, 'body': 'ok'}\n"),
    "03": ignored("src/generated_pb2.py", "V = 'ok'\n"), "04": says(), "05": says("iniconfig"), "07": says("priv1"),
    "08": says("iniconfig"), "09": says("iniconfig"), "10": large_data, "11": changing, "14": edited,
    "15": says(json.dumps(dict.fromkeys(("send", "send_batch", "visibility_batch", "delete_batch", "partiql"), "ok"))),
    "16": slash, "17": redirected, "19": refused("Nightly", "Berlin"), "20": another_key_type,
    "21": refused("visibility", "FIFO"), "22": refused("overlap"), "25": private,
    "27": says('["empty", "key", "null", "unknown"]')}


def run(case: Path, check: Callable[[Path], None]) -> str:
    """What is wrong; "" if nothing is."""
    folder = Path(tempfile.mkdtemp(prefix="sst-case-"))
    shutil.copytree(case, folder / "case", symlinks=True)
    root = next(p.parent for p in sorted((folder / "case").rglob("sst_config.py")))
    try:
        check(root)
    except Exception:
        return traceback.format_exc(limit=3)
    finally:
        from sst.embedded import cloud

        cloud.reset(root)
        shutil.rmtree(folder, ignore_errors=True)
    return ""


def main(folder: Path, names: list[str]) -> int:
    failed = 0
    for case in sorted(p for p in folder.iterdir() if p.is_dir()):
        number = case.name.partition("-")[0]
        if number in CASES and (not names or number in names):
            wrong = run(case, CASES[number])
            failed += bool(wrong)
            sys.stdout.write(f"{'failed' if wrong else 'passed'}  {case.name}\n{wrong}")
            sys.stdout.flush()
    return failed


if __name__ == "__main__":
    os.environ.pop("SST_STAGE", None)
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
