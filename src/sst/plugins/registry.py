"""A registry of providers: https://opentofu.org/docs/internals/provider-registry-protocol/."""
from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import IO, Any
from urllib.parse import urljoin

from ..core.names import did_you_mean
from ..errors import UserError
from .download import Download, NotThere, Unreachable
from .lock import Locked
from .signature import BadSignature, keys_in, signer
from .source import Source, known_names
from .versions import fits, newest, order

__all__ = ["Package", "Registry", "check_against_lock"]

_SPOKEN = {"5", "6"}


@dataclass(frozen=True, slots=True)
class Package:
    """What a registry says of one version on one platform, after its sums were verified."""

    version: str
    protocol: int
    filename: str
    url: str
    sha256: str
    key: str
    """Id of the key that signed the sums; empty if the registry has none."""
    sums: Mapping[str, str] = field(default_factory=dict)
    """File name → SHA-256, of all platforms."""

    @property
    def hashes(self) -> frozenset[str]:
        return frozenset(f"zh:{s}" for name, s in self.sums.items() if name.endswith(".zip"))


class Registry:
    def __init__(self, download: Download) -> None:
        self._download = download
        self._bases: dict[str, str] = {}
        self.warnings: list[str] = []
        """What the registry says of the providers that were asked for: that one has another name now."""

    def _base(self, host: str) -> str:
        if host not in self._bases:
            url = f"https://{host}/.well-known/terraform.json"
            try:
                found = self._download.json(url).get("providers.v1")
            except NotThere:
                found = None
            if not isinstance(found, str):
                raise UserError(f"{host} is not a registry of providers", hint="check the source")
            self._bases[host] = urljoin(url, found)
        return self._bases[host]

    def versions(self, source: Source) -> list[str]:
        """All versions that are published, oldest first. Raises ``UserError`` with near names for a provider that is
        not there."""
        try:
            answer = self._download.json(f"{self._base(source.host)}{source.namespace}/{source.type}/versions")
        except NotThere:
            raise UserError(f"{source.host} has no provider {source.namespace}/{source.type}",
                            hint=did_you_mean(source.type, list(known_names()))) from None
        except Unreachable as e:
            # offline, a misspelt name may be all that is wrong
            near = get_close_matches(source.type, known_names(), n=1)
            if near and source.type == source.namespace != near[0]:
                e.hint = f'did you mean "{near[0]}"? Else {e.hint}'
            raise
        self.warnings += [f"{source}: {text}" for text in answer.get("warnings") or ()]
        return sorted((v["version"] for v in answer.get("versions", ())), key=order)

    def choose(self, source: Source, constraint: str) -> str:
        """The newest version that fits."""
        versions = self.versions(source)
        if (found := newest(versions, constraint)) is None:
            shown = ", ".join(versions[-3:]) or "none"
            raise UserError(f"no version of {source} fits {constraint!r}", hint=f"the newest are {shown}")
        return found

    def package(self, source: Source, version: str, platform: str, *, signed: bool = False) -> Package:
        """Raises ``UserError`` if it can't be used or trusted. With ``signed`` one without a signature is refused."""
        what, (os, arch) = f"{source.namespace}/{source.type} {version}", platform.split("_", 1)
        url = f"{self._base(source.host)}{source.namespace}/{source.type}/{version}/download/{os}/{arch}"
        try:
            said = self._download.json(url)
        except NotThere:
            raise UserError(f"{what} has no package for {platform}",
                            hint="another version may have one; `sst add` takes NAME@VERSION") from None
        protocols = {str(p).partition(".")[0] for p in said.get("protocols", ())}
        if not protocols & _SPOKEN:
            raise UserError(f"{what} speaks protocol {', '.join(said.get('protocols', ()))}, and only 5 and 6 are "
                            "spoken here", hint="choose a newer version")
        sums = self._download.read(urljoin(url, said["shasums_url"]))
        key = self._signer(what, url, said, sums, signed)
        table = {name.lstrip("*"): digest for digest, name in
                 (line.split(None, 1) for line in sums.decode().splitlines() if line.strip())}
        if table.get(said["filename"]) != said["shasum"]:
            raise UserError(f"the signed sums of {what} do not have the sum that the registry gives for "
                            f"{said['filename']}", hint="the registry may have been changed; tell its operators")
        return Package(version, max(int(p) for p in protocols & _SPOKEN), said["filename"],
                       urljoin(url, said["download_url"]), said["shasum"], key, table)

    def fetch(self, package: Package, file: IO[bytes], note: Callable[[str], None]) -> None:
        """Download a package into a file."""
        self._download.into(package.url, file, note)

    def _signer(self, what: str, url: str, said: Mapping[str, Any], sums: bytes, signed: bool) -> str:
        """The id of the key that signed the sums."""
        armored = [k["ascii_armor"] for k in said.get("signing_keys", {}).get("gpg_public_keys", ())]
        if not armored:
            if signed:
                raise UserError(f"{what} is not signed, and sst.lock requires signatures",
                                hint="take require_signatures out of sst.lock, or choose another provider")
            return ""
        try:
            signature = self._download.read(urljoin(url, said["shasums_signature_url"]))
            return signer([k for text in armored for k in keys_in(text)], signature, sums).id
        except NotThere:
            raise UserError(f"the signature of {what} is missing") from None
        except (BadSignature, IndexError) as e:
            raise UserError(f"the signature of {what} is not valid: {e}",
                            hint="the sums or the key were changed; tell the publisher") from e


def check_against_lock(one: Locked, package: Package, constraint: str = "") -> None:
    """Raises ``UserError`` if another key signed than did before, or the version does not fit any more."""
    if one.key and package.key != one.key:
        raise UserError(f"{one} was signed by {one.key} and is now "
                        f"{f'signed by {package.key}' if package.key else 'not signed'}",
                        hint="if the publisher announced a new key: sst providers remove, then sst add")
    if constraint and not fits(package.version, constraint):
        raise UserError(f"{package.version} does not fit {constraint!r}")
