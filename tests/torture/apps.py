"""A small app with a resource of each way to be found again: by name, by a tag, by a token, by content, by what it
belongs to."""
from __future__ import annotations

import hashlib
import io
import zipfile
from pathlib import Path

__all__ = ["APP", "GENERATIONS", "write_app"]

APP = "torture"

CONFIG = '''
import sst
from sst.providers.aws import acm, apigatewayv2, iam, lambda_, logs, s3, scheduler, sqs

CODE = {{"path": {path!r}, "sha256": {sha256!r}}}
UPDATED, REPLACED = {updated}, {replaced}


def config(input):
    return sst.Config(name="torture", home={home!r}, region="us-east-1", removal="remove")


def allow(action, resource="*", **more):
    return {{"Version": "2012-10-17",
            "Statement": [{{"Effect": "Allow", "Action": [action], "Resource": resource, **more}}]}}


def trust(*services):
    return {{"Version": "2012-10-17", "Statement": [
        {{"Effect": "Allow", "Principal": {{"Service": [s + ".amazonaws.com" for s in services]}},
         "Action": "sts:AssumeRole"}}]}}


def run():
    jobs = sqs.Queue("Jobs", visibility_timeout=90 if UPDATED else 60, fifo_queue=REPLACED or None)
    fixed = sqs.Queue("Fixed", name="torture-fixed.fifo" if REPLACED else "torture-fixed", fifo_queue=REPLACED or None)
    role = iam.Role("Runner", assume_role_policy=trust("lambda", "scheduler"), description="two" if UPDATED else "one",
                    path="/x/" if REPLACED else "/")
    rights = iam.RolePolicy("Rights", role=role.name, policy=allow("sqs:*" if UPDATED else "*"))
    group = logs.LogGroup("Lines", retention=14 if UPDATED else 7)
    worker = lambda_.Function("Worker", role=role.arn, handler="app.handler", runtime="python3.12", code=CODE,
                              timeout=20 if UPDATED else 10, environment={{"JOBS": jobs.url, "LINES": group.name}},
                              depends_on=[rights])
    lambda_.EventSourceMapping("Feed", event_source_arn=jobs.arn, function_name=worker.name,
                               batch_size=5 if UPDATED else 10)
    api = apigatewayv2.Api("Face" if REPLACED else "Front", description="two" if UPDATED else "one",
                           alias="Front" if REPLACED else None)
    if REPLACED:  # the name is free for another one, while the cloud's tags say it is that of the first
        apigatewayv2.Api("Front", description="another")
    away = {{"integration_type": "HTTP_PROXY", "uri": "https://a.test", "payload_format_version": "1.0"}}
    inner = {{"integration_type": "AWS_PROXY", "uri": worker.arn, "payload_format_version": "2.0"}}
    to = apigatewayv2.Integration("To", api_id=api.id, method="POST", **(away if REPLACED else inner))
    apigatewayv2.Route("Home", api_id=api.id, route_key="GET /new" if UPDATED else "GET /",
                       target=f"integrations/{{to.id}}")
    apigatewayv2.Stage("Live", api_id=api.id, name="$default", auto_deploy=True,
                       description="two" if UPDATED else "one")
    lambda_.Permission("Calls", function_name=worker.name, action="lambda:InvokeFunction",
                       principal="apigateway.amazonaws.com", source_arn=f"{{api.execution_arn}}/*")
    store = s3.Bucket("Files", force_destroy=True)
    s3.BucketPolicy("Readers", bucket=store.name,
                    policy=allow("s3:PutObject" if UPDATED else "s3:GetObject", f"{{store.arn}}/*",
                                 Principal={{"AWS": "arn:aws:iam::000000000000:root"}}))
    acm.Certificate("Proof", domain_name="b.example.test" if REPLACED else "a.example.test")
    scheduler.Schedule("Daily", schedule_expression="rate(2 days)" if UPDATED else "rate(1 day)",
                       target={{"Arn": fixed.arn, "RoleArn": role.arn}})
    return {{"queue": jobs.url, "api": api.endpoint}}
'''

GENERATIONS = {"deploy": (False, False), "update": (True, False), "replace": (True, True)}
"""Name of a deploy → whether what can be updated is, and what must be replaced is."""


def write_app(folder: Path, generation: str, *, home: str = "local") -> None:
    """The program as it is for that deploy, and the code of its function."""
    folder.mkdir(exist_ok=True)
    code = folder / "code.zip"
    if not code.exists():
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as z:
            z.writestr(zipfile.ZipInfo("app.py", (2020, 1, 1, 0, 0, 0)), "def handler(event, context):\n    return 1\n")
        code.write_bytes(out.getvalue())
    updated, replaced = GENERATIONS[generation]
    text = CONFIG.format(path=str(code), sha256=hashlib.sha256(code.read_bytes()).hexdigest(), updated=updated,
                         replaced=replaced,
                         home=home)
    (folder / "sst_config.py").write_text(text)
