"""ECS: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/Welcome.html"""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...core.output import Output
from ...core.provider import Note
from ...core.resource import Arg, out, prop
from . import prices
from .checks import runs_here
from .columns import Import, Listing, Part, Tagging, call
from .fargate import fits_fargate, refuses_locally
from .name_rules import WORD
from .steady import wait_for_tasks
from .table import AwsResource, Calls

__all__ = ["Cluster", "Service", "TaskDefinition"]

NOT_FOUND = ("ClusterNotFoundException", "ServiceNotFoundException", "InvalidParameterException", "ClientException")
NOT_YET = ("InvalidParameterException: Unable to assume the service linked role",
           "ClientException: Unable to assume the service linked role",
           "InvalidParameterException: unable to assume", "ClientException: Role is not valid",
           "InvalidParameterException: does not have an associated load balancer")
"""Roles that were made a moment ago, and ECS's own, which the first cluster of an account makes; a target group whose
listener was made a moment ago.
Source: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/using-service-linked-roles.html"""
TAGGED = Tagging("lower", "tags", add=call("tag_resource", resourceArn="$arn", tags="$tags"),
                 remove=call("untag_resource", resourceArn="$arn", tagKeys="$tag_keys"),
                 show=call("list_tags_for_resource", resourceArn="$arn"), in_read=False)


class Cluster(AwsResource, type="aws.ecs.Cluster", service="ecs"):
    """A group of services and tasks."""

    names = WORD
    name: Arg[str] = prop("clusterName", limit=255, replace=True, default=None)
    capacity_providers: Arg[Sequence[str]] = prop("capacityProviders", default=None, replace=True)
    settings: Arg[Sequence[Mapping[str, Any]]] = prop("settings", default=None, read="")
    tags: Arg[Mapping[str, str]] = prop(default=None)

    arn: Output[str] = out("cluster.clusterArn || clusterArn")

    identity = "name"
    create = call("create_cluster", retry=NOT_YET, patience=120)
    read = call("describe_clusters", clusters=["$name"])
    item = "clusters[?status != 'INACTIVE'] | [0]"
    update = (call("update_cluster_settings", properties="settings", cluster="$name", idempotent=True),)
    sticky = frozenset({"settings"})
    delete = call("delete_cluster", cluster="$name", idempotent=True, patience=300,
                  retry=("ClusterContainsServicesException", "ClusterContainsTasksException",
                         "UpdateInProgressException"))
    not_found_codes = ("ClusterNotFoundException",)
    tagging = TAGGED
    overwrites = True
    listing = Listing("list_clusters", "clusterArns[].{arn: @}", ("nextToken", "nextToken"), {},
                      call("list_tags_for_resource", resourceArn="$arn"), "$arn", name_from="arn", order=4, parts=(
                          Part(call("list_services", cluster="$name"), "serviceArns[].{service: @}",
                               call("delete_service", cluster="$name", service="$service", force=True)),))
    imports = Import("aws_ecs_cluster", "{name}")


class TaskDefinition(AwsResource, type="aws.ecs.TaskDefinition", service="ecs"):
    """What a task runs. A change registers a new revision, ``arn``; former ones stay, for rollbacks, and cost
    nothing."""

    __checks__ = (runs_here, fits_fargate)

    family: Arg[str] = prop("family", limit=255, replace=True, default=None)
    container_definitions: Arg[Sequence[Mapping[str, Any]]] = prop("containerDefinitions", read="")
    cpu: Arg[str] = prop("cpu", default=None)
    memory: Arg[str] = prop("memory", default=None)
    network_mode: Arg[str] = prop("networkMode", default="awsvpc")
    requires_compatibilities: Arg[Sequence[str]] = prop("requiresCompatibilities", default=None)
    execution_role_arn: Arg[str] = prop("executionRoleArn", default=None)
    task_role_arn: Arg[str] = prop("taskRoleArn", default=None)
    runtime_platform: Arg[Mapping[str, str]] = prop("runtimePlatform", default=None)
    ephemeral_storage: Arg[Mapping[str, int]] = prop("ephemeralStorage", default=None)
    volumes: Arg[Sequence[Mapping[str, Any]]] = prop("volumes", default=None, read="")

    arn: Output[str] = out("taskDefinition.taskDefinitionArn || taskDefinitionArn", volatile=True)

    identifier = "$family"
    create = call("register_task_definition", retry=NOT_YET, patience=60, idempotent=True)
    read = call("describe_task_definition", taskDefinition="$family")
    item = "taskDefinition"
    exists_if = "status != 'INACTIVE' && status != 'DELETE_IN_PROGRESS'"
    update = (create,)
    omitted_when_unset = frozenset({"runtime_platform", "ephemeral_storage"})
    delete = call("deregister_task_definition", taskDefinition="$arn", idempotent=True)
    not_found_codes = ("ClientException", "InvalidParameterException")
    imports = Import("aws_ecs_task_definition", "{family}")

    @classmethod
    def not_local(cls, inputs: Mapping[str, Any]) -> str:
        return refuses_locally(inputs.get("container_definitions"))


