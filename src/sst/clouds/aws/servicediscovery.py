"""Cloud Map: https://docs.aws.amazon.com/cloud-map/latest/api/Welcome.html"""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...core.output import Output
from ...core.resource import Arg, out, prop
from .columns import Import, Listing, Tagging, call
from .table import AwsResource

__all__ = ["PrivateDnsNamespace", "Service"]

SHOWN = call("list_tags_for_resource", ResourceARN="$arn")
TAGGED = Tagging(add=call("tag_resource", ResourceARN="$arn", Tags="$tags"),
                 remove=call("untag_resource", ResourceARN="$arn", TagKeys="$tag_keys"), show=SHOWN)


class PrivateDnsNamespace(AwsResource, type="aws.servicediscovery.PrivateDnsNamespace", service="servicediscovery"):
    """The end of names that are known inside of a network alone. About a minute to make."""

    name: Arg[str] = prop(replace=True)
    vpc: Arg[str] = prop(replace=True, read="")
    description: Arg[str] = prop(default=None, replace=True)
    tags: Arg[Mapping[str, str]] = prop(default=None)

    namespace_id: Output[str] = out("Id")
    arn: Output[str] = out("Arn")

    create = call("create_private_dns_namespace", CreatorRequestId="$token", idempotent=False)
    read = call("list_namespaces", Filters=[{"Name": "TYPE", "Values": ["DNS_PRIVATE"]},
                                            {"Name": "NAME", "Values": ["$name"]}])
    item = "Namespaces[?Name == $name] | [0]"
    read_back = True
    ready = "Arn"
    delete = call("delete_namespace", Id="$namespace_id", retry=("ResourceInUse",), patience=300, idempotent=True,
                  until="`false`")
    not_found_codes = ("NamespaceNotFound",)
    tagging = TAGGED
    listing = Listing("list_namespaces", "Namespaces[].{name: Name, namespace_id: Id, arn: Arn}",
                      ("NextToken", "NextToken"), tags=SHOWN, arn="$arn", order=6)
    imports = Import("aws_service_discovery_private_dns_namespace", "{name}")


class Service(AwsResource, type="aws.servicediscovery.Service", service="servicediscovery"):
    """A name in a namespace, and what it leads to: ECS registers the tasks of a service there.

    ``host`` is the whole name; on stage ``local`` an address of this machine."""

    name: Arg[str] = prop(replace=True)
    namespace_id: Arg[str] = prop(replace=True)
    namespace_name: Arg[str] = prop(local=True, replace=True)
    dns_config: Arg[Mapping[str, Any]] = prop(replace=True)
    health_check_custom_config: Arg[Mapping[str, Any]] = prop(default=None, replace=True)
    tags: Arg[Mapping[str, str]] = prop(default=None)

    id: Output[str] = out("Service.Id || Id")
    arn: Output[str] = out("Service.Arn || Arn")
    host: Output[str] = out("=$name.$namespace_name", address="discovery")

    identity = "tag"
    identifier = "$id"
    create = call("create_service", CreatorRequestId="$token", idempotent=False)
    read = call("get_service", Id="$id")
    item = "Service"
    find = call("list_services", Filters=[{"Name": "NAMESPACE_ID", "Values": ["$namespace_id"]}])
    list_path = "Services"
    delete = call("delete_service", Id="$id", retry=("ResourceInUse",), patience=600, idempotent=True)
    not_found_codes = ("ServiceNotFound",)
    delete_first = True
    defaults = {"dns_config": {"RoutingPolicy": "MULTIVALUE"}}
    tagging = TAGGED
    listing = Listing("list_services", "Services[].{id: Id, arn: Arn}", ("NextToken", "NextToken"), tags=SHOWN,
                      arn="$arn", order=5)
    imports = Import("aws_service_discovery_service", "{id}")
