"""The client of registries: logins, what is not sent twice, and connections that break."""
from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sst.build.image.base import base_of_folder, base_of_registry
from sst.build.image.image import Base, Blob, Built, Settings, compose
from sst.build.image.layer import Layer
from sst.build.image.login import docker_keys
from sst.build.image.reference import Reference
from sst.build.image.registry import Registry
from sst.build.image.upload import Upload
from sst.errors import ProviderError, UserError

from .registry_server import LOGIN, RegistryServer, serving


@pytest.fixture
def server() -> Iterator[RegistryServer]:
    with serving() as made:
        yield made


def client(server: RegistryServer, **options: Any) -> Registry:
    return Registry(server.pool, f"http://{server.host}", sleep=lambda _: None, **options)


def built(server: RegistryServer, tmp_path: Path, size: int = 300_000) -> tuple[Base, Built]:
    server.base("base", "1")
    base = base_of_registry(client(server), Reference.of(f"{server.host}/base:1"), "x86_64")
    content = os.urandom(size)
    (tmp_path / "layer").write_bytes(content)
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    return base, compose(base, [Layer(tmp_path / "layer", digest, digest, size)], Settings({}))


def push(registry: Registry, image: Built, base: Base | None = None, **options: Any) -> int:
    def fetch(blob: Blob, path: Path) -> None:
        registry.download("base", blob.digest, blob.size, path)

    return Upload(registry, "app", fetch=fetch, note=lambda _: None, **options).image(image, ("live",))


def test_an_image_is_pushed_once(server: RegistryServer, tmp_path: Path) -> None:
    _, image = built(server, tmp_path)
    assert push(client(server), image) == image.size
    assert server.manifests["app"]["live"][1] == image.manifest
    server.asked.clear()
    assert push(client(server), image) == 0
    assert [a.partition(" ")[0] for a in server.asked] == ["HEAD", "PUT"], server.asked


def test_the_layers_of_a_base_are_mounted_where_one_registry_has_both(server: RegistryServer, tmp_path: Path) -> None:
    base, image = built(server, tmp_path)
    sent = push(client(server), image, same=["base"])
    assert sent == image.size - base.layers[0].size
    assert not [a for a in server.asked if a == f"GET /v2/base/blobs/{base.layers[0].digest}"]
    assert not server.uploads, "what was begun in place of a mount is ended"


@pytest.mark.parametrize("auth", ["bearer", "basic"])
def test_a_registry_gets_the_login_that_it_asks_for(tmp_path: Path, auth: str) -> None:
    with serving(auth=auth) as server:
        server.base("base", "1")
        registry = client(server, keys=lambda name: LOGIN if name == server.host else None)
        assert registry.manifest("base", "1")[1] == server.base("base", "1")
        assert registry.has("base", "manifests", "1") and not registry.has("base", "blobs", f"sha256:{'0' * 64}")
        with pytest.raises(ProviderError, match="refuses access"):
            client(server, keys=lambda name: ("tester", "wrong")).manifest("base", "1")
        assert server.tokens <= 4


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
@pytest.mark.parametrize("fault", ["drop", "busy"])
def test_an_upload_goes_on_after_a_broken_connection(server: RegistryServer, tmp_path: Path, method: str,
                                                     fault: str) -> None:
    _, image = built(server, tmp_path)
    server.fault = lambda m, path, n: fault if m == method and "/uploads/" in path and n == 2 else ""
    push(client(server), image, chunk=100_000 if method == "PATCH" else 10_000_000)
    assert all(b.digest in server.blobs["app"] for b in image.blobs)
    if (method, fault) == ("PATCH", "drop"):
        assert server.count("PATCH") < 6, "the half that had arrived was not sent again"


