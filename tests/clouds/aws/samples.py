"""One sample a row: what is created, an update, and a change that replaces it. ``w`` makes what it needs beside it."""
from __future__ import annotations

import io
import uuid
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from typing import TYPE_CHECKING, Any

from sst.clouds.aws.appsync import signed_by_iam

if TYPE_CHECKING:
    from .world import World

__all__ = ["SAMPLES", "ZIP", "Sample", "zip_file"]

SAMPLES: dict[str, Callable[[World], Sample]] = {}


@dataclass(frozen=True)
class Sample:
    inputs: Mapping[str, Any]
    update: Mapping[str, Any] = field(default_factory=dict)
    """Properties to change in place; None takes one away."""
    replace: Mapping[str, Any] = field(default_factory=dict)
    delete_first: bool = False
    gone: bool = True
    """Its deletion can be seen."""


def sample(type: str) -> Callable[[Callable[[World], Sample]], Callable[[World], Sample]]:
    def keep(make: Callable[[World], Sample]) -> Callable[[World], Sample]:
        SAMPLES[type] = make
        return make
    return keep


def _zip(text: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as z:
        z.writestr(zipfile.ZipInfo("app.py", (2020, 1, 1, 0, 0, 0)), text)
    return out.getvalue()


ZIP = {"1": _zip("def handler(event, context):\n    return 1\n"),
       "2": _zip("def handler(event, context):\n    return 2\n"),
       "3": _zip("def handler(event, context):\n    return {'state': 'done'}\n")}
BASIC = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"


@contextmanager
def zip_file(name: str) -> Iterator[Path]:
    """One of these archives as a file, as a build gives it."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "code.zip"
        path.write_bytes(ZIP[name])
        yield path



def _trust(service: str) -> dict[str, Any]:
    return {"Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Principal": {"Service": f"{service}.amazonaws.com"},
                           "Action": "sts:AssumeRole"}]}


def _code(n: str) -> dict[str, str]:
    return {"path": n, "sha256": n * 64}


def _policy(action: str, resource: str = "*", **more: Any) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": [action], "Resource": resource,
                                                    **more}]}


def role(w: World, service: str = "lambda") -> dict[str, Any]:
    return w.make("aws.iam.Role", {"assume_role_policy": _trust(service)})


def queue(w: World, **more: Any) -> dict[str, Any]:
    return w.make("aws.sqs.Queue", more)


def bucket(w: World) -> dict[str, Any]:
    return w.make("aws.s3.Bucket", {"force_destroy": True})


def function(w: World) -> dict[str, Any]:
    owner = role(w)
    w.make("aws.iam.RolePolicy", {"role": owner["name"], "policy": _policy("sqs:*")})
    return w.make("aws.lambda.Function", {"role": owner["arn"], "handler": "app.handler", "runtime": "python3.12",
                                          "code": _code("1")})


def api(w: World) -> dict[str, Any]:
    return w.make("aws.apigatewayv2.Api", {})


@sample("aws.iam.Role")
def _(w: World) -> Sample:
    return Sample({"assume_role_policy": _trust("lambda"), "description": "one", "tags": {"a": "1", "b": "2"}},
                  {"description": "two", "max_session_duration": 7200, "tags": {"a": "3"},
                   "assume_role_policy": _trust("events")},
                  {"path": "/x/"})


@sample("aws.iam.RolePolicy")
def _(w: World) -> Sample:
    return Sample({"role": role(w)["name"], "policy": _policy("s3:GetObject")}, {"policy": _policy("s3:PutObject")},
                  {"name": "other"})


@sample("aws.iam.Policy")
def _(w: World) -> Sample:
    return Sample({"policy": _policy("s3:GetObject"), "description": "one", "tags": {"a": "1"}},
                  {"policy": _policy("s3:PutObject"), "tags": {"a": "2"}}, {"name": "other"})


@sample("aws.iam.RolePolicyAttachment")
def _(w: World) -> Sample:
    return Sample({"role": role(w)["name"], "policy_arn": BASIC}, {},
                  {"policy_arn": BASIC.replace("Basic", "VPCAccess")})


@sample("aws.logs.LogGroup")
def _(w: World) -> Sample:
    return Sample({"retention": 7, "tags": {"a": "1"}}, {"retention": None, "tags": {"b": "2"}}, {"name": "/other"})


@sample("aws.sqs.Queue")
def _(w: World) -> Sample:
    return Sample({"visibility_timeout": 60, "delay_seconds": 5, "tags": {"a": "1"}},
                  {"visibility_timeout": 90, "delay_seconds": None, "tags": {"b": "2"},
                   "redrive_policy": {"deadLetterTargetArn": queue(w)["arn"], "maxReceiveCount": 3}},
                   {"fifo_queue": True})


@sample("aws.sqs.QueuePolicy")
def _(w: World) -> Sample:
    def policy(action: str) -> dict[str, Any]:
        return _policy(action, Principal={"Service": "s3.amazonaws.com"})
    return Sample({"queue_url": queue(w)["url"], "policy": policy("sqs:SendMessage")},
                  {"policy": policy("sqs:ReceiveMessage")},
                  {"queue_url": queue(w)["url"]})


@sample("aws.dynamodb.Table")
def _(w: World) -> Sample:
    def fields(*names: str) -> list[dict[str, str]]:
        return [{"AttributeName": n, "AttributeType": "S"} for n in names]

    def index(name: str, key: str) -> dict[str, Any]:
        return {"IndexName": name, "KeySchema": [{"AttributeName": key, "KeyType": "HASH"}],
                "Projection": {"ProjectionType": "ALL"}}
    return Sample({"attribute_definitions": fields("id", "a"),
                   "key_schema": [{"AttributeName": "id", "KeyType": "HASH"}],
                   "global_secondary_indexes": [index("byA", "a")], "stream_view_type": "NEW_AND_OLD_IMAGES",
                   "ttl": "expires",
                   "point_in_time_recovery": True, "tags": {"a": "1"}},
                  {"attribute_definitions": fields("id", "b"), "global_secondary_indexes": [index("byB", "b")],
                   "ttl": None,
                   "stream_view_type": "KEYS_ONLY", "deletion_protection": False, "point_in_time_recovery": False,
                   "tags": {"b": "2"}},
                  {"key_schema": [{"AttributeName": "a", "KeyType": "HASH"}]})


@sample("aws.s3.Bucket")
def _(w: World) -> Sample:
    return Sample({"tags": {"a": "1"}}, {"force_destroy": True, "tags": {"b": "2"}},
                  {"name": "another-name-of-a-bucket"})


def _of_bucket(type: str, first: Mapping[str, Any], then: Mapping[str, Any], *, gone: bool = True) -> None:
    @sample(type)
    def _(w: World) -> Sample:
        return Sample({"bucket": bucket(w)["name"], **first}, then, {"bucket": bucket(w)["name"]}, gone=gone)


_of_bucket("aws.s3.PublicAccessBlock", {}, {"block_public_policy": False})
_of_bucket("aws.s3.BucketVersioning", {"status": "Enabled"}, {"status": "Suspended"}, gone=False)
_of_bucket("aws.s3.BucketCors", {"rules": [{"AllowedMethods": ["GET"], "AllowedOrigins": ["*"], "MaxAgeSeconds": 5}]},
           {"rules": [{"AllowedMethods": ["PUT"], "AllowedOrigins": ["*"]}]})
_of_bucket("aws.s3.BucketLifecycle", {"rules": [{"ID": "a", "Status": "Enabled", "Filter": {"Prefix": "x/"},
                                                 "Expiration": {"Days": 3}}]},
           {"rules": [{"ID": "a", "Status": "Disabled", "Filter": {"Prefix": "x/"}, "Expiration": {"Days": 3}}]})
_of_bucket("aws.s3.BucketEncryption", {"rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]},
           {"rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}}]}, gone=False)


@sample("aws.s3.BucketPolicy")
def _(w: World) -> Sample:
    name = bucket(w)["name"]

    def policy(action: str) -> dict[str, Any]:
        return _policy(action, f"arn:aws:s3:::{name}/*", Principal={"AWS": "arn:aws:iam::000000000000:root"})
    return Sample({"bucket": name, "policy": policy("s3:GetObject")}, {"policy": policy("s3:PutObject")},
                  {"bucket": bucket(w)["name"]})


@sample("aws.s3.BucketNotification")
def _(w: World) -> Sample:
    q = queue(w)
    w.make("aws.sqs.QueuePolicy", {"queue_url": q["url"],
                                   "policy": _policy("sqs:SendMessage", Principal={"Service": "s3.amazonaws.com"})})
    rule = {"id": "a", "arn": q["arn"], "events": ["s3:ObjectCreated:*"], "suffix": ".png"}
    return Sample({"bucket": bucket(w)["name"], "queues": [rule]}, {"queues": [{**rule, "prefix": "in/"}]},
                  {"bucket": bucket(w)["name"]})


@sample("aws.s3.Object")
def _(w: World) -> Sample:
    return Sample({"bucket": bucket(w)["name"], "key": "a b/ü.txt", "content": "one", "content_type": "text/plain"},
                  {"content": "two"},
                  {"key": "c"})


@sample("aws.lambda.Function")
def _(w: World) -> Sample:
    return Sample({"role": role(w)["arn"], "handler": "app.handler", "runtime": "python3.12", "code": _code("1"),
                   "timeout": 5,
                   "environment": {"A": "1"}, "secret_environment": {"B": "2"}, "tags": {"a": "1"}},
                  {"code": _code("2"), "timeout": 7, "environment": {"A": "3"}, "memory_size": 256,
                   "reserved_concurrency": 2,
                   "tags": {"b": "2"}}, {"name": "other"})


@sample("aws.lambda.Variables")
def _(w: World) -> Sample:
    return Sample({"function_name": function(w)["name"], "variables": {"A": "1", "B": "2"},
                   "secret_variables": {"S": "1"}}, {"variables": {"A": "2", "C": "3"}, "secret_variables": {"S": "2"}},
                  {"function_name": function(w)["name"]})


@sample("aws.lambda.FunctionUrl")
def _(w: World) -> Sample:
    return Sample({"function_name": function(w)["name"], "auth_type": "NONE"},
                  {"auth_type": "AWS_IAM", "cors": {"AllowOrigins": ["*"], "AllowMethods": ["GET"]}},
                  {"function_name": function(w)["name"]})


@sample("aws.lambda.Permission")
def _(w: World) -> Sample:
    return Sample({"function_name": function(w)["name"], "action": "lambda:InvokeFunction",
                   "principal": "s3.amazonaws.com",
                   "source_arn": "arn:aws:s3:::b"}, {}, {"source_arn": "arn:aws:s3:::c"})


@sample("aws.lambda.EventSourceMapping")
def _(w: World) -> Sample:
    return Sample({"event_source_arn": queue(w)["arn"], "function_name": function(w)["name"], "batch_size": 5,
                   "enabled": False},
                  {"batch_size": 7, "filters": ['{"body": {"a": [1]}}'],
                   "function_response_types": ["ReportBatchItemFailures"]},
                  {"event_source_arn": queue(w)["arn"]})


@sample("aws.lambda.EventInvokeConfig")
def _(w: World) -> Sample:
    return Sample({"function_name": function(w)["name"], "maximum_retry_attempts": 1},
                  {"maximum_retry_attempts": 0, "maximum_event_age": 60}, {"function_name": function(w)["name"]})


@sample("aws.lambda.LayerVersion")
def _(w: World) -> Sample:
    return Sample({"code": _code("1"), "runtimes": ["python3.12"]}, {}, {"code": _code("2")})


@sample("aws.lambda.Version")
def _(w: World) -> Sample:
    return Sample({"function_name": function(w)["name"]}, {}, {"description": "d"}, gone=False)


@sample("aws.lambda.Alias")
def _(w: World) -> Sample:
    f = function(w)["name"]
    one = w.make("aws.lambda.Version", {"function_name": f})
    return Sample({"function_name": f, "name": "live", "function_version": one["version"]}, {"description": "d"},
                  {"name": "other"})


@sample("aws.lambda.ProvisionedConcurrency")
def _(w: World) -> Sample:
    f = function(w)["name"]
    version = w.make("aws.lambda.Version", {"function_name": f})["version"]
    return Sample({"function_name": f, "qualifier": version, "provisioned_concurrent_executions": 1},
                  {"provisioned_concurrent_executions": 2}, {"qualifier": "live"})


@sample("aws.events.EventBus")
def _(w: World) -> Sample:
    return Sample({"description": "one", "tags": {"a": "1"}},
                  {"description": "two", "log_config": {"IncludeDetail": "FULL", "Level": "ERROR"}, "tags": {"b": "2"}},
                  {"name": "other"})


@sample("aws.events.Rule")
def _(w: World) -> Sample:
    return Sample({"event_pattern": {"source": ["a"]}, "tags": {"a": "1"}},
                  {"event_pattern": {"source": ["b"]}, "state": "DISABLED"},
                  {"bus": "other"})


@sample("aws.events.Target")
def _(w: World) -> Sample:
    rule = w.make("aws.events.Rule", {"schedule_expression": "rate(1 day)"})
    return Sample({"rule": rule["name"], "arn": queue(w)["arn"], "input": "{}"},
                  {"input": '{"a": 1}', "sqs_parameters": {"MessageGroupId": "g"}},
                  {"target_id": "t2"})


@sample("aws.scheduler.Schedule")
def _(w: World) -> Sample:
    return Sample({"schedule_expression": "rate(1 day)",
                   "target": {"Arn": queue(w)["arn"], "RoleArn": role(w, "scheduler")["arn"]}},
                  {"schedule_expression": "rate(2 days)", "state": "DISABLED",
                   "schedule_expression_timezone": "Europe/Berlin"},
                  {"name": "other"})


@sample("aws.apigatewayv2.Api")
def _(w: World) -> Sample:
    return Sample({"cors_configuration": {"AllowOrigins": ["*"]}, "tags": {"a": "1"}},
                  {"cors_configuration": {"AllowOrigins": ["https://a.test"]}, "description": "d", "tags": {"b": "2"}},
                  {"protocol_type": "WEBSOCKET"})


@sample("aws.apigatewayv2.Stage")
def _(w: World) -> Sample:
    return Sample({"api_id": api(w)["id"], "name": "$default", "auto_deploy": True}, {"description": "d"},
                  {"name": "other"})


@sample("aws.apigatewayv2.Integration")
def _(w: World) -> Sample:
    return Sample({"api_id": api(w)["id"], "integration_type": "HTTP_PROXY", "uri": "https://a.test", "method": "GET",
                   "payload_format_version": "1.0"}, {"uri": "https://b.test"}, {"integration_type": "AWS_PROXY"})


def _integration(w: World, owner: str) -> str:
    made = w.make("aws.apigatewayv2.Integration", {"api_id": owner, "integration_type": "HTTP_PROXY",
                                                   "uri": "https://a.test",
                                                   "method": "GET", "payload_format_version": "1.0"})
    return f"integrations/{made['id']}"


@sample("aws.apigatewayv2.Route")
def _(w: World) -> Sample:
    owner = api(w)["id"]
    return Sample({"api_id": owner, "route_key": "GET /a", "target": _integration(w, owner)},
                  {"authorization_type": "AWS_IAM", "target": _integration(w, owner)}, {"api_id": api(w)["id"]},
                  delete_first=True)


@sample("aws.apigatewayv2.Authorizer")
def _(w: World) -> Sample:
    jwt = {"Issuer": "https://issuer.test", "Audience": ["a"]}
    return Sample({"api_id": api(w)["id"], "authorizer_type": "JWT",
                   "identity_sources": ["$request.header.Authorization"],
                   "jwt_configuration": jwt}, {"jwt_configuration": {**jwt, "Audience": ["b"]}},
                   {"authorizer_type": "REQUEST"})


def certificate(w: World) -> str:
    return str(w.make("aws.acm.Certificate", {"domain_name": "a.example.test"})["arn"])


@sample("aws.apigatewayv2.DomainName")
def _(w: World) -> Sample:
    return Sample({"name": "a.example.test", "certificate_arn": certificate(w)}, {"certificate_arn": certificate(w)},
                  {"name": "b.example.test"})


@sample("aws.apigatewayv2.ApiMapping")
def _(w: World) -> Sample:
    domain = w.make("aws.apigatewayv2.DomainName", {"name": "c.example.test", "certificate_arn": certificate(w)})
    owner = api(w)["id"]
    w.make("aws.apigatewayv2.Stage", {"api_id": owner, "name": "$default", "auto_deploy": True})
    return Sample({"domain_name": domain["name"], "api_id": owner, "stage": "$default"}, {"api_mapping_key": "v1"},
                  {"domain_name": "other"}, delete_first=True)


@sample("aws.ssm.Parameter")
def _(w: World) -> Sample:
    return Sample({"name": "/sst/app/one", "value": "one", "type": "SecureString", "tags": {"a": "1"}},
                  {"value": "two", "tags": {"b": "2"}}, {"name": "/sst/app/two"})


@sample("aws.secretsmanager.Secret")
def _(w: World) -> Sample:
    return Sample({"value": "one", "description": "d", "tags": {"a": "1"}}, {"value": "two", "description": None},
                  {"name": "other"})


@sample("aws.acm.Certificate")
def _(w: World) -> Sample:
    return Sample({"domain_name": "x.example.test", "alternative_names": ["y.example.test"], "tags": {"a": "1"}},
                  {"tags": {"a": "2"}},
                  {"domain_name": "z.example.test"})


@sample("aws.acm.CertificateValidation")
def _(w: World) -> Sample:
    other = "arn:aws:acm:us-east-1:123456789012:certificate/other"
    return Sample({"certificate_arn": certificate(w)}, {}, {"certificate_arn": other}, gone=False)


@sample("aws.route53.Record")
def _(w: World) -> Sample:
    zone = w.zone("example.test")
    return Sample({"zone": zone, "name": "www.example.test", "type": "A", "ttl": 60, "records": ["127.0.0.1"]},
                  {"records": ["127.0.0.2"], "ttl": 30}, {"name": "other.example.test"})


def sender(w: World) -> str:
    name = f"{uuid.uuid4().hex[:8]}.example.com"
    w.make("aws.sesv2.EmailIdentity", {"name": name})
    return name


@sample("aws.sesv2.EmailIdentity")
def _(w: World) -> Sample:
    names = [w.make("aws.sesv2.ConfigurationSet", {})["name"] for _ in range(2)]
    name = f"{uuid.uuid4().hex[:8]}.example.com"
    return Sample({"name": name, "configuration_set": names[0], "tags": {"a": "1"}},
                  {"configuration_set": names[1], "tags": {"b": "2"}}, {"name": f"me@{name}"})


@sample("aws.sesv2.ConfigurationSet")
def _(w: World) -> Sample:
    return Sample({"tls_policy": "REQUIRE", "tags": {"a": "1"}},
                  {"reputation_metrics": True, "suppressed_reasons": ["BOUNCE"], "tags": {"b": "2"}}, {"name": "other"})


@sample("aws.sesv2.EventDestination")
def _(w: World) -> Sample:
    topic = w.make("aws.sns.Topic", {})["arn"]
    return Sample({"configuration_set": w.make("aws.sesv2.ConfigurationSet", {})["name"],
                   "matching_event_types": ["BOUNCE"], "sns_destination": {"TopicArn": topic}},
                  {"matching_event_types": ["BOUNCE", "SEND"], "enabled": False}, {"name": "other"})


@sample("aws.sesv2.MailFrom")
def _(w: World) -> Sample:
    names = [sender(w) for _ in range(2)]
    return Sample({"email_identity": names[0], "domain": f"a.{names[0]}"},
                  {"domain": f"b.{names[0]}", "behavior_on_mx_failure": "REJECT_MESSAGE"},
                  {"email_identity": names[1]}, gone=False)


@sample("aws.sesv2.IdentityVerification")
def _(w: World) -> Sample:
    names = [sender(w) for _ in range(2)]
    return Sample({"email_identity": names[0]}, {}, {"email_identity": names[1]}, gone=False)


@sample("aws.sns.Topic")
def _(w: World) -> Sample:
    return Sample({"display_name": "one", "tags": {"a": "1"}}, {"display_name": "two", "tags": {"b": "2"}},
                  {"fifo": True})


@sample("aws.sns.TopicPolicy")
def _(w: World) -> Sample:
    arn = w.make("aws.sns.Topic", {})["arn"]

    def policy(action: str) -> dict[str, Any]:
        return _policy(action, arn, Principal={"Service": "s3.amazonaws.com"})
    return Sample({"topic_arn": arn, "policy": policy("sns:Publish")}, {"policy": policy("sns:Subscribe")},
                  {"topic_arn": w.make("aws.sns.Topic", {})["arn"]}, gone=False)


@sample("aws.sns.Subscription")
def _(w: World) -> Sample:
    return Sample({"topic_arn": w.make("aws.sns.Topic", {})["arn"], "protocol": "sqs", "endpoint": queue(w)["arn"],
                   "filter_policy": {"a": ["1"]}}, {"filter_policy": {"a": ["2"]}, "raw_message_delivery": True},
                  {"endpoint": queue(w)["arn"]})


@sample("aws.appsync.Api")
def _(w: World) -> Sample:
    iam, key = ([{"authType": t}] for t in ("AWS_IAM", "API_KEY"))
    return Sample({"event_config": signed_by_iam(), "tags": {"a": "1"}},
                  {"event_config": {**signed_by_iam(), "authProviders": iam + key, "defaultSubscribeAuthModes": key},
                   "owner_contact": "me",
                   "tags": {"b": "2"}}, {"region": "eu-west-1"})


@sample("aws.appsync.ChannelNamespace")
def _(w: World) -> Sample:
    api_id = w.make("aws.appsync.Api", {"event_config": signed_by_iam()})["id"]
    return Sample({"api_id": api_id, "publish_auth_modes": [{"authType": "AWS_IAM"}]},
                  {"publish_auth_modes": [{"authType": "API_KEY"}], "subscribe_auth_modes": [{"authType": "AWS_IAM"}]},
                  {"name": "other"})


def vpc(w: World) -> str:
    return str(w.make("aws.ec2.Vpc", {"cidr_block": "10.0.0.0/16"})["id"])


def subnet(w: World, network: str, cidr: str = "10.0.0.0/22", zone: str = "us-east-1a") -> str:
    return str(w.make("aws.ec2.Subnet", {"vpc_id": network, "cidr_block": cidr, "availability_zone": zone})["id"])


@sample("aws.ec2.Vpc")
def _(w: World) -> Sample:
    return Sample({"cidr_block": "10.0.0.0/16", "enable_dns_hostnames": True, "tags": {"a": "1", "b": "2"}},
                  {"enable_dns_hostnames": False, "tags": {"a": "3"}}, {"cidr_block": "10.1.0.0/16"})


@sample("aws.ec2.Subnet")
def _(w: World) -> Sample:
    return Sample({"vpc_id": vpc(w), "cidr_block": "10.0.0.0/22", "availability_zone": "us-east-1a",
                   "tags": {"a": "1"}}, {"map_public_ip_on_launch": True, "tags": {"a": "2"}},
                  {"availability_zone": "us-east-1b"}, delete_first=True)


@sample("aws.ec2.InternetGateway")
def _(w: World) -> Sample:
    return Sample({"tags": {"a": "1"}}, {"tags": {"a": "2"}}, {"region": "us-east-1"})


@sample("aws.ec2.InternetGatewayAttachment")
def _(w: World) -> Sample:
    return Sample({"vpc_id": vpc(w), "internet_gateway_id": w.make("aws.ec2.InternetGateway", {})["id"]},
                  replace={"region": "us-east-1"}, delete_first=True)


@sample("aws.ec2.RouteTable")
def _(w: World) -> Sample:
    return Sample({"vpc_id": vpc(w), "tags": {"a": "1"}}, {"tags": {"a": "2"}}, {"region": "us-east-1"})


@sample("aws.ec2.Route")
def _(w: World) -> Sample:
    network, gateways = vpc(w), [w.make("aws.ec2.InternetGateway", {})["id"] for _ in range(2)]
    w.make("aws.ec2.InternetGatewayAttachment", {"vpc_id": network, "internet_gateway_id": gateways[0]})
    return Sample({"route_table_id": w.make("aws.ec2.RouteTable", {"vpc_id": network})["id"],
                   "destination_cidr_block": "0.0.0.0/0", "gateway_id": gateways[0]}, {"gateway_id": gateways[1]},
                  {"region": "us-east-1"}, delete_first=True)


@sample("aws.ec2.RouteTableAssociation")
def _(w: World) -> Sample:
    network = vpc(w)
    return Sample({"route_table_id": w.make("aws.ec2.RouteTable", {"vpc_id": network})["id"],
                   "subnet_id": subnet(w, network)}, replace={"region": "us-east-1"}, delete_first=True)


@sample("aws.ec2.SecurityGroup")
def _(w: World) -> Sample:
    network = vpc(w)
    other = w.make("aws.ec2.SecurityGroup", {"vpc_id": network})["id"]
    web = {"protocol": "tcp", "from": 443, "to": 443}
    return Sample({"vpc_id": network, "tags": {"a": "1"},
                   "ingress": [{"protocol": "all", "cidr": "10.0.0.0/16"}, {**web, "cidr": "0.0.0.0/0"},
                               {**web, "group": other}]},
                  {"ingress": [{**web, "cidr": "0.0.0.0/0"}, {**web, "cidr": "10.1.0.0/16"}], "tags": {"a": "2"}},
                  {"description": "another"})


@sample("aws.ec2.ElasticIp")
def _(w: World) -> Sample:
    return Sample({"tags": {"a": "1"}}, {"tags": {"a": "2"}}, {"region": "us-east-1"})


@sample("aws.ec2.ElasticIpAssociation")
def _(w: World) -> Sample:
    network = vpc(w)
    machine = w.make("aws.ec2.Instance", {"image": "ami-12345678", "instance_type": "t4g.nano",
                                          "subnet_id": subnet(w, network)})
    return Sample({"allocation_id": w.make("aws.ec2.ElasticIp", {})["id"], "instance_id": machine["id"]},
                  replace={"region": "us-east-1"}, delete_first=True)


@sample("aws.ec2.NatGateway")
def _(w: World) -> Sample:
    return Sample({"subnet_id": subnet(w, vpc(w)), "allocation_id": w.make("aws.ec2.ElasticIp", {})["id"],
                   "tags": {"a": "1"}}, {"tags": {"a": "2"}}, {"region": "us-east-1"})


@sample("aws.ec2.Instance")
def _(w: World) -> Sample:
    network = vpc(w)
    group = w.make("aws.ec2.SecurityGroup", {"vpc_id": network})["id"]
    return Sample({"image": "ami-12345678", "instance_type": "t4g.nano", "subnet_id": subnet(w, network),
                   "security_group_ids": [group], "user_data": "", "tags": {"a": "1"}}, {"tags": {"a": "2"}},
                  {"instance_type": "t4g.micro"})


@sample("aws.ec2.VpcEndpoint")
def _(w: World) -> Sample:
    network = vpc(w)
    return Sample({"vpc_id": network, "service_name": "com.amazonaws.us-east-1.s3",
                   "route_table_ids": [w.make("aws.ec2.RouteTable", {"vpc_id": network})["id"]], "tags": {"a": "1"}},
                  {"tags": {"a": "2"}}, {"service_name": "com.amazonaws.us-east-1.dynamodb"}, delete_first=True)


@sample("aws.iam.InstanceProfile")
def _(w: World) -> Sample:
    return Sample({"tags": {"a": "1"}}, {"tags": {"a": "2"}}, {"path": "/x/"})


@sample("aws.iam.InstanceProfileRole")
def _(w: World) -> Sample:
    return Sample({"instance_profile": w.make("aws.iam.InstanceProfile", {})["name"], "role": role(w)["name"]},
                  replace={"role": role(w)["name"]})


# RDS ----------------------------------------------------------------------------------------------------------------

def subnets(w: World) -> list[str]:
    """Two of the account's default network, in different zones."""
    return [s["SubnetId"] for s in w.aws.call("ec2", "describe_subnets", {})["Subnets"][:2]]


def database(w: World) -> str:
    """A database that rows refer to: one for each world, since each is a server."""
    made = next((s for s in w.made if s.type == "aws.rds.Instance"), None)
    return str(made.id if made else w.make("aws.rds.Instance", DATABASE)["name"])


DATABASE = {"engine": "postgres", "engine_version": "17", "instance_class": "db.t4g.micro", "username": "postgres",
            "password": "a-password-of-tests", "database": "shop"}


@sample("aws.rds.SubnetGroup")
def _(w: World) -> Sample:
    found = subnets(w)
    return Sample({"subnet_ids": found, "description": "one"}, {"description": "two"},
                  {"name": "another"})


@sample("aws.rds.ParameterGroup")
def _(w: World) -> Sample:
    return Sample({"family": "postgres17", "parameters": {"work_mem": "8192", "jit": "0"}},
                  {"parameters": {"work_mem": "16384"}}, {"family": "postgres16"})


@sample("aws.rds.Instance")
def _(w: World) -> Sample:
    group = w.make("aws.rds.ParameterGroup", {"family": "postgres17", "parameters": {"work_mem": "8192"}})["name"]
    where = w.make("aws.rds.SubnetGroup", {"subnet_ids": subnets(w)})["name"]
    return Sample({**DATABASE, "parameter_group": group, "subnet_group": where},
                  {"password": "another-password", "instance_class": "db.t4g.small", "multi_az": True},
                  {"database": "other"})


@sample("aws.rds.Replica")
def _(w: World) -> Sample:
    return Sample({"source": database(w), "instance_class": "db.t4g.micro"}, {"instance_class": "db.t4g.small"},
                  {"name": "another"})


def proxy(w: World) -> dict[str, Any]:
    secret = w.make("aws.secretsmanager.Secret", {"value": '{"username": "postgres", "password": "x"}'})["arn"]
    may = w.make("aws.iam.Role", {"assume_role_policy": _trust("rds")})["arn"]
    return {"engine_family": "POSTGRESQL", "secrets": [secret], "role": may, "subnet_ids": subnets(w)}


@sample("aws.rds.Proxy")
def _(w: World) -> Sample:
    return Sample(proxy(w), {"require_tls": True}, {"engine_family": "MYSQL"})


@sample("aws.rds.ProxyTarget")
def _(w: World) -> Sample:
    return Sample({"proxy": w.make("aws.rds.Proxy", proxy(w))["name"], "instance": database(w)},
                  replace={"instance": "another"})


@sample("aws.rds.ClusterParameterGroup")
def _(w: World) -> Sample:
    return Sample({"family": "aurora-postgresql17", "parameters": {"work_mem": "8192", "jit": "0"}},
                  {"parameters": {"work_mem": "16384"}}, {"family": "aurora-postgresql16"})


CLUSTER = {"engine": "aurora-postgresql", "engine_version": "17", "username": "postgres",
           "password": "a-password-of-tests", "database": "shop"}


@sample("aws.rds.Cluster")
def _(w: World) -> Sample:
    group = w.make("aws.rds.ClusterParameterGroup", {"family": "aurora-postgresql17",
                                                     "parameters": {"work_mem": "8192"}})["name"]
    where = w.make("aws.rds.SubnetGroup", {"subnet_ids": subnets(w)})["name"]
    return Sample({**CLUSTER, "parameter_group": group, "subnet_group": where,
                   "scaling": {"MinCapacity": 0, "MaxCapacity": 4, "SecondsUntilAutoPause": 300}},
                  {"password": "another-password",
                   "scaling": {"MinCapacity": 0.5, "MaxCapacity": 8}}, {"database": "other"})


def aurora(w: World) -> Mapping[str, Any]:
    """A cluster that rows refer to: one for each world, since each is a server."""
    made = next((s for s in w.made if s.type == "aws.rds.Cluster"), None)
    scaling = {"MinCapacity": 0.5, "MaxCapacity": 1}
    return made.values if made else w.make("aws.rds.Cluster", {**CLUSTER, "scaling": scaling})


@sample("aws.rds.HttpEndpoint")
def _(w: World) -> Sample:
    return Sample({"cluster_arn": aurora(w)["arn"]}, replace={"cluster_arn": "another"})


@sample("aws.rds.ClusterInstance")
def _(w: World) -> Sample:
    return Sample({"cluster": aurora(w)["name"], "engine": "aurora-postgresql"},
                  {"instance_class": "db.r6g.large"},
                  {"name": "another"})


def _distribution(**more: Any) -> dict[str, Any]:
    return {"origins": [{"Id": "one", "DomainName": "example.com", "CustomOriginConfig": {
                "HTTPPort": 80, "HTTPSPort": 443, "OriginProtocolPolicy": "https-only",
                "OriginSslProtocols": ["TLSv1.2"]}}],
            "default_cache_behavior": {"TargetOriginId": "one", "ViewerProtocolPolicy": "redirect-to-https",
                                       "CachePolicyId": "658327ea-f89d-4fab-a63d-7e88639e58f6"}, **more}


@sample("aws.cloudfront.Distribution")
def _(w: World) -> Sample:
    return Sample(_distribution(comment="one", tags={"a": "1"}),
                  {"comment": "two", "tags": {"a": "2"}, "aliases": ["a.example.com"]}, {"region": "eu-west-1"},
                  gone=False)


def _edge(text: str) -> str:
    return f"function handler(event) {{ return event.request; }} // {text}"


@sample("aws.cloudfront.Function")
def _(w: World) -> Sample:
    store = w.make("aws.cloudfront.KeyValueStore", {})
    return Sample({"code": _edge("one"), "comment": "one", "tags": {"a": "1"}},
                  {"code": _edge("two"), "comment": "two", "stores": [store["arn"]], "tags": {"a": "2"}},
                  {"name": "other"})


@sample("aws.cloudfront.KeyValueStore")
def _(w: World) -> Sample:
    return Sample({"comment": "one", "tags": {"a": "1"}}, {"comment": "two", "tags": {"a": "2"}}, {"name": "other"})


@sample("aws.cloudfront.CachePolicy")
def _(w: World) -> Sample:
    keys = {"EnableAcceptEncodingGzip": True, "EnableAcceptEncodingBrotli": True,
            "HeadersConfig": {"HeaderBehavior": "whitelist", "Headers": ["x-a"]},
            "CookiesConfig": {"CookieBehavior": "none"}, "QueryStringsConfig": {"QueryStringBehavior": "all"}}
    return Sample({"min_ttl": 1, "default_ttl": 10, "max_ttl": 100, "parameters": keys},
                  {"max_ttl": 200, "parameters": {**keys, "EnableAcceptEncodingGzip": False}}, {"name": "other"})


@sample("aws.cloudfront.AccountCachePolicy")
def _(w: World) -> Sample:
    return Sample({"name": f"shared-{uuid.uuid4().hex[:8]}", "settings": {"MinTTL": 0, "DefaultTTL": 0, "MaxTTL": 100}},
                  {}, {"name": "other"}, gone=False)


@sample("aws.cloudfront.OriginRequestPolicy")
def _(w: World) -> Sample:
    return Sample({"headers": {"HeaderBehavior": "whitelist", "Headers": ["x-a"]}},
                  {"query_strings": {"QueryStringBehavior": "all"}}, {"name": "other"})


@sample("aws.cloudfront.ResponseHeadersPolicy")
def _(w: World) -> Sample:
    return Sample({"custom": [{"Header": "x-a", "Value": "1", "Override": True}]},
                  {"custom": [{"Header": "x-a", "Value": "2", "Override": True}]}, {"name": "other"})


@sample("aws.cloudfront.OriginAccessControl")
def _(w: World) -> Sample:
    return Sample({"description": "one"}, {"description": "two", "signing_behavior": "no-override"}, {"name": "other"})


@sample("aws.cloudfront.Invalidation")
def _(w: World) -> Sample:
    on = w.make("aws.cloudfront.Distribution", _distribution())
    return Sample({"distribution_id": on["distribution_id"], "version": "1", "paths": ["/docs/*"]},
                  {}, {"version": "2"}, gone=False)


# EFS ----------------------------------------------------------------------------------------------------------------

def file_system(w: World) -> str:
    return str(w.make("aws.efs.FileSystem", {})["id"])


@sample("aws.efs.FileSystem")
def _(w: World) -> Sample:
    return Sample({"throughput_mode": "elastic", "tags": {"a": "1"}},
                  {"throughput_mode": "provisioned", "provisioned_throughput": 64.0, "tags": {"a": "2"}},
                  {"encrypted": False})


@sample("aws.efs.MountTarget")
def _(w: World) -> Sample:
    network = vpc(w)
    groups = [w.make("aws.ec2.SecurityGroup", {"vpc_id": network})["id"] for _ in range(2)]
    return Sample({"file_system_id": file_system(w), "subnet_id": subnet(w, network), "security_groups": groups[:1]},
                  {"security_groups": groups}, {"subnet_id": "subnet-0123456789abcdef0"}, delete_first=True)


@sample("aws.efs.AccessPoint")
def _(w: World) -> Sample:
    return Sample({"file_system_id": file_system(w), "posix_user": {"Uid": 0, "Gid": 0},
                   "root_directory": {"Path": "/"}, "tags": {"a": "1"}}, {"tags": {"a": "2"}},
                  {"root_directory": {"Path": "/data"}})


# Cloud Map ----------------------------------------------------------------------------------------------------------

@sample("aws.servicediscovery.PrivateDnsNamespace")
def _(w: World) -> Sample:
    return Sample({"name": f"{uuid.uuid4().hex[:6]}.example", "vpc": vpc(w), "tags": {"a": "1"}}, {"tags": {"a": "2"}},
                  {"name": "other.example"})


@sample("aws.servicediscovery.Service")
def _(w: World) -> Sample:
    space = w.make("aws.servicediscovery.PrivateDnsNamespace", {"name": f"{uuid.uuid4().hex[:6]}.example",
                                                                "vpc": vpc(w)})
    return Sample({"name": "api", "namespace_id": space["namespace_id"], "namespace_name": space["name"],
                   "dns_config": {"DnsRecords": [{"Type": "A", "TTL": 60}]}, "tags": {"a": "1"}}, {"tags": {"a": "2"}},
                  {"name": "other"}, delete_first=True)


# ElastiCache --------------------------------------------------------------------------------------------------------

@sample("aws.elasticache.SubnetGroup")
def _(w: World) -> Sample:
    found = subnets(w)
    return Sample({"subnet_ids": found, "description": "one"}, {"description": "two"},
                  {"name": "another"})


@sample("aws.elasticache.ParameterGroup")
def _(w: World) -> Sample:
    return Sample({"family": "redis7", "parameters": {"maxmemory-policy": "allkeys-lru", "timeout": "20"}},
                  {"tags": {"a": "1"}}, {"parameters": {"maxmemory-policy": "noeviction"}})


@sample("aws.elasticache.ReplicationGroup")
def _(w: World) -> Sample:
    group = w.make("aws.elasticache.ParameterGroup", {"family": "redis7", "parameters": {"timeout": "20"}})["name"]
    return Sample({"engine": "redis", "engine_version": "7.1", "node_type": "cache.t4g.micro", "node_groups": 1,
                   "replicas": 0, "parameter_group": group, "auth_token": "a-token-of-the-tests"},
                  {"auth_token": "another-token-of-tests", "node_type": "cache.t4g.small", "description": "two"},
                  {"engine": "valkey", "engine_version": "8.0"})


@sample("aws.opensearch.Domain")
def _(w: World) -> Sample:
    return Sample({"engine_version": "OpenSearch_2.17", "instance_type": "t3.small.search", "volume_size": 10,
                   "username": "admin", "password": "Password-of-tests-1"},
                  {"volume_size": 20, "password": "Password-of-tests-2", "tags": {"a": "1"}}, {"name": "another"})


def cluster(w: World) -> dict[str, Any]:
    return w.make("aws.ecs.Cluster", {"capacity_providers": ["FARGATE", "FARGATE_SPOT"]})


def definition(w: World, image: str = "sst.local/none") -> dict[str, Any]:
    return w.make("aws.ecs.TaskDefinition", {
        "cpu": "256", "memory": "512", "requires_compatibilities": ["FARGATE"],
        "container_definitions": [{"name": "web", "image": image, "essential": True}]})


def balancer(w: World) -> dict[str, Any]:
    network = vpc(w)
    zones = [subnet(w, network), subnet(w, network, "10.0.8.0/22", "us-east-1b")]
    group = w.make("aws.ec2.SecurityGroup", {"vpc_id": network})["id"]
    return w.make("aws.elbv2.LoadBalancer", {"subnets": zones, "security_groups": [group]})


def target_group(w: World) -> dict[str, Any]:
    return w.make("aws.elbv2.TargetGroup", {"protocol": "HTTP", "port": 80, "vpc_id": vpc(w)})


@sample("aws.ecs.Cluster")
def _(w: World) -> Sample:
    return Sample({"capacity_providers": ["FARGATE", "FARGATE_SPOT"], "tags": {"a": "1"}}, {"tags": {"a": "2"}},
                  {"capacity_providers": ["FARGATE"]})


@sample("aws.ecs.TaskDefinition")
def _(w: World) -> Sample:
    return Sample({"cpu": "256", "memory": "512", "requires_compatibilities": ["FARGATE"],
                   "container_definitions": [{"name": "web", "image": "sst.local/one", "essential": True}]},
                  {"cpu": "512", "memory": "1024"}, {"family": "another"}, gone=False)


@sample("aws.ecs.Service")
def _(w: World) -> Sample:
    place = subnet(w, vpc(w))
    return Sample({"cluster": cluster(w)["name"], "task_definition": definition(w)["arn"], "desired_count": 0,
                   "launch_type": "FARGATE", "tags": {"a": "1"},
                   "network_configuration": {"awsvpcConfiguration": {"subnets": [place]}}},
                  {"task_definition": definition(w)["arn"], "tags": {"a": "2"}},
                  {"launch_type": "EC2"}, delete_first=True)


def scaled(w: World) -> dict[str, Any]:
    place = subnet(w, vpc(w))
    home = cluster(w)["name"]
    made = w.make("aws.ecs.Service", {
        "cluster": home, "task_definition": definition(w)["arn"], "desired_count": 0, "launch_type": "FARGATE",
        "network_configuration": {"awsvpcConfiguration": {"subnets": [place]}}})
    return {"resource_id": f"service/{home}/{made['name']}"}


@sample("aws.applicationautoscaling.ScalableTarget")
def _(w: World) -> Sample:
    return Sample({**scaled(w), "min_capacity": 0, "max_capacity": 3, "tags": {"a": "1"}},
                  {"max_capacity": 5, "tags": {"a": "2"}}, {"region": "us-east-1"}, delete_first=True)


@sample("aws.applicationautoscaling.ScalingPolicy")
def _(w: World) -> Sample:
    service = scaled(w)
    w.make("aws.applicationautoscaling.ScalableTarget", {**service, "min_capacity": 0, "max_capacity": 3})
    cpu = {"PredefinedMetricType": "ECSServiceAverageCPUUtilization"}
    return Sample({**service, "configuration": {"TargetValue": 70, "PredefinedMetricSpecification": cpu}},
                  {"configuration": {"TargetValue": 50, "PredefinedMetricSpecification": cpu}}, {"name": "another"})


@sample("aws.elbv2.LoadBalancer")
def _(w: World) -> Sample:
    network = vpc(w)
    zones = [subnet(w, network), subnet(w, network, "10.0.8.0/22", "us-east-1b")]
    group = w.make("aws.ec2.SecurityGroup", {"vpc_id": network})["id"]
    return Sample({"subnets": zones, "security_groups": [group], "tags": {"a": "1"}}, {"tags": {"a": "2"}},
                  {"scheme": "internal"})


@sample("aws.elbv2.TargetGroup")
def _(w: World) -> Sample:
    return Sample({"protocol": "HTTP", "port": 80, "vpc_id": vpc(w), "health_check_path": "/", "tags": {"a": "1"}},
                  {"health_check_path": "/health", "unhealthy_threshold_count": 3, "tags": {"a": "2"}},
                  {"port": 8080})


@sample("aws.elbv2.Listener")
def _(w: World) -> Sample:
    there, group = balancer(w), target_group(w)
    refuse = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "403", "ContentType": "text/plain"}}
    return Sample({"load_balancer_arn": there["arn"], "port": 80, "protocol": "HTTP", "dns_name": there["dns_name"],
                   "default_actions": [refuse], "tags": {"a": "1"}},
                  {"default_actions": [{"Type": "forward", "TargetGroupArn": group["arn"]}], "tags": {"a": "2"}},
                  {"port": 8080}, delete_first=True)


