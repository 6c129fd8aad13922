"""The layouts people have: each is built for Lambda and its handler is called by a clean interpreter."""
from __future__ import annotations

import subprocess
import textwrap
from pathlib import Path

import pytest

from sst.build.artefact import build
from sst.build.source import Source

from .projects import RUNTIME, Run, names, uv, write

HATCH = """
    [build-system]
    requires = ["hatchling"]
    build-backend = "hatchling.build"
"""


def project(name: str, dependencies: str = "", more: str = "") -> str:
    head = f'[project]\nname = "{name}"\nversion = "1.0"\nrequires-python = ">=3.11"\ndependencies = [{dependencies}]\n'
    return head + textwrap.dedent(more)


def test_no_dependency_file_at_all(tmp_path: Path, run: Run) -> None:
    write(tmp_path / "p", {"src/api.py": "from src.data import x\ndef handler(e, c): return x\n",
                           "src/data.py": "x = 'plain'\n"})
    assert run(tmp_path / "p", "src/api.handler") == "plain"


def test_modules_of_a_loose_src_folder_may_import_each_other_without_it(tmp_path: Path, run: Run) -> None:
    write(tmp_path / "p", {"src/api.py": "from data import x\ndef handler(e, c): return x\n",
                           "src/data.py": "x = 'loose'\n"})
    assert run(tmp_path / "p", "src/api.handler") == "loose"


def test_a_handler_at_the_root_finds_packages_beside_it(tmp_path: Path, run: Run) -> None:
    write(tmp_path / "p", {"main.py": "from lib.deep import x\ndef handler(e, c): return x\n",
                           "lib/deep.py": "x = 'beside'\n"})
    assert run(tmp_path / "p", "main.handler") == "beside"


def test_requirements_txt_with_an_include_and_a_local_folder(tmp_path: Path, run: Run) -> None:
    write(tmp_path / "p", {
        "app/main.py": "import idna, sniffio, mylib\ndef handler(e, c): return [idna.encode('ä.de').decode(), "
                       "mylib.x]\n",
        "requirements.txt": "-r base.txt\nsniffio\n./mylib\n", "base.txt": "idna==3.10\n",
        "mylib/pyproject.toml": project("mylib", "", HATCH), "mylib/mylib/__init__.py": "x = 'local'\n"})
    assert run(tmp_path / "p", "app/main.handler") == ["xn--4ca.de", "local"]


def test_pyproject_and_lock_flat(tmp_path: Path, run: Run) -> None:
    write(tmp_path / "p", {"pyproject.toml": project("flat", '"idna==3.10"'),
                           "api.py": "import idna\ndef handler(e, c): return idna.__version__\n"})
    uv("lock", cwd=tmp_path / "p")
    assert run(tmp_path / "p", "api.handler") == "3.10"


def test_pyproject_without_a_lock(tmp_path: Path, run: Run) -> None:
    write(tmp_path / "p", {"pyproject.toml": project("flat", '"idna==3.10"'),
                           "api.py": "import idna\ndef handler(e, c): return idna.__version__\n"})
    assert run(tmp_path / "p", "api.handler") == "3.10"
    assert not (tmp_path / "p" / "uv.lock").exists()


def test_pyproject_and_lock_src_layout_takes_the_wheel(tmp_path: Path, run: Run) -> None:
    code = ("import idna, importlib.metadata as m\n"
            "def handler(e, c): return [idna.__version__, m.version('shop'), __name__]\n")
    write(tmp_path / "p", {"pyproject.toml": project("shop", '"idna==3.10"', HATCH), "src/shop/__init__.py": "",
                           "src/shop/api.py": code})
    uv("lock", cwd=tmp_path / "p")
    assert run(tmp_path / "p", "src/shop/api.handler") == ["3.10", "1.0", "shop.api"]
    assert sorted(p.name for p in (tmp_path / "p").iterdir()) == ["pyproject.toml", "src", "uv.lock"]