def test_a_damaged_blob_is_sent_once_more_and_then_refused(server: RegistryServer, tmp_path: Path) -> None:
    _, image = built(server, tmp_path)
    server.fault = lambda m, path, n: "damage" if m == "PUT" and n == 1 else ""
    push(client(server), image)
    server.blobs["app"].clear()
    server.manifests["app"].clear()
    server.fault = lambda m, path, n: "damage" if m == "PUT" and "/uploads/" in path else ""
    with pytest.raises(ProviderError, match=r"400 digest_invalid for a layer of app"):
        push(client(server), image)
    assert not server.manifests["app"], "an image is there whole or not at all"


def test_a_download_goes_on_where_it_broke_off(server: RegistryServer, tmp_path: Path) -> None:
    content = os.urandom(400_000)
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    server.blobs["base"] = {digest: content}
    server.fault = lambda m, path, n: "cut" if n == 1 else ""
    client(server).download("base", digest, len(content), tmp_path / "blob")
    assert (tmp_path / "blob").read_bytes() == content and server.count("GET") == 2


def test_what_does_not_exist_is_named(server: RegistryServer) -> None:
    with pytest.raises(ProviderError, match=f"the image {server.host}/none:1 does not exist"):
        client(server).manifest("none", "1")


def test_an_index_is_asked_for_the_architecture(server: RegistryServer) -> None:
    arm = server.base("base", "arm", architecture="arm64")
    amd = server.base("base", "amd")
    index = json.dumps({"schemaVersion": 2, "manifests": [
        {"digest": arm, "platform": {"os": "linux", "architecture": "arm64"}},
        {"digest": amd, "platform": {"os": "linux", "architecture": "amd64"}}]}).encode()
    server.manifests["base"]["all"] = "application/vnd.oci.image.index.v1+json", index
    reference = Reference.of(f"{server.host}/base:all")
    assert base_of_registry(client(server), reference, "arm64").config["architecture"] == "arm64"
    server.manifests["base"]["all"] = "application/vnd.oci.image.index.v1+json", index.replace(b"arm64", b"s390x")
    with pytest.raises(ProviderError, match=r"no image for arm64, only for amd64, s390x"):
        base_of_registry(client(server), reference, "arm64")


def test_a_folder_is_a_base(tmp_path: Path) -> None:
    folder = layout(tmp_path / "oci")
    base = base_of_folder(folder, "x86_64", "oci")
    assert base.config["os"] == "linux" and isinstance(base.layers[0].content, Path)
    (folder / "blobs" / "sha256" / base.layers[0].digest[7:]).read_bytes()
    with pytest.raises(UserError, match=r"has no index\.json"):
        base_of_folder(tmp_path, "x86_64", "x")


def layout(folder: Path, file: str = "etc/made-by-a-test") -> Path:
    """A folder in the OCI layout, with an image of one file."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        info = tarfile.TarInfo(file)
        archive.addfile(info, io.BytesIO())
    server = RegistryServer()
    digest = server.base("x", "1", layer=made.getvalue())
    blobs = folder / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    for name, content in [*server.blobs["x"].items(), (digest, server.manifests["x"]["1"][1])]:
        (blobs / name[7:]).write_bytes(content)
    (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [
        {"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": digest, "size": 1}]}))
    return folder


def test_logins_are_those_of_docker(tmp_path: Path) -> None:
    program = tmp_path / "docker-credential-own"
    program.write_text('#!/bin/sh\necho \'{"Username": "u", "Secret": "p"}\'\n')
    program.chmod(0o755)
    (tmp_path / "config.json").write_text(json.dumps({
        "auths": {"one.example.com": {"auth": "dGVzdGVyOnMzY3JldA=="}}, "credHelpers": {"two.example.com": "own"}}))
    keys = docker_keys({"DOCKER_CONFIG": str(tmp_path), "PATH": f"{tmp_path}:/usr/bin:/bin"})
    assert keys("one.example.com") == LOGIN and keys("two.example.com") == ("u", "p") and keys("three") is None


@pytest.mark.parametrize("text", ["", "UPPER/x:1", "a b", "x@sha256:12", "host.com/"])
def test_what_is_no_name_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="is not the name of an image"):
        Reference.of(text)