@sample("aws.elbv2.ListenerRule")
def _(w: World) -> Sample:
    there, group = balancer(w), target_group(w)
    forward = [{"Type": "forward", "TargetGroupArn": group["arn"]}]
    listener = w.make("aws.elbv2.Listener", {"load_balancer_arn": there["arn"], "port": 80, "protocol": "HTTP",
                                             "dns_name": there["dns_name"], "default_actions": forward})
    return Sample({"listener_arn": listener["arn"], "priority": 5, "rule_actions": forward, "tags": {"a": "1"},
                   "conditions": [{"Field": "path-pattern", "Values": ["/api/*"]}]},
                  {"conditions": [{"Field": "path-pattern", "Values": ["/v2/*"]}], "priority": 6, "tags": {"a": "2"}},
                  {"region": "us-east-1"}, delete_first=True)


# Migrations ---------------------------------------------------------------------------------------------------------

@sample("aws.migration.Run")
def _(w: World) -> Sample:
    runner = w.make("aws.lambda.Function", {"role": role(w)["arn"], "handler": "app.handler", "runtime": "python3.11",
                                            "code": _code("3")})
    return Sample({"function_name": runner["name"], "name": "Schema", "files": {"1.sql": "a"}, "work": "x",
                   "database": "db-1"}, replace={"database": "db-2"}, gone=False)


