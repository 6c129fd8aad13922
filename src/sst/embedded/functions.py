"""From the emulator's record of a function to what our executor runs: code and layers unpacked once, environment,
credentials."""
from __future__ import annotations

import base64
import hashlib
import io
import os
import shutil
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sst.embedded import emulator
from sst.embedded.certificates import trusting
from sst.embedded.settings import Settings

__all__ = ["Preparations", "Prepared", "prepare", "refusal", "unpack"]

_RUNS = ("python", "nodejs", "provided")
_REMEMBERED = 1000


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

    def of(self, record: Mapping[str, Any], config: Mapping[str, Any]) -> Prepared:
        """Raises `ValueError` for a function without code."""
        key = (config.get("FunctionArn"), config.get("Version"), config.get("RevisionId"), config.get("CodeSha256"),
               *trusting(self._settings.folder))
        made = self._made.get(key)
        if made is None or not os.path.isdir(made.code):  # noqa: PTH112  # at each call
            if len(self._made) >= _REMEMBERED:
                self._made.clear()
            made = self._made[key] = prepare(self._settings, record, config)
        return made


def prepare(settings: Settings, record: Mapping[str, Any], config: Mapping[str, Any]) -> Prepared:
    """Unpack what is not unpacked yet and gather the rest. Raises `ValueError` for a function without code."""
    code_zip, blobs = emulator.function_code(record, config)
    if code_zip is None:
        raise ValueError(f"function {config.get('FunctionName')} has no code")
    account, region = emulator.function_owner(config)
    code = unpack(settings.folder / "code", code_zip, str(config.get("CodeSha256", "")))
    layers = tuple(unpack(settings.folder / "code", blob) for blob in blobs)
    name = str(config["FunctionName"])
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
        log_format=str(logging.get("LogFormat") or "Text"), account=account, region=region)


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


def unpack(folder: Path, archive: bytes, sha256: str = "") -> Path:
    """The unpacked ``archive``, one folder per content: made once, read-only for what runs from it, safe for racing
    threads."""
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
        with zipfile.ZipFile(io.BytesIO(archive)) as opened:
            for entry in opened.infolist():
                _extract(opened, entry, part)
        part.chmod(0o700)
        part.rename(target)
    except OSError:
        if not target.is_dir():  # else another thread was faster
            raise
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return target


def _extract(opened: zipfile.ZipFile, entry: zipfile.ZipInfo, folder: Path) -> None:
    mode = entry.external_attr >> 16
    if mode & 0o170000 == 0o120000:
        place = folder / entry.filename
        place.parent.mkdir(parents=True, exist_ok=True)
        wanted = opened.read(entry).decode()
        if not (place.parent / wanted).resolve().is_relative_to(folder.resolve()):
            raise ValueError(f"the link {entry.filename} leads out of the bundle")
        place.symlink_to(wanted)
        return
    made = Path(opened.extract(entry, folder))
    if not entry.is_dir():
        made.chmod(0o700 if mode & 0o111 else 0o600)
        os.utime(made, (0, 0))
