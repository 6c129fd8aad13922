"""What a stage stands on: the AWS it speaks to (the real one, or the one on this machine) and the home of its state."""
from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from ..core.model import Snapshot
from ..core.provider import Provider
from ..core.resource import Resource
from ..errors import ProviderError, StateError, UserError
from ..state.home import StateHome
from ..state.secrets import Secrets
from ..state.session import Stage
from .home import state_folder, who
from .project import Project, profile_of

if TYPE_CHECKING:
    from ..clouds.aws.client import Aws
    from ..clouds.local.build import Builder

__all__ = ["LocalCloud", "Lookup", "World"]

Lookup: TypeAlias = Callable[[str], Provider]
"""Gives the provider of a resource type."""


class LocalCloud(Protocol):
    """The cloud on this machine, running; ``embedded.cloud.Cloud`` is the real one."""

    @property
    def endpoint(self) -> str: ...
    @property
    def account(self) -> str: ...
    @property
    def access_key(self) -> str: ...
    @property
    def secret_key(self) -> str: ...
    def address(self, kind: str, value: str) -> str: ...
    def attach(self, port: int, token: str) -> bool: ...


@dataclass(eq=False)
class World:
    """Everything is made on first use: a command that needs no cloud starts none.

        world = World(project, start=lambda: start(project.root, environment=project.environ))
        world.stage.load().resources
    """

    project: Project
    start: Callable[[], LocalCloud]
    """Starts the cloud of stage ``local``, or finds the one that runs."""
    check: Callable[[], None] | None = None
    """Raises once the stage's lock is lost; set while it is held, and asked before each call that a provider makes."""
    _made: dict[str, Any] = field(default_factory=dict, repr=False)
    _lock: RLock = field(default_factory=RLock, repr=False)
    _builds: Mapping[str, Mapping[str, Any]] = field(default_factory=dict, repr=False)

    def _once(self, name: str, make: Callable[[], Any]) -> Any:
        with self._lock:
            if name not in self._made:
                self._made[name] = make()
            return self._made[name]

    @property
    def cloud(self) -> LocalCloud:
        """The cloud of stage ``local``; started if it does not run."""
        found: LocalCloud = self._once("cloud", self.start)
        return found

    def forget_cloud(self) -> None:
        """It may be gone: look for it again, or start it, when it is needed next."""
        with self._lock:
            self._made.pop("cloud", None)

    @property
    def aws(self) -> Aws:
        found: Aws = self._once("aws", self._open_aws)
        return found

    @property
    def calls(self) -> dict[str, int]:
        """Requests to AWS till now, by ``sqs.create_queue``. An AWS that nobody needed was asked nothing."""
        return dict(self._made["aws"].counts) if "aws" in self._made else {}

    def _open_aws(self) -> Aws:
        from ..clouds.aws.client import Aws  # brings ssl, which an app without AWS does not need

        p = self.project
        if p.is_local:
            c = self.cloud
            return Aws(region=p.region, endpoint=c.endpoint, credentials=(c.access_key, c.secret_key), environment={})
        profile = profile_of(p.config, p.environ)
        return Aws(region=p.region, profile=None if p.environ.get("AWS_PROFILE") else profile, environment=p.environ)

    @property
    def home(self) -> StateHome:
        """Stage ``local``: ``.sst/local/`` of the project. ``home="local"``: a folder of the user. ``home="aws"``: the
        account's bucket."""
        found: StateHome = self._once("home", self._open_home)
        return found

    def _open_home(self) -> StateHome:
        p = self.project
        if p.is_local:
            return StateHome.local(p.folder / "local", p.name)
        if p.config.home == "local":
            return StateHome.local(state_folder(p.environ), p.name)
        return StateHome.aws(lambda region: lambda service, operation,
                             params: self.aws.call(service, operation, params, region=region),
                             p.region, p.name)

    @property
    def stage(self) -> Stage:
        found: Stage = self._once("stage", lambda: self.home.stage(self.project.stage, who(self.project.environ)))
        return found

    @property
    def secrets(self) -> Secrets:
        return self.home.secrets(self.project.stage)

    def close(self) -> None:
        for name in ("home", "aws"):
            if made := self._made.pop(name, None):
                made.close()

    def ask_account(self) -> None:
        """Begin to ask which account this is, while other things are read."""
        if not self.project.is_local and self.project.config.home == "aws":
            pool = ThreadPoolExecutor(1, thread_name_prefix="sst-account")
            self._once("caller", lambda: pool.submit(self.aws.account))
            pool.shutdown(wait=False)

    def check_account(self, snapshot: Snapshot) -> str:
        """The account we speak to. Refuses another one than the config names, or than the state was made in; on AWS
        stages only."""
        p = self.project
        if p.is_local:
            return self.cloud.account
        asked: Future[str] | None = self._made.get("caller")
        account = asked.result() if asked else self.aws.account()
        if p.config.account and account != p.config.account:
            raise UserError(f"these credentials are for account {account}; the config allows {p.config.account} alone",
                            where=p.program.file.name, hint="check AWS_PROFILE, or account= in the config")
        for what, now in (("account", account), ("region", p.region)):
            if (was := snapshot.meta.get(what)) and was != now:
                raise StateError(f'stage "{p.stage}" was deployed to {what} {was}, not to {now}',
                                 hint=f"use credentials of {what} {was}, or another stage" if what == "account" else
                                 f'set region="{was}" in the config; to move, remove the stage there first')
        return account

    def providers(self, lineage: str, *, offline: bool = False) -> Lookup:
        """The provider of each type. ``offline``: they only compare, so the local cloud is not started.

        A kind of resource that the user wrote may carry its own, as ``provider``.
        """
        made: dict[str, Provider] = {}

        def provider(type: str) -> Provider:
            own: Provider | None = getattr(Resource.kinds.get(type), "provider", None)
            if own is not None:
                return own
            word = type.partition(".")[0]
            with self._lock:
                if word not in made:
                    made[word] = self._provider(word, type, lineage, offline)
                return made[word]

        return provider

    def _provider(self, word: str, type: str, lineage: str, offline: bool) -> Provider:
        match word:
            case "aws":
                return self._aws_provider(lineage, offline)
            case "local":
                return self.builder
            case _:
                raise UserError(f"no provider knows the type {type}",
                                hint="it is in the state, but the program that declared it is not this one; put the "
                                     "import back")

    def _aws_provider(self, lineage: str, offline: bool) -> Provider:
        from ..clouds.aws.client import Aws
        from ..clouds.aws.provider import AwsProvider

        p = self.project
        aws = Aws(region=p.region, credentials=("", ""), environment={}) if offline else self.aws
        address = self.cloud.address if p.is_local and not offline else lambda kind, value: value
        return AwsProvider(aws, app=p.name, stage=p.stage, lineage=lineage, tags=p.config.tags, address=address,
                           asset=self._asset,
                           asset_bucket=self._asset_bucket, guard=self.check)

    @property
    def builder(self) -> Builder:
        """Makes functions' bundles; they are found by their content, so tests with a place of their own share them."""
        from ..clouds.local.build import Builder

        found: Builder = self._once("builder", lambda: Builder(self.project.root, self.project.root / ".sst/cache"))
        return found

    def know(self, snapshot: Snapshot) -> None:
        """Load the rows of what the state holds, whatever the program imports: a plan asks them whether data would be
        lost. Remember what artefacts were made from, so that one that was cleaned from the cache can be made again."""
        types = {s.type for s in (*snapshot.resources.values(), *snapshot.deposed.values())}
        types |= {p.type for p in snapshot.pending.values()}
        for type in sorted(types - Resource.kinds.keys()):
            if type.startswith("aws."):
                from ..clouds.aws.provider import row

                row(type)
            elif type.startswith("local."):
                from ..clouds.local import build  # noqa: F401  # importing it registers its types
        self._builds = {str(s.outputs.get("path")): s.inputs
                        for s in snapshot.resources.values() if s.type == "local.Build"}

    def need_artefacts(self, snapshot: Snapshot) -> None:
        """Keep in the cache what this version of the state was deployed with, for a later rollback."""
        if made := [s.id for s in snapshot.resources.values() if s.type == "local.Build"]:
            from ..build.needed import remember

            remember(self.project.folder / "cache", self.project.stage, snapshot.serial, made)

    @contextmanager
    def _asset(self, inputs: Mapping[str, Any]) -> Iterator[Path]:
        """The zip of a function's code, with the files that are added at the last moment."""
        path = Path(inputs["code"]["path"])
        if not path.is_file() and (made_from := self._builds.get(str(path))):
            path = self.builder.open(str(path), made_from)
        if not (files := inputs.get("files")):
            yield path
            return
        from base64 import b64decode
        from tempfile import TemporaryDirectory

        from ..build.artefact import with_files

        with TemporaryDirectory(prefix="sst-code-") as folder:
            with_files(path, {name: b64decode(text) for name, text in files.items()}, made := Path(folder) / "code.zip")
            yield made

    def _asset_bucket(self) -> str:
        """The bucket for code that is too large for a call; made on first use, in the app's region as Lambda wants
        it."""
        name: str = self._once("assets", self._make_asset_bucket)
        return name

    def _make_asset_bucket(self) -> str:
        account, region = self.aws.account(), self.project.region
        name = f"sst-py-assets-{account}-{region}"
        place = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        try:
            self.aws.call("s3", "create_bucket", {"Bucket": name, **place})
        except ProviderError as e:
            if e.code != "BucketAlreadyOwnedByYou":
                raise
            return name
        self.aws.call("s3", "put_public_access_block", {"Bucket": name, "PublicAccessBlockConfiguration": dict.fromkeys(
            ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True)})
        return name
