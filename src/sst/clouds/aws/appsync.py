"""AppSync Events: https://docs.aws.amazon.com/appsync/latest/APIReference/Welcome.html"""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...core.output import Output
from ...core.resource import Arg, out, prop
from .columns import Listing, Tagging, call
from .table import AwsResource

__all__ = ["Api", "ChannelNamespace", "signed_by_iam"]

NOT_FOUND = ("NotFoundException",)
BUSY = ("ConcurrentModificationException",)


def signed_by_iam() -> dict[str, Any]:
    """The event configuration of an API on which all is signed with AWS credentials, and nothing else will do."""
    iam = [{"authType": "AWS_IAM"}]
    return {"authProviders": iam, "connectionAuthModes": iam, "defaultPublishAuthModes": iam,
            "defaultSubscribeAuthModes": iam}


class Api(AwsResource, type="aws.appsync.Api", service="appsync"):
    """An Events API: channels that programs publish to and subscribe to.

    ``http`` and ``realtime`` are host names, with a port on the embedded cloud: ``https://{http}/event`` takes what is
    published, ``wss://{realtime}/event/realtime`` gives it out. A name that ends in ``.localhost`` is on this machine,
    and not encrypted.
    """

    name: Arg[str] = prop("name", limit=50, default=None)
    event_config: Arg[Mapping[str, Any]] = prop("eventConfig")
    owner_contact: Arg[str] = prop("ownerContact", default=None)
    tags: Arg[Mapping[str, str]] = prop(default=None)

    id: Output[str] = out("api.apiId")
    arn: Output[str] = out("api.apiArn")
    http: Output[str] = out("api.dns.HTTP")
    realtime: Output[str] = out("api.dns.REALTIME")

    identity = "tag"
    identifier = "$id"
    response_root = "api"
    create = call("create_api", retry=BUSY)
    read = call("get_api", apiId="$id")
    find = call("list_apis", maxResults=25)
    list_path = "apis[].{api: @, tags: tags}"
    update = (call("update_api", apiId="$id", properties="name event_config owner_contact", retry=BUSY,
                   idempotent=True),)
    reset_value = {"owner_contact": ""}
    delete = call("delete_api", apiId="$id", retry=BUSY, idempotent=True)
    not_found_codes = NOT_FOUND
    tagging = Tagging("map", wire="tags", add=call("tag_resource", resourceArn="$arn", tags="$tags"),
                      remove=call("untag_resource", resourceArn="$arn", tagKeys="$tag_keys"),
                      show=call("list_tags_for_resource", resourceArn="$arn"))
    listing = Listing("list_apis", "apis[].{id: apiId, arn: apiArn, tags: tags}", ("nextToken", "nextToken"))


class ChannelNamespace(AwsResource, type="aws.appsync.ChannelNamespace", service="appsync"):
    """The channels of an Events API that begin with ``/{name}/``."""

    api_id: Arg[str] = prop("apiId", replace=True)
    name: Arg[str] = prop("name", limit=50, default=None, replace=True)
    publish_auth_modes: Arg[Sequence[Mapping[str, str]]] = prop("publishAuthModes", default=None)
    subscribe_auth_modes: Arg[Sequence[Mapping[str, str]]] = prop("subscribeAuthModes", default=None)
    code_handlers: Arg[str] = prop("codeHandlers", default=None)

    arn: Output[str] = out("channelNamespace.channelNamespaceArn")

    identity = "key"
    identifier = "$api_id/$name"
    response_root = "channelNamespace"
    create = call("create_channel_namespace", retry=BUSY)
    read = call("get_channel_namespace", apiId="$api_id", name="$name")
    update = (call("update_channel_namespace", apiId="$api_id", name="$name", retry=BUSY, idempotent=True,
                   properties="publish_auth_modes subscribe_auth_modes code_handlers"),)
    sticky = frozenset({"publish_auth_modes", "subscribe_auth_modes", "code_handlers"})
    delete = call("delete_channel_namespace", apiId="$api_id", name="$name", retry=BUSY, idempotent=True)
    not_found_codes = NOT_FOUND
