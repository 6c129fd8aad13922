"""The shape of the code: who imports whom, how long things are, where the outside world is touched."""
from __future__ import annotations

import ast
import gc
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

import sst

SRC = Path(sst.__file__).parent
ROOT = Path(__file__).parents[1]
FILES = sorted(p for p in SRC.rglob("*.py"))

LAYERS: dict[str, set[str]] = {
    "errors": set(),
    "records": set(),
    "core": {"errors", "records"},
    "machine": set(),
    "net": {"errors"},
    "events": {"errors", "records", "core"},
    "engine": {"errors", "records", "core", "events"},
    "state": {"errors", "records", "core", "machine"},
    "build": {"errors", "records", "core", "net", "machine"},
    "plugins": {"errors", "records", "core", "machine"},
    "clouds": {"errors", "records", "core", "net", "machine", "build", "plugins"},
    "providers": {"core", "clouds"},
    "runtime": {"errors"},
    "executor": {"errors", "net", "machine", "runtime"},
    "components": {"errors", "records", "core", "clouds", "providers", "machine", "build", "runtime"},
}
LAYERS["project"] = {"events", "engine", "state", "plugins", *LAYERS["components"], "components"}
LAYERS["embedded"] = {"executor", "net", *LAYERS["project"], "project"}
LAYERS["console"] = LAYERS["testing"] = {*LAYERS["embedded"], "embedded"}
LAYERS["dev"] = {*LAYERS["console"], "console"}
LAYERS["cli"] = {*LAYERS["dev"], "dev"}
"""Who may import whom."""
COMPONENTS = {"aws", "cloudflare", "vercel", "stripe", "dns", "secret", "linkable", "dev_command"}
EXCEPTIONS: set[tuple[str, str]] = set()
AT_RUN_TIME = {"runtime/behind.py", "runtime/client.py", "runtime/guard.py", "runtime/live.py", "runtime/migration.py",
               "runtime/django_settings.py", "runtime/django_tasks.py", "executor/preimport.py", "embedded/emulator.py"}
"""Import what only a run can tell: modules of users, and of the emulator."""
ALLOWED = {
    "botocore": ("clouds/aws/",),
    "asyncio": ("dev/", "embedded/", "executor/", "net/frames.py", "runtime/"),
    "environ": ("project/", "cli/", "runtime/", "build/", "embedded/", "executor/", "testing/"),
}


def layer(path: str) -> str:
    head = path.split("/")[0].removesuffix(".py")
    return "components" if head in COMPONENTS else head


