"""Lambda: https://docs.aws.amazon.com/lambda/latest/api/welcome.html"""
from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ...core.model import State
from ...core.output import Output
from ...core.provider import Note
from ...core.resource import Arg, out, prop
from .checks import read_source
from .columns import Call, Import, Listing, Tagging, call, grant
from .documents import lower_headers
from .lambda_errors import CHANGING, NOT_FOUND, NOT_READY, NOT_SEEN, SOURCE_NOT_READY
from .lambda_limits import function_fits, source_fits
from .lambda_variables import added, drop_variables, split, variables_of
from .name_rules import WORD
from .table import AwsResource, Calls

__all__ = ["Alias", "EventInvokeConfig", "EventSourceMapping", "Function", "FunctionUrl", "LayerVersion", "Permission",
           "ProvisionedConcurrency", "Variables", "Version"]

INVOKE = (grant("lambda:InvokeFunction", "", ":*"),)


def _filters(patterns: Sequence[str]) -> dict[str, Any]:
    return {"Filters": [{"Pattern": p} for p in patterns]}


def _code(provider: Calls, inputs: Mapping[str, Any]) -> dict[str, Any]:
    return {"ImageUri": image} if (image := inputs["code"].get("image")) else provider.code(inputs)


def _patterns(criteria: Mapping[str, Any]) -> list[str]:
    return [f["Pattern"] for f in criteria.get("Filters", ())]


