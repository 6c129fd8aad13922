"""API Gateway v2: https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/api-reference.html"""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...core.output import Output
from ...core.resource import Arg, out, prop
from .api_limits import cors_valid, jwt_valid, routes_apart
from .checks import may_invoke
from .columns import Import, Listing, Tagging, call
from .documents import lower_headers
from .table import AwsResource

__all__ = ["Api", "ApiMapping", "Authorizer", "DomainName", "Integration", "Route", "Stage"]

NOT_FOUND = ("NotFoundException",)
BUSY = ("ConflictException: concurrent",)


class Api(AwsResource, type="aws.apigatewayv2.Api", service="apigatewayv2"):
    """An HTTP or WebSocket API."""

    __checks__ = (*AwsResource.__checks__, cors_valid)

    name: Arg[str] = prop(limit=128, default=None)
    protocol_type: Arg[str] = prop(default="HTTP", replace=True)
    cors_configuration: Arg[Mapping[str, Any]] = prop(default=None, enc=lower_headers)
    description: Arg[str] = prop(default=None)
    route_selection_expression: Arg[str] = prop(default=None)
    disable_execute_api_endpoint: Arg[bool] = prop(default=None)
    tags: Arg[Mapping[str, str]] = prop(default=None)

    id: Output[str] = out("ApiId")
    endpoint: Output[str] = out("ApiEndpoint", address="http_api")
    execution_arn: Output[str] = out("=arn:$partition:execute-api:$region:$account:$id")
    invoke_arn_prefix: Output[str] = out("=arn:$partition:apigateway:$region:lambda:path/2015-03-31")

    identity = "tag"
    identifier = "$id"
    create = call("create_api", retry=BUSY)
    read = call("get_api", ApiId="$id")
    find = call("get_apis", MaxResults="500")
    list_path = "Items"
    update = (call("update_api", ApiId="$id", retry=BUSY, idempotent=True,
                   properties="name cors_configuration description route_selection_expression "
                              "disable_execute_api_endpoint"),)
    omitted_when_unset = frozenset({"cors_configuration", "description"})
    reset_call = {"cors_configuration": call("delete_cors_configuration", ApiId="$id", idempotent=True)}
    reset_value = {"description": "", "disable_execute_api_endpoint": False}
    sticky = frozenset({"route_selection_expression"})
    delete = call("delete_api", ApiId="$id", retry=BUSY, idempotent=True)
    not_found_codes = NOT_FOUND
    # in_read: the embedded cloud goes on to show the tags that an API or stage was created with
    tagging = Tagging("map", add=call("tag_resource", ResourceArn="$tag_arn", Tags="$tags"),
                      remove=call("untag_resource", ResourceArn="$tag_arn", TagKeys="$tag_keys"),
                      show=call("get_tags", ResourceArn="$tag_arn"), in_read=False)
    listing = Listing("get_apis", "Items[].{id: ApiId, tags: Tags}", ("NextToken", "NextToken"))
    imports = Import("aws_apigatewayv2_api", "{id}")
    tag_arn: Output[str] = out("=arn:$partition:apigateway:$region::/apis/$id")


class Stage(AwsResource, type="aws.apigatewayv2.Stage", service="apigatewayv2"):
    """A stage of an API; ``$default`` serves at its root."""

    api_id: Arg[str] = prop(replace=True, read="")
    name: Arg[str] = prop("StageName", replace=True)
    auto_deploy: Arg[bool] = prop(default=None)
    access_log_settings: Arg[Mapping[str, Any]] = prop(default=None)
    default_route_settings: Arg[Mapping[str, Any]] = prop(default=None, read="")
    stage_variables: Arg[Mapping[str, str]] = prop(default=None)
    description: Arg[str] = prop(default=None)
    tags: Arg[Mapping[str, str]] = prop(default=None)

    one_at_a_time = "$api_id"
    identity = "key"
    identifier = "$api_id/$name"
    create = call("create_stage", retry=BUSY)
    read = call("get_stage", ApiId="$api_id", StageName="$name")
    update = (call("update_stage", retry=BUSY, idempotent=True,
                   properties="api_id name auto_deploy access_log_settings default_route_settings stage_variables "
                              "description"),)
    omitted_when_unset = frozenset({"access_log_settings", "description"})
    reset_call = {"access_log_settings": call("delete_access_log_settings", ApiId="$api_id", StageName="$name",
                                         idempotent=True)}
    reset_value = {"description": "", "stage_variables": {}, "auto_deploy": False, "default_route_settings": {}}
    delete = call("delete_stage", ApiId="$api_id", StageName="$name", retry=BUSY, idempotent=True)
    not_found_codes = NOT_FOUND
    delete_first = True
    tagging = Tagging("map", add=call("tag_resource", ResourceArn="$tag_arn", Tags="$tags"),
                      remove=call("untag_resource", ResourceArn="$tag_arn", TagKeys="$tag_keys"),
                      show=call("get_tags", ResourceArn="$tag_arn"), in_read=False)
    imports = Import("aws_apigatewayv2_stage", "{apiId}/{name}")
    tag_arn: Output[str] = out("=arn:$partition:apigateway:$region::/apis/$api_id/stages/$name")


