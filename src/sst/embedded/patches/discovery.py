"""Cloud Map with tasks behind its names: ECS registers what runs, and a name is an address that answers.

The emulator keeps what a service is registered as, and does nothing with it. Here `DiscoverInstances` and
`ListInstances` tell the running tasks, and `containers.Discovery` listens at the address of each name. A service whose
port can't be had is refused.

Goes when ministack registers tasks in Cloud Map and resolves its names; last checked with 1.5.33.
"""
from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sst.embedded.containers.discovery import Discovery, Place
from sst.embedded.patches import containers
from sst.embedded.settings import Settings

__all__ = ["NEEDS", "apply", "discovery"]

NEEDS: Mapping[str, str] = {
    "services.ecs:_create_service": "(data)",
    "services.ecs:_services": "AccountRegionScopedDict",
    "services.ecs:_task_ip": "(task)",
    "services.ecs:_tasks": "AccountRegionScopedDict",
    "services.ecs:error_response_json":
        "(code, message, status=400, extra=None, *, message_key='message', "
        "content_type='application/x-amz-json-1.0')",
    "services.servicediscovery:_discover_instances": "(data)",
    "services.servicediscovery:_instances": "AccountRegionScopedDict",
    "services.servicediscovery:_list_instances": "(data)",
    "services.servicediscovery:_namespaces": "AccountRegionScopedDict",
    "services.servicediscovery:_services": "AccountRegionScopedDict",
}

Record = Mapping[str, Any]
_discovery: Discovery | None = None


def discovery() -> Discovery:
    assert _discovery
    return _discovery


def apply(settings: Settings) -> None:
    global _discovery
    from ministack.services import ecs, servicediscovery

    _discovery = Discovery(settings.folder, _wanted)
    create, discover, listed = ecs._create_service, servicediscovery._discover_instances, \
        servicediscovery._list_instances

    def create_service(data: Any) -> Any:
        for registry in data.get("serviceRegistries") or ():
            if (found := _registry(registry)) is None:
                return ecs.error_response_json("InvalidParameterException", "the service registry does not exist")
            if registry.get("port") and (why := discovery().problem((found[1], int(registry["port"])))):
                return ecs.error_response_json("InvalidParameterException", why)
        return create(data)

    def discover_instances(data: Any) -> Any:
        _register()
        return discover(data)

    def list_instances(data: Any) -> Any:
        _register()
        return listed(data)

    ecs._create_service = create_service
    servicediscovery._discover_instances, servicediscovery._list_instances = discover_instances, list_instances


def _wanted() -> dict[Place, Sequence[int]]:
    """Address and port of each name → the ports of its running tasks."""
    return {place: [port for port, _ in behind] for _, place, behind in _registered()}


def _register() -> None:
    """Note the running tasks as instances."""
    from ministack.services import servicediscovery

    for key, place, behind in _registered():
        servicediscovery._instances._data[key] = {
            name: {"Id": name, "Attributes": {"AWS_INSTANCE_IPV4": "127.0.0.1", "AWS_INSTANCE_PORT": str(port),
                                              "ECS_SERVICE_PORT": str(place[1])}} for port, name in behind}


def _registered() -> Iterator[tuple[Any, Place, list[tuple[int, str]]]]:
    """Services of ECS that have a name: the key of the name, where it answers, and the ports and ids of its tasks."""
    from ministack.services import ecs

    engine, tasks = containers.running.engine, list(ecs._tasks._data.values())
    for service in list(ecs._services._data.values()):
        for registry in service.get("serviceRegistries") or () if service.get("status") == "ACTIVE" else ():
            found, port = _registry(registry), int(registry.get("port") or 0)
            if found is None or not port:
                continue
            mine = [t for t in tasks if t.get("group") == f"service:{service['serviceName']}"
                    and t.get("clusterArn") == service["clusterArn"] and t.get("lastStatus") == "RUNNING"]
            behind = [(engine.address(ecs._task_ip(t) or "", port), str(t["taskArn"]).rpartition("/")[2]) for t in mine]
            yield found[0], (found[1], port), [b for b in behind if b[0]]


def _registry(given: Record) -> tuple[Any, str] | None:
    """The key of a registered name, and its address."""
    from ministack.services import servicediscovery

    for key, record in list(servicediscovery._services._data.items()):
        if record["Arn"] == given.get("registryArn"):
            space = next((n for n in list(servicediscovery._namespaces._data.values())
                          if n["Id"] == record["NamespaceId"]), None)
            return (key, discovery().address(f"{record['Name']}.{space['Name']}")) if space else None
    return None