class Function(AwsResource, type="aws.lambda.Function", service="lambda",
               from_bundle=frozenset({"code", "handler"}), of_host=frozenset({"architectures"})):
    """A function. ``code`` is ``{"path", "sha256"}`` of a build, with ``files`` added, or ``{"image": uri}``."""
    __checks__ = (*AwsResource.__checks__, function_fits)
    names = WORD
    name: Arg[str] = prop("FunctionName", limit=64, replace=True, default=None)
    role: Arg[str] = prop()
    handler: Arg[str] = prop(default=None)
    runtime: Arg[str] = prop(default=None)
    code: Arg[Mapping[str, Any]] = prop(local=True)
    files: Arg[Mapping[str, str]] = prop(default=None, local=True, secret=True)
    package_type: Arg[str] = prop(default=None, replace=True)
    image_config: Arg[Mapping[str, Any]] = prop(default=None, read="Configuration.ImageConfigResponse.ImageConfig")
    architectures: Arg[Sequence[str]] = prop(default=None)
    timeout: Arg[int] = prop(default=3)
    memory_size: Arg[int] = prop(default=128)
    ephemeral_storage: Arg[int] = prop(default=None, enc=lambda v: {"Size": v}, dec=lambda v: v["Size"])
    description: Arg[str] = prop(default=None)
    environment: Arg[Mapping[str, Any]] = prop("Environment.Variables", default=None, read="Plain")
    secret_environment: Arg[Mapping[str, Any]] = prop("Environment.Variables", default=None, secret=True, read="Secret")
    kept_variables: Arg[Sequence[str]] = prop(default=None, local=True)
    """Names of variables that `Variables` sets: left alone here."""
    layers: Arg[Sequence[Any]] = prop(default=None, dec=lambda v: [x["Arn"] for x in v])
    logging_config: Arg[Mapping[str, Any]] = prop(default=None)
    vpc_config: Arg[Mapping[str, Any]] = prop(default=None, read="")
    file_systems: Arg[Sequence[Mapping[str, Any]]] = prop("FileSystemConfigs", default=None)
    publish: Arg[bool] = prop(default=None, read="")
    reserved_concurrency: Arg[int] = prop("ReservedConcurrentExecutions", default=None,
                                          read="Concurrency.ReservedConcurrentExecutions")
    tags: Arg[Mapping[str, str]] = prop(default=None)

    arn: Output[str] = out("=arn:$partition:lambda:$region:$account:function:$name")
    invoke_arn: Output[str] = out("=arn:$partition:apigateway:$region:lambda:path/2015-03-31/functions/"
                                  "arn:$partition:lambda:$region:$account:function:$name/invocations")
    version: Output[str] = out("Version || Configuration.Version", volatile=True)
    code_sha256: Output[str] = out("CodeSha256 || Configuration.CodeSha256", volatile=True)

    create = call("create_function", retry=NOT_READY, wait="function_active_v2", wait_on={"FunctionName": "$name"},
                  settled="State == 'Active'")
    read = call("get_function", FunctionName="$name")
    response_root = "Configuration"
    one_at_a_time = "$name"
    defaults = {"logging_config": {"ApplicationLogLevel": "INFO", "SystemLogLevel": "INFO"}}
    update = (
        call("update_function_configuration", FunctionName="$name", retry=(*NOT_READY, *CHANGING),
             wait="function_updated_v2", wait_on={"FunctionName": "$name"}, idempotent=True,
             settled="LastUpdateStatus == 'Successful'",
             properties="role handler runtime timeout memory_size ephemeral_storage description environment "
                        "secret_environment layers image_config logging_config vpc_config file_systems"),
        call("update_function_code", FunctionName="$name", retry=CHANGING, idempotent=True,
             wait="function_updated_v2", wait_on={"FunctionName": "$name"},
             settled="LastUpdateStatus == 'Successful'", properties="code files architectures publish"),
        call("put_function_concurrency", properties="reserved_concurrency", after_create=True, FunctionName="$name",
             retry=CHANGING, idempotent=True))
    reset_call = {"reserved_concurrency": call("delete_function_concurrency", FunctionName="$name", retry=CHANGING,
                                               idempotent=True)}
    reset_value = {"description": "", "layers": [], "environment": {}, "file_systems": [],
             "vpc_config": {"SubnetIds": [], "SecurityGroupIds": []}, "image_config": {}, "ephemeral_storage": 512,
             "logging_config": {"LogFormat": "Text"}, "architectures": ["x86_64"]}
    sticky = frozenset({"handler", "runtime", "secret_environment", "publish"})
    omitted_when_unset = frozenset({"environment", "secret_environment", "layers", "reserved_concurrency",
                                    "file_systems"})
    fingerprints = {"code": "code_sha256"}
    delete = call("delete_function", FunctionName="$name", retry=CHANGING, idempotent=True)
    not_found_codes = NOT_FOUND
    tagging = Tagging("map", add=call("tag_resource", Resource="$arn", Tags="$tags"),
                      remove=call("untag_resource", Resource="$arn", TagKeys="$tag_keys"))
    listing = Listing("list_functions", "Functions[].{name: FunctionName, arn: FunctionArn}",
                      ("NextMarker", "Marker"), {}, call("list_tags", Resource="$arn"), "$arn", complete=True)
    imports = Import("aws_lambda_function", "{functionName|name}")
    actions = {"write": INVOKE, "read-write": INVOKE, "full": (grant("lambda:*", "", ":*"),)}

    @classmethod
    def not_local(cls, inputs: Mapping[str, Any]) -> str:
        runtime = inputs.get("runtime")
        if isinstance(runtime, str) and not runtime.startswith(("python", "nodejs", "provided", "__Sst_")):
            return f"it runs Python, Node and provided.* functions, not {runtime}"
        return ""

    @classmethod
    def request(cls, provider: Calls, inputs: Mapping[str, Any], c: Call) -> dict[str, Any]:
        made = super().request(provider, inputs, c)
        if c.op == "create_function":
            made["Code"] = _code(provider, inputs)
        elif c.op == "update_function_code":
            made = {**_code(provider, inputs), "Publish": bool(inputs.get("publish"))}
            if inputs.get("architectures"):
                made["Architectures"] = list(inputs["architectures"])
        elif c.op == "update_function_configuration":
            own = made.setdefault("Environment", {}).setdefault("Variables", {})
            if kept := inputs.get("kept_variables"):
                there = variables_of(provider, inputs, inputs["name"])
                made["Environment"]["Variables"] = {**{k: v for k, v in there.items() if k in kept}, **own}
        return made

    @classmethod
    def normalize(cls, answer: Mapping[str, Any], known: Mapping[str, Any]) -> Mapping[str, Any]:
        there = (answer.get("Configuration", {}).get("Environment") or {}).get("Variables") or {}
        own = there.keys() - set(known.get("kept_variables") or ())
        return {**answer, **split(answer.get("Configuration", {}), own, known.get("secret_environment"))}