WORKSPACE = {
    "pyproject.toml": project("root") + '[tool.uv.workspace]\nmembers = ["functions", "packages/*"]\n',
    "functions/pyproject.toml": project("functions", '"core", "idna==3.10"',
                                        '[tool.uv.sources]\ncore = { workspace = true }\n' + HATCH.replace("    ", "")),
    "functions/src/functions/__init__.py": "",
    "functions/src/functions/api.py": "import core, idna\ndef handler(e, c): return [core.x(), idna.__version__]\n",
    "packages/core/pyproject.toml": project("core", '"sniffio"', HATCH),
    "packages/core/src/core/__init__.py": "import sniffio\ndef x(): return 'core'\n",
    "packages/other/pyproject.toml": project("other", '"anyio"', HATCH), "packages/other/src/other/__init__.py": "",
}


def test_uv_workspace_holds_only_the_closure_of_the_function(tmp_path: Path, run: Run, cache: Path) -> None:
    root = write(tmp_path / "p", WORKSPACE)
    uv("lock", cwd=root)
    assert run(root, "functions/src/functions/api.handler") == ["core", "3.10"]
    tops = {n.split("/")[0] for n in names(build(Source(str(root), "functions/src/functions/api.handler", RUNTIME),
                                                 cache=cache))}
    assert {"core", "functions", "idna", "sniffio", "sst"} <= tops and not {"other", "anyio", "packages", "root"} & tops


def test_a_nested_workspace_uses_its_own_lock(tmp_path: Path, run: Run) -> None:
    outer = {"pyproject.toml": project("outer", '"anyio"') + '[tool.uv.workspace]\nexclude = ["inner"]\n'}
    root = write(tmp_path / "p", {**outer, **{f"inner/{n}": t for n, t in WORKSPACE.items()}})
    uv("lock", cwd=root)
    uv("lock", cwd=root / "inner")
    assert run(root, "inner/functions/src/functions/api.handler") == ["core", "3.10"]


def test_a_function_in_a_subfolder_of_a_monorepo(tmp_path: Path, run: Run) -> None:
    root = write(tmp_path / "p", {"package.json": "{}", "services/my-api/requirements.txt": "idna==3.10\n",
                                  "services/my-api/main.py": "import util\ndef handler(e, c): return util.v\n",
                                  "services/my-api/util.py": "import idna\nv = idna.__version__\n",
                                  "services/web/page.py": ""})
    assert run(root, "services/my-api/main.handler") == "3.10"


def test_path_dependency_outside_the_project(tmp_path: Path, run: Run) -> None:
    sources = '[tool.uv.sources]\ncore = { path = "../core" }\n'
    write(tmp_path, {"p/pyproject.toml": project("app", '"core"', sources),
                     "p/api.py": "import core\ndef handler(e, c): return core.x\n",
                     "core/pyproject.toml": project("core", "", HATCH), "core/core.py": "x = 'path'\n"})
    uv("lock", cwd=tmp_path / "p")
    assert run(tmp_path / "p", "api.handler") == "path"


def test_an_editable_path_dependency_is_installed_for_real(tmp_path: Path, run: Run) -> None:
    sources = '[tool.uv.sources]\ncore = { path = "core", editable = true }\n'
    root = write(tmp_path / "p", {"pyproject.toml": project("app", '"core"', sources),
                                  "api.py": "import core\ndef handler(e, c): return core.x\n",
                                  "core/pyproject.toml": project("core", "", HATCH),
                                  "core/src/core/__init__.py": "x = 'editable'\n"})
    uv("lock", cwd=root)
    assert run(root, "api.handler") == "editable"


def test_extras(tmp_path: Path, run: Run) -> None:
    extras = '[project.optional-dependencies]\nweb = ["sniffio"]\nheavy = ["anyio"]\n'
    root = write(tmp_path / "p", {"pyproject.toml": project("app", '"idna==3.10"', extras),
                                  "api.py": "import sniffio, idna\nfrom importlib.util import find_spec\n"
                                            "def handler(e, c): return find_spec('anyio') is None\n"})
    uv("lock", cwd=root)
    assert run(root, "api.handler", python={"extras": ["web"]}) is True


