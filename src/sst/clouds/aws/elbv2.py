"""Load balancers: https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/Welcome.html"""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...core.output import Input, Output
from ...core.resource import Arg, out, prop
from . import prices
from .columns import Import, Listing, Tagging, call
from .name_rules import HOST
from .table import AwsResource, Calls

__all__ = ["Listener", "ListenerRule", "LoadBalancer", "TargetGroup"]

NO_BALANCER, NO_GROUP = ("LoadBalancerNotFound",), ("TargetGroupNotFound",)
NO_LISTENER, NO_RULE = ("ListenerNotFound",), ("RuleNotFound",)
TAGGED = Tagging(wire="Tags", add=call("add_tags", ResourceArns=["$arn"], Tags="$tags"),
                 remove=call("remove_tags", ResourceArns=["$arn"], TagKeys="$tag_keys"),
                 show=call("describe_tags", ResourceArns=["$arn"]))


class LoadBalancer(AwsResource, type="aws.elbv2.LoadBalancer", service="elbv2"):
    """An application or network load balancer."""

    names = HOST
    name: Arg[str] = prop(limit=32, replace=True, default=None)
    type_: Arg[str] = prop("Type", default="application", replace=True)
    scheme: Arg[str] = prop(default="internet-facing", replace=True)
    subnets: Arg[Sequence[Input[str]]] = prop(default=None, read="")
    security_groups: Arg[Sequence[Input[str]]] = prop(default=None, read="")
    tags: Arg[Mapping[str, str]] = prop(default=None)

    arn: Output[str] = out("LoadBalancers[0].LoadBalancerArn || LoadBalancerArn")
    dns_name: Output[str] = out("LoadBalancers[0].DNSName || DNSName")
    zone_id: Output[str] = out("LoadBalancers[0].CanonicalHostedZoneId || CanonicalHostedZoneId")

    identity = "name"
    identifier = "$arn"
    lookup = call("describe_load_balancers", Names=["$name"])
    create = call("create_load_balancer")
    read = call("describe_load_balancers", Names=["$name"])
    item = "LoadBalancers[0]"
    update = (call("set_subnets", LoadBalancerArn="$arn", properties="subnets", idempotent=True),
              call("set_security_groups", LoadBalancerArn="$arn", properties="security_groups", idempotent=True))
    sticky = frozenset({"subnets", "security_groups"})
    delete = call("delete_load_balancer", LoadBalancerArn="$arn", wait="load_balancers_deleted",
                  wait_on={"LoadBalancerArns": ["$arn"]}, idempotent=True)
    not_found_codes = NO_BALANCER
    tagging = TAGGED
    listing = Listing("describe_load_balancers", "LoadBalancers[].{arn: LoadBalancerArn, name: LoadBalancerName}",
                      ("NextMarker", "Marker"), {}, call("describe_tags", ResourceArns=["$arn"]), "$arn", order=1)
    imports = Import("aws_lb", "{arn}", ("aws:alb/loadBalancer:LoadBalancer",))

    id_pattern = r"(?P<arn>.+:loadbalancer/[^/]+/(?P<name>[^/]+)/[^/]+)"
    monthly = prices.load_balancer


class TargetGroup(AwsResource, type="aws.elbv2.TargetGroup", service="elbv2"):
    """Where a load balancer sends requests, and how it finds out who can take them."""

    names = HOST
    name: Arg[str] = prop(limit=32, replace=True, default=None)
    protocol: Arg[str] = prop(replace=True)
    port: Arg[int] = prop(replace=True)
    vpc_id: Arg[str] = prop(replace=True)
    target_type: Arg[str] = prop(default="ip", replace=True)
    health_check_path: Arg[str] = prop(default=None)
    health_check_protocol: Arg[str] = prop(default=None)
    health_check_interval_seconds: Arg[int] = prop(default=None)
    health_check_timeout_seconds: Arg[int] = prop(default=None)
    healthy_threshold_count: Arg[int] = prop(default=None)
    unhealthy_threshold_count: Arg[int] = prop(default=None)
    matcher: Arg[Mapping[str, str]] = prop(default=None)
    tags: Arg[Mapping[str, str]] = prop(default=None)

    arn: Output[str] = out("TargetGroups[0].TargetGroupArn || TargetGroupArn")

    identity = "name"
    identifier = "$arn"
    create = call("create_target_group")
    read = call("describe_target_groups", Names=["$name"])
    item = "TargetGroups[0]"
    update = (call("modify_target_group", TargetGroupArn="$arn", idempotent=True,
                   properties="health_check_path health_check_protocol health_check_interval_seconds "
                              "health_check_timeout_seconds healthy_threshold_count unhealthy_threshold_count "
                              "matcher"),)
    sticky = frozenset({"health_check_path", "health_check_protocol", "health_check_interval_seconds",
                        "health_check_timeout_seconds", "healthy_threshold_count", "unhealthy_threshold_count",
                        "matcher"})
    delete = call("delete_target_group", TargetGroupArn="$arn", retry=("ResourceInUse",), patience=120,
                  idempotent=True)
    not_found_codes = NO_GROUP
    tagging = TAGGED
    listing = Listing("describe_target_groups", "TargetGroups[].{arn: TargetGroupArn, name: TargetGroupName}",
                      ("NextMarker", "Marker"), {}, call("describe_tags", ResourceArns=["$arn"]), "$arn", order=4)
    imports = Import("aws_lb_target_group", "{arn}", ("aws:alb/targetGroup:TargetGroup",))
    id_pattern = r"(?P<arn>.+:targetgroup/(?P<name>[^/]+)/[^/]+)"


