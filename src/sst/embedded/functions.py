"""From the emulator's record of a function to what our executor runs: code and layers unpacked once, environment,
credentials."""
from __future__ import annotations

import base64
import hashlib
import io
import os
import stat
import tempfile
import time
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sst.embedded import emulator
from sst.embedded.certificates import trusting
from sst.embedded.settings import Settings
from sst.machine.files import remove_tree
from sst.machine.mounts import Mounts

__all__ = ["DAMAGED", "Preparations", "Prepared", "Unusable", "prepare", "refusal", "unpack"]

DAMAGED = b"sst: damaged code: "
"""Stands, before the name of a file, for an archive whose file was damaged."""


class Unusable(ValueError):
    """The code of a function can't be run, and why."""


_RUNS = ("python", "nodejs", "provided")
_REMEMBERED = 1000
_SURE_SECONDS = 0.1
"""So long what was seen on the disk is believed."""


@dataclass(frozen=True)
class Prepared:
    """One version of a function, ready to run."""

    name: str
    arn: str
    version: str
    """``$LATEST`` or a number."""
    runtime: str
    handler: str
    code: Path
    layers: tuple[Path, ...]
    """In the order they are merged into ``/opt``."""
    environment: Mapping[str, str]
    memory: int
    """MB."""
    timeout: int
    """Seconds."""
    storage: int
    """MB of ``/tmp``."""
    architecture: str
    log_group: str
    log_format: str
    """``Text`` or ``JSON``."""
    account: str
    region: str
    mounts: Mounts | None = None
    """Folders that stand for its file systems."""


def refusal(config: Mapping[str, Any]) -> str:
    """Why this function can't run here, or ""; the emulator would answer it with a made-up success."""
    if config.get("PackageType") == "Image":
        return "container image functions do not run on stage `local` yet: package it as a zip, or deploy it to AWS"
    runtime = str(config.get("Runtime", ""))
    if not runtime.startswith(_RUNS):
        return f"runtime {runtime or '(none)'} does not run on stage `local`: python, nodejs and provided.* do"
    return ""


