"""Which apps a project has, by the files of their frameworks: each becomes a component of ``sst_config.py``."""
from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import UserError

__all__ = ["App", "apps_of", "read_json", "read_text", "read_toml"]


@dataclass(frozen=True)
class App:
    kind: str
    """The framework: ``Next.js``, ``Django``."""
    component: str
    name: str
    arguments: tuple[tuple[str, object], ...]

    @property
    def place(self) -> str:
        """What it was found by: the app, or the folder."""
        given = dict(self.arguments)
        inside = given.get("app") or given.get("project")
        if inside and "path" in given:
            return f"{given['path']}/{inside}"
        return str(inside or given.get("path") or ".")


@dataclass(frozen=True)
class _Framework:
    kind: str
    component: str
    config: str
    """The name of its configuration, without its ending; empty if it has none of its own."""
    packages: tuple[str, ...]
    static: tuple[str, str] = ("", "")
    """Files without their endings, and a pattern in them, that say that all pages are files."""


_FRAMEWORKS = (
    _Framework("Next.js", "Nextjs", "next.config", ("next",)),
    _Framework("Remix", "Remix", "remix.config", ("@remix-run/dev",)),
    _Framework("Analog", "Analog", "", ("@analogjs/platform",)),
    _Framework("SolidStart", "SolidStart", "", ("@solidjs/start",)),
    _Framework("TanStack Start", "TanStackStart", "", ("@tanstack/react-start",)),
    _Framework("React Router", "React", "react-router.config", ("@react-router/dev",),
               ("react-router.config", r"\bssr\s*:\s*false\b")),
    _Framework("Astro", "Astro", "astro.config", ("astro",), ("astro.config", r"\A(?!.*\badapter\b)")),
    _Framework("SvelteKit", "SvelteKit", "", ("@sveltejs/kit",), ("svelte.config vite.config", r"adapter-static")),
    _Framework("Angular", "Angular", "angular", ("@angular/cli", "@angular/build"),
               ("angular", r'"outputMode"\s*:\s*"static"|\A(?!.*"ssr"\s*:\s*[{t])')),
    _Framework("Nuxt", "Nuxt", "nuxt.config", ("nuxt",)),
)
_SERVERS = {"express": "Express", "fastify": "Fastify", "hono": "Hono", "koa": "Koa", "@nestjs/core": "NestJS"}
_ENDINGS = ("js", "mjs", "cjs", "ts", "mts", "cts", "json")
_PYTHON = {"FastAPI": ("FastAPI(", "FastApi"), "Flask": ("Flask(", "Flask"), "Starlette": ("Starlette(", "FastApi")}
_PLACES = ("main.py", "app.py", "app/main.py", "app/app.py", "app/__init__.py", "src/main.py", "src/app.py",
           "api/main.py", "wsgi.py", "asgi.py")
_DECLARING = ("pyproject.toml", "requirements.txt", "Pipfile", "setup.py", "setup.cfg")
_USUAL = ("apps/*", "packages/*", "services/*", "*")
"""Where the apps of a repository are."""
_SKIPPED = frozenset({"node_modules", "dist", "build", "tests", "test", "docs", "examples", "venv"})


def apps_of(root: Path) -> list[App]:
    """Of the folder itself, and of its members, if it is a repository of several. Reads files by name; walks nothing.
    ``UserError`` for a folder with two frameworks of JavaScript."""
    found = _apps_in(root, ".")
    parts = {str(dict(app.arguments).get(key, "")).partition(":")[0].partition(".")[0]
             for app in found for key in ("app", "project")}
    for folder in _members(root):
        path = folder.relative_to(root).as_posix()
        if path not in parts:       # the package of an app that is at the top
            found += _apps_in(folder, path)
    return _named(found)