@pytest.mark.long
def test_dynamic_version_from_a_file_and_from_git(tmp_path: Path, run: Run) -> None:
    file = HATCH + '    [tool.hatch.version]\n    path = "app/__init__.py"\n'
    about = project("app", "", file).replace('version = "1.0"', 'dynamic = ["version"]')
    code = "import importlib.metadata as m\ndef handler(e, c): return m.version('app')\n"
    root = write(tmp_path / "p", {"pyproject.toml": about, "app/__init__.py": "__version__ = '2.5'\n",
                                  "app/api.py": code})
    uv("lock", cwd=root)
    assert run(root, "app/api.handler") == "2.5"


def test_namespace_package(tmp_path: Path, run: Run) -> None:
    more = HATCH + '    [tool.hatch.build.targets.wheel]\n    packages = ["src/acme"]\n'
    root = write(tmp_path / "p", {"pyproject.toml": project("acme-api", "", more), "src/acme/api/__init__.py": "",
                                  "src/acme/api/main.py": "from acme.api import other\ndef handler(e, c): return "
                                                          "other.x\n",
                                  "src/acme/api/other.py": "x = 'namespace'\n"})
    uv("lock", cwd=root)
    assert run(root, "src/acme/api/main.handler") == "namespace"


def test_native_wheel(tmp_path: Path, run: Run) -> None:
    root = write(tmp_path / "p", {"pyproject.toml": project("app", '"pydantic-core"'),
                                  "api.py": "from pydantic_core import to_json\ndef handler(e, c): return "
                                            "to_json([1]).decode()\n"})
    uv("lock", cwd=root)
    assert run(root, "api.handler") == "[1]"


def test_wheels_are_those_of_the_platform_asked_for(tmp_path: Path, cache: Path) -> None:
    root = write(tmp_path / "p", {"requirements.txt": "pydantic-core\n", "api.py": "def handler(e, c): pass\n"})
    arm = build(Source(str(root), "api.handler", "python3.13", architecture="arm64"), cache=cache)
    compiled = [n for n in names(arm) if n.endswith(".so")]
    assert compiled == ["pydantic_core/_pydantic_core.cpython-313-aarch64-linux-gnu.so"]


@pytest.mark.long
def test_git_dependency_from_a_local_repository(tmp_path: Path, run: Run) -> None:
    lib = write(tmp_path / "lib", {"pyproject.toml": project("gitlib", "", HATCH), "gitlib.py": "x = 'git'\n"})
    for command in (["init", "-q"], ["add", "."], ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "x"]):
        subprocess.run(["git", *command], cwd=lib, check=True)
    sources = f'[tool.uv.sources]\ngitlib = {{ git = "{lib.as_uri()}" }}\n'
    root = write(tmp_path / "p", {"pyproject.toml": project("app", '"gitlib"', sources),
                                  "api.py": "import gitlib\ndef handler(e, c): return gitlib.x\n"})
    uv("lock", cwd=root)
    assert run(root, "api.handler") == "git"


@pytest.mark.parametrize("handler", ["src/shop/api.handler", "handlers/api.handler"])
def test_a_setuptools_project_leaves_nothing_behind(tmp_path: Path, run: Run, handler: str) -> None:
    setup = '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n'
    setup += '[tool.setuptools.packages.find]\nwhere = ["src"]\n'
    code = "from shop.data import x\ndef handler(e, c): return x\n"
    root = write(tmp_path / "p", {"pyproject.toml": project("shop", "", setup), "src/shop/__init__.py": "",
                                  "src/shop/data.py": "x = 5\n",
                                  "src/shop/api.py": code, "handlers/api.py": code})
    before = sorted(p.name for p in root.rglob("*"))
    assert run(root, handler) == 5
    assert sorted(p.name for p in root.rglob("*")) == before