@cache
def tree_of(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


@cache
def nodes_of(file: Path) -> list[ast.AST]:
    """Every node of a file. The collector sleeps meanwhile: it would look through all of them again and again."""
    gc.disable()
    try:
        return list(ast.walk(tree_of(file)))
    finally:
        gc.enable()
        gc.freeze()


@cache
def imports(file: Path) -> list[tuple[str, int]]:
    """Modules that a file imports, in full, those for type checkers, inside of functions and by `importlib` too."""
    package = ("sst", *file.relative_to(SRC).parent.parts)
    found: list[tuple[str, int]] = []
    for node in nodes_of(file):
        match node:
            case ast.Import():
                found += [(a.name, node.lineno) for a in node.names]
            case ast.ImportFrom():
                base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
                full = ".".join(x for x in (base, node.module or "") if x)
                found += [(f"{full}.{a.name}", node.lineno) for a in node.names]
            case ast.Call(func=ast.Name("import_module" | "__import__") | ast.Attribute(attr="import_module")):
                found.append((named(node.args[0], file, package), node.lineno))
    return found


def named(argument: ast.expr, file: Path, package: tuple[str, ...]) -> str:
    """The module that `import_module` is given; what is known only at run time is a star."""
    own = ".".join(package if file.stem == "__init__" else (*package, file.stem))
    match argument:
        case ast.Constant(str(text)):
            name = text
        case ast.JoinedStr():
            known = {"__name__": own, "__package__": ".".join(package)}
            name = "".join(part.value if isinstance(part, ast.Constant) and isinstance(part.value, str)
                           else known.get(ast.unparse(part.value), "*") if isinstance(part, ast.FormattedValue) else "*"
                           for part in argument.values)
        case _:
            name = "*"
    return ".".join(package) + name if name.startswith(".") else name


def short(file: Path) -> str:
    return file.relative_to(SRC).as_posix()


def crossings(file: Path) -> list[tuple[str, int, str]]:
    """Imports of other rooms: the module, the line, the room."""
    own = layer(short(file))
    found = [(module, line, layer(module.split(".")[1])) for module, line in imports(file)
             if module.startswith("sst.") and own not in ("__init__", "__main__")]
    return [(module, line, other) for module, line, other in found if other in LAYERS and other != own]


def test_each_room_imports_only_what_is_below_it() -> None:
    odd = [f"{short(file)}:{line} imports {module}" for file in FILES for module, line, other in crossings(file)
           if other not in LAYERS.get(layer(short(file)), set()) and (short(file), other) not in EXCEPTIONS]
    assert not odd, "\n".join(odd)


def test_each_room_has_its_rule() -> None:
    rooms = {layer(short(f)) for f in FILES} - {"__init__", "__main__", "errors"}
    assert rooms <= LAYERS.keys()
    assert LAYERS.keys() - {"errors"} <= rooms | {"console"}


def test_each_exception_is_needed() -> None:
    used = {(short(file), other) for file in FILES for _, _, other in crossings(file)
            if other not in LAYERS.get(layer(short(file)), set())}
    assert used >= EXCEPTIONS
    for name in ("botocore", "asyncio"):
        users = [short(f) for f in FILES for module, _ in imports(f) if module.split(".")[0] == name]
        assert not [room for room in ALLOWED[name] if not any(user.startswith(room) for user in users)], name


def test_what_is_imported_by_name_can_be_told() -> None:
    unknown = {short(file) for file in FILES for module, _ in imports(file) if module.startswith("*")}
    assert unknown == AT_RUN_TIME


NO_AWS = ("core/", "engine/", "state/", "project/", "console/", "cli/", "dev/", "testing/", "net/", "executor/",
          "build/")
"""Rooms that know no type, client or document of AWS."""
AWS_TYPE = re.compile(r"aws\.[a-z0-9]+\.[A-Z]\w+")


def test_aws_stands_in_its_own_rooms() -> None:
    odd = []
    for file in (f for f in FILES if short(f).startswith(NO_AWS)):
        odd += [f"{short(file)}:{line} imports {module}" for module, line in imports(file)
                if module.startswith(("sst.clouds.aws", "sst.aws", "sst.providers.aws"))]
        words = {id(n.value) for n in nodes_of(file) if isinstance(n, ast.Expr)}   # docstrings may show examples
        odd += [f"{short(file)}:{n.lineno} names {n.value!r}" for n in nodes_of(file)
                if isinstance(n, ast.Constant) and isinstance(n.value, str) and id(n) not in words
                and AWS_TYPE.fullmatch(n.value)]
    assert not odd, "\n".join(odd)


def test_the_console_names_no_service() -> None:
    """What resources hold is shown by their providers (`core/browse.py`); pages get columns, fields and actions."""
    services = re.compile(r"\b(s3|sqs|sns|dynamodb|eventbridge|cloudwatch)\b", re.IGNORECASE)
    odd = [f"{file.name}:{number}" for file in (SRC / "console").rglob("*.*")
           if file.suffix in (".py", ".js") and file.name != "preact.js"
           for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1)
           if services.search(line)]
    assert not odd


@pytest.mark.parametrize("name", ["botocore", "asyncio"])
def test_heavy_modules_stay_in_their_rooms(name: str) -> None:
    odd = [f"{short(f)}:{line}" for f in FILES if not short(f).startswith(ALLOWED[name])
           for module, line in imports(f) if module.split(".")[0] == name]
    assert not odd, "\n".join(odd)


PLATFORM = re.compile(
    r"\b(?:import|from) (?:fcntl|resource|ctypes|msvcrt|_winapi)\b|\bprctl\b|\bpreexec_fn\b|[\"']/(?:proc|sys)/|"
    r"\bos\.(?:fork|forkpty|pidfd_open|memfd_create|prlimit|sched_\w+)\b|\bsys\.platform\b|"
    r"\bCLOCK_(?:BOOTTIME|MONOTONIC)")
"""Calls and files that only some systems have."""
PLATFORM_MAY = {
    "machine/": "the room for them",
    "executor/source_client.py": "forks where machine/lifeline.py says so; runs in a function's process, alone",
    "build/uv.py": "names the host, for the cache and for packages of this machine",
    "build/esbuild.py": "names the host, for the program to download",
    "embedded/environment.py": "names the host, for the cache",
}