def _members(root: Path) -> Iterator[Path]:
    """The folders of a workspace of npm, pnpm or uv, and those where apps usually are."""
    spaces = read_json(root / "package.json").get("workspaces", [])
    patterns = list(spaces.get("packages", []) if isinstance(spaces, Mapping) else spaces)
    patterns += re.findall(r"^\s*-\s*['\"]?([^'\"#\s]+)", read_text(root / "pnpm-workspace.yaml"), re.MULTILINE)
    patterns += read_toml(root / "pyproject.toml").get("tool", {}).get("uv", {}).get("workspace", {}).get("members", [])
    seen = set[Path]()
    for pattern in (*patterns, *_USUAL):
        if not isinstance(pattern, str) or pattern.startswith(("!", "/", "..")):
            continue
        for folder in sorted(root.glob(pattern.rstrip("/") or "*")):
            known = folder in seen or any(folder in s.parents for s in seen)
            if folder.is_dir() and not known and folder.name not in _SKIPPED and folder.name[0] != ".":
                seen.add(folder)
                yield folder


def _apps_in(folder: Path, path: str) -> list[App]:
    found = [a for a in (_django(folder, path), _python(folder, path), _site(folder, path)) if a]
    if found and found[0].component == "Django":    # its front end's package.json belongs to its static files
        return [a for a in found if a.kind not in ("Vite", "FastAPI", "Flask", "Starlette")]
    return found


def _site(folder: Path, path: str) -> App | None:
    package = read_json(folder / "package.json")
    if not package or _shares(folder, package):
        return None
    used = {**package.get("devDependencies", {}), **package.get("dependencies", {})}
    found = [f for f in _FRAMEWORKS if used.keys() & set(f.packages) or (f.config and _config(folder, f.config))]
    if len(found) > 1:      # Analog and others are built with Angular's compiler
        found = [f for f in found if f.kind != "Angular"]
    if len(found) > 1:
        raise UserError(f"the folder {path} holds two frameworks, {found[0].kind} and {found[1].kind}",
                        hint="remove one from its package.json, or move it into a folder of its own")
    scripts = package.get("scripts", {})
    if found:
        one = found[0]
        names, pattern = one.static
        said = "".join(read_text(p) for name in names.split() if (p := _config(folder, name)))
        static = bool(pattern and re.search(pattern, said, re.DOTALL))
        more = (("ssr", False),) if static else ()
        return App(one.kind, one.component, _title(path, "Web"), (("path", path), *more))
    if server := next((kind for name, kind in _SERVERS.items() if name in used), ""):
        return _server(server, package, folder, path)
    library = {"exports", "module", "main"} & package.keys() and not (folder / "index.html").is_file()
    if "vite" in used and "build" in scripts and not library:
        return App("Vite", "StaticSite", _title(path, "Web"), (
            ("path", path), ("build", {"command": f"{manager_of(folder)} run build", "output": "dist"})))
    return None


def _shares(folder: Path, package: Mapping[str, Any]) -> bool:
    """Whether a folder is the top of a workspace alone: its packages are those that the members share."""
    above = "workspaces" in package or (folder / "pnpm-workspace.yaml").is_file()
    if not above or "node" in str(package.get("scripts", {}).get("start", "")).split():
        return False
    started = [main] if isinstance(main := package.get("main"), str) else []
    return not any((folder / name).exists() for name in ("index.html", "src", "app", "pages", *started))


def _server(kind: str, package: Mapping[str, Any], folder: Path, path: str) -> App | None:
    """A server of Node: its module is what ``npm start`` starts."""
    started = re.search(r"\bnode\s+(?:--\S+\s+)*(\S+)", str(package.get("scripts", {}).get("start", "")))
    entry = started[1].removeprefix("./") if started else str(package.get("main", ""))
    if not entry:
        return None
    entry = entry if Path(entry).suffix else f"{entry}.js"
    build = () if "build" in package.get("scripts", {}) else (("build_command", "true"),)
    return App(kind, "NodeServer", _title(path, "Api"), (("path", path), ("entry", entry), *build))


def manager_of(folder: Path) -> str:
    """The package manager whose lock file is nearest."""
    for at in (folder.resolve(), *folder.resolve().parents):
        for lock, manager in (("yarn.lock", "yarn"), ("pnpm-lock.yaml", "pnpm"), ("bun.lock", "bun"),
                              ("bun.lockb", "bun"), ("package-lock.json", "npm")):
            if (at / lock).is_file():
                return manager
        if (at / ".git").exists():
            break
    return "npm"


