"""A function: code that runs when it is called."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Self, TypedDict, Unpack

from ...clouds.aws import lambda_
from ...core.component import Component, Options
from ...core.dev_parts import DevPart
from ...core.graph import current
from ...core.link import Link, LinkItem, linked
from ...core.link_env import environment as linked_environment
from ...core.output import Input, Output, combine
from ...core.transform import Transform
from ...core.units import megabytes, seconds
from ...errors import UserError
from ..existing import FUNCTION, identified
from ..link_permissions import Access, grants, located
from ..permissions import Statement
from ..volume import FunctionVolume, mounted_by_function
from ..vpc import Vpc
from .code import Code, CopyFile, Hook, make_code
from .container import FunctionContainer, packaged
from .env import add_variables, stream_environment
from .live import bridge_permissions, live_function, live_of, overlaid
from .logs import Logging, make_log_group
from .network import FunctionNetwork, network_of, network_permissions
from .origin import guarded, key_of, key_variable
from .role import make_role
from .url import Cors, Url, make_url

__all__ = ["Code", "Concurrency", "CopyFile", "Cors", "Function", "FunctionArgs", "FunctionContainer",
           "FunctionTransform", "Hook", "Logging", "Url"]


LONGER = "what takes longer is an aws.Task, or runs in a service: aws.Service, and cluster=cluster of a site"
LARGER = "a container has up to 120 GB: aws.Task, aws.Service, and cluster=cluster of a site"


class Concurrency(TypedDict, total=False):
    """``provisioned``: kept warm (needs ``versioning=True``). ``reserved``: at most so many at once."""

    provisioned: int
    reserved: int


class FunctionTransform(TypedDict, total=False):
    """Changes to what a function is made of."""

    function: Transform
    role: Transform
    policy: Transform
    log_group: Transform
    url: Transform
    event_invoke_config: Transform
    code: Transform
    image: Transform


class FunctionArgs(TypedDict, total=False):
    """The arguments of ``Function`` but its name: what ``subscribe``, ``route`` and ``Cron`` take in place of a
    handler."""

    handler: str
    name: Input[str]
    runtime: str
    timeout: str
    memory: str
    storage: str
    architecture: Literal["x86_64", "arm64"]
    description: str
    environment: Mapping[str, Input[str]]
    link: Sequence[LinkItem]
    permissions: Sequence[Statement]
    policies: Sequence[Input[str]]
    role: Input[str]
    url: bool | Url
    streaming: bool
    logging: bool | Logging
    concurrency: Concurrency
    retries: int
    versioning: bool
    layers: Sequence[Input[str]]
    vpc: Vpc | FunctionNetwork
    volume: FunctionVolume
    copy_files: Sequence[CopyFile]
    bundle: str | Code
    container: bool | FunctionContainer
    hook: Hook
    tags: Mapping[str, str]
    python: Mapping[str, Any]
    nodejs: Mapping[str, Any]
    dev: bool
    transform: FunctionTransform


class Function(Component, kind="sst.aws.Function", parts=tuple(FunctionTransform.__annotations__)):
    """A Lambda function.

        api = aws.Function("Api", handler="src/api.handler", url=True, link=[bucket], timeout="3 minutes")
        api.url, api.name, api.arn

    handler: ``path/to/file.function``; ``package.module:app`` is an ASGI or WSGI app.
    name: its name in Lambda, at most 64 characters; made from app, stage and logical name by default. A change of it
    makes a new function.
    runtime: by the handler's file and the project's Python by default, as ``"python3.12"`` or ``"nodejs22.x"``.
    bundle: a folder that is uploaded as it is; the handler is relative to it, and nothing is built;
    other components give the ``Code`` that they have built.
    container: ``True`` deploys it as an image, for bundles over 250 MB (an image takes 10 GB), on AWS's own image of
    the runtime, or on ``{"base": ...}``; on stage ``local`` nothing is different.
    hook: ``{"postbuild": f}``: ``f(folder)`` changes the bundle before it is zipped.
    timeout: 1 second to 15 minutes, ``"20 seconds"`` by default. memory: 128 MB to 10240 MB, ``"1024 MB"`` by default.
    storage: size of /tmp, 512 MB to 10240 MB. architecture: ``"x86_64"`` (default) or ``"arm64"``.
    link: what it uses; grants least privilege. permissions: further IAM statements. policies: ARNs of managed policies.
    role: ARN of an existing role; then nothing is granted here. url: give it an HTTPS address.
    logging: ``False``, or retention ``"1 month"`` and format ``"text"`` by default. retries: of asynchronous calls, 0
    to 2. vpc: a network whose private addresses it reaches; the internet only where that has a NAT. volume: a file
    system of that network, ``{"efs": files, "path": "/mnt/efs"}``. dev: ``False``
    leaves it alone in ``sst dev``: what is deployed runs.

    Source: Lambda API CreateFunction, https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html
    """

    def __init__(self, logical_name: str, /, handler: str, *, name: Input[str] | None = None,
                 runtime: str | None = None, timeout: str = "20 seconds",
                 memory: str = "1024 MB",
                 storage: str = "512 MB", architecture: Literal["x86_64", "arm64"] = "x86_64", description: str = "",
                 environment: Mapping[str, Input[str]] | None = None, link: Sequence[LinkItem] = (),
                 permissions: Sequence[Statement] = (), policies: Sequence[Input[str]] = (),
                 role: Input[str] | None = None,
                 url: bool | Url = False, streaming: bool = False, logging: bool | Logging = True,
                 concurrency: Concurrency | None = None, retries: int | None = None, versioning: bool = False,
                 layers: Sequence[Input[str]] = (), vpc: Vpc | FunctionNetwork | None = None,
                 volume: FunctionVolume | None = None,
                 copy_files: Sequence[CopyFile] = (),
                 bundle: str | Code | None = None, container: bool | FunctionContainer = False,
                 hook: Hook | None = None,
                 tags: Mapping[str, str] | None = None,
                 python: Mapping[str, Any] | None = None, nodejs: Mapping[str, Any] | None = None, dev: bool = True,
                 transform: FunctionTransform | None = None, **options: Unpack[Options]) -> None:
        super().__init__(logical_name, **options)
        self._added: dict[str, Input[str]] = {}
        graph, links, limits = current(), linked(link, self.where), _limits(timeout, memory, storage)
        if architecture not in ("x86_64", "arm64"):
            raise UserError(f"architecture can't be {architecture!r}", hint='"x86_64" or "arm64"')
        _check(concurrency, retries, versioning)
        self._transform = transform
        dev = dev and bundle is None
        live = live_of(graph, dev=dev, role=role, runtime=runtime)
        with self.scope(transform):
            network = network_of(vpc, links, logical_name)
            mount = mounted_by_function(volume, network, logical_name)
            log_arn, log_settings = make_log_group(self, logging, name)
            self.policy, self.role = None, None
            if role is None:
                self.role, self.policy = make_role(
                    links, [*permissions, *bridge_permissions(live), *network_permissions(network),
                            *([mount.permission] if mount else ())], policies, log_arn, self.where)
                role = self.role.arn
            code = bundle if isinstance(bundle, Code) else make_code(
                graph, handler, runtime=runtime, architecture=architecture, copy_files=copy_files,
                python=python or {}, nodejs=nodejs or {}, bundle=bundle, hook=hook, image=bool(container))
            streams = stream_environment(code.runtime) if streaming else {}
            key = key_of(self, url, code, built=bundle is None)
            env = linked_environment(graph, links, {**streams, **(environment or {}), **key_variable(key)},
                                     sealed_for=self.urn)
            made = overlaid(live, *guarded(code, env, key, web=":" in handler), streaming=streaming)
            self.function = lambda_.Function(
                "Function", name=name, role=role, **packaged(graph, code, made, container, architecture,
                                                             streaming=streaming, layers=bool(layers)),
                environment=made.plain, secret_environment=combine(**env.secret).as_secret() if env.secret else None,
                architectures=[architecture], description=description,
                layers=list(layers) or None, logging_config=log_settings, tags=dict(tags) if tags else None,
                publish=versioning or None, vpc_config=network,
                file_systems=[{"Arn": mount.point, "LocalMountPath": mount.path}] if mount else None,
                depends_on=[*([self.policy] if network and self.policy else ()), *(mount.ready if mount else ())],
                reserved_concurrency=(concurrency or {}).get("reserved"), **limits)
            self._url = make_url(self.function, url, streaming=streaming, where=self.where, key=key)
            self._extras(concurrency, retries)
        self._live = live_function(self, self.function, code, live) if dev and graph.target.dev else None

    def _extras(self, concurrency: Concurrency | None, retries: int | None) -> None:
        if retries is not None:
            lambda_.EventInvokeConfig("EventInvokeConfig", function_name=self.function.name,
                                      maximum_retry_attempts=retries)
        if provisioned := (concurrency or {}).get("provisioned"):
            lambda_.ProvisionedConcurrency("ProvisionedConcurrency", function_name=self.function.name,
                                           qualifier=self.function.version,
                                           provisioned_concurrent_executions=provisioned)

    @classmethod
    def get(cls, name: str, function_name: Input[str], **options: Unpack[Options]) -> Self:
        """An existing function, by its name: it can be linked and called, and is never changed or deleted.

            resize = aws.Function.get("Resize", "acme-resize")

        Nothing can stand in for it on stage ``local``.
        """
        self = cls.existing(name, **options)
        with self.scope():
            self.function = lambda_.Function.get("Function", name=identified(function_name, FUNCTION))
        self.policy, self._url, self._live, self._added, self._transform = None, None, None, {}, None
        return self

    def dev_parts(self) -> Sequence[DevPart]:
        """Itself, unless ``dev=False``, a custom runtime, or a role of the user's own has it run as deployed."""
        return (self._live,) if self._live else ()

    def add_environment(self, environment: Mapping[str, Input[str]]) -> None:
        """Add variables once the function is there: for what is only known then, such as its own URL, or the name of
        something that is linked to it.

            api = aws.Function("Api", handler="src/api.handler", url=True)
            api.add_environment({"PUBLIC_URL": api.url})

        They are set by a call of its own, after the function was made. UserError for one that ``environment`` has.
        """
        if not self._added:
            current().at_end(self._add_environment, self._scope)
        self._added.update(environment)

    def _add_environment(self) -> None:
        with self.scope(self._transform):
            add_variables(self.function, self._added)

    @property
    def url(self) -> Output[str]:
        """Its HTTPS address; the function needs ``url=True``."""
        if self._url is None:
            raise UserError(f'the function "{self.logical_name}" has no URL',
                            hint=f"it is declared at {self.where}; add url=True")
        return self._url

    @property
    def name(self) -> Output[str]:
        """Its name in Lambda."""
        return self.function.name

    @property
    def arn(self) -> Output[str]:
        return self.function.arn

    def link(self, access: Access | None = None) -> Link:
        """Name (and URL) for the one that calls it, and the right to invoke it."""
        properties: dict[str, Input[str]] = {"name": self.name}
        if self._url is not None:
            properties["url"] = self._url
        return Link(self.logical_name, self.kind, located(self, properties),
                    grants(self.kind, lambda_.Function.actions, self.arn, access))


def _limits(timeout: str, memory: str, storage: str) -> dict[str, Any]:
    return {"timeout": seconds(timeout, what="timeout", low=1, high=900, beyond=LONGER),
            "memory_size": megabytes(memory, what="memory", low=128, high=10240, beyond=LARGER),
            "ephemeral_storage": megabytes(storage, what="storage", low=512, high=10240)}


def _check(concurrency: Concurrency | None, retries: int | None, versioning: bool) -> None:
    if (concurrency or {}).get("provisioned") and not versioning:
        raise UserError("provisioned concurrency needs a published version", hint="add versioning=True")
    if retries is not None and not 0 <= retries <= 2:
        raise UserError(f"retries must be between 0 and 2; it is {retries}")
