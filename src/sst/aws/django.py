"""Django projects."""
from __future__ import annotations

import gzip
import hashlib
import posixpath
import re
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Unpack
from urllib.parse import urlsplit

from ..clouds.local.command import Command
from ..clouds.local.folders import inside
from ..core.component import Component
from ..core.graph import current
from ..core.link import LinkItem, linked
from ..core.link_env import environment as linked_environment
from ..core.output import Input, Output, combine
from ..errors import UserError
from .bucket import Bucket
from .function import Function
from .function.network import FunctionNetwork
from .python_site import Collected, PythonSite, PythonSiteArgs, handler_in, python_in, static_folder
from .queue import Queue
from .site import Assets

if TYPE_CHECKING:   # brings what most projects do without
    from .postgres import Postgres

__all__ = ["Django"]

_COLLECT = ('for PYTHON in {places}; do [ -x "$PYTHON" ] && break; done; '
            '"$PYTHON" "$SST_PACKAGE/runtime/collect_static.py" "{folder}"')
_LOCKS = ("uv.lock", "poetry.lock", "pdm.lock", "requirements.txt", "pyproject.toml")
"""Apps that are installed bring migrations, too."""


class Django(PythonSite, kind="sst.aws.Django"):
    """A Django project behind the CDN.

        vpc = aws.Vpc("Network")
        db = aws.Postgres("Database", vpc=vpc)
        shop = aws.Django("Shop", project="shop", database=db, migrate="before")
        shop.url

    path: the folder of the project, with ``manage.py``, relative to ``sst_config.py``.
    project: the package that holds ``settings.py`` and ``wsgi.py``. settings: another module of settings,
    ``"shop.production"``. Hosts, CSRF origins and the scheme are set by themselves. asgi: run ``asgi.py`` instead of
    ``wsgi.py``.
    static: collect the static files of all apps and serve them by the CDN, with hashes in their names; ``"plain"``
    leaves the names as they are, ``False`` collects nothing.
    database: of ``DATABASES["default"]``. migrate: ``"before"`` runs ``migrate`` in a deploy before the new code; if it
    fails, the old code stays. media: a bucket for uploads, of ``STORAGES["default"]``. tasks: a queue for Django's
    tasks; a function of its own works on it, for each task as long as the queue's ``visibility_timeout``.
    vpc: that of the database by default.
    All other arguments are those of ``PythonSite``.
    """

    def __init__(self, name: str, *, project: str, settings: str | None = None, asgi: bool = False,
                 static: bool | Literal["plain"] = True, database: Postgres | None = None,
                 migrate: Literal["before"] | None = None, media: Bucket | None = None, tasks: Queue | None = None,
                 **args: Unpack[PythonSiteArgs]) -> None:
        module = "asgi" if asgi else "wsgi"
        path = args["path"] = posixpath.normpath(args.get("path", "."))
        _check(path, project, module, database, migrate, media, tasks)
        self._static: bool | Literal["plain"] = static
        self._names: Mapping[str, Any] = {}
        parts = {"DATABASE": database, "MEDIA": media, "TASKS": tasks}
        given = {f"SST_DJANGO_{key}": part.logical_name for key, part in parts.items() if part is not None}
        target = current().target
        own_server = "dev" in args and target.dev and target.is_local     # that serves static files under plain names
        environment: dict[str, Input[str]] = {
            **args.get("environment", {}), **given, "DJANGO_SETTINGS_MODULE": "sst.runtime.django_settings",
            "SST_DJANGO_SETTINGS": settings or f"{project}.settings",
            **({"SST_STATIC_ROOT": f".sst/static/{name}/server"} if static is True and not own_server else {})}
        link = [*args.get("link", ()), *(part for part in parts.values() if part is not None)]
        app = f"{project}.{module}:application"
        args["environment"], args["link"] = environment, link
        self._interface = "asgi" if asgi else "wsgi"
        self._needs = ("boto3",) if media is not None or tasks is not None else ()
        network = _network(database, args)
        if network and "cluster" not in args:
            args["vpc"] = network["vpc"]
        super().__init__(name, app=app, **args)
        # of a cluster, `container` is what the image of the service stands on, and no base of a function
        container = bool(args.get("container")) if "cluster" in args else args.get("container", False)
        own: Any = {**network, "environment": environment, "permissions": args.get("permissions", ()), "link": link,
                    "python": python_in(path, args.get("server")), "container": container}
        handler = handler_in(path, app)
        with self.scope(args.get("transform")):
            code: list[Component] = [*self.servers] or ([self.server] if self.server else [])
            if "cluster" in args or not code:
                code.append(self._manager(handler, own))
            if tasks is not None and (worker := self._worker(tasks, handler, own, args)):
                code.append(worker)
            if migrate and database is not None:
                from .migration import FILES, Migration

                Migration("Migrate", run="python -m django migrate --no-input", cluster=False, link=link, before=code,
                          environment=environment, path=path, container=container,
                          files=(*FILES, *(f"{up}{lock}" for up in _upward(path) for lock in _LOCKS)))

    def _manager(self, handler: str, own: Mapping[str, Any]) -> Function:
        """Beside a service, or a server of the project's own: a function for management commands."""
        return Function("Manage", handler=handler, timeout="15 minutes", **self._names, **own)

    def _worker(self, tasks: Queue, handler: str, own: Mapping[str, Any], args: PythonSiteArgs) -> Function | None:
        limit = min(tasks.visibility or 30, 900)
        made = tasks.subscribe({"memory": "1024 MB", **args.get("server", {}), **self._names, **own,
                                "handler": handler,
                                "timeout": f"{limit} seconds"},
                               batch={"size": 1, "partial_responses": True})
        return made.function

    def _collected(self, static: Mapping[str, str], link: Sequence[LinkItem],
                   environment: Mapping[str, Input[str]]) -> Collected:
        if not self._static:
            return Collected(static_folder({}))
        folder = f".sst/static/{self.logical_name}"
        (Path(current().root) / folder).mkdir(parents=True, exist_ok=True)
        env = linked_environment(current(), linked(link, self.where), environment)
        plain = {"SST_STATIC_PLAIN": "1"} if self._static == "plain" else {}
        variables: Any = {**env.plain, **env.secret, **plain, **_installed(self._path)}
        names, above = f"{folder}/server/staticfiles.json", _upward(self._path)
        places, up = " ".join([*(f"{u}.venv/bin/python" for u in above), '"$SST_PYTHON"']), above[-1]
        made = Command("Static", command=_COLLECT.format(places=places, folder=f"{up}{folder}"), folder=self._path,
                       output=f"{up}{folder}/files", keep=f"{up}{names}", environment=variables)
        add = _with_file(names, made.kept)
        self._names = {} if plain else {"transform": {"function": add, "image": add}}
        packed = made.kept.apply(lambda text: b64encode(gzip.compress(text.encode(), mtime=0)).decode())
        return Collected(made.contents, self._names, {} if plain else {"SST_STATIC_MANIFEST": packed},
                         Assets(immutable=made.kept.apply(lambda text: re.findall(r'"immutable": \["(.+?)"', text))))

    def _found(self, url: Output[str]) -> dict[str, Input[str]]:
        """Below the path of a Router, the app's own paths begin after it."""
        return {**super()._found(url), "SST_ROOT_PATH": url.apply(lambda text: urlsplit(text).path.rstrip("/"))}


