"""botocore's models of the services: read from disk once, for the plan's checks and for the client."""
from __future__ import annotations

from functools import cache
from typing import Any

__all__ = ["loader", "operation_model"]


@cache
def loader() -> Any:
    """botocore's loader. It keeps what it has read."""
    from botocore.loaders import create_loader

    return create_loader()


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
