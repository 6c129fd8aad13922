"""Application Auto Scaling for services of ECS: the emulator has no such service.

Targets and policies lie in the record of the service that they are about, and go with it. Goes when ministack knows
Application Auto Scaling; last checked with 1.5.33.
"""
from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from sst.embedded import emulator
from sst.embedded.containers.scaling import Scaled, Scaler
from sst.embedded.patches.containers import running
from sst.embedded.settings import Settings

__all__ = ["NEEDS", "apply", "scaler"]

NEEDS: Mapping[str, str] = {
    "app:SERVICE_HANDLERS": "dict",
    "core.router:SERVICE_PATTERNS": "dict",
    "services.ecs:_services": "AccountRegionScopedDict",
    "services.ecs:_task_defs": "AccountRegionScopedDict",
    "services.ecs:_tasks": "AccountRegionScopedDict",
    "services.ecs:_update_service": "(data)",
}
Answer = tuple[int, dict[str, str], bytes]
_NAME = "application-autoscaling"
_MADE: list[Scaler] = []


def scaler() -> Scaler:
    """What the launcher runs."""
    return _MADE[-1]


def apply(settings: Settings) -> None:
    from ministack import app
    from ministack.core import router

    router.SERVICE_PATTERNS[_NAME] = {"target_prefixes": ["AnyScaleFrontendService"], "credential_scope": _NAME}
    app.SERVICE_HANDLERS[_NAME] = handle
    _MADE.append(Scaler(running.engine, running.balancer, _scaled, _set_count))


async def handle(method: str, path: str, headers: Mapping[str, str], body: bytes, parameters: Any) -> Answer:
    action = {k.lower(): v for k, v in headers.items()}.get("x-amz-target", "").rpartition(".")[2]
    act = _ACTIONS.get(action)
    if act is None:
        return _failure("UnknownOperationException", f"{action} is not known on stage `local`")
    data = json.loads(body or b"{}")
    if data.get("ServiceNamespace", "ecs") != "ecs":
        return _failure("ValidationException", "stage `local` scales services of ECS alone")
    return act(data)


def _register(data: dict[str, Any]) -> Answer:
    service = _service(data)
    if service is None:
        return _failure("ValidationException", f"ECS service doesn't exist: {data.get('ResourceId')}")
    known = _scaling(service).get("target") or {}
    low, high = (data.get(k, known.get(k, 0)) for k in ("MinCapacity", "MaxCapacity"))
    if low > high:
        return _failure("ValidationException", "Maximum capacity cannot be less than minimum capacity")
    account, region = emulator.present_scope()
    arn = known.get("ScalableTargetARN") or (f"arn:aws:application-autoscaling:{region}:{account}:scalable-target/"
                                             f"{uuid.uuid4().hex[:29]}")
    service["sstScaling"] = {**_scaling(service), "target": {
        "ServiceNamespace": "ecs", "ResourceId": data["ResourceId"], "MinCapacity": low, "MaxCapacity": high,
        "ScalableDimension": data.get("ScalableDimension", "ecs:service:DesiredCount"), "CreationTime": time.time(),
        "ScalableTargetARN": arn}, "tags": data.get("Tags") or _scaling(service).get("tags") or {}}
    return _answer({"ScalableTargetARN": arn})


def _put_policy(data: dict[str, Any]) -> Answer:
    service = _service(data)
    if service is None or not _scaling(service).get("target"):
        return _failure("ObjectNotFoundException", f"No scalable target registered for {data.get('ResourceId')}")
    if data.get("PolicyType") != "TargetTrackingScaling":
        return _failure("ValidationException", "stage `local` has policies of the type TargetTrackingScaling alone")
    account, region = emulator.present_scope()
    arn = f"arn:aws:autoscaling:{region}:{account}:scalingPolicy:{uuid.uuid4()}:policyName/{data['PolicyName']}"
    policies = {**_scaling(service).get("policies", {}), data["PolicyName"]: {
        **data, "PolicyARN": arn, "CreationTime": time.time(), "Alarms": []}}
    service["sstScaling"] = {**_scaling(service), "policies": policies}
    return _answer({"PolicyARN": arn, "Alarms": []})


def _describe_targets(data: dict[str, Any]) -> Answer:
    wanted = data.get("ResourceIds")
    found = [target for service in _all() if (target := _scaling(service).get("target"))
             and (not wanted or target["ResourceId"] in wanted)]
    return _answer({"ScalableTargets": found})


def _describe_policies(data: dict[str, Any]) -> Answer:
    names, resource = data.get("PolicyNames"), data.get("ResourceId")
    found = [policy for service in _all() for name, policy in _scaling(service).get("policies", {}).items()
             if (not names or name in names) and (not resource or policy["ResourceId"] == resource)]
    return _answer({"ScalingPolicies": found})


