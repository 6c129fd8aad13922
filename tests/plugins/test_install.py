"""Providers from a registry: what is verified, what is locked, and each fault with its own message."""
from __future__ import annotations

import base64
import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from sst.errors import UserError
from sst.plugins.download import Download
from sst.plugins.installer import Installer
from sst.plugins.lock import Lock, Locked
from sst.plugins.registry import Registry
from sst.plugins.source import Source, host_platform, source_of
from sst.plugins.store import Store
from sst.plugins.versions import fits, newest
from tests.plugins.registry_server import PLATFORMS, RegistryServer, Signer, environ_of, package, serving

_SIGNERS: list[Signer] = []


def signers() -> list[Signer]:
    if not _SIGNERS:
        _SIGNERS.extend((Signer(), Signer()))
    return _SIGNERS


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RegistryServer]:
    made = RegistryServer({"0.9.0": package("old"), "1.0.0": package("one"), "1.2.0-beta1": package("beta")},
                          signers()[0])
    with serving(made, tmp_path) as running:
        yield running


class Machine:
    """A user's machine: a cache, and the lock of one project."""

    def __init__(self, server: RegistryServer, folder: Path, **environ: str) -> None:
        self.server, self.root, self.notes = server, folder, list[str]()
        self.environ = dict(environ_of(server, folder, **environ))
        self.store = Store.of(folder, self.environ)
        download = Download(self.environ, wait=3, pause=lambda seconds: None)
        self.installer = Installer(self.store, Registry(download), self.notes.append)
        self.source = source_of(server.source)

    def add(self, constraint: str = "", lock: Lock | None = None) -> Locked:
        return self.installer.add(lock or Lock(), "fake", self.source, constraint)

    def folders(self) -> list[str]:
        place = self.store.place(self.source, "x").parents[1]
        return sorted(p.name for p in place.rglob("*") if p.name.startswith((".new", host_platform())))


@pytest.fixture
def machine(server: RegistryServer, tmp_path: Path) -> Machine:
    return Machine(server, tmp_path)


def test_it_locks_the_newest_release_with_the_hashes_of_all_platforms(machine: Machine, server: RegistryServer) -> None:
    one = machine.add()
    assert (one.version, one.protocol, one.key) == ("1.0.0", 6, signers()[0].id)
    zips = {line.split()[0] for line in server.sums("1.0.0").decode().splitlines()}
    assert {h for h in one.hashes if h.startswith("zh:")} == {f"zh:{z}" for z in zips} and len(zips) == len(PLATFORMS)
    line = f"{hashlib.sha256(b'one').hexdigest()}  terraform-provider-fake_v1.0.0\n"
    h1 = "h1:" + base64.b64encode(hashlib.sha256(line.encode()).digest()).decode()
    assert h1 in one.hashes, "what `terraform init` writes"
    program = machine.store.program(one)
    assert program.read_text() == "one" and program.stat().st_mode & 0o111
    lock = Lock().with_provider(one)
    lock.write(machine.root)
    assert Lock.read(machine.root) == lock


def test_what_is_here_is_not_fetched_again(machine: Machine, server: RegistryServer) -> None:
    one = machine.add()
    server.requests.clear()
    assert not machine.installer.install(Lock(), one) and not server.requests
    shutil.rmtree(machine.store.cache)
    assert machine.installer.install(Lock(), one) and machine.store.find(one)


def _other_package(server: RegistryServer) -> None:
    server.served_package = package("changed")


def _other_sums(server: RegistryServer) -> None:
    server.served_sums = server.sums("1.0.0").replace(b"a", b"b")


def _unlisted(server: RegistryServer) -> None:
    server.signer, server.served_sums = None, b""
    server.served_sums = b"00  other.zip\n"


def _protocol(server: RegistryServer) -> None:
    server.protocols = ("4.0",)


def _unsafe(server: RegistryServer) -> None:
    server.versions["1.0.0"] = package("one", **{"../../evil": "x"})


