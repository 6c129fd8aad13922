"""Fingerprint, cache, determinism, what never enters a bundle, limits."""
from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sst.build.artefact import build, fingerprint, with_files
from sst.build.cache import tidy
from sst.build.limit import LIMIT
from sst.build.project_files import ProjectFiles
from sst.build.source import Source
from sst.errors import UserError

from .projects import RUNTIME, call, names, unpack, uv, write

BUILD = """
import sys
from pathlib import Path
from sst.build.artefact import build
from sst.build.source import Source
print(build(Source(sys.argv[1], "api.handler", sys.argv[2]), cache=Path(sys.argv[3])).sha256)
"""
HANDLER = "def handler(e, c): return 1\n"


def age(root: Path) -> None:
    """Make all files an hour old, so that their times count as settled. (A changed ctime can't be faked: wait it
    out.)"""
    for p in root.rglob("*"):
        os.utime(p, (time.time() - 3600,) * 2)


def test_the_same_project_in_two_places_gives_the_same_bytes(tmp_path: Path) -> None:
    zips, prints = [], []
    for place in ("a", "deep/er/b"):
        root = write(tmp_path / place, {"src/api.py": HANDLER, "requirements.txt": "idna==3.10\n",
                                        "data/x.bin": "x" * 5000})
        age(root / "src")
        source = Source(str(root), "src/api.handler", RUNTIME)
        zips.append(build(source, cache=tmp_path / f"cache-{place.replace('/', '-')}"))
        prints.append(fingerprint(source))
    assert zips[0].path.read_bytes() == zips[1].path.read_bytes()
    assert zips[0].sha256 == zips[1].sha256 == hashlib.sha256(zips[0].path.read_bytes()).hexdigest()
    assert prints[0] == prints[1]


def test_the_fingerprint_follows_what_matters(tmp_path: Path) -> None:
    root = write(tmp_path / "p", {"src/api.py": HANDLER, "requirements.txt": "idna==3.10\n",
                                  ".gitignore": "*.dat\nout/\n!keep.dat\n"})
    source = Source(str(root), "src/api.handler", RUNTIME)
    seen = [fingerprint(source)]

    def changed() -> bool:
        seen.append(fingerprint(source))
        return seen[-1] != seen[-2]

    for harmless in (".env", "x.log", "x.dat", "out/y.py", "node_modules/z.py", "tests/test_api.py", ".venv/pyvenv.cfg",
                     "sst_config.py",
                     "id_rsa", "__pycache__/api.pyc", ".sst/state", "web/package.json", "web/index.js"):
        write(root, {harmless: "x = 1"})
        assert not changed(), harmless
    for counting in ("src/api.py", "src/new.py", "requirements.txt", "keep.dat", "page.html"):
        write(root, {counting: HANDLER if counting.endswith("py") else "sniffio"})
        assert changed() or counting == "src/api.py", counting
    write(root, {"src/api.py": HANDLER.replace("1", "2")})
    assert changed()
    other = Source(str(root), "src/api.handler", RUNTIME, architecture="arm64")
    assert fingerprint(other) != seen[-1]


def test_secrets_environments_and_tests_stay_out(tmp_path: Path, cache: Path) -> None:
    bad = [".env", ".env.prod", "key.pem", "src/id_rsa", ".git/HEAD", ".sst/x", "node_modules/a/i.py", "env/pyvenv.cfg",
           "env/lib/x.py",
           "tests/test_a.py", "src/__pycache__/api.pyc", "src/.DS_Store", ".npmrc", "sst_config.py",
           "uv.lock.bak/../.netrc"]
    root = write(tmp_path / "p", {"src/api.py": HANDLER, "src/data.json": "{}", **dict.fromkeys(bad, "secret")})
    found = names(build(Source(str(root), "src/api.handler", RUNTIME), cache=cache))
    assert {n for n in found if not n.startswith("sst/")} == {"src/api.py", "src/data.json", "_sst_entry.py"}


def test_a_project_is_walked_and_read_once_for_all_its_functions(tmp_path: Path) -> None:
    root = write(tmp_path / "p", {f"src/f{n}.py": HANDLER for n in range(200)} | {"requirements.txt": "idna==3.10\n"})
    sources = [Source(str(root), f"src/f{n}.handler", RUNTIME) for n in range(100)]
    files = ProjectFiles()
    one = fingerprint(sources[0], files=files)
    (root / "src/f0.py").write_text("not read again")
    start = time.process_time()
    assert {fingerprint(s, files=files) for s in sources} == {one}
    assert time.process_time() - start < 2  # measured: 0.1 s


