"""Images of the project's own code, in a repository of the app."""
from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any, TypedDict

from ..build.files import walk
from ..build.image.base import is_layout
from ..build.image.dockerfile import local_command
from ..build.image.reference import Reference
from ..build.project_files import ProjectFiles
from ..build.source import Source
from ..clouds.aws.ecr import Repository, RepositoryPolicy
from ..clouds.aws.ecr_image import LIFECYCLE, Image
from ..clouds.local import command as local
from ..core.graph import Graph, Scope
from ..core.output import Input, Output
from ..errors import UserError
from .bundles import declare_build

__all__ = ["Dockerfile", "declare_dockerfile", "declare_function_image", "declare_image", "declare_local_dockerfile",
           "declare_server_image", "repository"]

LAMBDA = "public.ecr.aws/lambda"
"""AWS's own images of Lambda's runtimes: https://docs.aws.amazon.com/lambda/latest/dg/images-create.html"""


class Dockerfile(TypedDict, total=False):
    """An image that buildah, podman or docker builds on this machine. ``context``: the folder that it is made of,
    ``"."`` by default. ``dockerfile``: ``Dockerfile`` in it by default. ``args``: of the build, never secrets.
    ``target``: the stage to build."""

    context: str
    dockerfile: str
    args: Mapping[str, str]
    target: str


def repository(graph: Graph) -> Repository:
    """The repository of the app's images: one for each account and region, declared with the first image."""
    def declare() -> Repository:
        with graph.within(Scope(providers=graph.scope.providers)):
            return Repository(_name(graph), lifecycle_policy=LIFECYCLE, force_delete=True)

    return graph.context.once(_name(graph), declare)


def _name(graph: Graph) -> str:
    """``Images``, or ``UsImages`` for those of a provider instance."""
    instance = graph.scope.providers.get("aws")
    return f"{instance.__sst__.urn.rpartition('::')[2] if instance is not None else ''}Images"


def declare_image(graph: Graph, name: str, source: Source, *, base: str | None) -> Output[str]:
    """The image of a container's code, by its digest. ``name`` is that of the build; without ``base`` it stands on the
    slim image of its language, ``python:3.12-slim``, of the registry that the config names."""
    source = replace(source, host=False, image=True)
    chosen = base or f"{graph.context.registry}/{'python' if source.is_python else 'node'}:{source.version}-slim"
    if check_base(graph, chosen) and source.is_python:     # what it stands on is no part of the code
        inside = str(PurePosixPath(chosen))
        source = replace(source, python={**source.python, "exclude": [*source.python.get("exclude", ()), inside]})
    built = declare_build(graph, name, source)
    return _image(graph, f"{name.removesuffix('Code')}Image", {"path": built.path, "sha256": built.sha256}, chosen,
                  source.architecture, "python" if source.is_python else "nodejs")


def declare_server_image(graph: Graph, code: Input[Mapping[str, Any]], *, version: str, architecture: str,
                         base: str | None) -> Output[str]:
    """The image of a site's server, by its digest; without ``base`` on the slim image of Node, ``node:24-slim``."""
    chosen = base or f"{graph.context.registry}/node:{version}-slim"
    check_base(graph, chosen)
    return _image(graph, "Image", code, chosen, architecture, "nodejs")


def _image(graph: Graph, name: str, code: Input[Mapping[str, Any]], base: str, architecture: str,
           language: str) -> Output[str]:
    home = repository(graph)
    return Image(name, repository=home.name, uri=home.uri, code=code, base=base, architecture=architecture,
                 language=language).image


def declare_dockerfile(graph: Graph, name: str, given: Dockerfile, *, architecture: str, what: str) -> Output[str]:
    """The image of a Dockerfile, by its digest. It is built when a file of its context, an argument or the Dockerfile
    itself has changed; files that git ignores do not count."""
    context, file, digest = _dockerfile(graph, given, what)
    home = repository(graph)
    return Image(f"{name.removesuffix('Code')}Image", repository=home.name, uri=home.uri, architecture=architecture,
                 dockerfile={"context": context, "dockerfile": file, "args": dict(given.get("args", {})),
                             "target": given.get("target", ""), "digest": digest}).image


def declare_local_dockerfile(graph: Graph, name: str, given: Dockerfile, engine: str, *, what: str) -> Output[str]:
    """The image of a Dockerfile on stage ``local``, by its name in the storage of ``engine``, which builds it when it
    would be built for AWS."""
    context, file, digest = _dockerfile(graph, given, what)
    args, target = dict(given.get("args", {})), given.get("target", "")
    facts = hashlib.sha256(json.dumps([digest, args, target], sort_keys=True).encode()).hexdigest()
    image = f"localhost/sst-{graph.app}-{what}:{facts[:20]}".lower()
    built = local.Command(f"{name.removesuffix('Code')}Image", inputs=[PurePosixPath(file).as_posix()],
                          command=local_command(engine, file, context, image, args=args, target=target))
    return built.fingerprint.apply(lambda _: image)


def _dockerfile(graph: Graph, given: Dockerfile, what: str) -> tuple[str, str, str]:
    """The context and the path of a Dockerfile, and the digest of both."""
    if odd := sorted(given.keys() - Dockerfile.__annotations__.keys()):
        raise UserError(f"image of {what} has no {odd[0]!r}", hint=f"it has {', '.join(Dockerfile.__annotations__)}")
    context, root = given.get("context", "."), Path(graph.root or ".")
    file = given.get("dockerfile", str(PurePosixPath(context) / "Dockerfile"))
    if not (root / file).is_file():
        raise UserError(f"image of {what}: there is no {file!r} in {root}",
                        hint='image={"context": "api", "dockerfile": "api/Dockerfile"}: relative to the config')
    files = ProjectFiles.of(graph)
    marks = sorted(files.marks(walk((root / context).resolve()).files))
    digest = hashlib.sha256("\n".join([files.digest(str((root / file).resolve())), *marks])
                            .encode("utf-8", "surrogateescape")).hexdigest()
    return context, file, digest


def declare_function_image(graph: Graph, code: Input[Mapping[str, Any]], *, runtime: str, architecture: str, base: str,
                           files: Input[Mapping[str, str]] | None) -> Image:
    """The image of a function, on AWS's own of its runtime, and the right of Lambda to read it."""
    language, version = ("python", runtime[6:]) if runtime.startswith("python") else ("nodejs", runtime[6:-2])
    chosen = base or f"{LAMBDA}/{language}:{version}"
    check_base(graph, chosen)
    home = repository(graph)
    policy = graph.context.once(f"{_name(graph)}Policy", lambda: _let_lambda_in(graph, home))
    return Image("Image", repository=home.name, uri=home.uri, code=code, base=chosen, architecture=architecture,
                 language=language, files=files, of_function=True, depends_on=[policy])


def _let_lambda_in(graph: Graph, home: Repository) -> RepositoryPolicy:
    with graph.within(Scope(providers=graph.scope.providers)):
        return RepositoryPolicy(f"{_name(graph)}Policy", repository=home.name, policy={
            "Version": "2012-10-17", "Statement": [
                {"Sid": "Lambda", "Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"},
                 "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]}]})


def check_base(graph: Graph, base: str) -> bool:
    """Whether it is a folder with images. Raises ``UserError`` for what is neither that nor the name of one."""
    if is_layout(Path(graph.root or ".") / base):
        return True
    Reference.of(base)
    return False
