"""Each component's graph, compared with a file in ``golden/``. ``SST_ACCEPT=1`` rewrites the files."""
from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import sst
from sst import aws
from tests.components.graphs import program, shown

GOLDEN = Path(__file__).parent / "golden"
PROGRAMS: dict[str, Callable[[], object]] = {}


def golden(declare: Callable[[], object]) -> Callable[[], object]:
    PROGRAMS[declare.__name__] = declare
    return declare


@golden
def function() -> None:
    aws.Function("Api", handler="src/job.handler")


@golden
def function_everything() -> None:
    bucket = aws.Bucket("Files")
    secret = sst.Secret("Token")
    aws.Function(
        "Api", "src/job.handler", runtime="python3.11", timeout="3 minutes", memory="2 GB", storage="1 GB",
        architecture="arm64",
        description="all of it", environment={"AA": "1", "HIDDEN": secret.value}, link=[bucket, secret],
        permissions=[sst.permission(["ses:SendEmail"], ["*"],
                                    conditions=[{"test": "StringEquals", "variable": "a", "values": ["b"]}])],
        policies=["arn:aws:iam::aws:policy/ReadOnlyAccess"],
        url={"authorization": "iam", "cors": {"allow_origins": ["https://a.example"]}},
        streaming=True, logging={"retention": "1 week", "format": "json"},
        concurrency={"reserved": 5, "provisioned": 1}, versioning=True,
        retries=1, layers=["arn:aws:lambda:us-east-1:123456789012:layer:x:1"],
        copy_files=[{"from": "src/node.mjs", "to": "extra/node.mjs"}],
        tags={"team": "web"}, protect=True,
        transform={"function": {"description": "changed"}, "role": lambda args: {"name": f"{args['name']}-CustomRole"}})


@golden
def function_named() -> None:
    one = aws.Function("Api", "src/job.handler", name="shop-api", url=True, environment={"AA": "1"})
    one.add_environment({"URL": one.url})
    one.add_environment({"ACCOUNT": aws.account_id(), "TOKEN": sst.Secret("Token").value})
    aws.Function("Other", "src/job.handler", environment={"ACCOUNT": aws.account_id()}, logging=False)


@golden
def function_node() -> None:
    aws.Function("Web", handler="src/node.handler", url=True)


@golden
def function_asgi() -> None:
    aws.Function("Web", handler="src.web:app", url={"cors": False}, logging=False)


@golden
def bucket() -> None:
    aws.Bucket("Files")


@golden
def bucket_everything() -> None:
    log = aws.Queue("Log")
    files = aws.Bucket("Files", access="public", versioning=True, enforce_https=False,
                       cors={"allow_origins": ["https://a.example"]},
                       lifecycle=[{"prefix": "tmp/", "expires_in": "7 days"}],
                       policy=[{"actions": ["s3:ListBucket"], "paths": [""],
                                "principals": [{"type": "aws", "identifiers": ["123456789012"]}]}],
                       transform={"bucket": {"tags": {"a": "b"}}})
    files.subscribe("src/job.handler", events=["s3:ObjectCreated:*"], filter_suffix=".jpg")
    files.notify([{"name": "Log", "queue": log, "filter_prefix": "in/", "filter_suffix": ".txt"}])
    existing = aws.Bucket.get("Old", "acme-old")
    aws.Function("Reader", handler="src/job.handler", link=[files.link(access="read"), existing.link(access="write")])


@golden
def static_site() -> None:
    aws.StaticSite("Docs", path="site", error_page="404.html")


@golden
def router() -> None:
    web = aws.Router("Web", waf={"managed_rules": {"sql_injection": False}, "logging": {"include": "blocked"}})
    api = aws.Function("Api", "src/job.handler", url={"router": {"instance": web, "path": "/api",
                                                                 "read_timeout": "30 seconds"}})
    aws.StaticSite("Docs", path="site", router={"instance": web, "path": "/docs"}, environment={"API": api.url},
                   build={"command": "make", "output": "out"}, assets={"immutable": ["static"], "path": "docs"})
    web.route("/status", "https://status.example.com/now", rewrite={"regex": "^/status", "to": ""})
    web.route_bucket("/files", aws.Bucket("Files", access="cloudfront"))
    web.redirect("/old", "https://example.com", permanent=True)


