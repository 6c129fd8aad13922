"""Migrations: what has to be done in a database before new code may use it."""
from __future__ import annotations

import ast
import hashlib
import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, TypedDict, Unpack

from ..clouds.aws import migration
from ..clouds.aws.fargate import MEMORY
from ..clouds.aws.partition import partition_of
from ..clouds.local.folders import inside
from ..core.component import Component, Options
from ..core.dev_parts import DevPart, WatchedFiles
from ..core.graph import current
from ..core.link import LinkItem, linked
from ..core.output import Input
from ..core.transform import Transform
from ..core.units import megabytes, seconds
from ..errors import UserError
from .cluster import Cluster, check_cluster
from .fargate import Common, Size, define
from .function import CopyFile, Function
from .function.container import FunctionContainer
from .relational import Relational

__all__ = ["Migration", "MigrationTransform"]

FILES = ("alembic.ini", "alembic/**/*.py", "migrations/**/*.py", "migrations/**/*.sql", "*/migrations/**/*.py")
"""Where Alembic and Django keep migrations."""
CODE = ("aws.lambda.Function", "aws.ecs.Service")
"""Resources that are the code of a component."""
_HANDLER = "sst/runtime/migration.handler"
_SKIPPED = frozenset({".git", ".sst", ".venv", "node_modules", "__pycache__"})


class MigrationTransform(TypedDict, total=False):
    run: Transform
    task_definition: Transform


class Migration(Component, kind="sst.aws.Migration", parts=tuple(MigrationTransform.__annotations__)):
    """A migration of a database, run by a deploy before the new code of the components that use it.

        db = aws.Postgres("Database", vpc=aws.Vpc("Network"))
        api = aws.Function("Api", handler="src/api.handler", link=[db])
        aws.Migration("Schema", handler="src/migrate.handler", link=[db], before=[api])

    run: a command, in the project's environment and folder; it is a task on Fargate. handler: a function in its place,
    ``path/to/file.function``, called with an event and a context; it is a function of Lambda. link: what it uses, among
    it exactly one ``Postgres``, ``Mysql`` or ``Aurora``. before: components whose new code waits. files: patterns of
    the files that make it run when they change, beside that of ``handler``; default is where Alembic and Django keep
    theirs. path: the folder of the Python project, relative to ``sst_config.py``: the command runs and modules are
    imported there, and ``files`` are relative to it. copy_files: further files of the bundle. cluster: where the task
    of ``run`` is started; by default in a cluster of its own, in the network of the database. ``False`` runs it in a
    function, which needs no image; with container it is one, as for ``aws.Function``. base: what the image of the task
    stands on. timeout: 15 minutes by default; of a
    function at most that. memory: of a task what Fargate has next to it.

    Sources: ECS API RunTask, https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RunTask.html
    Lambda API Invoke, https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
    """

    def __init__(self, name: str, *, run: str | None = None, handler: str | None = None, link: Sequence[LinkItem] = (),
                 before: Sequence[Component] = (), files: Sequence[str] = FILES, path: str = ".",
                 environment: Mapping[str, Input[str]] | None = None, copy_files: Sequence[CopyFile] = (),
                 cluster: Cluster | Literal[False] | None = None, container: bool | FunctionContainer = False,
                 base: str | None = None,
                 timeout: str = "15 minutes", memory: str = "1024 MB", transform: MigrationTransform | None = None,
                 **options: Unpack[Options]) -> None:
        super().__init__(name, **options)
        if (run is None) == (handler is None):
            raise UserError(f'the migration "{name}" takes one of run and handler',
                            hint='run="alembic upgrade head", or handler="src/migrate.handler"')
        if handler and (cluster or base):
            raise UserError(f'the migration "{name}" has a handler, which is a function: cluster and base are for run',
                            hint='run="alembic upgrade head"')
        if container and run and cluster is not False:
            raise UserError(f'the migration "{name}" runs a command in a task, which is an image by itself',
                            hint="leave out container; or cluster=False runs it in a function")
        databases = [item for item in link if isinstance(item, Relational)]
        if len(databases) != 1:
            raise UserError(f'the migration "{name}" needs one database among its links, and has {len(databases)}',
                            hint="link=[db]")
        for item in before:
            if not isinstance(item, Component):
                raise UserError(f"before takes components, not {item!r}", hint="before=[api]")
        database, root = databases[0], Path(current().root or ".")
        self.function: Function | None = None
        self._patterns: tuple[str, ...] = ()
        if not database.deployed and not current().target.is_local:
            return      # `sst dev` on AWS with a server of the developer's: a function does not reach it
        inside(root, path)
        self._python = {} if posixpath.normpath(path) == "." else {"root": posixpath.normpath(path)}
        placed = [posixpath.normpath(f"{path}/{pattern}") for pattern in files]
        self._patterns = (*placed, f"{handler.rpartition('.')[0]}.py") if handler else tuple(placed)
        found = _files(root, self._patterns)
        if not found:
            raise UserError(f'the migration "{name}" has no files', hint=f"none fits {', '.join(placed)}: "
                            'files=["db/*.sql"]')
        what: dict[str, Any] = {"name": name, "work": run or str(handler), "database": database.identity,
                                "files": {n: _digest(p) for n, p in found.items()}}
        own = {**(environment or {}), "SST_MIGRATION_DATABASE": database.logical_name,
               **({"SST_MIGRATION_RUN": run} if run else {"SST_MIGRATION_HANDLER": str(handler)})}
        code = handler or _anchor(root, path, found)
        with self.scope(transform):
            if run and cluster is not False and (cluster or database.deployed):
                self.run: migration.TaskRun | migration.Run = self._task(
                    what, cluster or _own_cluster(name, database), code, link, copy_files, own, base, timeout, memory)
            else:
                self.function = self._declare(database, code, link, copy_files, own, timeout, memory, container)
                self.run = migration.Run("Run", function_name=self.function.name, **what, depends_on=[self.function])
        current().at_end(lambda: self._hold(before), self._scope)

    def dev_parts(self) -> Sequence[DevPart]:
        """A change of its files runs it in `sst dev`."""
        return (WatchedFiles(self._patterns),) if self._patterns else ()

    def _task(self, what: Mapping[str, Any], cluster: Cluster, handler: str, link: Sequence[LinkItem],
              copy_files: Sequence[CopyFile], environment: Mapping[str, Input[str]], base: str | None, timeout: str,
              memory: str) -> migration.TaskRun:
        check_cluster(self.logical_name, cluster)
        limit = seconds(timeout, what="timeout", low=1)
        container: Any = {"name": self.logical_name, "handler": handler, "base": base,
                          "command": ["python", "-m", "sst.runtime.migration"],
                          "environment": {**environment, "SST_MIGRATION_TIMEOUT": str(limit)}}
        files = [(c["from"], c.get("to", c["from"])) for c in copy_files]
        made = define(self, Common(cluster, _size(memory), "x86_64", linked(link, self.where), (), [container],
                                   self._python, None, None, copy_files=files))
        network = {"subnets": list(cluster.container_subnets), "securityGroups": list(cluster.security_groups),
                   "assignPublicIp": "ENABLED" if cluster.assign_public_ip else "DISABLED"}
        return migration.TaskRun("Run", cluster=cluster.name, task_definition=made.task_definition.family,
                                 container=self.logical_name, network=network, timeout=limit, **what,
                                 depends_on=[made.task_definition, *made.ready])

    def _declare(self, database: Relational, handler: str, link: Sequence[LinkItem], copy_files: Sequence[CopyFile],
                 environment: Mapping[str, Input[str]], timeout: str, memory: str,
                 container: bool | FunctionContainer) -> Function:
        place: dict[str, Any] = {}
        if database.network:
            place["vpc_config"] = {"SubnetIds": list(database.network.subnets),
                                   "SecurityGroupIds": list(database.network.security_groups or ())}
        partition = partition_of(current().region)
        access = f"arn:{partition}:iam::aws:policy/service-role/AWSLambdaVPCAccessExecutionRole"
        return Function("Function", handler=handler, link=link, environment=environment, timeout=timeout,
                        memory=memory, retries=0, copy_files=copy_files, dev=False, python=self._python,
                        policies=[access] if place else (), container=container,
                        transform={"function": lambda args: {**_started(args), **place}})

    def _hold(self, before: Sequence[Component]) -> None:
        """The code of some components waits for the run, and nothing else of them."""
        graph, run = current(), self.run.__sst__.urn
        held = {component.urn for component in before}
        for urn, goal in list(graph.goals.items()):
            if goal.type in CODE and held & set(_above(graph, urn)):
                graph.goals[urn] = replace(goal, deps=goal.deps | {run})