def _no_program(server: RegistryServer) -> None:
    server.versions["1.0.0"] = package("one", name="README")


def _no_zip(server: RegistryServer) -> None:
    server.versions["1.0.0"] = b"<html>"


def _plain_http(server: RegistryServer) -> None:
    server.redirect = "http://127.0.0.1:1/x.zip"


def _other_platform(server: RegistryServer) -> None:
    server.platforms = ("plan9_mips",)


def _no_versions(server: RegistryServer) -> None:
    server.versions.clear()


@pytest.mark.parametrize(("fault", "message"), [
    (_other_package, "the package of acme/fake 1.0.0 does not have the sum that was signed"),
    (_other_sums, "the signature of acme/fake 1.0.0 is not valid: none of the registry's keys made it"),
    (_unlisted, "the signed sums of acme/fake 1.0.0 do not have the sum that the registry gives"),
    (_protocol, "acme/fake 1.0.0 speaks protocol 4.0, and only 5 and 6 are spoken here"),
    (_unsafe, "the package of acme/fake 1.0.0 has the unsafe path '../../evil'"),
    (_no_program, "the package of acme/fake 1.0.0 has no program terraform-provider-*"),
    (_no_zip, "the package of acme/fake 1.0.0 is not a zip file"),
    (_plain_http, "leads to http://127.0.0.1:1/x.zip, which is not HTTPS"),
    (_no_versions, "no version of localhost"),
    (_other_platform, f"acme/fake 1.0.0 has no package for {host_platform()}"),
])
def test_each_fault_has_its_own_message_and_nothing_is_installed(
        machine: Machine, server: RegistryServer, fault: Callable[[RegistryServer], None], message: str) -> None:
    fault(server)
    with pytest.raises(UserError) as e:
        machine.add()
    assert message in e.value.message and not machine.folders()


def test_another_signer_than_the_locked_one_is_refused(machine: Machine, server: RegistryServer) -> None:
    one = machine.add()
    server.signer = signers()[1]
    shutil.rmtree(machine.store.cache)
    first, second = (s.id for s in signers())
    with pytest.raises(UserError, match=f"was signed by {first} and is now signed by {second}"):
        machine.installer.install(Lock(), one)
    server.signer = None
    with pytest.raises(UserError, match="and is now not signed"):
        machine.add(lock=Lock().with_provider(one))
    assert machine.add().key == "", "at first use an unsigned one is pinned by its hash"
    with pytest.raises(UserError, match="is not signed, and"):
        machine.add(lock=Lock(require_signatures=True))


def test_a_package_that_was_published_again_is_not_the_locked_one(machine: Machine, server: RegistryServer) -> None:
    one = machine.add()
    shutil.rmtree(machine.store.cache)
    server.versions["1.0.0"] = package("published again")
    with pytest.raises(UserError, match="is not the one that"):
        machine.installer.install(Lock(), one)
    assert not machine.folders()


def test_a_package_that_is_changed_on_disk_is_seen(machine: Machine) -> None:
    one = machine.add()
    machine.store.program(one).write_text("something else")
    with pytest.raises(UserError, match="is not the one that"):
        machine.store.program(one)


def test_a_download_that_breaks_off_is_tried_again(machine: Machine, server: RegistryServer) -> None:
    server.cut_after = 20
    assert machine.add().version == "1.0.0"
    assert sum(r.endswith(".zip") for r in server.requests) == 2


def test_a_download_that_always_breaks_off_installs_nothing(machine: Machine, server: RegistryServer) -> None:
    server.cut_after, server.cut_always = 20, True
    with pytest.raises(UserError, match="broke off") as e:
        machine.add()
    assert "fake" in e.value.message and not machine.folders()


def test_what_is_no_constraint_is_told_before_anything_is_asked(machine: Machine, server: RegistryServer) -> None:
    for text in ("banana", ">> 1", "~>"):
        with pytest.raises(UserError, match=text):
            machine.add(text)
    assert not server.requests