def _with_file(name: str, text: Output[str]) -> Callable[[dict[str, Any]], None]:
    """A transform of a function or of its image that adds a file to its code."""
    def add(args: dict[str, Any]) -> None:
        if "image_config" in args:
            return      # its code is the image
        encoded = text.apply(lambda known: b64encode(known.encode()).decode())
        args["files"] = combine(others=args.get("files"), own=encoded).apply(
            lambda known: {**(known["others"] or {}), name: known["own"]})

    return add


def _upward(path: str) -> list[str]:
    """From a folder of the project to that of ``sst_config.py``: nothing for the folder itself, then ``../``."""
    return ["../" * up for up in range(len(Path(path).parts) + 1)]


def _installed(path: str) -> dict[str, str]:
    """What makes static files be collected anew: the apps that are installed, if a folder above declares them."""
    folder, made = Path(current().root) / path, hashlib.sha256()
    files = [folder / up / lock for up in _upward(path)[1:] for lock in _LOCKS]
    for file in filter(Path.is_file, files):
        made.update(file.read_bytes())
    return {"SST_STATIC_DEPENDENCIES": made.hexdigest()[:16]} if files else {}


def _check(path: str, project: str, module: str, database: Postgres | None, migrate: str | None,
           media: Bucket | None, tasks: Queue | None) -> None:
    place = project.replace(".", "/")
    folder = inside(Path(current().root), path)
    roots = [folder, folder / "src"]
    if not any((r / place / f"{module}.py").is_file() for r in roots):
        shown = "" if folder == Path(current().root).resolve() else f" in {path!r}"
        raise UserError(f"there is no {place}/{module}.py{shown}",
                        hint="project= is the package that `django-admin startproject` made, beside manage.py; "
                             "path= is the folder with manage.py")
    kinds: list[tuple[str, Component | None, type[Component]]] = [("media", media, Bucket), ("tasks", tasks, Queue)]
    if database is not None:
        from .postgres import Postgres

        kinds.append(("database", database, Postgres))
    for name, part, kind in kinds:
        if part is not None and not isinstance(part, kind):
            raise UserError(f"{name} takes a {kind.__name__}, not {part!r}", hint=f"{name}=aws.{kind.__name__}(...)")
    if migrate not in (None, "before"):
        raise UserError(f"migrate is \"before\" or left out, not {migrate!r}")
    if migrate and database is None:
        raise UserError("migrate needs the database", hint='database=db, migrate="before"')


def _network(database: Postgres | None, args: PythonSiteArgs) -> dict[str, Any]:
    """The network of functions: that which is given, else the one of the database."""
    if "vpc" in args:
        return {"vpc": args["vpc"]}
    found = database.network if database is not None and database.deployed else None
    if found is None or not found.security_groups:
        return {}
    return {"vpc": FunctionNetwork(private_subnets=found.subnets, security_groups=found.security_groups)}