def test_calls_of_one_system_stand_in_the_room_for_them() -> None:
    """So that each has its fallback beside it; see docs/platforms.md."""
    found = [(short(file), f"{short(file)}:{number} {line.strip()}") for file in FILES
             for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1) if PLATFORM.search(line)]
    assert not [told for file, told in found if not file.startswith(tuple(PLATFORM_MAY))]
    assert not [may for may in PLATFORM_MAY if not any(file.startswith(may) for file, _ in found)], "no longer needed"


def test_the_environment_is_read_at_the_edge() -> None:
    odd = []
    for file in FILES:
        if short(file).startswith(ALLOWED["environ"]):
            continue
        for node in nodes_of(file):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and (node.value.id, node.attr) in (
                    ("os", "environ"), ("os", "getenv"), ("os", "getcwd"), ("Path", "cwd")):
                odd.append(f"{short(file)}:{node.lineno} {node.value.id}.{node.attr}")
    assert not odd, "\n".join(odd)


def test_only_the_screen_prints() -> None:
    odd = [f"{short(f)}:{node.lineno}" for f in FILES
           if not short(f).startswith(("cli/ui/", "runtime/", "embedded/", "executor/"))
           for node in nodes_of(f)
           if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"]
    assert not odd, "\n".join(odd)


def test_files_and_functions_are_short() -> None:
    odd = []
    for file in FILES:
        text = file.read_text(encoding="utf-8")
        if (n := len(text.splitlines())) > 400:
            odd.append(f"{short(file)} has {n} lines")
        for node in nodes_of(file):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno:
                lines = node.end_lineno - node.lineno + 1
                if lines > 60:
                    odd.append(f"{short(file)}:{node.lineno} {node.name} has {lines} lines")
    assert not odd, "\n".join(odd)


def test_no_module_is_called_after_nothing() -> None:
    assert not [short(f) for f in FILES if f.stem in ("utils", "util", "helpers", "common", "misc")]


def test_what_a_module_offers_exists() -> None:
    odd = []
    for file in FILES:
        tree = tree_of(file)
        names: set[str] = set()
        offered: list[str] = []
        for node in nodes_of(file):
            match node:
                case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                    names.add(node.name)
                case ast.Name(ctx=ast.Store()):
                    names.add(node.id)
                case ast.ImportFrom() | ast.Import():
                    names |= {(a.asname or a.name).split(".")[0] for a in node.names}
        for node in tree.body:
            if (isinstance(node, ast.Assign) and isinstance(node.value, ast.List)
                    and any(isinstance(t, ast.Name) and t.id == "__all__" for t in node.targets)):
                offered = [e.value for e in node.value.elts if isinstance(e, ast.Constant)]
        lazy = any(isinstance(n, ast.FunctionDef) and n.name == "__getattr__" for n in tree.body)
        odd += [f"{short(file)}: {n}" for n in offered if n not in names and not lazy]
    assert not odd, "\n".join(odd)


@pytest.mark.parametrize("module", ["sst", "sst.cli.main"])
def test_the_start_is_light(module: str) -> None:
    heavy = ("botocore", "boto3", "asyncio", "ssl", "cryptography")
    code = f"import sys, {module}; print(*(m for m in {heavy} if m in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_the_files_that_the_makefile_names_exist() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    named = {*re.findall(r"\btests/[\w/.]+\.py\b", makefile),
             *(f"{prefix}{name}" for prefix, names in re.findall(r"\$\(addprefix (\S+?),([\w. ]+)\)", makefile)
               for name in names.split())}
    assert len(named) > 8
    assert not [name for name in sorted(named) if not (ROOT / name).exists()]


@pytest.mark.parametrize("file", ["__init__.py", "aws/__init__.py", "providers/aws.py", "testing/__init__.py"])
def test_a_type_checker_sees_which_names_a_lazy_module_has(file: str) -> None:
    """A ``__getattr__`` that it sees would make ``aws.Buckett`` right, of any type."""
    seen = {n.name for n in tree_of(SRC / file).body if isinstance(n, ast.FunctionDef)}
    hidden = [n for node in tree_of(SRC / file).body if isinstance(node, ast.If)
              and ast.unparse(node.test) == "not TYPE_CHECKING" for n in node.body if isinstance(n, ast.FunctionDef)]
    assert "__getattr__" not in seen and "__getattr__" in {n.name for n in hidden}