@golden
def queue() -> None:
    failed = aws.Queue("Failed", fifo=True)
    jobs = aws.Queue("Jobs", fifo={"content_based_deduplication": True}, delay="1 minute",
                     visibility_timeout="2 minutes",
                     dlq={"queue": failed, "retry": 5})
    jobs.subscribe({"handler": "src/job.handler", "timeout": "1 minute"}, filters=[{"body": {"kind": ["a"]}}],
                   batch={"size": 5, "partial_responses": True})
    aws.Queue("Slow").subscribe("src/job.handler", batch={"size": 50, "window": "10 seconds"})
    aws.Queue.get("Old", "https://sqs.us-east-1.amazonaws.com/123456789012/old").subscribe("src/job.handler")


@golden
def sns_topic() -> None:
    failed, audit = aws.Queue("Failed"), aws.Queue("Audit")
    orders = aws.SnsTopic("Orders", display_name="Shop", transform={"topic": {"kms_key": "alias/aws/sns"}})
    orders.subscribe("Ship", "src/job.handler", filter={"kind": ["paid"]}, dlq=failed)
    orders.subscribe_queue("Audit", audit, filter={"order": {"paid": [True]}}, filter_on="body", raw=True,
                           transform={"subscription": {"region": "eu-west-1"}})
    ordered = aws.SnsTopic("Ordered", fifo={"content_based_deduplication": True})
    ordered.subscribe_queue("Jobs", aws.Queue("Jobs", fifo=True))
    old = aws.SnsTopic.get("Old", "arn:aws:sns:us-east-1:123456789012:old")
    old.subscribe("Tell", "src/job.handler", dlq="arn:aws:sqs:us-east-1:123456789012:lost")
    aws.Function("Api", handler="src/job.handler", link=[orders, old.link(access="full")])


@golden
def bus() -> None:
    failed, ordered = aws.Queue("Failed"), aws.Queue("Ordered", fifo={"content_based_deduplication": True})
    events = aws.Bus("Events", transform={"bus": {"description": "of the shop"}})
    events.subscribe("Ship", "src/job.handler", dlq=failed, retry={"attempts": 2, "age": "1 hour"},
                     pattern={"source": ["shop"], "detail_type": ["paid"],
                              "detail": {"total": [{"numeric": [">", 1]}]}})
    events.subscribe_queue("Audit", ordered, group="all", enabled=False)
    account = aws.Bus.get("Account", "default")
    account.subscribe("Uploaded", "src/job.handler", pattern={"source": ["aws.s3"]})
    aws.Function("Api", handler="src/job.handler", link=[events, account])


@golden
def email() -> None:
    lost = aws.SnsTopic("Lost")
    mail = aws.Email("Mail", sender="example.com", dmarc="v=DMARC1; p=reject;",
                     dns=aws.dns(zone="Z1"), mail_from={"domain": "bounce.example.com", "reject_on_mx_failure": True},
                     events=[{"name": "Lost", "types": ["complaint", "bounce"], "topic": lost},
                             {"name": "All", "types": ["delivery-delay"],
                              "bus": "arn:aws:events:us-east-1:123456789012:event-bus/default"}],
                     transform={"configuration_set": {"tls_policy": "REQUIRE"}})
    one, old = aws.Email("One", sender="me@example.org"), aws.Email.get("Old", "old.example.net")
    aws.Email("Later", sender="example.dev", dns=False)
    aws.Function("Api", handler="src/job.handler", link=[mail, one.link(access="full"), old])