class Service(AwsResource, type="aws.ecs.Service", service="ecs"):
    """So many tasks of a definition, kept running and replaced one by one."""

    names = WORD
    cluster: Arg[str] = prop("cluster", replace=True, read="")
    name: Arg[str] = prop("serviceName", limit=255, replace=True, default=None)
    task_definition: Arg[str] = prop("taskDefinition")
    desired_count: Arg[int] = prop("desiredCount", default=None)
    launch_type: Arg[str] = prop("launchType", default=None, replace=True)
    capacity_provider_strategy: Arg[Sequence[Mapping[str, Any]]] = prop("capacityProviderStrategy", default=None,
                                                                        read="")
    network_configuration: Arg[Mapping[str, Any]] = prop("networkConfiguration", default=None, read="")
    load_balancers: Arg[Sequence[Mapping[str, Any]]] = prop("loadBalancers", default=None, read="")
    service_registries: Arg[Sequence[Mapping[str, Any]]] = prop("serviceRegistries", default=None, read="")
    deployment_configuration: Arg[Mapping[str, Any]] = prop("deploymentConfiguration", default=None, read="")
    health_check_grace_period_seconds: Arg[int] = prop("healthCheckGracePeriodSeconds", default=None)
    enable_execute_command: Arg[bool] = prop("enableExecuteCommand", default=None)
    wait_for_steady_state: Arg[bool] = prop(default=False, local=True)
    """Whether a deploy waits until the new tasks run and the old ones are gone."""
    tags: Arg[Mapping[str, str]] = prop(default=None)

    arn: Output[str] = out("service.serviceArn || serviceArn")

    identity = "key"
    identifier = "$cluster/$name"
    one_at_a_time = "$name"
    create = call("create_service", retry=NOT_YET, patience=120)
    read = call("describe_services", cluster="$cluster", services=["$name"], include=["TAGS"])
    item = "services[?status == 'ACTIVE'] | [0]"
    # what has not changed is not sent: the count of tasks may be scaled meanwhile
    update = (call("update_service", cluster="$cluster", service="$name", idempotent=True, retry=NOT_YET,
                   only_changed=True,
                   properties="task_definition desired_count capacity_provider_strategy network_configuration "
                              "load_balancers service_registries deployment_configuration "
                              "health_check_grace_period_seconds enable_execute_command"),)
    reset_value = {"capacity_provider_strategy": [], "load_balancers": [], "service_registries": [],
                   "health_check_grace_period_seconds": 0, "enable_execute_command": False}
    sticky = frozenset({"desired_count", "network_configuration", "deployment_configuration"})
    delete = call("delete_service", cluster="$cluster", service="$name", force=True, idempotent=True,
                  wait="services_inactive", wait_on={"cluster": "$cluster", "services": ["$name"]},
                  settled="service.status == 'INACTIVE'")
    not_found_codes = ("ClusterNotFoundException", "ServiceNotFoundException", "ServiceNotActiveException")
    unmodelled_codes = ("ServiceNotActiveException",)
    delete_first = True
    tagging = TAGGED
    imports = Import("aws_ecs_service", "{cluster}/{name}")
    monthly = prices.tasks

    @classmethod
    def settle(cls, provider: Calls, known: Mapping[str, Any], note: Note) -> None:
        if known.get("wait_for_steady_state"):
            wait_for_tasks(provider.aws, known, note)