class Variables(AwsResource, type="aws.lambda.Variables", service="lambda"):
    """Variables that are added to a function once it is there; the function lists their names as ``kept_variables``."""

    function_name: Arg[str] = prop(replace=True)
    variables: Arg[Mapping[str, Any]] = prop("Environment.Variables", default=None, read="Plain")
    secret_variables: Arg[Mapping[str, Any]] = prop("Environment.Variables", default=None, secret=True, read="Secret")

    identity = "once"
    identifier = "$function_name"
    create = call("update_function_configuration", retry=CHANGING, wait="function_updated_v2",
                  wait_on={"FunctionName": "$function_name"}, settled="LastUpdateStatus == 'Successful'",
                  idempotent=True)
    read = call("get_function_configuration", FunctionName="$function_name")
    exists_if = "Plain || Secret"
    omitted_when_unset = frozenset({"variables", "secret_variables"})
    update = (create,)
    not_found_codes = NOT_FOUND
    delete_first = True

    @classmethod
    def request(cls, provider: Calls, inputs: Mapping[str, Any], c: Call) -> dict[str, Any]:
        there = variables_of(provider, inputs, inputs["function_name"])
        return {"FunctionName": inputs["function_name"], "Environment": {"Variables": {**there, **added(inputs)}}}

    @classmethod
    def normalize(cls, answer: Mapping[str, Any], known: Mapping[str, Any]) -> Mapping[str, Any]:
        return {**answer, **split(answer, added(known).keys(), known.get("secret_variables"))}

    @classmethod
    def custom_update(cls, provider: Calls, state: State, inputs: Mapping[str, Any], changed: frozenset[str],
                      known: Mapping[str, Any], note: Note) -> frozenset[str]:
        drop_variables(provider, inputs, added(state.inputs).keys() - added(inputs).keys())
        return frozenset()

    @classmethod
    def before_delete(cls, provider: Calls, known: dict[str, Any], note: Note) -> None:
        drop_variables(provider, known, added(known).keys())


class FunctionUrl(AwsResource, type="aws.lambda.FunctionUrl", service="lambda"):
    """A function's HTTPS address."""

    function_name: Arg[str] = prop(replace=True)
    qualifier: Arg[str] = prop(default=None, replace=True)
    auth_type: Arg[str] = prop()
    invoke_mode: Arg[str] = prop(default=None)
    cors: Arg[Mapping[str, Any]] = prop(default=None, enc=lower_headers)

    url: Output[str] = out("FunctionUrl", address="function_url")

    identity = "once"
    identifier = "$function_name"
    one_at_a_time = "$function_name"
    create = call("create_function_url_config", retry=(*CHANGING, NOT_SEEN))
    read = call("get_function_url_config", FunctionName="$function_name", Qualifier="$qualifier")
    update = (call("update_function_url_config", retry=CHANGING, idempotent=True),)
    imports = Import("aws_lambda_function_url", "{functionName}")
    reset_value = {"cors": {}, "invoke_mode": "BUFFERED"}
    delete = call("delete_function_url_config", FunctionName="$function_name", Qualifier="$qualifier", retry=CHANGING,
                  idempotent=True)
    not_found_codes = NOT_FOUND
    delete_first = True


class Permission(AwsResource, type="aws.lambda.Permission", service="lambda"):
    """Lets a service or account call a function."""

    function_name: Arg[str] = prop(replace=True, read="")
    statement_id: Arg[str] = prop(limit=100, replace=True, read="", default=None)
    action: Arg[str] = prop(replace=True, read="Statement.Action")
    principal: Arg[str] = prop(replace=True, read="Statement.Principal.Service")
    source_arn: Arg[str] = prop(default=None, replace=True, read='Statement.Condition.ArnLike."AWS:SourceArn"')
    source_account: Arg[str] = prop(default=None, replace=True,
                                    read='Statement.Condition.StringEquals."AWS:SourceAccount"')
    function_url_auth_type: Arg[str] = prop(default=None, replace=True, read="")
    invoked_via_function_url: Arg[bool] = prop("InvokedViaFunctionUrl", default=None, replace=True, read="")

    identity = "key"
    identifier = "$function_name/$statement_id"
    one_at_a_time = "$function_name"
    create = call("add_permission", retry=(*CHANGING, NOT_SEEN, "PreconditionFailedException"))
    read = call("get_policy", FunctionName="$function_name")
    exists_if = "Statement"
    imports = Import("aws_lambda_permission", "{function|functionName}/{statementId}")
    omitted_when_unset = frozenset({"source_arn", "source_account"})
    delete = call("remove_permission", FunctionName="$function_name", StatementId="$statement_id",
                  retry=(*CHANGING, "PreconditionFailedException"), idempotent=True)
    not_found_codes = NOT_FOUND

    @classmethod
    def normalize(cls, answer: Mapping[str, Any], known: Mapping[str, Any]) -> Mapping[str, Any]:
        statements = json.loads(answer.get("Policy") or "{}").get("Statement", ())
        return {"Statement": next((s for s in statements if s.get("Sid") == known.get("statement_id")), None)}