class Integration(AwsResource, type="aws.apigatewayv2.Integration", service="apigatewayv2"):
    """What a route calls. Its description carries our mark, so that it is found again."""

    __checks__ = (*AwsResource.__checks__, may_invoke("apigateway.amazonaws.com", "api_id", "uri"))

    api_id: Arg[str] = prop(replace=True, read="")
    integration_type: Arg[str] = prop(replace=True)
    uri: Arg[str] = prop("IntegrationUri", default=None)
    method: Arg[str] = prop("IntegrationMethod", default=None)
    payload_format_version: Arg[str] = prop(default=None)
    connection_type: Arg[str] = prop(default=None)
    connection_id: Arg[str] = prop(default=None)
    timeout: Arg[int] = prop("TimeoutInMillis", default=None)
    request_parameters: Arg[Mapping[str, str]] = prop(default=None)

    id: Output[str] = out("IntegrationId")

    one_at_a_time = "$api_id"
    identity = "description"
    identifier = "$id"
    create = call("create_integration", Description="$urn", retry=BUSY)
    read = call("get_integration", ApiId="$api_id", IntegrationId="$id")
    find = call("get_integrations", ApiId="$api_id", MaxResults="500")
    list_path = "Items"
    update = (call("update_integration", IntegrationId="$id", retry=BUSY, idempotent=True,
                   properties="api_id uri method payload_format_version connection_type connection_id timeout "
                        "request_parameters"),)
    reset_value = {"connection_type": "INTERNET", "payload_format_version": "1.0", "timeout": 30000,
                   "request_parameters": {}}
    sticky = frozenset({"uri", "method", "connection_id"})
    delete = call("delete_integration", ApiId="$api_id", IntegrationId="$id", retry=BUSY, idempotent=True)
    not_found_codes = NOT_FOUND


class Route(AwsResource, type="aws.apigatewayv2.Route", service="apigatewayv2"):
    """``METHOD /path`` or ``$default`` of an API."""

    __checks__ = (*AwsResource.__checks__, routes_apart)

    api_id: Arg[str] = prop(replace=True, read="")
    route_key: Arg[str] = prop()
    target: Arg[str] = prop(default=None)
    authorization_type: Arg[str] = prop(default=None)
    authorizer_id: Arg[str] = prop(default=None)
    authorization_scopes: Arg[Sequence[str]] = prop(default=None)
    route_response_selection_expression: Arg[str] = prop(default=None)

    id: Output[str] = out("RouteId")

    one_at_a_time = "$api_id"
    identity = "content"
    identifier = "$id"
    create = call("create_route", retry=BUSY)
    read = call("get_route", ApiId="$api_id", RouteId="$id")
    find = call("get_routes", ApiId="$api_id", MaxResults="500")
    list_path = "Items"
    update = (call("update_route", RouteId="$id", retry=BUSY, idempotent=True,
                   properties="api_id route_key target authorization_type authorizer_id authorization_scopes "
                        "route_response_selection_expression"),)
    reset_value = {"authorization_scopes": [], "authorization_type": "NONE", "target": ""}
    sticky = frozenset({"authorizer_id", "route_response_selection_expression"})
    delete = call("delete_route", ApiId="$api_id", RouteId="$id", retry=BUSY, idempotent=True)
    not_found_codes = NOT_FOUND
    delete_first = True


