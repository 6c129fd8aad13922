"""Functions for the tests: zip a file, give it a role, wait until it is active."""
from __future__ import annotations

import io
import json
import uuid
import zipfile
from typing import Any

from sst.embedded.cloud import Cloud

from .test_emulator import client


def bundle(files: dict[str, str]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return stream.getvalue()


def role(cloud: Cloud, name: str, *statements: dict[str, Any], service: str = "lambda") -> str:
    """Create a role for ``service``; returns its ARN."""
    iam, trust = client(cloud, "iam"), {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"Service": f"{service}.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
    arn = str(iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"])
    if statements:
        iam.put_role_policy(RoleName=name, PolicyName="p",
                            PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": statements}))
    return arn


def function(cloud: Cloud, code: str, *statements: dict[str, Any], file: str = "index.py", runtime: str = "python3.11",
             environment: dict[str, str] | None = None, **options: Any) -> str:
    """Create a function; returns its name."""
    name = f"f{uuid.uuid4().hex[:10]}"
    functions = client(cloud, "lambda")
    functions.create_function(FunctionName=name, Runtime=runtime, Handler="index.handler",
                              Code={"ZipFile": bundle({file: code})},
                              Role=role(cloud, name, *statements), Environment={"Variables": environment or {}},
                              **options)
    functions.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 1})
    return name


def invoke(cloud: Cloud, name: str, event: object = None, **options: Any) -> tuple[Any, str]:
    """The answer and the kind of error ("" if none)."""
    answer = client(cloud, "lambda").invoke(FunctionName=name, Payload=json.dumps(event).encode(), **options)
    return json.loads(answer["Payload"].read() or b"null"), answer.get("FunctionError", "")


def url(cloud: Cloud, name: str, **options: Any) -> str:
    """The loopback URL of a function URL, without a slash at its end."""
    made = client(cloud, "lambda").create_function_url_config(FunctionName=name,
                                                              AuthType=options.pop("AuthType", "NONE"), **options)
    return cloud.address("function_url", made["FunctionUrl"]).rstrip("/")


def permit(cloud: Cloud, name: str, service: str, source: str = "") -> str:
    """Let a service call the function; returns the function's ARN."""
    functions = client(cloud, "lambda")
    functions.add_permission(FunctionName=name, StatementId=uuid.uuid4().hex, Action="lambda:InvokeFunction",
                             Principal=f"{service}.amazonaws.com", **({"SourceArn": source} if source else {}))
    return str(functions.get_function(FunctionName=name)["Configuration"]["FunctionArn"])


def http_api(cloud: Cloud, name: str, *routes: str, **options: Any) -> str:
    """The loopback URL of an HTTP API that sends ``routes`` to the function, which it may call."""
    apis = client(cloud, "apigatewayv2")
    arn = permit(cloud, name, "apigateway")
    variables = options.pop("variables", {})
    api = apis.create_api(Name=name, ProtocolType="HTTP", **options)
    integration = apis.create_integration(ApiId=api["ApiId"], IntegrationType="AWS_PROXY", IntegrationUri=arn,
                                          PayloadFormatVersion="2.0")
    for route in routes:
        apis.create_route(ApiId=api["ApiId"], RouteKey=route, Target=f"integrations/{integration['IntegrationId']}")
    apis.create_stage(ApiId=api["ApiId"], StageName="$default", AutoDeploy=True, StageVariables=variables)
    return cloud.address("http_api", f"https://{api['ApiId']}.execute-api.us-east-1.amazonaws.com").rstrip("/")
