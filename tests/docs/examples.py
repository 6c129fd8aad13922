"""Runs the examples of README, docs and docstrings, each in a small project of its own.

A block of Python is one of three:

- a **program**: it defines ``config``, ``run`` or ``stacks``; it is declared and planned;
- a **module**: its first line is a comment that names its file (``# src/api.py``), or it defines things; it is
  imported;
- a **fragment**: lines for the inside of ``run()``. Names that it does not define itself stand for the components in
  ``GIVEN``.

Handlers that a program or fragment names are there: ``FILES`` holds what is not a plain Python function.
"""
from __future__ import annotations

import ast
import os
import re
import sys
import textwrap
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

from sst.clouds.aws.client import Aws
from sst.clouds.aws.lookup import Existing
from sst.clouds.aws.provider import AwsProvider
from sst.clouds.instances import SELF, Instances
from sst.clouds.local.artefacts import Artefacts
from sst.clouds.local.provider import LocalProvider
from sst.clouds.terraform.simulated import SimulatedProvider
from sst.core.context import Context
from sst.core.graph import Graph
from sst.core.model import Goal, Operation, Snapshot, State
from sst.core.provider import Provider
from sst.core.resource import Resource
from sst.engine.plan import Plan, plan
from sst.errors import ProviderError
from sst.project.project import open_project

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]

GIVEN = {
    "app": "",
    "api": 'aws.ApiGatewayV2("GivenApi")',
    "bucket": 'aws.Bucket("GivenBucket")',
    "events": 'aws.Bus("GivenEvents")',
    "failed": 'aws.Queue("GivenFailed")',
    "fn": 'aws.Function("GivenFunction", handler="src/given.handler", url=True, '
          'permissions=[sst.permission(["sqs:*"], ["*"])])',
    "jobs": 'aws.Queue("GivenJobs")',
    "log": 'aws.Queue("GivenLog")',
    "orders": 'aws.SnsTopic("GivenOrders")',
    "policy": '{"Version": "2012-10-17", "Statement": []}',
    "queue": 'aws.Queue("GivenQueue")',
    "router": 'aws.Router("GivenRouter", domain={"name": "example.com", "aliases": ["*.example.com"]})',
    "stripe": 'sst.Secret("GivenSecret")',
    "table": 'aws.Dynamo("GivenTable", fields={"id": "string"}, primary_index={"hash_key": "id"}, stream="new-image")',
    "topic": 'sns.Topic("GivenTopic")',
    "uploads": 'aws.Bucket("GivenUploads", access="cloudfront")',
    "version": '"3"',
    "vpc": 'aws.Vpc("GivenVpc")',
    "users": 'api.add_authorizer("Given", jwt={"issuer": "https://issuer.example.com", "audiences": ["web"]})',
}
"""What a name means in a fragment that does not define it."""
NEEDS = {"users": "api", "topic": "sns"}
"""What these are made with."""

IMPORTS = {
    "Component": "from sst import Component",
    "Options": "from sst.core.component import Options",
    "Unpack": "from typing import Unpack",
    "json": "import json",
    "local": "from sst.providers import local",
    "s3": "from sst.providers.aws import s3",
    "sns": "from sst.providers.aws import sns",
    "sqs": "from sst.providers.aws import sqs",
    "ssm": "from sst.providers.aws import ssm",
}
"""Modules that a fragment takes for granted."""

FILES = {
    "site/index.html": "<h1>Hello</h1>\n",
    "site/404.html": "<h1>Nothing here</h1>\n",
    "app/main.py": "async def app(scope, receive, send): ...\n",
    "src/worker.py": "def handler(event, context): ...\n",
    "web/page.mjs": "export const handler = async () => ({})\n",
    "web/package.json": '{"scripts": {"build": "x", "dev": "x"}, "devDependencies": {"@react-router/dev": "8", '
                        '"astro": "7", "@sveltejs/kit": "3", "nuxt": "4", "next": "16", '
                        '"@remix-run/dev": "2", "@tanstack/react-start": "1", "@solidjs/start": "1", '
                        '"@analogjs/platform": "2", "@angular/core": "22"}}',
    "web/package-lock.json": "{}",
    "backend/app/main.py": "async def app(scope, receive, send): ...\n", "backend/assets/a.css": "",
    "backend/shop/wsgi.py": "application = None\n",
    "shop/__init__.py": "", "shop/settings.py": "", "shop/wsgi.py": "application = lambda environ, start: []\n",
    "layers/given.txt": "",
    "templates/mail.html": "<p>",
    "out/data.json": "{}",
    "package.json": '{"dependencies": {"sharp": "0.33.5"}}',
    "pyproject.toml": '[project]\nname = "demo"\nversion = "1"\nrequires-python = ">=3.11"\n'
                      'dependencies = ["uvicorn"]\n',
}
_CONFIG = "import sst\nfrom sst import aws\n\ndef config(input):\n    return {'name': 'demo'}\n\n"


@dataclass(frozen=True)
class Block:
    """A fenced block of a page, or the example of a docstring."""

    page: str
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"

    @property
    def file(self) -> str:
        """The file it says it is, ``# src/api.py``."""
        found = re.match(r"# (\S+\.py)\n", self.text)
        return found[1] if found else ""

    @property
    def kind(self) -> str:
        body = ast.parse(self.text).body
        defined = {n.name for n in body if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)}
        only_defines = not any(isinstance(n, ast.Assign | ast.Expr) for n in body)
        if self.file in ("", "sst_config.py") and defined & {"config", "run", "stacks"}:
            return "program"
        if self.file or defined & {"handler", "app"} or (self.page.endswith(".md") and defined and only_defines):
            return "module"
        return "fragment"


