"""How many tasks of a service run: a fixed number, or as many as its load needs."""
from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, TypedDict

from ...clouds.aws import applicationautoscaling, ecs
from ...core.output import Input, combine
from ...core.units import seconds
from ...errors import UserError
from ..cluster import Cluster
from .load_balancer import Balanced

__all__ = ["Scaling", "declare_scaling", "range_of"]


class Scaling(TypedDict, total=False):
    """``min`` and ``max``: how many tasks run; 1 by default. With a ``max`` above ``min``, so many that
    ``cpu_utilization`` and ``memory_utilization`` stay at these percentages, 70 by default, and ``request_count`` at so
    many requests a minute and task; False leaves one out. ``scale_in_cooldown``, ``scale_out_cooldown``: how long it
    waits after a change, ``"5 minutes"`` by default."""

    min: int
    max: int
    cpu_utilization: Literal[False] | int
    memory_utilization: Literal[False] | int
    request_count: Literal[False] | int
    scale_in_cooldown: str
    scale_out_cooldown: str


def range_of(scaling: Scaling, name: str) -> tuple[int, int]:
    """``min`` and ``max``, checked. Raises ``UserError``."""
    if odd := sorted(set(scaling) - set(Scaling.__annotations__)):
        raise UserError(f"scaling of {name} has no {odd[0]!r}", hint=f"it has {', '.join(Scaling.__annotations__)}")
    low = scaling.get("min", 1)
    high = scaling.get("max", max(1, low))
    if not 0 <= low <= high:
        raise UserError(f"scaling of {name} has min {low} and max {high}", hint="min is at most max")
    for key in ("cpu_utilization", "memory_utilization"):
        share = scaling.get(key, 70)
        if share is not False and not (isinstance(share, int) and 1 <= share <= 100):
            raise UserError(f"{key} of {name} can't be {share!r}", hint="a percentage from 1 to 100, or False")
    if low < high and not any(_targets(scaling)):
        raise UserError(f"scaling of {name} has a max above its min and nothing to scale by",
                        hint='"cpu_utilization": 70')
    return low, high


def declare_scaling(scaling: Scaling, cluster: Cluster, service: ecs.Service, balanced: Balanced | None,
                    name: str) -> applicationautoscaling.ScalableTarget | None:
    """Declare what scales a service, inside of its scope; None for a fixed number."""
    low, high = range_of(scaling, name)
    if low == high:
        return None
    target = applicationautoscaling.ScalableTarget(
        "AutoScalingTarget", resource_id=f"service/{cluster.name}/{service.name}", min_capacity=low, max_capacity=high)
    for child, metric, value in _targets(scaling):
        configuration: dict[str, Any] = {
            "TargetValue": value, "PredefinedMetricSpecification": {"PredefinedMetricType": metric},
            "ScaleInCooldown": _cooldown(scaling, "scale_in_cooldown"),
            "ScaleOutCooldown": _cooldown(scaling, "scale_out_cooldown")}
        if metric == "ALBRequestCountPerTarget":
            configuration["PredefinedMetricSpecification"]["ResourceLabel"] = _label(balanced, name)
        applicationautoscaling.ScalingPolicy(child, resource_id=target.resource_id, configuration=configuration,
                                             depends_on=[target])
    return target


def _targets(scaling: Scaling) -> Iterator[tuple[str, str, int]]:
    for child, metric, value in (
            ("AutoScalingCpuPolicy", "ECSServiceAverageCPUUtilization", scaling.get("cpu_utilization", 70)),
            ("AutoScalingMemoryPolicy", "ECSServiceAverageMemoryUtilization", scaling.get("memory_utilization", 70)),
            ("AutoScalingRequestCountPolicy", "ALBRequestCountPerTarget", scaling.get("request_count", False))):
        if value is not False:
            yield child, metric, value


def _cooldown(scaling: Scaling, key: Literal["scale_in_cooldown", "scale_out_cooldown"]) -> int:
    return int(seconds(scaling.get(key, "5 minutes"), what=key, low=0, high=86400))


def _label(balanced: Balanced | None, name: str) -> Input[str]:
    """``app/NAME/ID/targetgroup/NAME/ID``: of the first target group."""
    if balanced is None or not balanced.targets:
        raise UserError(f"request_count of {name} needs a load balancer for http",
                        hint='load_balancer={"ports": [{"listen": "80/http"}]}')
    both = combine(balancer=balanced.load_balancer.arn, group=balanced.targets[0]["targetGroupArn"])
    return both.apply(lambda arn: f"{arn['balancer'].partition(':loadbalancer/')[2]}/{arn['group'].rpartition(':')[2]}")
