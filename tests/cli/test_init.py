"""``sst init``: what it finds, what it writes, what it leaves alone."""
from __future__ import annotations

import ast
import subprocess
from pathlib import Path

import pytest

from sst.project.starter import look, starter

from .conftest import SST, Project


@pytest.fixture
def empty(project: Project, tmp_path: Path) -> Project:
    project.root = tmp_path / "My Shop_2"
    project.root.mkdir()
    return project


MANAGE = "os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'shop.settings')"


REACT = '{"devDependencies": {"@react-router/dev": "8"}, "scripts": {"build": "x"}}'
ANGULAR = '{"dependencies": {"express": "5"}, "devDependencies": {"@angular/cli": "22"}}'
FAST = "from fastapi import FastAPI\napp = FastAPI()\n"


@pytest.mark.parametrize(("files", "kind", "lines"), [
    ({}, "empty", ['aws.Function("Api", handler="src/api.handler", url=True)']),
    ({"requirements.txt": "requests"}, "Python", ['handler="src/api.handler"']),
    ({"package.json": '{"name": "@acme/web"}'}, "Node", ['handler="src/api.handler"']),
    ({"main.py": FAST}, "FastAPI", ['aws.FastApi("Api", app="main:app")']),
    ({"app/main.py": "import fastapi\napi: fastapi.FastAPI = fastapi.FastAPI(title='x')\n"}, "FastAPI",
     ['app="app.main:api"']),
    ({"app/__init__.py": "from flask import Flask\napp = Flask(__name__)\n", "app/static/a.css": ""}, "Flask",
     ['aws.Flask("Api", app="app:app", static={"/static": "app/static"})']),
    ({"app/__init__.py": "import flask\ndef create_app(config=None):\n    return flask.Flask(__name__)\n"}, "Flask",
     ['aws.Flask("Api", app="app:create_app()")']),
    ({"app.py": "from flask import Flask\ndef create_app(config):\n    return Flask(__name__)\n",
      "main.py": FAST}, "FastAPI", ['aws.FastApi("Api", app="main:app")']),
    ({"src/shop/__init__.py": "", "src/shop/app.py": "from starlette.applications import Starlette\nsite = "
                                                     "Starlette()\n"}, "Starlette",
     ['aws.FastApi("Api", app="src.shop.app:site")']),
    ({"manage.py": MANAGE, "shop/asgi.py": ""}, "Django", ['aws.Django("Shop", project="shop", asgi=True)']),
    ({"manage.py": MANAGE, "shop/asgi.py": "", "shop/wsgi.py": ""}, "Django", ['aws.Django("Shop", project="shop")']),
    ({"manage.py": MANAGE.replace("shop.settings", "shop.settings.dev"), "shop/wsgi.py": ""}, "Django",
     ['settings="shop.settings.dev"']),
    ({"pyproject.toml": "[project\n", "package.json": "{", "main.py": "\0"}, "empty", []),
    ({"package.json": REACT}, "React Router", ['aws.React("Web")']),
    ({"package.json": REACT, "react-router.config.ts": "export default { ssr: false }"}, "React Router",
     ['aws.React("Web", ssr=False)']),
    ({"package.json": '{"dependencies": {"astro": "7"}}', "astro.config.mjs": "export default {}"}, "Astro",
     ['aws.Astro("Web", ssr=False)']),
    ({"package.json": '{"dependencies": {"astro": "7"}}', "astro.config.mjs": "{ adapter: node() }"}, "Astro",
     ['aws.Astro("Web")']),
    ({"package.json": '{"devDependencies": {"@sveltejs/kit": "3"}}'}, "SvelteKit", ['aws.SvelteKit("Web")']),
    ({"package.json": '{"devDependencies": {"@sveltejs/kit": "3"}}', "vite.config.ts": '"@sveltejs/adapter-static"'},
     "SvelteKit", ['aws.SvelteKit("Web", ssr=False)']),
    ({"package.json": '{"devDependencies": {"vite": "8", "svelte": "5"}, "scripts": {"build": "x"}}',
      "svelte.config.js": ""}, "Vite", ['aws.StaticSite("Web", build={']),
    ({"package.json": '{"devDependencies": {"@angular/cli": "22", "@analogjs/platform": "2"}}', "angular.json": "{}"},
     "Analog", ['aws.Analog("Web")']),
    ({"package.json": ANGULAR, "angular.json": '{"outputMode": "server", "ssr": {"entry": "src/server.ts"}}'},
     "Angular", ['aws.Angular("Web")']),
    ({"package.json": ANGULAR, "angular.json": '{"outputMode": "static", "ssr": {"entry": "src/server.ts"}}'},
     "Angular", ['aws.Angular("Web", ssr=False)']),
    ({"package.json": ANGULAR, "angular.json": "{}"}, "Angular", ['aws.Angular("Web", ssr=False)']),
    ({"package.json": '{"dependencies": {"next": "16"}}', "next.config.ts": ""}, "Next.js", ['aws.Nextjs("Web")']),
    ({"package.json": '{"dependencies": {"@solidjs/start": "1"}}'}, "SolidStart", ['aws.SolidStart("Web")']),
    ({"package.json": '{"devDependencies": {"@remix-run/dev": "2"}}'}, "Remix", ['aws.Remix("Web")']),
    ({"package.json": '{"dependencies": {"@tanstack/react-start": "1"}}'}, "TanStack Start",
     ['aws.TanStackStart("Web")']),
    ({"package.json": '{"dependencies": {"nuxt": "4"}}'}, "Nuxt", ['aws.Nuxt("Web")']),
    ({"package.json": '{"dependencies": {"express": "5"}, "scripts": {"start": "node dist/main.js"}}'}, "Express",
     ['aws.NodeServer("Api", entry="dist/main.js", build_command="true")']),
    ({"package.json": '{"devDependencies": {"vite": "8"}, "scripts": {"build": "x"}}', "pnpm-lock.yaml": ""}, "Vite",
     ['aws.StaticSite("Web", build={"command": "pnpm run build", "output": "dist"})']),
    ({"package.json": '{"workspaces": ["sites/*"]}', "sites/shop-web/package.json": REACT, "apps/api/main.py": FAST},
     "React Router and FastAPI", ['shop_web = aws.React("ShopWeb", path="sites/shop-web")',
                                  'api = aws.FastApi("Api", path="apps/api", app="main:app")',
                                  'return {"shop_web": shop_web.url, "api": api.url}']),
    ({"requirements.txt": "django", "backend/manage.py": MANAGE, "backend/shop/wsgi.py": "", "web/package.json": REACT},
     "Django and React Router", ['backend = aws.Django("Backend", path="backend", project="shop")',
                                 'web = aws.React("Web", path="web")']),
    ({"uv.lock": "", "pyproject.toml": '[tool.uv.workspace]\nmembers = ["parts/*"]', "parts/shop/manage.py": MANAGE,
      "parts/shop/pyproject.toml": "", "parts/shop/shop/asgi.py": "", "parts/blog/manage.py": MANAGE,
      "parts/blog/shop/wsgi.py": ""},
     "Django", ['blog = aws.Django("Blog", path="parts/blog", project="shop")',
                'shop = aws.Django("Shop", path="parts/shop", project="shop", asgi=True)']),
    ({"src/manage.py": MANAGE, "src/shop/wsgi.py": "", "requirements.txt": ""}, "Django",
     ['aws.Django("Src", path="src", project="shop")']),
    ({"admin/app.py": "from flask import Flask\napp = Flask(__name__)\n", "admin/static/a.css": ""}, "Flask",
     ['aws.Flask("Admin", path="admin", app="app:app", static={"/static": "static"})']),
    ({"admin/app.py": "from flask import Flask\nfrom admin.db import db\napp = Flask(__name__)\n",
      "admin/static/a.css": ""}, "Flask",
     ['aws.Flask("Admin", app="admin.app:app", static={"/static": "admin/static"})']),
    ({"api/main.py": f"from .db import db\n{FAST}"}, "FastAPI", ['aws.FastApi("Api", app="api.main:app")']),
    ({"api/app/main.py": f"from .db import db\n{FAST}"}, "FastAPI",
     ['aws.FastApi("Api", path="api", app="app.main:app")']),
    ({"pnpm-workspace.yaml": "packages:\n  - 'x/*'\n", "x/web/package.json": REACT, "apps/web/package.json": REACT},
     "React Router", ['web = aws.React("Web", path="x/web")', 'web2 = aws.React("Web2", path="apps/web")']),
    ({"package.json": REACT, "app/root.tsx": "", "api/main.py": FAST, "api/requirements.txt": "",
      "packages/ui/package.json":
      '{"exports": "./ui.js", "devDependencies": {"vite": "8"}, "scripts": {"build": "x"}}'},
     "React Router and FastAPI", ['web = aws.React("Web")', 'api = aws.FastApi("Api", path="api", app="main:app")']),
    ({"app/main.py": FAST, "web/package.json": REACT, "app/admin.py": FAST}, "FastAPI and React Router",
     ['    api = aws.FastApi("Api", app="app.main:app")\n    web = aws.React("Web", path="web")\n    return']),
    ({"manage.py": MANAGE, "shop/wsgi.py": "", "shop/main.py": FAST, "services/jobs/app.py": FAST},
     "Django and FastAPI", ['    shop = aws.Django("Shop", project="shop")\n'
                            '    jobs = aws.FastApi("Jobs", path="services/jobs", app="app:app")\n    return']),
    ({"package.json": '{"workspaces": ["sites/*"], "devDependencies": {"astro": "7", "nuxt": "4", "vite": "8"}, '
                      '"scripts": {"build": "x"}}', "sites/web/package.json": REACT}, "React Router",
     ['aws.React("Web", path="sites/web")']),
    ({"package.json": '{"workspaces": ["api"], "dependencies": {"express": "5"}, "scripts": {"start": "node main.js"}}',
      "api/package.json": '{"dependencies": {"hono": "4"}, "main": "main.js"}'}, "Express and Hono",
     ['api = aws.NodeServer("Api", entry="main.js", build_command="true")',
      'api2 = aws.NodeServer("Api2", path="api", entry="main.js", build_command="true")']),
])
def test_what_it_finds_and_writes(tmp_path: Path, files: dict[str, str], kind: str, lines: list[str]) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    found = look(tmp_path)
    assert found.kind == kind
    for write in starter(tmp_path, found):
        if write.path.suffix == ".py":
            ast.parse(write.text)
        if write.path.name == "sst_config.py":
            assert all(line in write.text for line in lines), write.text