def test_an_unknown_provider_is_told_at_once_with_a_near_name(machine: Machine) -> None:
    with pytest.raises(UserError, match="has no provider acme/vercl") as e:
        machine.installer.add(Lock(), "x", Source(machine.source.host, "acme", "vercl"))
    assert e.value.hint == 'did you mean "vercel"?'


def test_without_a_network_a_misspelt_name_is_told_all_the_same(server: RegistryServer, tmp_path: Path) -> None:
    offline = Machine(server, tmp_path, HTTPS_PROXY="http://127.0.0.1:1")
    for name, near in (("vercl", True), ("vercel", False), ("acme", False)):
        with pytest.raises(UserError, match="can't be reached") as e:
            offline.installer.add(Lock(), "x", Source(offline.source.host, name, name))
        assert e.value.hint.startswith('did you mean "vercel"? Else behind a proxy') is near


def test_a_token_a_proxy_and_a_certificate(machine: Machine, server: RegistryServer, tmp_path: Path) -> None:
    server.token = "t0ken"
    with pytest.raises(UserError, match="answered 401") as e:
        machine.add()
    assert e.value.hint == "a token for it: TF_TOKEN_localhost"
    assert Machine(server, tmp_path, TF_TOKEN_localhost="t0ken").add().version == "1.0.0"
    with pytest.raises(UserError, match="localhost can't be reached") as e:
        Machine(server, tmp_path, HTTPS_PROXY="http://127.0.0.1:1").add()
    assert "HTTPS_PROXY" in e.value.hint
    bypass = Machine(server, tmp_path, TF_TOKEN_localhost="t0ken", HTTPS_PROXY="http://127.0.0.1:1",
                     NO_PROXY="localhost")
    assert bypass.add().version == "1.0.0"
    other = Machine(server, tmp_path, SSL_CERT_FILE="/etc/ssl/certs/ca-certificates.crt")
    with pytest.raises(UserError, match="the certificate of localhost can't be verified"):
        other.add()


def test_another_host_that_serves_the_packages_does_not_get_the_token(server: RegistryServer, tmp_path: Path) -> None:
    server.redirect = f"https://127.0.0.1:{server.port}/files/1.0.0/{server.name('1.0.0', host_platform())}"
    assert Machine(server, tmp_path).add().version == "1.0.0"
    server.token = "t0ken"
    with pytest.raises(UserError, match=r"127\.0\.0\.1 answered 401"):
        Machine(server, tmp_path / "other", TF_TOKEN_localhost="t0ken").add()


def test_what_the_registry_says_of_a_provider_is_told(machine: Machine, server: RegistryServer) -> None:
    server.warnings = ("this provider has moved to acme/better",)
    machine.add()
    assert machine.notes[0] == f"{server.source}: this provider has moved to acme/better"


def test_two_installs_at_once_leave_one_folder(server: RegistryServer, tmp_path: Path) -> None:
    machines = [Machine(server, tmp_path) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda m: m.add(), machines))
    assert len({m.hashes for m in made}) == 1 and machines[0].folders() == [host_platform()]


def test_a_mirror_needs_no_network_and_its_lock_holds_at_the_origin(machine: Machine, server: RegistryServer,
                                                                  tmp_path: Path) -> None:
    one = machine.add()
    mirror = tmp_path / "mirror"
    shutil.copytree(machine.store.program(one).parent, mirror / str(one.source) / "1.0.0" / host_platform())
    server.requests.clear()
    inside = Machine(server, tmp_path / "inside", SST_PROVIDER_DIR=str(mirror))
    locked = inside.add("~> 1.0")
    assert not server.requests and locked.hashes == tuple(h for h in one.hashes if h.startswith("h1:"))
    origin = Machine(server, tmp_path / "origin")
    assert origin.installer.install(Lock(), locked) and origin.store.find(locked)
    with pytest.raises(UserError, match="put the right package there"):
        try:
            inside.store.find(replace(locked, hashes=("h1:other",)))
        except UserError as e:
            raise UserError(e.hint) from e


