"""File systems as functions and containers mount them."""
from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypedDict

from ..clouds.aws.partition import partition_of
from ..core.graph import current
from ..core.link import Include
from ..core.output import Input
from ..errors import UserError
from ..records import dataclass
from .permissions import permission

if TYPE_CHECKING:
    from .efs import Efs

__all__ = ["ExistingFileSystem", "FunctionVolume", "Mounted", "Volume", "mounted", "mounted_by_function"]

_ALLOWED = ("elasticfilesystem:ClientMount", "elasticfilesystem:ClientWrite", "elasticfilesystem:ClientRootAccess")
"""Source: https://docs.aws.amazon.com/efs/latest/ug/iam-access-control-nfs-efs.html"""
_FUNCTION_PATH = re.compile(r"/mnt/[a-zA-Z0-9\-_.]{1,155}")
"""Source: https://docs.aws.amazon.com/lambda/latest/api/API_FileSystemConfig.html"""

_POINT = re.compile(r"arn:[\w-]+:elasticfilesystem:[^:]+:\d{12}:access-point/\S+")


class ExistingFileSystem(TypedDict, total=False):
    """A file system that the program does not declare: the ids of it and of one of its access points."""

    file_system: Input[str]
    access_point: Input[str]


class Volume(TypedDict, total=False):
    """``efs`` is mounted at ``path``, which begins with a slash."""

    efs: Efs | ExistingFileSystem
    path: str


class FunctionVolume(TypedDict, total=False):
    """``efs``: an ``Efs``, or the ARN of an access point. ``path``: below ``/mnt``, ``"/mnt/efs"`` by default."""

    efs: Efs | Input[str]
    path: str


@dataclass(frozen=True)
class Mounted:
    """``point`` is the ARN of an access point for a function, and its id for a container."""

    system: Input[str]
    point: Input[str]
    path: str
    ready: Sequence[object]
    """The mount targets: without them nothing can be mounted."""
    permission: Include


def mounted_by_function(volume: FunctionVolume | None, network: object, name: str) -> Mounted | None:
    """What a function mounts. Raises ``UserError`` without a network, and for a path that Lambda does not take."""
    if volume is None:
        return None
    from .efs import Efs  # what mounts nothing imports neither file systems nor networks

    system, path = volume.get("efs"), volume.get("path", "/mnt/efs")
    if not system:
        raise UserError(f"volume of {name} needs efs", hint='volume={"efs": aws.Efs("MyFiles"), "path": "/mnt/efs"}')
    if network is None:
        raise UserError(f"{name} has a volume and no vpc: a file system is mounted in its network alone",
                        hint="vpc=vpc, the Vpc of the file system")
    if not isinstance(path, str) or not _FUNCTION_PATH.fullmatch(path):
        raise UserError(f"{name} can't mount a volume at {path!r}", hint='a folder in /mnt: "/mnt/efs"')
    if isinstance(system, str) and not _POINT.fullmatch(system):
        raise UserError(f"efs of the volume of {name} is an aws.Efs, or the ARN of an access point; it is {system!r}",
                        hint="arn:aws:elasticfilesystem:us-east-1:123456789012:access-point/fsap-...")
    if isinstance(system, str):
        system = _stand_in(system.rpartition("/")[2]) or system
    if isinstance(system, Efs):
        return Mounted(system.id, system.access_point_arn, path, system.mount_targets,
                       _may_mount(system.arn, system.access_point_arn))
    return Mounted("", system, path, (), _may_mount("*", system))


def mounted(volumes: Sequence[Volume], name: str) -> list[Mounted]:
    """What a container mounts. Raises ``UserError`` for paths that are not absolute, or taken twice."""
    found = [_one(volume, name) for volume in volumes]
    paths = [m.path for m in found]
    if twice := next((p for p in paths if paths.count(p) > 1), None):
        raise UserError(f"{name} mounts two volumes at {twice}")
    return found


def _one(volume: Any, name: str) -> Mounted:
    from .efs import Efs

    system, path = (volume.get("efs"), volume.get("path")) if isinstance(volume, Mapping) else (None, None)
    if not system or not path:
        raise UserError(f"each volume of {name} needs efs and path",
                        hint='volumes=[{"efs": aws.Efs("MyFiles"), "path": "/mnt/efs"}]')
    if not re.fullmatch(r"(/[^/\0]+)+", path) or {".", ".."} & set(path.split("/")):
        raise UserError(f"{name} can't mount a volume at {path!r}", hint='an absolute path: "/mnt/efs"')
    if not isinstance(system, Efs) and not (isinstance(system, Mapping) and system.get("file_system")
                                            and system.get("access_point")):
        raise UserError(f"efs of a volume of {name} is an aws.Efs, or names a file_system and an access_point",
                        hint='{"file_system": "fs-...", "access_point": "fsap-..."}')
    if isinstance(system, Mapping) and isinstance(system["access_point"], str):
        system = _stand_in(system["access_point"]) or system
    if isinstance(system, Efs):
        return Mounted(system.id, system.access_point, path, system.mount_targets,
                       _may_mount(system.arn, system.access_point_arn))
    base = f"arn:{partition_of(current().region)}:elasticfilesystem:{current().region}:{_account()}"
    return Mounted(system["file_system"], system["access_point"], path, (),
                   _may_mount(f"{base}:file-system/{system['file_system']}",
                              f"{base}:access-point/{system['access_point']}"))


def _stand_in(point: str) -> Efs | None:
    """On stage ``local``: a file system of the app's own for one of the account, the same for each that mounts it."""
    graph = current()
    if not graph.target.is_local:
        return None
    made: dict[str, Efs] = graph.context.once("file systems", dict)
    if point not in made:
        from .efs import Efs

        made[point] = Efs.get("Existing" + re.sub(r"[^A-Za-z0-9]", "", point), point)
    return made[point]


def _may_mount(system: Input[str], point: Input[str]) -> Include:
    """To mount and change this file system, through this access point alone."""
    only = {"test": "StringEquals", "variable": "elasticfilesystem:AccessPointArn", "values": [point]}
    return permission(_ALLOWED, [system], conditions=[only])


def _account() -> Input[str]:
    from .account import account_id

    return account_id()