def _origin(known: Mapping[str, Any]) -> str:
    """``http://host``, with the port where it is not the protocol's own."""
    scheme = "https" if known.get("protocol") in ("HTTPS", "TLS") else "http"
    port = int(known.get("port") or 0)
    return f"{scheme}://{known.get('dns_name')}" + ("" if port == {"http": 80, "https": 443}[scheme] else f":{port}")


class Listener(AwsResource, type="aws.elbv2.Listener", service="elbv2"):
    """A port of a load balancer. ``dns_name`` is the balancer's, for ``url``."""

    load_balancer_arn: Arg[str] = prop(replace=True)
    port: Arg[int] = prop(replace=True)
    protocol: Arg[str] = prop()
    default_actions: Arg[Sequence[Mapping[str, Any]]] = prop(read="")
    certificates: Arg[Sequence[Mapping[str, Any]]] = prop(default=None, read="")
    ssl_policy: Arg[str] = prop(default=None, read="")
    dns_name: Arg[str] = prop(local=True, default=None, replace=True)
    tags: Arg[Mapping[str, str]] = prop(default=None)

    arn: Output[str] = out("Listeners[0].ListenerArn || ListenerArn")
    url: Output[str] = out("=$origin", address="load_balancer")

    identity = "key"
    identifier = "$arn"
    computed = {"origin": _origin}
    create = call("create_listener", retry=("UnsupportedCertificate", "TargetGroupNotFound"), patience=60)
    find = lookup = call("describe_listeners", LoadBalancerArn="$load_balancer_arn")
    list_path = "Listeners[].{ListenerArn: ListenerArn, Port: Port}"
    read = call("describe_listeners", ListenerArns=["$arn"])
    item = "Listeners[0]"
    update = (call("modify_listener", ListenerArn="$arn", idempotent=True,
                   properties="protocol default_actions certificates ssl_policy"),)
    sticky = frozenset({"certificates", "ssl_policy"})
    delete = call("delete_listener", ListenerArn="$arn", idempotent=True)
    not_found_codes = (*NO_LISTENER, *NO_BALANCER)
    delete_first = True
    tagging = TAGGED
    imports = Import("aws_lb_listener", "{arn}", ("aws:alb/listener:Listener",))

    @classmethod
    def outputs(cls, provider: Calls, answer: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
        """Of several listeners of a load balancer, of that of the port which is looked up."""
        found = answer.get("Listeners") or ()
        if len(found) > 1:
            answer = {**answer, "Listeners": [one for one in found if one.get("Port") == known.get("port")]}
        return super().outputs(provider, answer, known)


class ListenerRule(AwsResource, type="aws.elbv2.ListenerRule", service="elbv2"):
    """Requests with some path, header or query go another way. Lower priorities count first."""

    listener_arn: Arg[str] = prop(replace=True, read="")
    priority: Arg[int] = prop(dec=int)
    conditions: Arg[Sequence[Mapping[str, Any]]] = prop(read="")
    rule_actions: Arg[Sequence[Mapping[str, Any]]] = prop("Actions", read="")
    tags: Arg[Mapping[str, str]] = prop(default=None)

    arn: Output[str] = out("Rules[0].RuleArn || RuleArn")

    identity = "key"
    identifier = "$arn"
    create = call("create_rule", retry=("TargetGroupNotFound",), patience=60)
    find = call("describe_rules", ListenerArn="$listener_arn")
    list_path = "Rules[].{RuleArn: RuleArn, Priority: to_number(Priority)}"
    read = call("describe_rules", RuleArns=["$arn"])
    item = "Rules[0]"
    update = (call("modify_rule", RuleArn="$arn", properties="conditions rule_actions", idempotent=True),
              call("set_rule_priorities", properties="priority", wire={"priority": "Priority"},
                   root="RulePriorities[]", RulePriorities=[{"RuleArn": "$arn", "Priority": "$priority"}],
                   idempotent=True))
    delete = call("delete_rule", RuleArn="$arn", idempotent=True)
    not_found_codes = (*NO_RULE, *NO_LISTENER)
    delete_first = True
    tagging = TAGGED
    imports = Import("aws_lb_listener_rule", "{arn}", ("aws:alb/listenerRule:ListenerRule",))