@golden
def dynamo() -> None:
    photos = aws.Dynamo("Photos", fields={"id": "string", "owner": "string", "at": "number"},
                        primary_index={"hash_key": "id", "range_key": "owner"},
                        global_indexes={"ByOwner": {"hash_key": "owner", "range_key": "at", "projection": ["size"]}},
                        local_indexes={"ByTime": {"range_key": "at", "projection": "keys-only"}},
                        stream="new-and-old-images", ttl="expires", deletion_protection=True)
    photos.subscribe("Audit", "src/job.handler", filters=[{"eventName": ["INSERT"]}])


@golden
def cron() -> None:
    aws.Cron("MyCron", schedule="rate(1 minute)", job="src/job.handler")
    fn = aws.Function("Fn", handler="src/job.handler")
    aws.Cron("Nightly", schedule="cron(0 3 * * ? *)", function=fn, timezone="Europe/Berlin", enabled=False, retries=3,
             event={"a": fn.name},
             dlq=aws.Queue("Dead"))


@golden
def api() -> None:
    made = aws.ApiGatewayV2("Api", link=[aws.Queue("Jobs")], cors=False, access_log={"retention": "1 week"})
    users = made.add_authorizer("Users", jwt={"issuer": "https://issuer.example", "audiences": ["web"]})
    own = made.add_authorizer("Own", function={"function": "src/job.handler", "ttl": "1 minute"})
    made.route("GET /", "src/job.handler")
    made.route("post /photos/{id}", {"handler": "src/job.handler"},
               auth={"jwt": {"authorizer": users.id, "scopes": ["read"]}})
    made.route("$default", "src/job.handler", auth={"lambda": own.id})
    made.route("ANY /iam/{proxy+}", "src/job.handler", auth={"iam": True}, name="Iam")
    made.route_url("GET /up", "https://example.com/up")


@golden
def api_domain() -> None:
    made = aws.ApiGatewayV2("Api", domain={"name": "api.example.com", "path": "v1"})
    made.route("GET /", "src/job.handler")
    aws.Function("Client", handler="src/job.handler", link=[made])


@golden
def vpc() -> None:
    aws.Vpc("MyVpc")


@golden
def vpc_managed() -> None:
    aws.Vpc("MyVpc", az=["us-east-1a", "us-east-1c"], nat="managed", bastion=True, endpoints=["s3", "dynamodb"])


@golden
def vpc_ec2() -> None:
    network = aws.Vpc("MyVpc", az=1, nat={"type": "ec2", "ip": ["eipalloc-1"]}, bastion=True,
                      transform={"vpc": {"instance_tenancy": "dedicated"}})
    aws.Function("Api", handler="src/job.handler", link=[network, aws.Vpc.get("Old", "vpc-1")])


@golden
def postgres() -> None:
    aws.Vpc("MyVpc")
    own = {"subnets": ["subnet-a", "subnet-b"], "security_groups": ["sg-a"]}
    made = aws.Postgres("MyDB", vpc=own, version="16.4", storage="100 GB", multi_az=True, replicas=1,
                        proxy={"credentials": [{"username": "job", "password": "a-password-of-it"}]},
                        transform={"instance": {"backup_days": 30}})
    aws.Function("Api", handler="src/job.handler", link=[made, aws.Postgres("Small")])


@golden
def mysql() -> None:
    made = aws.Mysql("MyDB", vpc=aws.Vpc("MyVpc"), version="8.4.5", replicas=1, proxy=True)
    aws.Function("Api", handler="src/job.handler", link=[made])


@golden
def aurora() -> None:
    network = aws.Vpc("MyVpc")
    made = aws.Aurora("MyDB", engine="postgres", vpc=network, replicas=1, data_api=True)
    other = aws.Aurora("Other", engine="mysql", vpc=network, scaling={"min": "0.5 ACU", "max": "8 ACU"}, proxy=True)
    aws.Function("Api", handler="src/job.handler", link=[made, other])