_ENABLED = {"Enabled": True, "Enabling": True, "Disabled": False, "Disabling": False}


class EventSourceMapping(AwsResource, type="aws.lambda.EventSourceMapping", service="lambda"):
    """Reads from a queue or stream and calls a function with what it reads."""

    __checks__ = (*AwsResource.__checks__, read_source, source_fits)

    event_source_arn: Arg[str] = prop(default=None, replace=True)
    function_name: Arg[str] = prop(read="")
    enabled: Arg[bool] = prop(default=True, read="State", dec=_ENABLED.get)
    batch_size: Arg[int] = prop(default=None)
    maximum_batching_window: Arg[int] = prop("MaximumBatchingWindowInSeconds", default=None)
    filters: Arg[Sequence[str]] = prop("FilterCriteria", default=None, enc=_filters, dec=_patterns)
    starting_position: Arg[str] = prop(default=None, replace=True)
    function_response_types: Arg[Sequence[str]] = prop(default=None)
    maximum_retry_attempts: Arg[int] = prop(default=None)
    bisect_batch: Arg[bool] = prop("BisectBatchOnFunctionError", default=None)
    scaling_config: Arg[Mapping[str, Any]] = prop(default=None)
    tags: Arg[Mapping[str, str]] = prop(default=None)

    uuid: Output[str] = out("UUID")
    arn: Output[str] = out("EventSourceMappingArn")

    identity = "key"
    identifier = "$uuid"
    create = call("create_event_source_mapping", retry=(*SOURCE_NOT_READY, *CHANGING))
    exists_if = "State != 'Deleting'"
    read = call("get_event_source_mapping", UUID="$id")
    find = call("list_event_source_mappings", EventSourceArn="$event_source_arn", FunctionName="$function_name")
    list_path = "EventSourceMappings[?State != 'Deleting']"
    update = (call("update_event_source_mapping", UUID="$id", retry=("ResourceInUseException",), idempotent=True,
                   properties="function_name enabled batch_size maximum_batching_window filters "
                              "function_response_types "
                        "maximum_retry_attempts bisect_batch scaling_config"),)
    reset_value = {"filters": [], "function_response_types": [], "maximum_batching_window": 0,
                   "maximum_retry_attempts": -1,
             "bisect_batch": False, "scaling_config": {}}
    omitted_when_unset = frozenset({"filters"})
    sticky = frozenset({"batch_size"})
    delete = call("delete_event_source_mapping", UUID="$id", retry=("ResourceInUseException",), idempotent=True)
    not_found_codes = NOT_FOUND
    tagging = Tagging("map", add=call("tag_resource", Resource="$arn", Tags="$tags"),
                      remove=call("untag_resource", Resource="$arn", TagKeys="$tag_keys"),
                      show=call("list_tags", Resource="$arn"))
    listing = Listing("list_event_source_mappings", "EventSourceMappings[].{uuid: UUID, arn: EventSourceMappingArn}",
                      ("NextMarker", "Marker"), {}, call("list_tags", Resource="$arn"), "$arn", order=-1)
    imports = Import("aws_lambda_event_source_mapping", "{uuid}")

class EventInvokeConfig(AwsResource, type="aws.lambda.EventInvokeConfig", service="lambda"):
    """How asynchronous calls of a function are retried, and where their results go."""

    function_name: Arg[str] = prop(replace=True, read="")
    qualifier: Arg[str] = prop(default=None, replace=True, read="")
    maximum_retry_attempts: Arg[int] = prop(default=None)
    maximum_event_age: Arg[int] = prop("MaximumEventAgeInSeconds", default=None)
    destination_config: Arg[Mapping[str, Any]] = prop(default=None)

    identity = "once"
    identifier = "$function_name"
    one_at_a_time = "$function_name"
    defaults = {"destination_config": {"OnSuccess": {}, "OnFailure": {}}}
    create = call("put_function_event_invoke_config", retry=(*CHANGING, NOT_SEEN), idempotent=True)
    read = call("get_function_event_invoke_config", FunctionName="$function_name", Qualifier="$qualifier")
    update = (create,)
    imports = Import("aws_lambda_function_event_invoke_config", "{functionName}")
    delete = call("delete_function_event_invoke_config", FunctionName="$function_name", Qualifier="$qualifier",
                  retry=CHANGING, idempotent=True)
    not_found_codes = NOT_FOUND
    delete_first = True