@pytest.mark.long
@pytest.mark.parametrize("size", [400_000, 200_000], ids=["downloading", "unpacking"])
def test_a_full_disk_leaves_nothing_half_installed(server: RegistryServer, tmp_path: Path, size: int) -> None:
    mount = tmp_path / "small"
    mount.mkdir()
    if os.getuid() or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=300k", "none", str(mount)],
                                     capture_output=True).returncode:
        pytest.skip("needs the right to mount")
    try:
        machine = Machine(server, mount)
        server.versions["1.0.0"] = package("x" * size)
        with pytest.raises(UserError, match=r"there is no room for acme/fake 1\.0\.0 in ") as e:
            machine.add()
        assert e.value.hint == "free some space" and not machine.folders()
        server.versions["1.0.0"] = package("small")
        one = machine.add()
        assert machine.store.program(one).read_text() == "small" and machine.folders() == [host_platform()]
    finally:
        subprocess.run(["umount", str(mount)], check=True)


@pytest.mark.parametrize(("version", "constraint", "answer"), [
    ("4.2.1", "~> 4.2", True), ("5.0.0", "~> 4.2", False), ("4.2.9", "~> 4.2.0", True), ("4.3.0", "~> 4.2.0", False),
    ("1.5.0", ">= 1.0, < 2.0", True), ("2.0.0", ">= 1.0, < 2.0", False), ("1.0.0-beta1", ">= 0.1", False),
    ("1.0.0-beta1", "1.0.0-beta1", True), ("1.0.0", "!= 1.0.0", False), ("1.0.0", "", True),
])
def test_constraints_are_terraforms(version: str, constraint: str, answer: bool) -> None:
    assert fits(version, constraint) is answer


def test_the_newest_is_not_the_longest() -> None:
    assert newest(["1.9.0", "1.10.0", "1.10.0-rc1"], "") == "1.10.0"


@pytest.mark.parametrize(("text", "source"), [
    ("vercel", "registry.opentofu.org/vercel/vercel"), ("random", "registry.opentofu.org/hashicorp/random"),
    ("aws_tf", "registry.opentofu.org/hashicorp/aws"),
    ("@pulumiverse/grafana", "registry.opentofu.org/grafana/grafana"), ("acme/dns", "registry.opentofu.org/acme/dns"),
    ("registry.example.com/acme/dns", "registry.example.com/acme/dns"),
    ("github", "registry.opentofu.org/integrations/github"),
])
def test_sources(text: str, source: str) -> None:
    assert str(source_of(text)) == source


LOCKED = "version = 1\n[providers.x]\nsource = 'a/x'\nversion = '1.0'\n"


def test_a_damaged_lock_is_told_with_its_place(tmp_path: Path) -> None:
    for text, message in (("version = 1\n[providers", "sst.lock is damaged"), ("version = 9\n", "has version 9"),
                          ("version = 1\nmirrors = 1\n", "there is no setting 'mirrors'"),
                          ("version = 1\n[providers.x]\n", "needs source and version"),
                          ("", "is damaged: it does not say its version"),
                          ("version = 1\n# \xff", "is damaged: it is not UTF-8 text"),
                          ("version = 1\nproviders = 5\n", "is damaged: providers has to be a table"),
                          ("version = 1\n[providers]\nx = 5\n", "[providers.x] is not a table"),
                          (f"{LOCKED}protocol = 'six'\n", "[providers.x] has protocol 'six'; there are 5 and 6"),
                          (f"{LOCKED}version = 'new'\n".replace("version = '1.0'\n", ""),
                           "[providers.x]: 'new' is not a version"),
                          (f"{LOCKED}hashes = 'h1:'\n", "hashes as a list of texts")):
        (tmp_path / "sst.lock").write_text(text, encoding="latin-1")
        with pytest.raises(UserError, match=re.escape(message)) as e:
            Lock.read(tmp_path)
        assert e.value.where == "sst.lock"