class Authorizer(AwsResource, type="aws.apigatewayv2.Authorizer", service="apigatewayv2"):
    """Decides who may call a route."""

    __checks__ = (*AwsResource.__checks__, may_invoke("apigateway.amazonaws.com", "api_id", "uri"), jwt_valid)

    api_id: Arg[str] = prop(replace=True, read="")
    name: Arg[str] = prop(limit=128, default=None)
    authorizer_type: Arg[str] = prop(replace=True)
    identity_sources: Arg[Sequence[str]] = prop("IdentitySource", default=None)
    jwt_configuration: Arg[Mapping[str, Any]] = prop(default=None)
    uri: Arg[str] = prop("AuthorizerUri", default=None)
    payload_format_version: Arg[str] = prop("AuthorizerPayloadFormatVersion", default=None)
    simple_responses: Arg[bool] = prop("EnableSimpleResponses", default=None)
    result_ttl: Arg[int] = prop("AuthorizerResultTtlInSeconds", default=None)

    id: Output[str] = out("AuthorizerId")

    one_at_a_time = "$api_id"
    identity = "content"
    identifier = "$id"
    create = call("create_authorizer", retry=BUSY)
    read = call("get_authorizer", ApiId="$api_id", AuthorizerId="$id")
    find = call("get_authorizers", ApiId="$api_id", MaxResults="500")
    list_path = "Items"
    update = (call("update_authorizer", AuthorizerId="$id", retry=BUSY, idempotent=True,
                   properties="api_id name identity_sources jwt_configuration uri payload_format_version "
                              "simple_responses "
                        "result_ttl"),)
    delete = call("delete_authorizer", ApiId="$api_id", AuthorizerId="$id", retry=BUSY, idempotent=True)
    not_found_codes = NOT_FOUND


REGIONAL = [{"CertificateArn": "$certificate_arn", "EndpointType": "REGIONAL", "SecurityPolicy": "TLS_1_2"}]


class DomainName(AwsResource, type="aws.apigatewayv2.DomainName", service="apigatewayv2"):
    """A custom domain name."""

    name: Arg[str] = prop("DomainName", replace=True)
    certificate_arn: Arg[str] = prop(local=True, read="DomainNameConfigurations[0].CertificateArn")
    tags: Arg[Mapping[str, str]] = prop(default=None)

    target: Output[str] = out("DomainNameConfigurations[0].ApiGatewayDomainName")
    hosted_zone_id: Output[str] = out("DomainNameConfigurations[0].HostedZoneId")

    create = call("create_domain_name", retry=("BadRequestException: certificate", *BUSY),
                  DomainNameConfigurations=REGIONAL)
    read = call("get_domain_name", DomainName="$name")
    update = (call("update_domain_name", properties="name certificate_arn", retry=BUSY, idempotent=True,
                   DomainNameConfigurations=REGIONAL),)
    delete = call("delete_domain_name", DomainName="$name", retry=BUSY, idempotent=True)
    not_found_codes = NOT_FOUND
    delete_first = True
    tagging = Tagging("map")
    listing = Listing("get_domain_names", "Items[].{name: DomainName, tags: Tags}", ("NextToken", "NextToken"),
                      order=-1)
    imports = Import("aws_apigatewayv2_domain_name", "{domainName}")


class ApiMapping(AwsResource, type="aws.apigatewayv2.ApiMapping", service="apigatewayv2"):
    """Serves an API's stage at a domain, at its root or under a path."""

    domain_name: Arg[str] = prop(replace=True, read="")
    api_id: Arg[str] = prop()
    stage: Arg[str] = prop()
    api_mapping_key: Arg[str] = prop(default=None)

    id: Output[str] = out("ApiMappingId")
    url: Output[str] = out("=https://$domain_name", address="domain")

    identity = "content"
    identifier = "$id"
    create = call("create_api_mapping", retry=BUSY)
    read = call("get_api_mapping", DomainName="$domain_name", ApiMappingId="$id")
    find = call("get_api_mappings", DomainName="$domain_name")
    list_path = "Items"
    update = (call("update_api_mapping", ApiMappingId="$id", retry=BUSY, idempotent=True,
                   properties="domain_name api_id stage api_mapping_key"),)
    reset_value = {"api_mapping_key": ""}
    delete = call("delete_api_mapping", DomainName="$domain_name", ApiMappingId="$id", retry=BUSY, idempotent=True)
    not_found_codes = NOT_FOUND
    delete_first = True