def _deregister(data: dict[str, Any]) -> Answer:
    service = _service(data)
    if service is None or not _scaling(service).get("target"):
        return _failure("ObjectNotFoundException", f"No scalable target registered for {data.get('ResourceId')}")
    service["sstScaling"] = {}
    return _answer({})


def _delete_policy(data: dict[str, Any]) -> Answer:
    service = _service(data)
    policies = dict(_scaling(service).get("policies", {})) if service else {}
    if service is None or policies.pop(data.get("PolicyName"), None) is None:
        return _failure("ObjectNotFoundException", f"No scaling policy found: {data.get('PolicyName')}")
    service["sstScaling"] = {**_scaling(service), "policies": policies}
    return _answer({})


def _tags(data: dict[str, Any]) -> Answer:
    service = next((s for s in _all() if (_scaling(s).get("target") or {}).get("ScalableTargetARN")
                    == data.get("ResourceARN")), None)
    if service is None:
        return _failure("ResourceNotFoundException", f"no target is {data.get('ResourceARN')}")
    tags = {k: v for k, v in {**_scaling(service).get("tags", {}), **data.get("Tags", {})}.items()
            if k not in data.get("TagKeys", ())}
    if "Tags" in data or "TagKeys" in data:
        service["sstScaling"] = {**_scaling(service), "tags": tags}
        return _answer({})
    return _answer({"Tags": tags})


_ACTIONS: Mapping[str, Callable[[dict[str, Any]], Answer]] = {
    "RegisterScalableTarget": _register, "DescribeScalableTargets": _describe_targets,
    "DeregisterScalableTarget": _deregister, "PutScalingPolicy": _put_policy,
    "DescribeScalingPolicies": _describe_policies, "DeleteScalingPolicy": _delete_policy,
    "TagResource": _tags, "UntagResource": _tags, "ListTagsForResource": _tags}


def _service(data: Mapping[str, Any]) -> dict[str, Any] | None:
    from ministack.services import ecs

    kind, _, key = str(data.get("ResourceId", "")).partition("/")
    found: dict[str, Any] | None = ecs._services.get(key) if kind == "service" else None
    return found if found and found.get("status") == "ACTIVE" else None


def _all() -> list[dict[str, Any]]:
    from ministack.services import ecs

    return list(ecs._services.values())


def _scaling(service: Mapping[str, Any]) -> dict[str, Any]:
    return dict(service.get("sstScaling") or {})


def _scaled() -> list[Scaled]:
    """Of all accounts and regions."""
    from ministack.services import ecs

    found = []
    for service in list(ecs._services._data.values()):
        known = _scaling(service)
        if service.get("status") != "ACTIVE" or not known.get("target") or not known.get("policies"):
            continue
        _, _, _, region, account, _ = str(service["serviceArn"]).split(":", 5)
        tracked = [p["TargetTrackingScalingPolicyConfiguration"] for p in known["policies"].values()]
        definition: Mapping[str, Any] = next((d for d in list(ecs._task_defs._data.values())
                           if d["taskDefinitionArn"] == service["taskDefinition"]), {})
        group, cluster = f"service:{service['serviceName']}", service["clusterArn"]
        tasks = {str(t["taskArn"]) for t in list(ecs._tasks._data.values())
                 if t.get("group") == group and t.get("clusterArn") == cluster and t.get("lastStatus") == "RUNNING"}
        found.append(Scaled(
            account, region, str(cluster).rpartition("/")[2], service["serviceName"], known["target"]["MinCapacity"],
            known["target"]["MaxCapacity"], int(service.get("desiredCount") or 0), len(tasks),
            float(definition.get("cpu") or 256) / 1024, float(definition.get("memory") or 512),
            {c["PredefinedMetricSpecification"]["PredefinedMetricType"]: float(c["TargetValue"]) for c in tracked},
            max(float(c.get("ScaleInCooldown", 300)) for c in tracked),
            max(float(c.get("ScaleOutCooldown", 300)) for c in tracked), tasks,
            [b["targetGroupArn"] for b in service.get("loadBalancers") or () if b.get("targetGroupArn")]))
    return found


def _set_count(service: Scaled, count: int) -> None:
    from ministack.services import ecs

    with emulator.scope_of(service.account, service.region):
        ecs._update_service({"cluster": service.cluster, "service": service.name, "desiredCount": count})


def _answer(data: Mapping[str, Any]) -> Answer:
    return 200, {"Content-Type": "application/x-amz-json-1.1"}, json.dumps(data).encode()


def _failure(code: str, message: str) -> Answer:
    return 400, _answer({})[1], json.dumps({"__type": code, "message": message}).encode()