class LayerVersion(AwsResource, type="aws.lambda.LayerVersion", service="lambda"):
    """A layer; each change makes a new version. ``code`` is ``{"path", "sha256"}`` of a zip."""

    names = WORD
    name: Arg[str] = prop("LayerName", limit=64, replace=True, read="", default=None)
    code: Arg[Mapping[str, Any]] = prop(local=True, replace=True)
    description: Arg[str] = prop(default=None, replace=True)
    runtimes: Arg[Sequence[str]] = prop("CompatibleRuntimes", default=None, replace=True)
    architectures: Arg[Sequence[str]] = prop("CompatibleArchitectures", default=None, replace=True)

    arn: Output[str] = out("LayerVersionArn")
    version: Output[int] = out("Version")

    identity = "content"
    identifier = "$arn"
    create = call("publish_layer_version")
    read = call("get_layer_version_by_arn", Arn="$id")
    find = call("list_layer_versions", LayerName="$name")
    list_path = "LayerVersions"
    delete = call("delete_layer_version", LayerName="$name", VersionNumber="$version", idempotent=True)
    not_found_codes = NOT_FOUND

    @classmethod
    def request(cls, provider: Calls, inputs: Mapping[str, Any], c: Call) -> dict[str, Any]:
        return {**super().request(provider, inputs, c), **cls.search_fields(inputs), "Content": provider.code(inputs)}

    @classmethod
    def search_fields(cls, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """The hash in its description tells its versions apart."""
        return {"Description": f"{inputs.get('description') or ''} [{inputs['code']['sha256'][:16]}]".strip()}


class Alias(AwsResource, type="aws.lambda.Alias", service="lambda"):
    """A name for a version of a function."""

    names = (r"(?!\d+$)[A-Za-z0-9_-]+", "letters, digits, hyphens and underscores, not digits alone")
    function_name: Arg[str] = prop(replace=True, read="")
    name: Arg[str] = prop(replace=True)
    function_version: Arg[str] = prop()
    description: Arg[str] = prop(default=None)

    arn: Output[str] = out("AliasArn")

    identity = "key"
    identifier = "$function_name/$name"
    one_at_a_time = "$function_name"
    create = call("create_alias", retry=CHANGING)
    read = call("get_alias", FunctionName="$function_name", Name="$name")
    update = (call("update_alias", retry=CHANGING, idempotent=True),)
    reset_value = {"description": ""}
    delete = call("delete_alias", FunctionName="$function_name", Name="$name", retry=CHANGING, idempotent=True)
    not_found_codes = NOT_FOUND
    delete_first = True


class Version(AwsResource, type="aws.lambda.Version", service="lambda"):
    """A published version of a function; ``code_sha256`` ties it to the code it was published from."""

    function_name: Arg[str] = prop(replace=True)
    code_sha256: Arg[str] = prop("CodeSha256", default=None, replace=True)
    description: Arg[str] = prop(default=None, replace=True)

    version: Output[str] = out("Version")
    arn: Output[str] = out("FunctionArn")

    identity = "content"
    identifier = "$function_name:$version"
    one_at_a_time = "$function_name"
    create = call("publish_version", retry=CHANGING, idempotent=True)
    find = call("list_versions_by_function", FunctionName="$function_name")
    list_path = "Versions[?Version != '$LATEST']"
    delete = call("delete_function", FunctionName="$function_name", Qualifier="$version", retry=CHANGING,
                  idempotent=True)
    not_found_codes = NOT_FOUND


class ProvisionedConcurrency(AwsResource, type="aws.lambda.ProvisionedConcurrency", service="lambda"):
    """Sandboxes of a version or alias that are kept warm."""

    function_name: Arg[str] = prop(replace=True, read="")
    qualifier: Arg[str] = prop(replace=True, read="")
    provisioned_concurrent_executions: Arg[int] = prop(read="RequestedProvisionedConcurrentExecutions")

    identity = "once"
    identifier = "$function_name:$qualifier"
    one_at_a_time = "$function_name"
    create = call("put_provisioned_concurrency_config", retry=CHANGING, idempotent=True)
    read = call("get_provisioned_concurrency_config", FunctionName="$function_name", Qualifier="$qualifier")
    update = (create,)
    delete = call("delete_provisioned_concurrency_config", FunctionName="$function_name", Qualifier="$qualifier",
                  retry=CHANGING, idempotent=True)
    not_found_codes = (*NOT_FOUND, "ProvisionedConcurrencyConfigNotFoundException")
    delete_first = True