@golden
def function_in_a_network() -> None:
    network = aws.Vpc("MyVpc", endpoints=["s3"])
    aws.Function("Api", handler="src/job.handler", vpc=network, link=[aws.Bucket("Files")])
    aws.Function("Other", handler="src/job.handler", vpc={"private_subnets": ["s-1"], "security_groups": ["sg-1"]})


@golden
def service() -> None:
    cluster = aws.Cluster("MyCluster", vpc=aws.Vpc("MyVpc"))
    files, token = aws.Bucket("Files"), sst.Secret("Token")
    aws.Service("Scaled", cluster=cluster, image="ghcr.io/acme/api:1", capacity="spot", scaling={
        "min": 2, "max": 10, "memory_utilization": False, "request_count": 600, "scale_in_cooldown": "10 minutes"},
        load_balancer={"ports": [{"listen": "80/http"}]})
    api = aws.Service("MyApi", cluster=cluster, image="ghcr.io/acme/api:1", link=[files, token], environment={"A": "1"},
                      load_balancer={"ports": [{"listen": "80/http", "forward": "8080/http"}]})
    aws.Function("Client", handler="src/job.handler", link=[api])


@golden
def task() -> None:
    cluster = aws.Cluster("MyCluster", vpc=aws.Vpc("MyVpc"))
    report = aws.Task("Report", cluster=cluster, image="ghcr.io/acme/report:1", link=[aws.Bucket("Files")])
    aws.Task("Open", cluster=cluster, image="ghcr.io/acme/open:1", public=True, task_role="own", execution_role="own")
    aws.Function("Client", handler="src/job.handler", link=[report])


@golden
def alb() -> None:
    vpc = aws.Vpc("MyVpc")
    cluster = aws.Cluster("MyCluster", vpc=vpc)
    shared = aws.Alb("Shared", vpc=vpc, domain={"name": "example.com", "dns": aws.dns(zone="Z0123456789")},
                     listeners=[{"port": 80, "protocol": "http"}, {"port": 443, "protocol": "https"}])
    for number, name in enumerate(("Api", "Site"), 1):
        aws.Service(name, cluster=cluster, image="ghcr.io/acme/api:1", load_balancer={"instance": shared, "rules": [
            {"listen": "443/https", "forward": "8080/http", "priority": number,
             "conditions": {"path": f"/{name}/*", "host": "example.com"}}]})
    other = aws.Alb.get("Other", "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/old/50dc")
    aws.Service("Old", cluster=cluster, image="ghcr.io/acme/api:1", load_balancer={"instance": other, "rules": [
        {"listen": "80/http", "redirect": "443/https", "priority": 7, "conditions": {"path": "/old"}},
        {"listen": "80/http", "priority": 8, "conditions": {"path": "/*"}}]})
    aws.Service("Own", cluster=cluster, image="ghcr.io/acme/api:1", load_balancer={
        "domain": {"name": "own.example.com", "dns": aws.dns(zone="Z0123456789")},
        "ports": [{"listen": "80/http", "redirect": "443/https"}, {"listen": "443/https", "forward": "8080/http"}]})
    aws.Function("Client", handler="src/job.handler", link=[shared])


@golden
def service_everything() -> None:
    cluster = aws.Cluster("MyCluster", vpc={"id": "vpc-1", "security_groups": ["sg-1"], "container_subnets": ["s-1"],
                                            "load_balancer_subnets": ["s-2", "s-3"], "assign_public_ip": True})
    aws.Service("Web", cluster=cluster, cpu="1 vCPU", memory="4 GB", storage="40 GB", architecture="arm64",
                scaling={"min": 3, "max": 3}, capacity={"fargate": {"base": 1, "weight": 1}, "spot": {"weight": 2}},
                wait=True, task_role="own-role", execution_role="arn:aws:iam::123456789012:role/starter",
                containers=[{"name": "site", "image": "ghcr.io/acme/site:1", "memory": "1 GB", "cpu": "0.25 vCPU",
                             "health": {"command": ["CMD-SHELL", "true"], "interval": "10 seconds"}},
                            {"name": "api", "image": "ghcr.io/acme/api:1", "command": ["serve"], "entrypoint": ["sh"],
                             "ssm": {"KEY": "arn:aws:ssm:us-east-1:123456789012:parameter/key"},
                             "logging": {"retention": "1 week", "name": "/own"}}],
                load_balancer={"public": False, "health": {"8080/http": {"path": "/up", "success_codes": "200-299"}},
                               "ports": [{"listen": "80/http", "forward": "8080/http", "container": "site"},
                                         {"listen": "80/http", "forward": "9000/http", "container": "api",
                                          "conditions": {"path": "/api/*", "query": [{"key": "v", "value": "2"}],
                                                         "header": {"name": "X-A", "values": ["b"]}}},
                                         {"listen": "81/http", "redirect": "80/http"}]},
                transform={"service": {"tags": {"a": "b"}}})


