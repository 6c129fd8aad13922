"""Images that are built here and pushed to ECR, as resources."""
from __future__ import annotations

import hashlib
import json
from base64 import b64decode
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from fnmatch import fnmatch
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ...build.image.dockerfile import built_of_folder, commands, engine
from ...build.image.image import Built, compose
from ...build.image.project import FUNCTION, project_layers, settings_of
from ...build.image.registry import Registry
from ...build.image.upload import Upload
from ...build.limit import IMAGE_LIMIT, within
from ...build.zip import read
from ...core.model import Operation, State
from ...core.output import Output
from ...core.provider import Absent, Change, Found, Note, Provider, Result, Unsure
from ...core.resource import Arg, Resource, out, prop, schema_of
from ...core.schema import Schema
from ...errors import ProviderError
from ..local.folders import inside
from ..local.runner import Runner
from .ecr_bases import Bases, locked
from .ecr_registry import Registries
from .ecr_running import running
from .verbs import Verbs

__all__ = ["KEPT", "LIFECYCLE", "Image", "Images"]

KEPT = 50
"""So many images of a resource carry a tag that keeps them: the present one, and those before it. Those that run keep
one for as long as they do."""
LIFECYCLE: Mapping[str, Any] = {"rules": [
    {"rulePriority": 1, "description": "images that may run",
     "selection": {"tagStatus": "tagged", "tagPrefixList": ["live-"], "countType": "imageCountMoreThan",
                   "countNumber": 5000}, "action": {"type": "expire"}},
    {"rulePriority": 2, "description": "all others, 30 days after they were pushed",
     "selection": {"tagStatus": "any", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": 30},
     "action": {"type": "expire"}}]}
"""What an image matches first decides, so no image with the first rule's tags is ever expired by the second.
https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html"""
FORM = 1
IN_A_CLUSTER = "run it in a service, whose image may be larger: aws.Service, or cluster=cluster of a site"
_GONE = ("RepositoryNotFoundException", "ImageNotFoundException")


class Image(Resource, type="aws.ecr.Image", from_bundle=frozenset({"code"})):
    """An image of the project's files on a base, in a repository. It is built and pushed when it changes, and only
    what the repository lacks is sent.

        ecr_image.Image("Image", repository=repository.name, uri=repository.uri, code={"path": ..., "sha256": ...},
                        base="public.ecr.aws/docker/library/python:3.12-slim")
    """

    region: Arg[str] = prop(default=None, replace=True)
    """Region of the repository. Default: the app's region."""
    repository: Arg[str] = prop(replace=True)
    """Name of the repository."""
    uri: Arg[str] = prop(replace=True)
    """``123456789012.dkr.ecr.eu-central-1.amazonaws.com/name``."""
    code: Arg[Mapping[str, Any]] = prop(default=None)
    """``path`` and ``sha256`` of a build; or there is a ``dockerfile``."""
    dockerfile: Arg[Mapping[str, Any]] = prop(default=None)
    """``dockerfile`` and ``context``, relative to the project, ``args``, ``target``, and the ``digest`` of all that is
    in the context."""
    files: Arg[Mapping[str, str]] = prop(default=None, secret=True)
    """Further files, in base64."""
    base: Arg[str] = prop(default=None)
    """What it stands on: an image of a registry, or a folder in the OCI layout, relative to the project."""
    architecture: Arg[str] = prop(default="x86_64")
    language: Arg[str] = prop(default="python")
    of_function: Arg[bool] = prop(default=False)
    """Lambda runs it: the files are where Lambda has them, and how it starts is said by the base and the function."""
    command: Arg[Sequence[str]] = prop(default=None)

    image: Output[str] = out(volatile=True)
    """``uri@sha256:...``: what a task definition names."""
    digest: Output[str] = out(volatile=True)
    base_digest: Output[str] = out(volatile=True)
    bytes: Output[int] = out(volatile=True)
    """Of its layers, compressed."""
    turn: Output[int] = out(volatile=True)
    """How often it was pushed."""


class Images(Provider):
    """The provider of ``Image``."""

    def __init__(self, verbs: Verbs, *, kept: int = KEPT) -> None:
        self.verbs, self.cache, self.kept = verbs, verbs.root / ".sst" / "cache", kept
        self.registries = Registries(verbs)
        self.bases = Bases(verbs.root, self.cache, self.registries)

    def schema(self, type: str) -> Schema:
        return schema_of(Image)

    def plan(self, type: str, prior: State | None, inputs: Mapping[str, Any]) -> Change:
        was: Mapping[str, Any] = prior.inputs if prior else {}
        changed = frozenset(k for k in Image.props if was.get(k) != inputs.get(k))
        if prior and isinstance(base := inputs.get("base"), str):
            now = locked(self.verbs.root, base)
            if now and now != prior.outputs.get("base_digest"):
                changed |= {"base"}
        fixed = frozenset(k for k in changed if Image.props[k].replace) if prior else frozenset()
        return Change(changed, fixed, unknown=frozenset(Image.outs) if changed else frozenset())

    def create(self, operation: Operation, note: Note) -> Result:
        return self._push(operation.inputs, operation.base, None, note)

    def update(self, operation: Operation, state: State, note: Note) -> Result:
        return self._push(operation.inputs, state.base, state, note)

    def read(self, state: State) -> Result | None:
        """Whether the repository still has it."""
        repository, _, digest = state.id.rpartition("@")
        try:
            there = self.verbs.aws.call("ecr", "describe_images", region=state.inputs.get("region"), params={
                "repositoryName": repository, "imageIds": [{"imageDigest": digest}]})
        except ProviderError as e:
            if e.code not in _GONE:
                raise
            return None
        return Result(state.id, state.outputs, state.inputs or None) if there.get("imageDetails") else None

    def delete(self, state: State, note: Note) -> None:
        """Take the tags of its images away, and so those that no other resource has tagged."""
        region, name = state.inputs.get("region"), state.id.rpartition("@")[0]
        try:
            tags = self._tags(name, region)
            live = _live(state.base)
            images = {digest for tag, digest in tags if tag.startswith(live)}
            own = sorted(tag for tag, digest in tags if digest in images and tag.startswith((live, "made-")))
            self._untag(name, own, region)
        except ProviderError as e:
            if e.code not in _GONE:
                raise

    def find(self, operation: Operation) -> Found | Absent | Unsure:
        """To push once more costs one look, and makes no second image."""
        return Absent()

    def _push(self, inputs: Mapping[str, Any], base: str, state: State | None, note: Note) -> Result:
        outputs: Mapping[str, Any] = state.outputs if state else {}
        uri, name = str(inputs["uri"]), str(inputs["repository"])
        registry = self.registries.of(uri.partition("/")[0], inputs.get("region"))
        digest = self._base(inputs, state, note)
        turn = int(outputs.get("turn") or 0) + 1
        live, made = f"{_live(base)}{turn % self.kept}", f"made-{_key(inputs, digest)}"
        if turn % self.kept == 0:
            self._keep(registry, inputs, base, note)
        there = registry.tagged(name, made)
        if there is not None:
            kind, image, manifest = there
            registry.put_manifest(name, live, kind, manifest)
            size = sum(int(layer["size"]) for layer in json.loads(manifest)["layers"])
        else:
            with self._built(inputs, digest, note) as built:
                note(f"pushing to {name}")
                sent = self._upload(registry, inputs, digest, note).image(built, (made, live))
                note(f"{sent:,} of {built.size:,} bytes were sent")
            image, size = built.digest, built.size
        return Result(f"{name}@{image}", {"image": f"{uri}@{image}", "digest": image, "base_digest": digest,
                                          "bytes": size, "turn": turn})

    def _keep(self, registry: Registry, inputs: Mapping[str, Any], base: str, note: Note) -> None:
        """Once in ``kept`` pushes: the images of the resource that still run get a tag of their own, as those pushes
        take over the tags that they have."""
        name, region = str(inputs["repository"]), inputs.get("region")
        try:
            runs = running(self.verbs.aws, str(inputs["uri"]), region)
        except ProviderError as e:      # a deployer without these rights can push all the same
            note(f"ECS does not say which images still run: {e.message}")
            return
        tags = {tag: digest for tag, digest in self._tags(name, region) if tag.startswith(_live(base))}
        wanted = {f"{_live(base)}{digest[7:23]}": digest for digest in runs & set(tags.values())}
        for tag in wanted.keys() - tags.keys():
            kind, _, manifest = registry.manifest(name, wanted[tag])
            registry.put_manifest(name, tag, kind, manifest)
        former = f"{_live(base)}{'?' * 16}"
        self._untag(name, sorted(tag for tag in tags.keys() - wanted.keys() if fnmatch(tag, former)), region)

    def _tags(self, name: str, region: str | None) -> list[tuple[str, str]]:
        """Tags and digests of a repository."""
        page: dict[str, Any] = {}
        tags: list[tuple[str, str]] = []
        while True:
            answer = self.verbs.aws.call("ecr", "list_images", {"repositoryName": name, "filter": {
                "tagStatus": "TAGGED"}, **page}, region=region)
            tags += [(str(i["imageTag"]), str(i["imageDigest"])) for i in answer.get("imageIds", ())]
            if not (more := answer.get("nextToken")):
                return tags
            page = {"nextToken": more}

    def _untag(self, name: str, tags: Sequence[str], region: str | None) -> None:
        for n in range(0, len(tags), 100):
            self.verbs.aws.call("ecr", "batch_delete_image", idempotent=True, guard=self.verbs.guard, region=region,
                                params={"repositoryName": name, "imageIds": [{"imageTag": t} for t in tags[n:n + 100]]})

    def _upload(self, registry: Registry, inputs: Mapping[str, Any], digest: str, note: Note) -> Upload:
        base = inputs.get("base")
        own = self.bases.repository_in(registry, str(base)) if base else ""
        return Upload(registry, str(inputs["repository"]), note=note, same=[own] if own else [],
                      fetch=lambda blob, path: self.bases.fetch(str(inputs["base"]), digest, blob, path))

    def _base(self, inputs: Mapping[str, Any], state: State | None, note: Note) -> str:
        """The digest of the base; of a Dockerfile there is none."""
        if not inputs.get("base"):
            return ""
        same = state is not None and state.inputs.get("base") == inputs["base"]
        known = str(state.outputs.get("base_digest") or "") if state is not None and same else ""
        return self.bases.digest(str(inputs["base"]), known, note)

    @contextmanager
    def _built(self, inputs: Mapping[str, Any], digest: str, note: Note) -> Iterator[Built]:
        if inputs.get("dockerfile"):
            with TemporaryDirectory(prefix="sst-image-") as folder:
                yield self._by_engine(inputs, Path(folder) / f"sst-{Path(folder).name[-8:].lower()}", note)
            return
        base = self.bases.base(str(inputs["base"]), digest, inputs.get("architecture") or "x86_64")
        assert self.verbs.uploads.asset
        with self.verbs.uploads.asset({"code": inputs["code"]}) as archive:
            note("making the layers")
            files = {name: b64decode(text) for name, text in (inputs.get("files") or {}).items()}
            if inputs.get("of_function"):
                within("the function", [(e.name, e.size) for e in read(archive)], IN_A_CLUSTER, limit=IMAGE_LIMIT)
                yield compose(base, project_layers(archive, files, self.cache, FUNCTION), None)
                return
            settings = settings_of(archive, language=inputs.get("language") or "python",
                                   command=inputs.get("command") or ())
            yield compose(base, project_layers(archive, files, self.cache), settings)

    def _by_engine(self, inputs: Mapping[str, Any], to: Path, note: Note) -> Built:
        """What a Dockerfile makes. The program is asked for when it is needed, so a plan needs none."""
        given, environ = inputs["dockerfile"], self.verbs.aws.settings.environment
        architecture = inputs.get("architecture") or "x86_64"
        runner, program = Runner(environ), engine(environ)
        for line in commands(program, inside(self.verbs.root, given["dockerfile"]),
                             inside(self.verbs.root, given["context"]), to, architecture=architecture,
                             args=given.get("args") or {}, target=given.get("target") or ""):
            runner.run(line, self.verbs.root, {}, note)
        return built_of_folder(to, architecture, given["dockerfile"])


def _live(base: str) -> str:
    return f"live-{hashlib.sha256(base.encode()).hexdigest()[:10]}-"


def _key(inputs: Mapping[str, Any], base: str) -> str:
    """What makes the image what it is."""
    facts = [FORM, base, (inputs.get("code") or {}).get("sha256"), inputs.get("dockerfile"),
             inputs.get("files"), inputs.get("architecture") or "x86_64",
             inputs.get("language") or "python",
             bool(inputs.get("of_function")), inputs.get("command")]
    return hashlib.sha256(json.dumps(facts, sort_keys=True, default=list).encode()).hexdigest()[:40]
