"""EFS with folders behind it: a file system is a folder of this cloud, which functions and tasks mount.

The emulator keeps records alone. The folder is made with the file system and deleted with it.

Stays: what stands in for a network file system is ours; last checked with 1.5.33.
"""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sst.embedded.settings import Settings
from sst.machine.files import remove_tree
from sst.machine.mounts import Mounts

__all__ = ["NEEDS", "apply", "of_container", "of_function"]

NEEDS: Mapping[str, str] = {
    "services.efs:_access_points": "AccountRegionScopedDict",
    "services.efs:_create_file_system": "(body)",
    "services.efs:_delete_file_system": "(fs_id)",
    "services.efs:_error": "(status, code, message)",
    "services.efs:_file_systems": "AccountRegionScopedDict",
}

_home = Path()


def apply(settings: Settings) -> None:
    global _home
    from ministack.services import efs

    _home = settings.folder / "efs"
    create, delete = efs._create_file_system, efs._delete_file_system

    def create_file_system(body: Any) -> Any:
        known = set(efs._file_systems._data)
        answer = create(body)
        for key in [key for key in list(efs._file_systems._data) if key not in known]:
            try:
                (_home / key[-1]).mkdir(mode=0o700, parents=True, exist_ok=True)
            except OSError as error:
                efs._file_systems._data.pop(key, None)
                return efs._error(500, "InternalServerError", f"its folder can't be made: {error}")
        return answer

    def delete_file_system(id: str) -> Any:
        answer = delete(id)
        if answer[0] < 300 and (folder := _home / id).is_dir():
            Mounts(str(_home), ((str(folder), ""),)).unlink()
            remove_tree(folder)
        return answer

    efs._create_file_system, efs._delete_file_system = create_file_system, delete_file_system


def of_function(config: Mapping[str, Any]) -> Mounts | None:
    """What a function mounts. Raises `KeyError` with an access point that is gone."""
    return _mounts([(_folder(str(one["Arn"]).rpartition("/")[2]), str(one["LocalMountPath"]))
                    for one in config.get("FileSystemConfigs") or ()])


def of_container(definition: Mapping[str, Any], container: Mapping[str, Any]) -> Mounts | None:
    """What a container of a task mounts. Raises `KeyError` with what is gone."""
    volumes = {v["name"]: v["efsVolumeConfiguration"] for v in definition.get("volumes") or ()
               if v.get("efsVolumeConfiguration")}
    return _mounts([(_volume(volumes[point["sourceVolume"]]), str(point["containerPath"]))
                    for point in container.get("mountPoints") or () if point.get("sourceVolume") in volumes])


def _volume(given: Mapping[str, Any]) -> Path:
    if point := (given.get("authorizationConfig") or {}).get("accessPointId"):
        return _folder(str(point))
    return _below(str(given["fileSystemId"]), str(given.get("rootDirectory") or "/"))


def _folder(point: str) -> Path:
    from ministack.services import efs

    record = next((r for key, r in list(efs._access_points._data.items()) if key[-1] == point), None)
    if record is None:
        raise KeyError(f"there is no access point {point}")
    return _below(record["FileSystemId"], (record.get("RootDirectory") or {}).get("Path") or "/")


def _below(system: str, root: str) -> Path:
    from ministack.services import efs

    folder = _home / system
    if not any(key[-1] == system for key in list(efs._file_systems._data)) or ".." in Path(root).parts:
        raise KeyError(f"there is no {root} in the file system {system}")
    return folder / root.strip("/")


def _mounts(at: Sequence[tuple[Path, str]]) -> Mounts | None:
    return Mounts(str(_home), tuple((str(folder), path) for folder, path in at)) if at else None