def test_two_frameworks_in_a_folder_are_too_many(empty: Project) -> None:
    empty.write("package.json", '{"dependencies": {"nuxt": "4", "astro": "7"}}')
    assert "holds two frameworks, Astro and Nuxt" in empty.fails("init", "--yes")
    assert not (empty.root / "sst_config.py").exists()


def test_an_empty_folder(empty: Project) -> None:
    said = empty.run("init", "--yes").out
    assert "This is an empty folder" in said and '"my-shop-2" is set up. Next: sst dev, or sst deploy' in said
    there = {f.relative_to(empty.root).as_posix() for f in empty.root.rglob("*") if f.is_file()}
    assert there == {"sst_config.py", "src/api.py", ".sst/stage"}
    assert (empty.root / ".sst/stage").read_text() == "local\n"
    assert 'name="my-shop-2"' in (empty.root / "sst_config.py").read_text()
    assert "set up already" in empty.run("init").out


def test_what_could_not_be_written_is_written_by_the_next_try(empty: Project) -> None:
    command = ["sh", "-c", f"ulimit -f 0; exec '{SST}' init --yes"]     # no file may have any bytes
    said = subprocess.run(command, cwd=empty.root, env=empty.environment, capture_output=True, text=True, check=False)
    assert said.returncode == 1 and "✗ File too large" in said.stderr, said
    assert not [f for f in empty.root.rglob("*") if f.is_file()], "no file is left that is empty or cut off"
    empty.run("init", "--yes")
    assert (empty.root / "src/api.py").is_file() and "def run()" in (empty.root / "sst_config.py").read_text()


