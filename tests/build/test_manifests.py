"""Dependencies as people declare them: pip's options and files, Poetry, PDM, Pipenv, setup.py, odd encodings."""
from __future__ import annotations

import hashlib
import subprocess
import zipfile
from pathlib import Path

import pytest

from sst.build.artefact import build, fingerprint, warnings
from sst.build.project_files import ProjectFiles
from sst.build.requirement_files import index_options, with_logins, without_login
from sst.build.source import Source
from sst.errors import UserError

from ..long import first_of
from .projects import RUNTIME, call, names, unpack, write

POETRY = '[build-system]\nrequires = ["poetry-core>=2"]\nbuild-backend = "poetry.core.masonry.api"\n'
PDM = '[build-system]\nrequires = ["pdm-backend"]\nbuild-backend = "pdm.backend"\n'
CODE = "import {0}\ndef handler(e, c): return getattr({0}, '__version__', getattr({0}, 'V', 'there'))\n"


def wheel(folder: Path, name: str, value: str) -> Path:
    """A wheel that only this folder has: a module with the value."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as z:
        z.writestr(f"{name}.py", f"V = {value!r}\n")
        z.writestr(f"{name}-1.0.dist-info/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        z.writestr(f"{name}-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        z.writestr(f"{name}-1.0.dist-info/RECORD", "")
    return path


def index(folder: Path, name: str, value: str) -> str:
    """A simple index with that wheel; its URL."""
    path = wheel(folder / name, name, value)
    (folder / name / "index.html").write_text(f'<!doctype html><html><body><a '
                                              f'href="{path.name}">{path.name}</a></body></html>')
    return folder.as_uri()


def answer(root: Path, cache: Path, tmp_path: Path, handler: str = "api.handler", **options: object) -> object:
    made = build(Source(str(root), handler, RUNTIME, python=options), cache=cache)
    return call(unpack(made, tmp_path / "unpacked"), made.handler)


FORMS = {
    "poetry, package-mode false": '[project]\nname = "app"\nversion = "0.1.0"\nrequires-python = ">=3.11"\n'
                                  'dependencies = ["idna (>=3,<4)"]\n[tool.poetry]\npackage-mode = false\n' + POETRY,
    "poetry without name and version": '[tool.poetry]\npackage-mode = false\n[tool.poetry.dependencies]\n'
                                       'python = "^3.11"\nidna = "^3.4"\n' + POETRY,
    "poetry without build system": '[tool.poetry.dependencies]\npython = ">=3.11"\nidna = ">=3,<4"\n',
    "poetry tables": '[tool.poetry]\nname = "a"\nversion = "1"\npackage-mode = false\n[tool.poetry.dependencies]\n'
                     'python = "~3.11 || ^3.12"\n'
                     'idna = { version = "~3.10", python = ">=3.9" }\nsniffio = { version = "*", optional = true }\n',
    "poetry, several constraints": '[tool.poetry]\npackage-mode = false\n[tool.poetry.dependencies]\n'
                                   'python = ">=3.11"\n'
                                   'idna = [{ version = "<3", python = "<3.9" }, { version = "^3", python = ">=3.9" '
                                   '}]\n',
    "poetry 2 with sources": '[project]\nname = "a"\nversion = "1"\nrequires-python = ">=3.11"\n'
                             'dependencies = ["idna"]\n[tool.poetry]\n'
                             'package-mode = false\n[tool.poetry.dependencies]\n'
                             'idna = { version = "^3", allow-prereleases = true }\n',
    "pdm, distribution false": '[project]\nname = "a"\nversion = "1"\nrequires-python = ">=3.11"\n'
                               'dependencies = ["idna>=3"]\n'
                               '[tool.pdm]\ndistribution = false\n' + PDM,
    "pdm without a version": '[project]\nrequires-python = ">=3.11"\ndependencies = ["idna>=3"]\n[tool.pdm]\n'
                             'distribution = false\n',
}


@pytest.mark.parametrize("form", FORMS)
def test_each_form_of_pyproject_is_read(form: str, tmp_path: Path, cache: Path) -> None:
    root = write(tmp_path / "p", {"api.py": CODE.format("idna"), "pyproject.toml": FORMS[form]})
    assert str(answer(root, cache, tmp_path)).startswith("3.")
    assert "sniffio" not in {n.split("/")[0]
                             for n in names(build(Source(str(root), "api.handler", RUNTIME), cache=cache))}


def test_groups_extras_and_the_lock_of_poetry(tmp_path: Path, cache: Path) -> None:
    about = ('[tool.poetry]\npackage-mode = false\n[tool.poetry.dependencies]\npython = ">=3.11"\nidna = "^3.4"\n'
             'sniffio = { version = "^1", optional = true }\n[tool.poetry.extras]\nio = ["sniffio"]\n'
             '[tool.poetry.group.web.dependencies]\niniconfig = "*"\n')
    lock = '[[package]]\nname = "idna"\nversion = "3.6"\n[[package]]\nname = "iniconfig"\nversion = "2.0.0"\n'
    root = write(tmp_path / "p", {"api.py": CODE.format("idna"), "pyproject.toml": about, "poetry.lock": lock})
    source = Source(str(root), "api.handler", RUNTIME, python={"extras": ["io"], "groups": ["web"]})
    first, found = fingerprint(source, cache=cache), set(names(build(source, cache=cache)))
    assert {"idna-3.6.dist-info/METADATA", "iniconfig-2.0.0.dist-info/METADATA", "sniffio/__init__.py"} <= found
    assert not {"poetry.lock", "pyproject.toml"} & found
    write(root, {"poetry.lock": lock.replace("3.6", "3.7")})
    assert fingerprint(source, cache=cache) != first
    assert "idna-3.7.dist-info/METADATA" in names(build(source, cache=cache))
    write(root, {"poetry.lock": lock.replace("3.6", "2.10")})
    with pytest.raises(UserError, match=r"(?s)pyproject.toml.*poetry.lock"):
        build(source, cache=cache)
    with pytest.raises(UserError, match='no dependency group "wep"'):
        build(Source(str(root), "api.handler", RUNTIME, python={"groups": ["wep"]}), cache=cache)


@pytest.mark.parametrize("tool", ["poetry", "pdm", "pipenv", "uv"])
def test_local_packages_of_each_tool_are_bundled_and_followed(tool: str, tmp_path: Path, cache: Path) -> None:
    core = ('[project]\nname = "core"\nversion = "1"\n[build-system]\nrequires = ["hatchling"]\n'
            'build-backend = "hatchling.build"\n')
    deep = core.replace('"core"', '"deep"')
    about = {"poetry": ("pyproject.toml",
                        '[tool.poetry]\npackage-mode = false\n[tool.poetry.dependencies]\npython = ">=3.11"\n'
                                          'core = { path = "../core", develop = true }\n'),
             "pdm": ("pyproject.toml", '[project]\nname = "a"\nversion = "1"\nrequires-python = ">=3.11"\n'
                                       'dependencies = ["core @ file:///${PROJECT_ROOT}/../core"]\n[tool.pdm]\n'
                                       'distribution = false\n'),
             "pipenv": ("Pipfile", '[packages]\ncore = { path = "../core", editable = true }\n'),
             "uv": ("pyproject.toml",
                    '[project]\nname = "a"\nversion = "1"\nrequires-python = ">=3.11"\ndependencies = ["core"]\n'
                                      '[tool.uv.sources]\ncore = { path = "../core" }\n')}[tool]
    root = write(tmp_path, {f"p/{about[0]}": about[1], "p/api.py": "import core\ndef handler(e, c): return core.V\n",
                            "core/pyproject.toml": core.replace('version = "1"\n',
                                                                'version = "1"\ndependencies = ["deep"]\n')
                            + '[tool.uv.sources]\ndeep = { path = "../deep" }\n' if tool == "uv" else core,
                            "core/core.py": "from deep import V\n" if tool == "uv" else "V = 'old'\n",
                            "deep/pyproject.toml": deep, "deep/deep.py": "V = 'old'\n"}) / "p"
    source, edited = Source(str(root), "api.handler", RUNTIME), "deep/deep.py" if tool == "uv" else "core/core.py"
    before = fingerprint(source, cache=cache)
    assert answer(root, cache, tmp_path / "1") == "old"
    write(tmp_path, {edited: "V = 'new'\n"})
    assert fingerprint(source, cache=cache) != before
    assert answer(root, cache, tmp_path / "2") == "new"


NEAR = {
    "uv": ("packaging", "pyproject.toml", '[project]\nname = "a"\nversion = "1"\nrequires-python = ">=3.11"\n'
                                     'dependencies = ["packaging"]\n'
                                     '[tool.uv.sources]\npackaging = { path = "packaging" }\n'),
    "uv, editable": ("libs/packaging", "pyproject.toml",
                     '[project]\nname = "a"\nversion = "1"\nrequires-python = ">=3.11"\n'
                     'dependencies = ["packaging[x]"]\n'
                     '[tool.uv.sources]\npackaging = { path = "libs/packaging", editable = true }\n'),
    "poetry, a space": ("libs/my packaging", "pyproject.toml",
                        '[tool.poetry]\npackage-mode = false\n[tool.poetry.dependencies]\npython = ">=3.11"\n'
                        'packaging = { path = "libs/my packaging" }\n'),
    "requirements": ("libs/packaging", "requirements.txt", "libs/packaging\n"),
    "requirements, editable": ("packaging", "requirements.txt", "-e packaging\n"),
    "requirements, a URL": ("libs/my packaging", "requirements.txt", "packaging @ file:libs/my%20packaging\n"),
}


@pytest.mark.parametrize("form", first_of(NEAR))
def test_a_folder_of_the_project_is_never_a_package_of_the_registry(form: str, tmp_path: Path, cache: Path) -> None:
    folder, file, text = NEAR[form]
    root = write(tmp_path / "p", {
        file: text, "api.py": "import packaging\ndef handler(e, c): return packaging.V\n",
        f"{folder}/pyproject.toml": '[project]\nname = "packaging"\nversion = "1"\n[build-system]\n'
                                    'requires = ["hatchling"]\nbuild-backend = "hatchling.build"\n',
        f"{folder}/packaging.py": "V = 'ours'\n"})
    before = fingerprint(Source(str(root), "api.handler", RUNTIME), cache=cache)
    assert answer(root, cache, tmp_path) == "ours"
    write(root, {f"{folder}/packaging.py": "V = 'edited'\n"})
    assert fingerprint(Source(str(root), "api.handler", RUNTIME), cache=cache) != before


@pytest.mark.long
def test_a_workspace_member_without_a_lock_is_followed(tmp_path: Path, cache: Path) -> None:
    build_system = '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
    root = write(tmp_path / "p", {
        "pyproject.toml": '[project]\nname = "root"\nversion = "1"\n[tool.uv.workspace]\n'
                          'members = ["functions", "core"]\n',
        "functions/pyproject.toml": '[project]\nname = "functions"\nversion = "1"\nrequires-python = ">=3.11"\n'
                                    'dependencies = ["core"]\n'
                                    '[tool.uv.sources]\ncore = { workspace = true }\n' + build_system,
        "functions/src/functions/api.py": "import core\ndef handler(e, c): return core.V\n",
        "functions/src/functions/__init__.py": "",
        "core/pyproject.toml": '[project]\nname = "core"\nversion = "1"\n' + build_system,
        "core/src/core/__init__.py": "V = 'old'\n"})
    source = Source(str(root), "functions/src/functions/api.handler", RUNTIME)
    subprocess.run(["git", "init", "-q"], cwd=root, check=True)
    before = fingerprint(source, cache=cache)
    assert build(source, cache=cache).fingerprint == before
    write(root, {"core/src/core/__init__.py": "V = 'new'\n"})
    assert fingerprint(source, cache=cache) != before
    made = build(source, cache=cache)
    assert call(unpack(made, tmp_path / "u"), made.handler) == "new"


def test_a_pipfile_and_its_lock(tmp_path: Path, cache: Path) -> None:
    root = write(tmp_path / "p", {"api.py": CODE.format("idna"), "Pipfile": '[packages]\nidna = "*"\n',
                                  "Pipfile.lock": '{"default": {"idna": {"version": "==3.8"}}, "develop": {}}'})
    assert answer(root, cache, tmp_path) == "3.8"


def test_a_setup_py_alone(tmp_path: Path, cache: Path) -> None:
    setup = ("from setuptools import setup\n"
             "setup(name='app', version='1', install_requires=['idna==3.10'], py_modules=[])\n")
    root = write(tmp_path / "p", {"src/api.py": CODE.format("idna"), "setup.py": setup})
    assert answer(root, cache, tmp_path, "src/api.handler") == "3.10"


@pytest.mark.long
def test_a_setup_cfg_alone(tmp_path: Path, cache: Path) -> None:
    text = ("[metadata]\nname = app\n[options]\ninstall_requires = file: base.in\n[options.extras_require]\nio =\n"
            "    sniffio  # small\n")
    root = write(tmp_path / "p", {"api.py": CODE.format("idna"), "setup.cfg": text, "base.in": "idna==3.10\n"})
    assert answer(root, cache, tmp_path) == "3.10"
    root = write(tmp_path / "q", {"api.py": CODE.format("sniffio"), "setup.cfg": text, "base.in": ""})
    assert answer(root, cache, tmp_path / "2", extras=["io"])
    write(root, {"setup.cfg": "[options\ninstall_requires"})
    with pytest.raises(UserError, match=r"setup\.cfg can.t be read"):
        build(Source(str(root), "api.handler", RUNTIME, python={"extras": ["io"]}), cache=cache)


@pytest.mark.long
def test_an_archive_that_does_not_have_its_hash_is_refused(tmp_path: Path) -> None:
    root = write(tmp_path / "p", {"api.py": CODE.format("hashed_sst")})
    path = wheel(root / "wheels", "hashed_sst", "right")
    sha = hashlib.sha256(path.read_bytes()).hexdigest()
    lines = f"--find-links wheels\nHashed.SST==1.0 \\\n    --hash=sha256:{'0' * 64}"
    write(root, {"requirements.txt": "-r locked.txt\n", "locked.txt": lines + "\n"})
    with pytest.raises(UserError, match=r"(?s)hashed-sst.*[Hh]ash"):
        build(Source(str(root), "api.handler", RUNTIME), cache=tmp_path / "cache")
    write(root, {"locked.txt": f"{lines} \\\n    --hash=sha256:{sha}\n"})
    assert answer(root, tmp_path / "cache", tmp_path) == "right"


@pytest.mark.long
def test_one_version_from_two_places_is_two_packages(tmp_path: Path, cache: Path) -> None:
    root = write(tmp_path / "p", {"api.py": CODE.format("moved_sst")})
    for value in ("one", "two"):
        wheel(tmp_path / value, "moved_sst", value)
        write(root, {"requirements.txt": f"--find-links {tmp_path / value}\nmoved-sst==1.0\n"})
        assert answer(root, cache, tmp_path / f"unpacked-{value}") == value


@pytest.mark.parametrize(("file", "text", "table"), [
    ("pyproject.toml", "project = [1]\n", "project"),
    ("pyproject.toml", '[tool]\npoetry = "x"\n', "tool.poetry"),
    ("pyproject.toml", '[project]\nname = "a"\n[tool.uv]\nsources = "x"\n', "tool.uv.sources"),
    ("pyproject.toml", "[tool.poetry.group]\nweb = 1\n", "tool.poetry.group.web"),
    ("Pipfile", "packages = []\n", "packages")])
def test_a_table_that_is_none_is_named(file: str, text: str, table: str, tmp_path: Path) -> None:
    root = write(tmp_path / "p", {"api.py": "def handler(e, c): return 1\n", file: text})
    with pytest.raises(UserError, match=rf"{file}: {table} has to be a table"):
        fingerprint(Source(str(root), "api.handler", RUNTIME), cache=tmp_path / "cache")


@pytest.mark.parametrize(("file", "text"), [
    ("pyproject.toml", '[project]\nname = "a"\ndependencies = []\n[tool.pdm]\ndistribution = false\n'),
    ("Pipfile", "[packages]\n")])
@pytest.mark.parametrize("option", ["extras", "groups"])
def test_an_extra_or_a_group_that_is_not_there_is_refused(file: str, text: str, option: str, tmp_path: Path) -> None:
    root = write(tmp_path / "p", {"api.py": "def handler(e, c): return 1\n", file: text})
    with pytest.raises(UserError, match=f'There is no .* "wep" in {file}'):
        build(Source(str(root), "api.handler", RUNTIME, python={option: ["wep"]}), cache=tmp_path / "cache")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig", "utf-32"])
def test_files_of_other_encodings(encoding: str, tmp_path: Path, cache: Path) -> None:
    root = write(tmp_path / "p", {"api.py": "import idna, sniffio\ndef handler(e, c): return idna.__version__\n"})
    (root / "requirements.txt").write_text("-r base.txt\r\nsniffio\r\n", encoding=encoding if encoding != "utf-32"
                                           else "utf-8")
    (root / "base.txt").write_text("idna==3.10\r\n", encoding=encoding if encoding != "utf-32" else "utf-16")
    assert answer(root, cache, tmp_path) == "3.10"


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    root = write(tmp_path / "p", {"api.py": "def handler(e, c): return 1\n"})
    for text in (b"idna==3.10\n\0\n", "# caf\u00e9\nidna\n".encode("latin-1")):
        (root / "requirements.txt").write_bytes(text)
        with pytest.raises(UserError, match=r"requirements\.txt"):
            build(Source(str(root), "api.handler", RUNTIME), cache=tmp_path / "cache")


@pytest.mark.parametrize("option", ["--find-links ./wheels", "-f wheels", "--find-links={uri}",
                                    "--extra-index-url {index}",
                                    "--extra-index-url={index}", "-r inner/more.txt"])
def test_packages_come_from_where_the_file_says(option: str, tmp_path: Path, cache: Path) -> None:
    value = f"from {option}"
    root = write(tmp_path / "p", {"api.py": CODE.format("privpkg_sst")})
    wheel(root / "wheels", "privpkg_sst", value)
    wheel(root / "inner/wheels", "privpkg_sst", value)
    where = index(tmp_path / "index", "privpkg-sst".replace("-", "_"), value)
    (tmp_path / "index/privpkg_sst").rename(tmp_path / "index/privpkg-sst")
    line = option.format(uri=(root / "wheels").as_uri(), index=where)
    write(root, {"requirements.txt": f"{line}\nprivpkg-sst==1.0\n", "inner/more.txt": f"--extra-index-url {where}\n"})
    assert answer(root, tmp_path / "cache", tmp_path) == value


def test_pips_variables_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = write(tmp_path / "p", {"api.py": CODE.format("privpkg_env"), "requirements.txt": "privpkg-env\n"})
    wheel(tmp_path / "wheels", "privpkg_env", "env")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "wheels"))
    assert answer(root, tmp_path / "cache", tmp_path) == "env"


def test_a_configuration_of_pip_is_said_not_to_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pip.conf").write_text("[global]\nindex-url = https://private.example/simple\n")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    root = write(tmp_path / "p", {"api.py": "def handler(e, c): return 1\n", "requirements.txt":
                                  f"--no-index\n--find-links {tmp_path}\nprivpkg-conf\n"})
    with pytest.raises(UserError) as refused:
        build(Source(str(root), "api.handler", RUNTIME), cache=tmp_path / "cache")
    assert refused.value.hint.startswith(f"{tmp_path}/pip.conf is not read")


def test_logins_are_nowhere(tmp_path: Path) -> None:
    """Not in the cache, not in the bundle, not in what is said."""
    secret = "s3cr3t-t0ken"
    root = write(tmp_path / "p", {"api.py": "def handler(e, c): return 1\n", "requirements/base.txt": "",
                                  "requirements.txt": f"--extra-index-url http://me:{secret}@127.0.0.1:9/simple\n"
                                                      f"nobody-has-this @ http://me:{secret}@127.0.0.1:9/x-1.0-py3-none-any.whl\n"})
    with pytest.raises(UserError) as caught:
        build(Source(str(root), "api.handler", RUNTIME), cache=tmp_path / "cache")
    assert secret not in str(caught.value)
    write(root, {"requirements.txt": f"--extra-index-url http://me:{secret}@127.0.0.1:9/simple\n"})
    made = build(Source(str(root), "api.handler", RUNTIME), cache=tmp_path / "cache")
    assert "requirements.txt" not in names(made)
    kept = b"".join(p.read_bytes() for p in (tmp_path / "cache").rglob("*") if p.is_file())
    assert secret.encode() not in kept


def test_logins_are_left_out_and_put_back(tmp_path: Path) -> None:
    lines = ["a @ https://me:pw@host/a.whl", "b @ git+https://tok@github.com/x/b@0123",
             "c @ git+ssh://git@github.com/x/c", "d==1"]
    file = tmp_path / "requirements.txt"
    file.write_text("\n".join([*lines, "e @ https://other:pw2@host/e/e.whl"]))
    hidden = [without_login(line) for line in lines]
    assert not [h for h in hidden if "pw" in h or "tok@" in h] and hidden[2:] == lines[2:]
    assert with_logins(hidden, [file]) == lines


def test_index_options_of_included_files(tmp_path: Path) -> None:
    write(tmp_path, {"requirements.txt": "-r sub/a.txt\n-i https://x/simple # ours\n",
                     "sub/a.txt": "--find-links=w\n--no-index\nidna\n",
                     "sub/w/x": ""})
    assert index_options(tmp_path / "requirements.txt") == ["--index-url https://x/simple",
                                                            f"--find-links {tmp_path / 'sub/w'}", "--no-index"]


@pytest.mark.parametrize("file", ["requirements-prod.txt", "requirements/base.txt", "environment.yml", "pixi.toml"])
def test_what_nobody_reads_is_said(file: str, tmp_path: Path) -> None:
    root = write(tmp_path / "p", {"api.py": "def handler(e, c): return 1\n", file: "idna\n"})
    (line,) = warnings(Source(str(root), "api.handler", RUNTIME), ProjectFiles())
    assert line.startswith(f"no dependencies are installed for api.handler: {file} is not read")


def repository(root: Path, *forced: str, index: str = "") -> None:
    sha = ["--object-format=sha256"] if index == "sha256" else []
    for command in (["init", "-q", *sha], ["add", "."], *(["add", "-f", f] for f in forced),
                    *([["update-index", "--split-index"]] if index == "split" else [])):
        subprocess.run(["git", *command], cwd=root, check=True)


@pytest.mark.parametrize("index", ["", "split", "sha256"])
def test_one_commit_gives_one_bundle_with_or_without_git(index: str, tmp_path: Path, cache: Path) -> None:
    shas = set()
    for place in ("with", "without"):
        root = write(
            tmp_path / place,
            {
                ".gitignore": "private/\n*_pb2.py\n/functions/a/out\n",
                "functions/.gitignore": "*.dump\n!keep.dump\n",
                "functions/a/pyproject.toml": '[project]\nname = "a"\nversion = "1"\nrequires-python = ">=3.11"\n',
                "functions/a/src/api.py": "import src.x_pb2\ndef handler(e, c): return 1\n",
                "functions/a/src/x_pb2.py": "",
                "functions/a/private/customers.csv": "",
                "functions/a/x.dump": "",
                "functions/a/keep.dump": "",
                "functions/a/out/x.txt": "",
            },
        )
        if place == "with":
            repository(root, "functions/a/src/x_pb2.py", index=index)
        made = build(Source(str(root), "functions/a/src/api.handler", RUNTIME), cache=cache)
        shas.add(made.sha256)
        found = {n for n in names(made) if not n.startswith("sst/")}
        assert found == {"src/api.py", "src/x_pb2.py", "keep.dump", "_sst_entry.py"}
    assert len(shas) == 1


@pytest.mark.parametrize("index", ["", "split", "sha256"])
def test_tracked_data_counts_in_each_kind_of_repository(index: str, tmp_path: Path, cache: Path) -> None:
    root = write(tmp_path / "p", {"api.py": "def handler(e, c): return 1\n", ".gitignore": "*.dat\n", "x.dat": "",
                                  "y.dat": ""})
    repository(root, "x.dat", index=index)
    if index == "split":
        subprocess.run(["git", "add", "-f", "y.dat"], cwd=root, check=True)
        subprocess.run(["git", "rm", "-q", "--cached", "y.dat"], cwd=root, check=True)
    found = set(names(build(Source(str(root), "api.handler", RUNTIME), cache=cache)))
    assert "x.dat" in found and "y.dat" not in found