@sample("aws.migration.TaskRun")
def _(w: World) -> Sample:
    made = w.make("aws.ecs.TaskDefinition", {
        "cpu": "256", "memory": "512", "requires_compatibilities": ["FARGATE"], "container_definitions": [
            {"name": "run", "image": "sst.local/run", "essential": True, "dockerLabels": {"sst.source": gettempdir()},
             "command": ["python", "-c", "import os; os.environ['SST_MIGRATION_KEY']"]}]})
    return Sample({"cluster": cluster(w)["name"], "task_definition": made["family"], "container": "run",
                   "network": {"subnets": [subnet(w, vpc(w))]}, "timeout": 60, "name": "Schema", "work": "x",
                   "files": {"1.sql": "a"}, "database": "db-1"}, {"timeout": 90}, {"database": "db-2"}, gone=False)


@sample("aws.ecr.Repository")
def _(w: World) -> Sample:
    policy = {"rules": [{"rulePriority": 1, "selection": {"tagStatus": "any", "countType": "imageCountMoreThan",
                                                          "countNumber": 3}, "action": {"type": "expire"}}]}
    return Sample({"lifecycle_policy": policy, "tags": {"a": "1"}},
                  {"lifecycle_policy": None, "image_tag_mutability": "IMMUTABLE",
                   "image_scanning_configuration": {"scanOnPush": True}, "tags": {"b": "2"}}, {"name": "acme/other"})


