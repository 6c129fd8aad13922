"""Images of a Dockerfile: a program that can build them writes a folder in the OCI layout."""
from __future__ import annotations

import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from ...errors import UserError
from ...machine.container_engine import why_silent
from .base import manifest_of_folder
from .image import Blob, Built

__all__ = ["PROGRAMS", "built_of_folder", "commands", "engine", "local_command"]

PROGRAMS: Mapping[str, Sequence[str]] = {
    "buildah": ("info",), "podman": ("info",), "docker": ("buildx", "ls")}
"""What builds images, in the order in which they are asked, and with which words: a command without a running engine
is there, and of no use."""
_PLATFORMS = {"x86_64": "linux/amd64", "arm64": "linux/arm64"}


def engine(environ: Mapping[str, str], *, seconds: float = 20) -> str:
    """The first program that answers. Raises ``UserError`` that names them, and the way without."""
    said = []
    for name, words in PROGRAMS.items():
        questions = [words, ("info",)] if name == "docker" else [words]
        why = next(filter(None, (why_silent(name, asked, environ, seconds=seconds) for asked in questions)), "")
        if not why:
            return name
        said.append(f"{name} {why}")
    raise UserError(f"a Dockerfile needs buildah, podman or docker: {', '.join(said)}",
                    hint="install one of them; or leave the Dockerfile out: handler= or command= of a Python project "
                         "needs neither", code="tool-missing")


def commands(name: str, dockerfile: Path, context: Path, to: Path, *, architecture: str, args: Mapping[str, str],
             target: str) -> list[list[str]]:
    """What ``engine`` must run, one after the other, so that ``to`` is a folder in the OCI layout (of docker: an
    archive of one, ``to`` with ``.tar``). Times in the image do not come from this machine's clock."""
    given = [f"--platform={_PLATFORMS[architecture]}", f"--file={dockerfile}",
             *(f"--build-arg={k}={v}" for k, v in sorted(args.items())), *([f"--target={target}"] if target else [])]
    if name == "docker":
        output = f"type=oci,dest={to}.tar,rewrite-timestamp=true"
        return [["docker", "buildx", "build", "--provenance=false", "--build-arg=SOURCE_DATE_EPOCH=0", *given,
                 f"--output={output}", str(context)]]
    image = f"localhost/{to.name}"
    isolation = ["--isolation=chroot"] if name == "buildah" else []
    return [[name, "build", "--format=oci", "--timestamp=0", *isolation, *given, f"--tag={image}", str(context)],
            [name, "push", "--quiet", image, f"oci:{to}"],
            [name, "rmi", "--force", image]]


def local_command(name: str, dockerfile: str, context: str, image: str, *, args: Mapping[str, str],
                  target: str) -> list[str]:
    """The command by which an engine builds an image for itself, named ``image``, on the machine's own platform."""
    return [name, "build", f"--file={dockerfile}", *(f"--build-arg={k}={v}" for k, v in sorted(args.items())),
            *([f"--target={target}"] if target else []), f"--tag={image}", context]


def built_of_folder(folder: Path, architecture: str, shown: str) -> Built:
    """The image that was built, as it is pushed."""
    packed = folder.with_name(f"{folder.name}.tar")
    if packed.is_file():
        with tarfile.open(packed) as archive:
            archive.extractall(folder, filter="data")
    kind, content, manifest = manifest_of_folder(folder, architecture, shown)
    parts = [*manifest["layers"], manifest["config"]]
    blobs = [Blob(p["digest"], p["size"], folder / "blobs" / p["digest"].replace(":", "/")) for p in parts]
    return Built(content, kind, blobs)