def _started(args: Mapping[str, Any]) -> dict[str, Any]:
    """What of a function, or of its image, names the handler."""
    if (image := args.get("image_config")) is not None:
        return {"image_config": {**image, "Command": [_HANDLER]}}
    return {"handler": _HANDLER}


def _own_cluster(name: str, database: Relational) -> Cluster:
    """A cluster costs nothing. It is made where the database is."""
    if database.network is None or database.network.vpc is None:
        raise UserError(f'the migration "{name}" runs a command, which needs a cluster in the network of its database, '
                        "and the program does not declare that network",
                        hint="cluster=aws.Cluster(...); or cluster=False runs it in a function")
    return Cluster("Cluster", vpc=database.network.vpc)


def _size(memory: str) -> Size:
    """The smallest of Fargate with so much memory."""
    asked = megabytes(memory, what="memory", low=1, high=max(MEMORY[16384]))
    return next(Size(cpu, fits, 20) for cpu, sizes in MEMORY.items() for fits in sizes if fits >= asked)


def _above(graph: Any, urn: str) -> list[str]:
    """The components that a resource is in, from the inside out."""
    found, parent = [], graph.goals[urn].parent
    while parent is not None:
        found.append(parent)
        owner = graph.components.get(parent)
        parent = owner.parent if owner else None
    return found


def _files(root: Path, patterns: Sequence[str]) -> dict[str, Path]:
    found = {p.relative_to(root).as_posix(): p for pattern in patterns for p in root.glob(pattern)
             if p.is_file() and not _SKIPPED & set(p.relative_to(root).parts)}
    return dict(sorted(found.items()))


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()[:16]


def _anchor(root: Path, path: str, found: Mapping[str, Path]) -> str:
    """A handler that a bundle can be built for: the command runs in the bundle, and no handler of the user's is asked
    for. Any name that a Python file defines will do."""
    own = root / path
    for file in (*found.values(), own / "manage.py", *sorted(own.glob("*.py")), *sorted(own.glob("src/**/*.py"))):
        if file.suffix == ".py" and file.is_file() and file.is_relative_to(own):
            names = [n.name for n in ast.parse(file.read_bytes()).body if isinstance(n, ast.FunctionDef)]
            if names:
                return f"{file.relative_to(root).with_suffix('').as_posix()}.{names[0]}"
    raise UserError("a migration with run needs a Python file in the project", hint="handler=... in its place")