@sample("aws.ecr.RepositoryPolicy")
def _(w: World) -> Sample:
    def policy(action: str) -> dict[str, Any]:
        return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": [action],
                                                        "Principal": {"Service": "lambda.amazonaws.com"}}]}
    home = w.make("aws.ecr.Repository", {})
    return Sample({"repository": home["name"], "policy": policy("ecr:BatchGetImage")},
                  {"policy": policy("ecr:GetDownloadUrlForLayer")},
                  {"repository": w.make("aws.ecr.Repository", {})["name"]})


@sample("aws.wafv2.WebAcl")
def _(w: World) -> Sample:
    def seen(name: str) -> dict[str, Any]:
        return {"SampledRequestsEnabled": True, "CloudWatchMetricsEnabled": True, "MetricName": name}

    def few(limit: int) -> dict[str, Any]:
        return {"Name": "few", "Priority": 1, "Action": {"Block": {}}, "VisibilityConfig": seen("few"),
                "Statement": {"RateBasedStatement": {"Limit": limit, "AggregateKeyType": "IP"}}}

    return Sample({"region": "us-east-1", "rules": [few(2000)], "visibility": seen("one"), "tags": {"a": "1"}},
                  {"default_action": {"Block": {}}, "rules": [few(100)], "visibility": seen("two"),
                   "tags": {"a": "2"}}, {"name": "other"})


@sample("aws.wafv2.LoggingConfiguration")
def _(w: World) -> Sample:
    def group(name: str) -> str:
        return str(w.make("aws.logs.LogGroup", {"region": "us-east-1", "name": f"aws-waf-logs-{name}"})["arn"])

    def acl() -> str:
        seen = {"SampledRequestsEnabled": True, "CloudWatchMetricsEnabled": True, "MetricName": "m"}
        return str(w.make("aws.wafv2.WebAcl", {"region": "us-east-1", "visibility": seen})["arn"])

    return Sample({"region": "us-east-1", "web_acl": acl(), "destinations": [group("one")],
                   "redacted": [{"SingleHeader": {"Name": "cookie"}}]},
                  {"destinations": [group("two")], "redacted": [{"QueryString": {}}]}, {"web_acl": acl()})