def test_a_project_with_an_app_in_git(empty: Project) -> None:
    empty.write("pyproject.toml", '[project]\nname = "Shop.Api"\n')
    empty.write("main.py", "from fastapi import FastAPI\napp = FastAPI()\n")
    empty.write(".gitignore", "__pycache__")
    (empty.root / ".git").mkdir()
    facts = empty.run("init", "--json").json
    found = {"kind": "FastAPI", "component": "FastApi", "name": "Api", "place": "main:app"}
    assert facts == {"name": "shop-api", "kind": "FastAPI", "apps": [found],
                     "wrote": ["sst_config.py", ".sst/stage", ".gitignore"]}
    assert (empty.root / ".gitignore").read_text() == "__pycache__\n.sst/\n"
    assert 'aws.FastApi("Api", app="main:app")' in (empty.root / "sst_config.py").read_text()
    assert not (empty.root / "src").exists()


def test_apps_in_folders_are_shown_by_their_folders(empty: Project) -> None:
    empty.write("backend/manage.py", MANAGE)
    empty.write("backend/shop/wsgi.py", "")
    empty.write("services/api/main.py", FAST)
    assert "FastAPI and Django (services/api/main:app, backend/shop)" in empty.run("init", "--yes").out


def test_nothing_that_exists_is_changed(empty: Project) -> None:
    empty.write("sst_config.py", "# mine\n")
    empty.write("src/api.py", "# mine too\n")
    empty.write(".gitignore", ".sst\n")
    empty.run("init", "--yes")
    assert (empty.root / "sst_config.py").read_text() == "# mine\n"
    assert (empty.root / ".gitignore").read_text() == ".sst\n"
    (empty.root / "sst_config.py").unlink()
    empty.run("init", "--yes")
    assert (empty.root / "src/api.py").read_text() == "# mine too\n"