@golden
def redis() -> None:
    network = aws.Vpc("MyVpc")
    single = aws.Redis("Single", vpc=network, engine="valkey", version="8.1", cluster=False,
                       parameters={"maxmemory-policy": "allkeys-lru"}, transform={"cluster": {"snapshot_days": 7}})
    aws.Function("Api", handler="src/job.handler", link=[single, aws.Redis("MyCache", cluster={"nodes": 3})])


@golden
def open_search() -> None:
    given = aws.OpenSearch("Given", version="OpenSearch_2.19", username="root", password="Given-password-1",
                           instance="r7g.large", storage="100 GB", transform={"domain": {"instance_count": 2}})
    aws.Function("Api", handler="src/job.handler", link=[given, aws.OpenSearch("MySearch")])


@golden
def efs() -> None:
    vpc = aws.Vpc("MyVpc")
    files, cluster = aws.Efs("MyFiles"), aws.Cluster("MyCluster", vpc=vpc)
    own = aws.Efs("Own", throughput="bursting", performance="max-io", vpc={"id": "vpc-1", "subnets": ["subnet-a"]},
                  transform={"file_system": {"tags": {"a": "b"}}})
    aws.Function("Api", handler="src/job.handler", vpc=vpc, volume={"efs": files})
    aws.Function("Other", handler="src/job.handler", vpc=vpc, volume={
        "efs": "arn:aws:elasticfilesystem:us-east-1:123456789012:access-point/fsap-1", "path": "/mnt/other"})
    aws.Service("Web", cluster=cluster, containers=[
        {"name": "one", "image": "ghcr.io/acme/one:1", "volumes": [{"efs": files, "path": "/a"}]},
        {"name": "two", "image": "ghcr.io/acme/two:1", "volumes": [
            {"efs": {"file_system": "fs-1", "access_point": "fsap-1"}, "path": "/a"}, {"efs": own, "path": "/b"}]}],
        service_registry={"port": 8080, "container": "two"})
    aws.Task("Job", cluster=cluster, image="ghcr.io/acme/job:1",
             volumes=[{"efs": aws.Efs.get("Old", "fs-2"), "path": "/mnt/efs"}])


@golden
def migration() -> None:
    db = aws.Postgres("MyDB", vpc={"subnets": ["subnet-a", "subnet-b"]})
    api = aws.Function("Api", handler="src/job.handler", link=[db])
    aws.Migration("Schema", handler="src/job.handler", link=[db], before=[api], timeout="5 minutes")


@golden
def migration_by_a_task() -> None:
    db = aws.Postgres("MyDB", vpc=aws.Vpc("MyVpc"))
    api = aws.Function("Api", handler="src/job.handler", link=[db])
    aws.Migration("Schema", run="alembic upgrade head", link=[db], before=[api], memory="3 GB", files=["src/*.py"])