def blocks(page: Path, language: str | None = None) -> list[Block]:
    """The fenced blocks of a page, in order."""
    found, text = [], page.read_text(encoding="utf-8")
    for m in re.finditer(r"^```(\w+)\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        if language in (None, m[1]):
            found.append(Block(page.relative_to(ROOT).as_posix(), text[: m.start()].count("\n") + 1, m[1], m[2]))
    return found


def docstring_example(owner: object, name: str) -> Block | None:
    """The indented example of a docstring, if it has one."""
    *raw, last = (getattr(owner, "__doc__", None) or "").split("\n")
    lines: list[str] = []
    for line in raw[1:]:
        if line.startswith(last + "    ") or (lines and not line):
            lines.append(line)
        elif lines:
            break
    text = textwrap.dedent("\n".join(lines)).strip()
    return Block(name, 0, "python", text + "\n") if text else None


@contextmanager
def clean_process() -> Iterator[None]:
    """Programs run in this process: its environment and import path are put back."""
    environment, path, finders = dict(os.environ), list(sys.path), list(sys.meta_path)
    modules, kinds = set(sys.modules), set(Resource.kinds)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(environment)
        sys.path[:], sys.meta_path[:] = path, finders
        for type, kind in list(Resource.kinds.items()):
            if type not in kinds and not kind.__module__.startswith("sst."):
                del Resource.kinds[type]
            elif "link" in vars(kind):
                del kind.link  # type: ignore[attr-defined]  # put there by Linkable.wrap
        for name in set(sys.modules) - modules:
            if not name.startswith(("sst.", "botocore", "click")):
                del sys.modules[name]


def run_program(block: Block, root: Path) -> tuple[Graph, Plan]:
    """Declare and plan a program or fragment on stage ``local``."""
    text = block.text if block.kind == "program" else as_program(block.text)
    if "def config" not in text:
        text = _CONFIG + text
    write(root, "sst_config.py", text)
    for name, content in FILES.items():
        write(root, name, content)
    for module, function in sorted(set(re.findall(r'"(\w+/[\w/]+)\.(\w+)"', text))):
        if f"{module}.mjs" not in FILES and f"{module}.{function}" not in FILES:
            (root / module).parent.mkdir(parents=True, exist_ok=True)
            with (root / f"{module}.py").open("a", encoding="utf-8") as file:
                file.write(f"def {function}(event, context): ...\n")
    graph, app = declared(root)
    assert app is not None
    return graph, plan(graph, Snapshot(), provider)


def declared(root: Path) -> tuple[Graph, Any]:
    project = open_project(root / "sst_config.py", stage="local", environ={})
    graph = project.graph()
    graph.context = Context(graph.target, secrets=_AnySecret(), python="3.12", read_stage_key=lambda: b"k" * 32,
                            encrypt=lambda key, text: b"sealed", open_lookups=_Lookups)
    return graph, project.declare(graph)


def provider(resource: Goal | State | Operation) -> Provider:
    """Compares only: there is no cloud, so what the examples read is taken for one that stands in."""
    if ":" in resource.type or (resource.provider == SELF and not resource.type.startswith("aws.")):
        return SimulatedProvider(None)
    if resource.provider == SELF:
        return Instances(lambda reference, settings: {"account": "000000000000", "region": "us-east-1"})
    if resource.type.startswith("local."):
        return LocalProvider(Artefacts(Path("none"), Path("none")), environ={})
    return AwsProvider(_no_cloud, app="demo", stage="local", lineage="", local=True)


def _no_cloud() -> Aws:
    raise ProviderError("there is no cloud", sent=False)


class _Lookups:
    def account(self) -> str:
        return "123456789012"

    def hosted_zone(self, domain: str) -> str:
        return "Z0EXAMPLE"

    def access_point(self, file_system: str) -> str:
        return "fsap-old"

    def network(self, id: str) -> Existing:
        return Existing("10.0.0.0/16", ("subnet-a", "subnet-b"), ("subnet-c", "subnet-d"), ("sg-default",), True, ())


class _AnySecret(Mapping[str, str]):
    """A stage on which every secret is set."""

    def __getitem__(self, name: str) -> str:
        return "x"

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


def as_program(fragment: str) -> str:
    """The fragment as the body of ``run(app)``, after what it takes for granted."""
    tree = ast.parse(fragment)
    names = [n for n in ast.walk(tree) if isinstance(n, ast.Name)]
    own = {n.id for n in names if isinstance(n.ctx, ast.Store)} | {a.asname or a.name for n in ast.walk(tree)
                                                                   if isinstance(n, ast.Import | ast.ImportFrom)
                                                                   for a in n.names}
    wanted = [n.id for n in names if isinstance(n.ctx, ast.Load) and n.id not in own]
    wanted += [one for name, one in NEEDS.items() if name in wanted and one not in own]
    given = [*(line for k, line in IMPORTS.items() if k in wanted),
             *(f"{k} = {v}" for k, v in GIVEN.items() if v and k in wanted)]
    body = textwrap.indent("\n".join([*given, fragment.rstrip()]), "    ")
    return f"{_CONFIG}def run(app):\n{body}\n"


def run_module(block: Block, root: Path, name: str) -> Any:
    """Import a block that is a file of the user's. One that needs a framework which is not here is only compiled."""
    write(root, f"{name}.py", block.text)
    code = compile(block.text, str(block), "exec")
    needs = {(n.module or "").partition(".")[0] for n in ast.walk(ast.parse(block.text))
             if isinstance(n, ast.ImportFrom)}
    if any(m and find_spec(m) is None for m in needs):
        return code
    spec = spec_from_file_location(name, root / f"{name}.py")
    assert spec and spec.loader
    module = module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def write(root: Path, name: str, text: str) -> None:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(text, encoding="utf-8")
