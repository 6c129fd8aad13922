"""botocore's models of the services: each file is read once, for the plan's checks and for the client."""
from __future__ import annotations

import gzip
import json
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

__all__ = ["loader", "newest", "operation_model"]


@cache
def _read(path: str) -> Any:
    """The content of a file whose name is given without its ending; None if there is none."""
    for ending, opened in ((".json", bytes), (".json.gz", gzip.decompress)):
        if (file := Path(path + ending)).is_file():
            return _undocumented(json.loads(opened(file.read_bytes())))
    return None


def _undocumented(model: dict[str, Any]) -> dict[str, Any]:
    """Without the descriptions, which are a third of what a model takes in memory."""
    shapes = model.get("shapes", {}).values()
    for item in (*shapes, *model.get("operations", {}).values()):
        item.pop("documentation", None)
    for shape in shapes:
        for member in shape.get("members", {}).values():
            member.pop("documentation", None)
    return model


def newest(service: str) -> dict[str, Any] | None:
    """The newest model of a service, without an import of botocore; None if it has none."""
    found = find_spec("botocore")
    if found is None or found.origin is None:
        return None
    versions = (Path(found.origin).parent / "data" / service).glob("*/service-2.json*")
    file = max(versions, default=None)
    return None if file is None else _read(str(file.with_name("service-2")))


@cache
def loader() -> Any:
    """botocore's loader. It keeps what it has read, as plain dictionaries: botocore's ordered ones take half as much
    again."""
    from botocore.loaders import JSONFileLoader, Loader

    class Files(JSONFileLoader):  # type: ignore[misc]  # botocore has no types
        def load_file(self, file_path: str) -> Any:
            return _read(file_path)

    return Loader(file_loader=Files())


@cache
def _service(name: str) -> tuple[Any, dict[str, str]]:
    from botocore import xform_name
    from botocore.model import ServiceModel

    model = ServiceModel(loader().load_service_model(name, "service-2"), service_name=name)
    return model, {xform_name(n): n for n in model.operation_names}


def operation_model(service: str, name: str) -> Any:
    """The model of ``create_queue``."""
    model, names = _service(service)
    return model.operation_model(names[name])