@golden
def sites() -> None:
    bucket, router = aws.Bucket("Uploads"), aws.Router("Main")
    aws.React("Shop", path="web", link=[bucket, sst.Secret("Token")], environment={"MODE": "x"},
              server={"memory": "2 GB", "install": ["sharp"]})
    for kind in (aws.Astro, aws.SvelteKit, aws.Nuxt, aws.Nextjs, aws.Remix, aws.TanStackStart, aws.SolidStart,
                 aws.Analog, aws.Angular):
        more: Any = {"base_path": "/Nextjs"} if kind is aws.Nextjs else {}
        kind(kind.__name__, path="web", router={"instance": router, "path": f"/{kind.__name__}"}, **more)
    aws.StaticSite("Pages", path="web", router={"instance": router, "path": "/pages"})
    aws.NodeServer("Node", path="web", entry="main.js", protection="none",
                   router={"instance": router, "path": "/node"})


@golden
def python_sites() -> None:
    router = aws.Router("Main")
    aws.Django("Shop", project="shop")
    aws.FastApi("Api", app="src/web:app", static={"/files": "web"}, router={"instance": router, "path": "/api"})
    aws.Flask("Admin", app="src/web:app", router={"instance": router, "path": "/admin"})


@golden
def site_in_a_cluster() -> None:
    cluster = aws.Cluster("Cluster", vpc=aws.Vpc("Net"))
    token = sst.Secret("Token")
    aws.FastApi("Api", app="src/web:app", cluster=cluster, environment={"TOKEN": token.value, "PLAIN": "1"},
                link=[token], cpu="1 vCPU", memory="2 GB", scaling={"min": 2, "max": 6})
    alb = aws.Alb("Shared", listeners=[{"port": 80, "protocol": "http"}])
    aws.FastApi("Open", app="src/web:app", cluster=cluster, protection="none",
                load_balancer={"instance": alb, "priority": 7})
    aws.NodeServer("Web", path="web", cluster=cluster, environment={"TOKEN": token.value}, link=[token], memory="1 GB",
                   server={"runtime": "nodejs22.x", "architecture": "arm64"})
    aws.Nextjs("Next", path="web", cluster=cluster, link=[aws.Bucket("Uploads")], server={"architecture": "arm64"})


@golden
def site_as_an_image() -> None:
    aws.NodeServer("Web", path="web", container=True, link=[aws.Bucket("Files")])


@golden
def site_in_regions() -> None:
    aws.NodeServer("Web", path="web", regions=["us-east-1", "eu-west-1"], warm=1, link=[aws.Bucket("Files")])


@golden
def linkable() -> None:
    thing = sst.Linkable("Thing", properties={"url": "https://a.example", "n": 1},
                         include=[sst.permission(["a:B"], ["*"])])
    aws.Function("Api", handler="src/job.handler", link=[thing])


@pytest.mark.parametrize("name", sorted(PROGRAMS))
def test_the_graph_is_as_it_was(name: str) -> None:
    with program() as graph:
        PROGRAMS[name]()
    text = json.dumps(shown(graph), indent=1, sort_keys=True) + "\n"
    file = GOLDEN / f"{name}.json"
    if os.environ.get("SST_ACCEPT") == "1":
        file.write_text(text)
    assert file.read_text() == text
    assert "s3cret-value" not in text


@pytest.mark.parametrize("name", sorted(PROGRAMS))
def test_no_arn_is_of_another_partition(name: str) -> None:
    """In China, GovCloud and elsewhere the second word of ARNs is another one; those that a program names are its
    own."""
    with program(region="cn-north-1") as graph:
        PROGRAMS[name]()
    arns, own = (set(re.findall(r"arn:aws:[\w:/.*<>-]+", text))
                 for text in (json.dumps(shown(graph)), Path(__file__).read_text(encoding="utf-8")))
    assert arns <= own


def test_every_component_has_a_golden_graph() -> None:
    texts = "".join(f.read_text() for f in GOLDEN.glob("*.json"))
    for name in aws.__all__:
        component = getattr(aws, name)
        if isinstance(component, type) and issubclass(component, sst.Component):
            assert f"{component.kind}/" in texts, f"{name} has no golden graph"