def test_an_edit_that_keeps_size_and_time_is_seen(tmp_path: Path) -> None:
    root = write(tmp_path / "p", {"src/api.py": HANDLER})
    source = Source(str(root), "src/api.handler", RUNTIME)
    first = fingerprint(source)
    was = (root / "src/api.py").stat()
    write(root, {"src/api.py": HANDLER.replace("1", "2")})
    os.utime(root / "src/api.py", ns=(was.st_atime_ns, was.st_mtime_ns))
    assert fingerprint(source) != first


def test_functions_share_dependency_builds_and_a_changed_line_builds_none(tmp_path: Path) -> None:
    root = write(tmp_path / "p", {"src/a.py": HANDLER, "src/b.py": HANDLER, "requirements.txt": "idna==3.10\n"})
    said: list[str] = []
    cache = tmp_path / "cache"
    for handler in ("src/a.handler", "src/b.handler"):
        build(Source(str(root), handler, RUNTIME), cache=cache, note=said.append)
    write(root, {"src/a.py": HANDLER + "# changed\n"})
    build(Source(str(root), "src/a.handler", RUNTIME), cache=cache, note=said.append)
    assert [s for s in said if s.startswith("installing")] == [said[0]]
    assert len(list((cache / "dependencies").iterdir())) == 1


def test_a_warm_cache_needs_no_network(tmp_path: Path) -> None:
    root = write(tmp_path / "p", {"api.py": HANDLER, "requirements.txt": "idna==3.10\n"})
    cache = tmp_path / "cache"
    build(Source(str(root), "api.handler", RUNTIME), cache=cache)
    write(root, {"api.py": HANDLER + "\n"})
    offline = {**os.environ, "UV_DEFAULT_INDEX": "http://127.0.0.1:9/simple", "UV_CACHE_DIR": str(tmp_path / "empty")}
    subprocess.run([sys.executable, "-c", BUILD, str(root), RUNTIME, str(cache)], env=offline, check=True)


def test_threads_and_processes_make_one_artefact_together(tmp_path: Path) -> None:
    root = write(tmp_path / "p", {"api.py": HANDLER, "requirements.txt": "idna==3.10\nsniffio\n"})
    cache = tmp_path / "cache"
    command = [sys.executable, "-c", BUILD, str(root), RUNTIME, str(cache)]
    others = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    with ThreadPoolExecutor(4) as pool:
        mine = set(pool.map(lambda _: build(Source(str(root), "api.handler", RUNTIME), cache=cache).sha256, range(4)))
    theirs = {p.communicate()[0].strip() for p in others}
    assert mine == theirs and len(mine) == 1
    assert not list(cache.rglob("*.part"))


def test_a_killed_build_leaves_no_torn_artefact(tmp_path: Path) -> None:
    root = write(tmp_path / "p", {"api.py": HANDLER, "requirements.txt": "idna==3.10\n", "big.bin": "x"})
    (root / "big.bin").write_bytes(os.urandom(20_000_000))
    cache = tmp_path / "cache"
    for seconds in (0.15, 0.3, 0.5, 0.8):
        p = subprocess.Popen([sys.executable, "-c", BUILD, str(root), RUNTIME, str(cache)], stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL)
        try:
            p.wait(seconds)
        except subprocess.TimeoutExpired:
            p.send_signal(signal.SIGKILL)
            p.wait()
    made = build(Source(str(root), "api.handler", RUNTIME), cache=cache)
    assert hashlib.sha256(made.path.read_bytes()).hexdigest() == made.sha256
    with zipfile.ZipFile(made.path) as z:
        assert z.testzip() is None


def test_copied_files_land_where_asked(tmp_path: Path, cache: Path) -> None:
    root = write(tmp_path / "p", {"api.py": HANDLER, ".gitignore": "out/\n", "out/t/a.txt": "a", "out/.env": "x",
                                  "b.txt": "b"})
    found = names(build(Source(str(root), "api.handler", RUNTIME, copy_files=(("out", "tpl"), ("b.txt", "c/d.txt"))),
                        cache=cache))
    assert {"tpl/t/a.txt", "c/d.txt"} <= set(found) and not [n for n in found if ".env" in n]
    with pytest.raises(UserError, match='there is no file or folder "nowhere"'):
        fingerprint(Source(str(root), "api.handler", RUNTIME, copy_files=(("nowhere", ""),)))
    with pytest.raises(UserError, match="inside the bundle"):
        fingerprint(Source(str(root), "api.handler", RUNTIME, copy_files=(("b.txt", "../x"),)))


