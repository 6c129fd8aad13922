"""Application Auto Scaling: https://docs.aws.amazon.com/autoscaling/application/APIReference/Welcome.html"""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...core.output import Output
from ...core.resource import Arg, out, prop
from .columns import Import, Tagging, call
from .table import AwsResource

__all__ = ["ScalableTarget", "ScalingPolicy"]

BUSY = ("ConcurrentUpdateException",)
NOT_YET = ("ValidationException: ECS service doesn't exist",)


class ScalableTarget(AwsResource, type="aws.applicationautoscaling.ScalableTarget", service="application-autoscaling"):
    """What may be scaled, between two counts: ``service/CLUSTER/SERVICE`` of ECS."""

    service_namespace: Arg[str] = prop(default="ecs", replace=True)
    resource_id: Arg[str] = prop(replace=True)
    scalable_dimension: Arg[str] = prop(default="ecs:service:DesiredCount", replace=True)
    min_capacity: Arg[int] = prop()
    max_capacity: Arg[int] = prop()
    tags: Arg[Mapping[str, str]] = prop(default=None)

    arn: Output[str] = out("ScalableTargets[0].ScalableTargetARN || ScalableTargetARN")

    identity = "key"
    identifier = "$service_namespace/$scalable_dimension/$resource_id"
    create = call("register_scalable_target", retry=(*BUSY, *NOT_YET), patience=60, idempotent=True)
    read = call("describe_scalable_targets", ServiceNamespace="$service_namespace", ResourceIds=["$resource_id"],
                ScalableDimension="$scalable_dimension")
    item = "ScalableTargets[0]"
    update = (call("register_scalable_target", properties="min_capacity max_capacity", retry=BUSY, idempotent=True,
                ServiceNamespace="$service_namespace",
                ResourceId="$resource_id", ScalableDimension="$scalable_dimension"),)
    delete = call("deregister_scalable_target", retry=BUSY, idempotent=True, ServiceNamespace="$service_namespace",
                ResourceId="$resource_id", ScalableDimension="$scalable_dimension")
    not_found_codes = ("ObjectNotFoundException",)
    delete_first = True
    tagging = Tagging("map", add=call("tag_resource", ResourceARN="$arn", Tags="$tags"),
                      remove=call("untag_resource", ResourceARN="$arn", TagKeys="$tag_keys"),
                      show=call("list_tags_for_resource", ResourceARN="$arn"), in_read=False)
    imports = Import("aws_appautoscaling_target", "{serviceNamespace}/{resourceId}/{scalableDimension}")


class ScalingPolicy(AwsResource, type="aws.applicationautoscaling.ScalingPolicy", service="application-autoscaling"):
    """How a target is scaled."""

    name: Arg[str] = prop("PolicyName", limit=256, replace=True, default=None)
    service_namespace: Arg[str] = prop(default="ecs", replace=True)
    resource_id: Arg[str] = prop(replace=True)
    scalable_dimension: Arg[str] = prop(default="ecs:service:DesiredCount", replace=True)
    policy_type: Arg[str] = prop(default="TargetTrackingScaling", replace=True)
    configuration: Arg[Mapping[str, Any]] = prop("TargetTrackingScalingPolicyConfiguration")

    arn: Output[str] = out("ScalingPolicies[0].PolicyARN || PolicyARN")

    identity = "name"
    identifier = "$name"
    create = call("put_scaling_policy", retry=(*BUSY, "ObjectNotFoundException"), patience=60, idempotent=True)
    read = call("describe_scaling_policies", PolicyNames=["$name"], ServiceNamespace="$service_namespace",
                ResourceId="$resource_id", ScalableDimension="$scalable_dimension")
    item = "ScalingPolicies[0]"
    update = (call("put_scaling_policy", properties="configuration policy_type", PolicyName="$name", retry=BUSY,
                idempotent=True, ServiceNamespace="$service_namespace",
                ResourceId="$resource_id", ScalableDimension="$scalable_dimension"),)
    delete = call("delete_scaling_policy", PolicyName="$name", retry=BUSY, idempotent=True,
                  ServiceNamespace="$service_namespace", ResourceId="$resource_id",
                  ScalableDimension="$scalable_dimension")
    not_found_codes = ("ObjectNotFoundException",)
    defaults = {"configuration": {"DisableScaleIn": False}}
    imports = Import("aws_appautoscaling_policy", "{name}")