class Preparations:
    """What `prepare` made, until the function is another: it is asked for at each call."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._made: dict[tuple[object, ...], Prepared] = {}
        self._looked: dict[Path, float] = {}
        """When a folder of code was last seen, and ``settings.folder`` when its authority was looked for."""
        self._trusts: tuple[str, ...] = ()

    def known(self, config: Mapping[str, Any]) -> Prepared | None:
        made = self._made.get(self._key(config))
        if made and self._looks(made.code) and not made.code.is_dir():
            return None
        return made

    def of(self, record: Mapping[str, Any], config: Mapping[str, Any]) -> Prepared:
        """Takes as long as the code is large, unless it is `known`. Raises `Unusable`, see `prepare`."""
        if (made := self.known(config)) is None:
            if len(self._made) >= _REMEMBERED:
                self._made.clear()
                self._looked.clear()
            made = self._made[self._key(config)] = prepare(self._settings, record, config)
        return made

    def _key(self, config: Mapping[str, Any]) -> tuple[object, ...]:
        return (config.get("FunctionArn"), config.get("Version"), config.get("RevisionId"), config.get("CodeSha256"),
                *self._trusting())

    def _trusting(self) -> tuple[str, ...]:
        if self._looks(self._settings.folder):
            self._trusts = tuple(trusting(self._settings.folder))
        return self._trusts

    def _looks(self, folder: Path) -> bool:
        """Whether it is time to look at the disk again: not at each of many calls."""
        now = time.monotonic()
        if now - self._looked.get(folder, 0.0) < _SURE_SECONDS:
            return False
        self._looked[folder] = now
        return True


def prepare(settings: Settings, record: Mapping[str, Any], config: Mapping[str, Any]) -> Prepared:
    """Unpack what is not unpacked yet and gather the rest. Raises `Unusable` for a function without code, or with code
    that is no archive."""
    from sst.embedded.patches import volumes

    code_zip, blobs = emulator.function_code(record, config)
    if code_zip is None:
        raise Unusable(f"function {config.get('FunctionName')} has no code")
    if code_zip.startswith(DAMAGED):
        raise Unusable(f"the code of {config.get('FunctionName')} is damaged, in "
                       f"{code_zip.removeprefix(DAMAGED).decode()}: `sst refresh`, then `sst deploy` uploads it again")
    account, region = emulator.function_owner(config)
    try:
        code = unpack(settings.folder / "code", code_zip, str(config.get("CodeSha256", "")))
    except ValueError as error:
        raise Unusable(f"the code of {config.get('FunctionName')} can't be unpacked: {error}") from error
    layers = tuple(unpack(settings.folder / "code", blob) for blob in blobs)
    name = str(config["FunctionName"])
    try:
        mounts = volumes.of_function(config)
    except KeyError as error:
        raise Unusable(f"{name} mounts what is gone: {error.args[0]}") from error
    logging = config.get("LoggingConfig") or {}
    group = str(logging.get("LogGroup") or f"/aws/lambda/{name}")
    environment = _environment(settings, config, region, group)
    storage = (config.get("EphemeralStorage") or {}).get("Size")
    return Prepared(
        name=name, arn=str(config["FunctionArn"]), version=str(config.get("Version", "$LATEST")),
        runtime=str(config["Runtime"]), handler=str(config.get("Handler", "")), code=code, layers=layers,
        environment=environment, memory=int(config.get("MemorySize") or 128), timeout=int(config.get("Timeout") or 3),
        storage=int(storage or 512),
        architecture=str((config.get("Architectures") or ["x86_64"])[0]), log_group=group,
        log_format=str(logging.get("LogFormat") or "Text"), account=account, region=region, mounts=mounts)


def _environment(settings: Settings, config: Mapping[str, Any], region: str, group: str) -> dict[str, str]:
    """What Lambda sets, plus the way to this emulator; nothing of the host. The user's own variables can't override
    it."""
    ways = {"AWS_ENDPOINT_URL": settings.endpoint, "AWS_ENDPOINT_URL_S3": settings.s3_endpoint,
            **trusting(settings.folder)}
    own, credentials = emulator.execution_environment(config)
    return {
        **ways, **own, "AWS_REGION": region, "AWS_DEFAULT_REGION": region,
        "AWS_LAMBDA_FUNCTION_NAME": str(config["FunctionName"]),
        "AWS_LAMBDA_FUNCTION_VERSION": str(config.get("Version", "$LATEST")),
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(config.get("MemorySize") or 128), "AWS_LAMBDA_LOG_GROUP_NAME": group,
        "_HANDLER": str(config.get("Handler", "")), **credentials,
    }


def unpack(folder: Path, archive: bytes, sha256: str = "", *, frozen: bool = True) -> Path:
    """The unpacked ``archive``, one folder per content: made once, safe for racing threads, and if ``frozen``
    read-only, as the code of a function is on Lambda. Raises `ValueError` for what is no archive, and for one with a
    link or a name that leads out of the folder."""
    try:
        digest = base64.b64decode(sha256, validate=True).hex() if sha256 else ""
    except ValueError:
        digest = ""
    target = folder / (digest or hashlib.sha256(archive).hexdigest())
    if target.is_dir():
        return target
    folder.mkdir(mode=0o700, exist_ok=True)
    part = Path(tempfile.mkdtemp(dir=folder, prefix=".unpack-"))
    try:
        try:
            with zipfile.ZipFile(io.BytesIO(archive)) as opened:
                _extract(opened, part)
                if frozen:
                    _freeze(part)
        except (zipfile.BadZipFile, zlib.error) as error:
            raise ValueError(f"the code is damaged or no zip file: {error}") from error
        part.chmod(0o700)
        part.rename(target)
        target.chmod(0o500 if frozen else 0o700)
    except OSError:
        if not target.is_dir():  # else another thread was faster
            raise
    finally:
        remove_tree(part)
    return target


def _extract(opened: zipfile.ZipFile, folder: Path) -> None:
    """Files first, so that none is written through a link; then links, each of which must stay in the folder."""
    links: dict[Path, str] = {}
    for entry in opened.infolist():
        mode = entry.external_attr >> 16
        if stat.S_ISLNK(mode):
            links[Path(entry.filename)] = opened.read(entry).decode()
            continue
        made = Path(opened.extract(entry, folder))
        if not entry.is_dir():
            made.chmod(0o700 if mode & 0o111 else 0o600)
            os.utime(made, (0, 0))
    for name, wanted in links.items():
        if name.is_absolute() or ".." in name.parts or Path(wanted).is_absolute():
            raise ValueError(f"the link {name} leads out of the bundle")
        place = folder / name
        if any((folder / parent).is_symlink() for parent in name.parents) or os.path.lexists(place):
            raise ValueError(f"the link {name} lies where something else is")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(wanted)
    for name in links:
        if not _resolved(folder / name).is_relative_to(folder.resolve()):
            raise ValueError(f"the link {name} leads out of the bundle")


def _freeze(folder: Path) -> None:
    for path in folder.rglob("*"):
        if not path.is_symlink():
            path.chmod(0o500 if path.is_dir() or path.stat().st_mode & 0o100 else 0o400)


def _resolved(link: Path) -> Path:
    try:
        return link.resolve()
    except (OSError, RuntimeError):  # a circle: it leads nowhere
        return link.parent.resolve()