def test_files_are_added_to_a_finished_zip(tmp_path: Path, cache: Path) -> None:
    root = write(tmp_path / "p", {"api.py": HANDLER})
    made = build(Source(str(root), "api.handler", RUNTIME), cache=cache)
    for name in "ab":
        with_files(made.path, {"resource.enc": b"\0" * 100}, tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    with zipfile.ZipFile(tmp_path / "a") as z:
        assert z.testzip() is None and z.read("resource.enc") == b"\0" * 100
        assert z.namelist() == sorted(z.namelist()) and {i.date_time for i in z.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_a_bundle_over_the_limit_names_the_largest_parts(tmp_path: Path, cache: Path) -> None:
    root = write(tmp_path / "p", {"api.py": HANDLER, "model/x": "", "other/y": "y" * 2000})
    with (root / "model/x").open("wb") as f:
        f.truncate(LIMIT)
    with pytest.raises(UserError, match=r"250\.0 MB unzipped; Lambda takes 250 MB(?s:.*)250\.0 MB  model(?s:.*)other"):
        build(Source(str(root), "api.handler", RUNTIME), cache=cache)


def test_resource_can_be_imported_and_our_own_distribution_is_dropped(tmp_path: Path, cache: Path) -> None:
    code = ("from sst import Resource\nimport importlib.util as u\n"
            "def handler(e, c): return u.find_spec('Cryptodome') is None\n")
    root = write(tmp_path / "p", {"api.py": code, "requirements.txt": "sst-sdk\nidna==3.10\n"})
    made = build(Source(str(root), "api.handler", RUNTIME), cache=cache)
    assert "sst/runtime/__init__.py" in names(made) and not [n for n in names(made) if "sst_sdk" in n]
    assert call(unpack(made, tmp_path / "u"), made.handler) is True


def test_a_host_build_runs_here(tmp_path: Path, cache: Path) -> None:
    root = write(tmp_path / "p", {"api.py": "import pydantic_core\ndef handler(e, c): return 1\n",
                                  "requirements.txt": "pydantic-core\n"})
    made = build(Source(str(root), "api.handler", RUNTIME, host=True), cache=cache)
    folder = str(unpack(made, tmp_path / "u"))
    call_with = f"import sys; sys.path.insert(0, {folder!r}); import api; print(api.handler(0, 0))"
    done = subprocess.run([sys.executable, "-I", "-S", "-c", call_with], capture_output=True, text=True)
    assert done.stdout == "1\n", done.stderr


@pytest.mark.parametrize("handler", ["app.main:app", "src/app/main:app", "src/app/main.py:app", "src/app.main:app"])
def test_an_asgi_object_is_served(tmp_path: Path, cache: Path, handler: str) -> None:
    app = """
        async def app(scope, receive, send):
            if scope["type"] != "http":
                raise NotImplementedError
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
            await send({"type": "http.response.body", "body": scope["path"].encode()})
    """
    root = write(tmp_path / "p", {"src/app/main.py": "from app.other import app\n", "src/app/other.py": app})
    made = build(Source(str(root), handler, RUNTIME), cache=cache)
    assert made.handler == "_sst_entry.src/app/main::app"
    event = {"version": "2.0", "rawPath": "/hello", "rawQueryString": "", "headers": {}, "isBase64Encoded": False,
             "requestContext": {"http": {"method": "GET", "path": "/hello", "sourceIp": "127.0.0.1"},
                                "domainName": "localhost"}}
    said = call(unpack(made, tmp_path / "u"), made.handler, event)
    assert said["statusCode"] == 200 and said["body"] == "/hello"


def test_functions_of_a_project_share_one_zip(tmp_path: Path, cache: Path) -> None:
    root = write(tmp_path / "p", {"src/a.py": HANDLER, "src/b.py": HANDLER.replace("1", "2")})
    a, b = (build(Source(str(root), f"src/{n}.handler", RUNTIME), cache=cache) for n in "ab")
    assert a.sha256 == b.sha256 and a.path.samefile(b.path) and a.handler == "_sst_entry.src/a:handler"
    folder = unpack(a, tmp_path / "u")
    assert [call(folder, a.handler), call(folder, b.handler)] == [1, 2]


def test_a_stale_lock_is_named(tmp_path: Path, cache: Path) -> None:
    about = '[project]\nname = "p"\nversion = "1"\nrequires-python = ">=3.11"\ndependencies = [{}]\n'
    root = write(tmp_path / "p", {"api.py": HANDLER, "pyproject.toml": about.format("")})
    uv("lock", cwd=root)
    for added in ('"idna==3.10"', '"some-package-nobody-has-cached"', '"roman"'):
        write(root, {"pyproject.toml": about.format(added)})
        with pytest.raises(UserError, match=r"run `uv lock`|Could not read the dependencies"):
            build(Source(str(root), "api.handler", RUNTIME), cache=cache)


ERRORS: list[tuple[dict[str, str], str, str]] = [
    ({"api.py": HANDLER}, "nope.handler", r'Handler not found: "nope.handler"'),
    ({"deep/down/api.py": HANDLER}, "api.handler", r'did you mean "deep/down/api"'),
    ({"api.py": HANDLER}, "api.handlr", r'There is no "handlr" in api.py \(api.py:1\)\n  hint: did you mean "handler"'),
    ({"api.py": HANDLER}, "api.py", r'There is no "py" in api.py (?s:.*)the file without .py, a dot and the function'),
    ({"api.py": "x = 1\ndef handler(:\n"}, "api.handler", r"Syntax error .*\(api.py:2\)"),
    ({"api.py": HANDLER}, "api", r'"api" is not understood'),
    ({"api.py": HANDLER}, "../api.handler", r'"../api.handler" is outside of the project'),
    ({"api.py": HANDLER}, "api.handler()", r"is not understood(?s:.*)create_app\(\)"),
    ({"api.py": HANDLER}, "api:create_app()", r'There is no "create_app" in api.py'),
    ({"api.py": HANDLER, "pyproject.toml": "[project\n"}, "api.handler", r"pyproject.toml is not valid TOML"),
    ({"api.py": HANDLER, "requirements.txt": "no-such-package-xyzzy-1==1\n"}, "api.handler",
     r"Could not (?s:.*)no-such-package-xyzzy-1"),
    ({"api.py": HANDLER, "requirements.txt": "idna==999\n"}, "api.handler", r"Could not resolve(?s:.*)idna==999"),
    ({"api.py": HANDLER, "requirements.txt": "./lib\n", "lib/pyproject.toml": '[project]\nname="l"\nversion="1"\n' +
      '[build-system]\nrequires=["hatchling"]\nbuild-backend="hatchling.build"\n'}, "api.handler",
      r"Could not build the wheel of lib"),
]


@pytest.mark.parametrize(("files", "handler", "message"), ERRORS, ids=[e[2][:30] for e in ERRORS])
def test_mistakes_are_named(tmp_path: Path, cache: Path, files: dict[str, str], handler: str, message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        build(Source(str(write(tmp_path / "p", files)), handler, RUNTIME), cache=cache)
    assert "Traceback" not in str(caught.value)
    print(caught.value)


def test_a_source_only_native_package_is_refused_for_another_platform() -> None:
    from sst.build.dependencies import Target, must_fit

    target = Target((), "aarch64-manylinux_2_34-3.12", "3.12")
    with pytest.raises(UserError, match=r"pkg 1\.0 has no wheel for Lambda"):
        must_fit({"pkg-1.0.dist-info/WHEEL": b"Wheel-Version: 1.0\nTag: cp311-cp311-linux_x86_64\n"}, target)


def test_our_own_distribution_is_dropped_with_what_only_it_needs(tmp_path: Path, cache: Path) -> None:
    hatch = '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
    files = {"tool/pyproject.toml": '[project]\nname = "sst-python"\nversion = "1"\ndependencies = ["sniffio", '
                                    '"idna==3.10"]\n' + hatch,
             "tool/sst_python/__init__.py": "",
             "p/api.py": "import idna\n" + HANDLER,
             "p/pyproject.toml": '[project]\nname = "p"\nversion = "1"\nrequires-python = ">=3.11"\ndependencies = '
                                 '["sst-python", "idna"]\n'
                                 '[tool.uv.sources]\nsst-python = { path = "../tool", editable = true }\n'}
    root = write(tmp_path, files) / "p"
    source = Source(str(root), "api.handler", RUNTIME)
    for lock in (False, True):
        if lock:
            uv("lock", cwd=root)
        tops = {n.split("/")[0] for n in names(build(source, cache=cache))}
        assert "idna" in tops and not {"sst_python", "sniffio"} & tops


def test_excluded_files_and_unknown_options(tmp_path: Path, cache: Path) -> None:
    root = write(tmp_path / "p", {"api.py": HANDLER, "docs/a.txt": "", "b.csv": "", "requirements.txt": "idna==3.10\n"})
    made = build(Source(str(root), "api.handler", RUNTIME, python={"exclude": ["docs", "*.csv", "idna/codec.py"]}),
                 cache=cache)
    assert not {"docs/a.txt", "b.csv", "idna/codec.py"} & set(names(made)) and "idna/core.py" in names(made)
    with pytest.raises(UserError, match='Unknown python option "extra"'):
        build(Source(str(root), "api.handler", RUNTIME, python={"extra": []}), cache=cache)


@pytest.mark.parametrize("version", ["2", "4"])
def test_a_tracked_file_counts_although_it_is_ignored(tmp_path: Path, cache: Path, version: str) -> None:
    root = write(tmp_path / "p", {"f/api.py": HANDLER, ".gitignore": "gen/\n*.dat\n", "f/gen/a.py": "",
                                  "f/gen/b.py": "",
                                  "f/x.dat": "", "f/y.dat": "",
                                  **{f"other/{n}.txt": "" for n in range(30)}})
    for command in (["init", "-q"], ["add", "."], ["add", "-f", "f/gen/a.py", "f/x.dat"],
                    ["update-index", "--index-version", version]):
        subprocess.run(["git", *command], cwd=root, check=True)
    found = set(names(build(Source(str(root / "f"), "api.handler", RUNTIME), cache=cache)))
    assert {"gen/a.py", "x.dat"} <= found and not {"gen/b.py", "y.dat"} & found


@pytest.mark.long
def test_dynamic_dependencies_follow_their_file(tmp_path: Path, cache: Path) -> None:
    about = ('[project]\nname = "p"\nversion = "1"\ndynamic = ["dependencies"]\n[build-system]\nrequires = '
             '["setuptools"]\n'
             'build-backend = "setuptools.build_meta"\n[tool.setuptools]\npy-modules = ["api"]\n'
             '[tool.setuptools.dynamic]\ndependencies = { file = "requirements.txt" }\n')
    root = write(tmp_path / "p", {"api.py": HANDLER, "pyproject.toml": about})
    for dependency in ("idna", "sniffio"):
        write(root, {"requirements.txt": dependency + "\n"})
        assert dependency in {n.split("/")[0] for n in names(build(Source(str(root), "api.handler", RUNTIME),
                                                                   cache=cache))}


def test_old_artefacts_go_and_used_ones_stay(tmp_path: Path) -> None:
    for n in range(6):
        (tmp_path / str(n)).mkdir()
        os.utime(tmp_path / str(n), (time.time() - 1000 * n,) * 2)
    tidy(tmp_path, newest=2, unused=3500)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["0", "1", "2", "3"]


def test_a_root_may_be_written_with_dots(tmp_path: Path, cache: Path) -> None:
    root = write(tmp_path / "p", {"src/api.py": HANDLER})
    (root / "sub").mkdir()
    dotted = build(Source(str(root / "sub" / ".."), "src/api.handler", RUNTIME), cache=cache)
    assert dotted.sha256 == build(Source(str(root), "src/api.handler", RUNTIME), cache=cache).sha256
    relative = Source(os.path.relpath(root), "src/api.handler", RUNTIME)
    assert fingerprint(relative, cache=cache) == fingerprint(Source(str(root), "src/api.handler", RUNTIME), cache=cache)


def test_a_source_survives_json() -> None:
    source = Source("/p", "a.b", RUNTIME, copy_files=(("a", "b"),), python={"extras": ["x"]}, host=True)
    assert Source.from_dict(json.loads(json.dumps(source.to_dict()))) == source


def test_a_poetry_project(tmp_path: Path, cache: Path) -> None:
    about = ('[tool.poetry]\nname = "shop"\nversion = "1.0"\ndescription = ""\nauthors = []\n'
             '[tool.poetry.dependencies]\npython = ">=3.11"\n'
             'idna = "3.10"\n[build-system]\nrequires = ["poetry-core"]\nbuild-backend = "poetry.core.masonry.api"\n')
    code = "import idna\ndef handler(e, c): return idna.__version__\n"
    root = write(tmp_path / "p", {"pyproject.toml": about, "shop/__init__.py": "", "shop/api.py": code})
    made = build(Source(str(root), "shop/api.handler", RUNTIME), cache=cache)
    assert call(unpack(made, tmp_path / "u"), made.handler) == "3.10"