def _django(folder: Path, path: str) -> App | None:
    found = re.search(r"DJANGO_SETTINGS_MODULE['\"],\s*['\"]([\w.]+)\.settings(?:\.(\w+))?['\"]",
                      read_text(folder / "manage.py"))
    if not found:
        return None
    inside = folder / found[1].replace(".", "/")
    module = next((m for m in ("wsgi", "asgi") if (inside / f"{m}.py").is_file()), "")
    if not module:
        return None
    more: list[tuple[str, object]] = [("settings", f"{found[1]}.settings.{found[2]}")] if found[2] else []
    more += [("asgi", True)] if module == "asgi" else []
    at, name = ((), found[1]) if path == "." else ((("path", path),), path)
    return App("Django", "Django", _title(name, "Web"), (*at, ("project", found[1]), *more))


def _python(folder: Path, path: str) -> App | None:
    for file in _candidates(folder):
        for kind, (call, component) in _PYTHON.items():
            if found := _named_app(call, read_text(folder / file)):
                module = file.removesuffix(".py").removesuffix("/__init__")
                static = Path(file).parent / "static"
                if path == "." or _from_above(folder, file, path):
                    at: tuple[tuple[str, object], ...] = ()
                    module, shown = (Path(path) / module).as_posix(), Path(path) / static
                else:
                    at, shown = (("path", path),), static
                files = {"/static": shown.as_posix()}
                given = (("static", files),) if kind == "Flask" and (folder / static).is_dir() else ()
                return App(kind, component, _title(path, "Api"),
                           (*at, ("app", f"{module.replace('/', '.')}:{found}"), *given))
    return None


def _from_above(folder: Path, file: str, path: str) -> bool:
    """Whether a folder is a package of the repository: it declares nothing of its own, and the app imports modules as
    ``backend.models``, or as ``.models`` from directly beside it."""
    if any((folder / name).is_file() for name in _DECLARING):
        return False
    text, named = read_text(folder / file), rf"^\s*(from|import)\s+{re.escape(path.replace('/', '.'))}\b"
    return bool(re.search(named, text, re.MULTILINE) or ("/" not in file and re.search(
        r"^\s*from\s+\.", text, re.MULTILINE)))


def _named_app(call: str, text: str) -> str:
    """The app in a module, or ``create_app()``, which makes it and can be called without arguments; empty if there is
    none."""
    if found := re.search(rf"^(\w+)(?::[^=\n]+)?\s*=\s*(?:\w+\.)?{re.escape(call)}", text, re.MULTILINE):
        return found[1]
    made = re.search(r"^def ((?:create|make|get)_app)\(([^()]*)\)", text, re.MULTILINE) if call in text else None
    if made is None or any("=" not in argument for argument in made[2].split(",") if argument.strip()):
        return ""
    return f"{made[1]}()"


def _candidates(root: Path) -> Iterator[str]:
    for file in filter(Path.is_file, (root / p for p in _PLACES)):
        if file.parent == root or not any((file.parent / name).is_file() for name in _DECLARING):
            yield file.relative_to(root).as_posix()     # else it is a member
    for package in sorted(root.glob("src/*/__init__.py"))[:10]:
        for name in ("main.py", "app.py", "__init__.py"):
            if (file := package.parent / name).is_file():
                yield file.relative_to(root).as_posix()


def _config(folder: Path, name: str) -> Path | None:
    return next((p for end in _ENDINGS if (p := folder / f"{name}.{end}").is_file()), None)


def _title(text: str, otherwise: str) -> str:
    """The name of a component: ``apps/my-web`` is ``MyWeb``."""
    words = re.findall(r"[A-Za-z0-9]+", text.rpartition("/")[2])
    name = "".join(w[:1].upper() + w[1:] for w in words).lstrip("0123456789")
    return name or otherwise


def _named(found: list[App]) -> list[App]:
    """Each with a name that no other has."""
    made: dict[str, App] = {}
    for app in found:
        name, n = app.name, 2
        while name in made:
            name, n = f"{app.name}{n}", n + 1
        made[name] = App(app.kind, app.component, name, app.arguments)
    return list(made.values())


def read_text(file: Path) -> str:
    """A file's text; empty if there is none, or if it is no text."""
    try:
        return file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        return ""


def read_toml(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(read_text(file))
    except tomllib.TOMLDecodeError:
        return {}


def read_json(file: Path) -> dict[str, Any]:
    try:
        value = json.loads(read_text(file) or "{}")
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
