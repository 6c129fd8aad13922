"""Drift, rollback, adoption, import and orphans of real AWS rows, by real processes on stage ``local``."""
from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from sst.clouds.aws.client import Aws
from sst.errors import ProviderError

from .conftest import Project

pytestmark = [pytest.mark.emulator, pytest.mark.slow]

HEAD = """
import sst
from sst import aws
from sst.providers.aws import dynamodb, iam, logs, s3, sns, sqs, ssm

def config(input):
    return sst.Config(name="demo")

def run():
"""


def program(project: Project, body: str) -> None:
    project.write("sst_config.py", HEAD + "".join(f"    {line}\n" for line in body.strip("\n").split("\n")))


@contextmanager
def by_hand(project: Project) -> Iterator[Aws]:
    """The account, as somebody with a console has it."""
    names = ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    endpoint, key, secret = project.run("shell", "--", "printenv", *names).out.splitlines()
    with Aws(region="us-east-1", endpoint=endpoint, credentials=(key, secret), environment={}) as aws:
        yield aws


def names_of(aws: Aws) -> list[str]:
    return sorted(u.rpartition("/")[2] for u in aws.call("sqs", "list_queues").get("QueueUrls", ()))


@pytest.mark.long
def test_drift_of_a_queue_and_a_bucket(cloud_stage: Project) -> None:
    p = cloud_stage
    program(p, 'q = sqs.Queue("Jobs", visibility_timeout=60)\nsqs.Queue("Other")\naws.Bucket("Files")\nreturn {"url": '
               'q.url}')
    p.run("deploy")
    assert "no drift" in p.run("refresh").out
    url = p.run("outputs", "url").out.strip()
    with by_hand(p) as aws:
        aws.call("sqs", "set_queue_attributes", {"QueueUrl": url, "Attributes": {"VisibilityTimeout": "90"}})
        said = p.run("diff", "--refresh").out
        assert "visibility_timeout: program 60, state 60, cloud 90" in said and "visibility_timeout: 90 → 60" in said
        assert "1 reverted in the cloud" in p.run("refresh", "--revert", "Jobs").out
        told = aws.call("sqs", "get_queue_attributes", {"QueueUrl": url, "AttributeNames": ["All"]})["Attributes"]
        assert told["VisibilityTimeout"] == "60" and "no drift" in p.run("refresh").out
        aws.call("sqs", "delete_queue", {"QueueUrl": url})
        assert "Jobs  aws.sqs.Queue  is gone from the cloud" in p.run("refresh", "--yes").out
    assert "1 created" in p.run("deploy").out
    p.run("remove", "--yes")


POLICY = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}]}'
API = 'aws.Function("Api", handler="src/api.handler")'


def answer(project: Project) -> object:
    return json.loads(project.run("invoke", "Api").out)


@pytest.mark.long
def test_a_rollback_brings_back_the_code_that_was_there(cloud_stage: Project) -> None:
    p = cloud_stage
    program(p, API)
    for n in (1, 2):
        p.write("src/api.py", f"def handler(event, context):\n    return {n}\n")
        p.run("deploy")
        assert answer(p) == n
    p.write("src/api.py", "def handler(event, context):\n    return 3\n")
    p.run("rollback", "--yes")
    assert answer(p) == 1, "not what the files here would make"
    p.run("deploy")
    assert answer(p) == 3
    for entry in (p.root / ".sst/cache/artefacts").iterdir():
        shutil.rmtree(entry)
    said = p.run("rollback", "2", "--yes", code=2).err
    assert 'Build "Api/Code"' in said and "is not in the cache of this machine" in said
    assert "check out the commit" in said
    assert answer(p) == 3
    p.write("src/api.py", "def handler(event, context):\n    return 2\n")
    p.run("rollback", "2", "--yes")
    assert answer(p) == 2


@pytest.mark.long
def test_what_exists_is_adopted_from_other_tools(cloud_stage: Project) -> None:
    p = cloud_stage
    program(p, 'sqs.Queue("First")')
    p.run("deploy")
    with by_hand(p) as aws:
        urls = {n: aws.call("sqs", "create_queue", {"QueueName": n})["QueueUrl"]
                for n in ("jobs-1", "mail-1", "lost-1")}
        aws.call("s3", "create_bucket", {"Bucket": "files-1"})
        aws.call("iam", "create_role", {"RoleName": "role-1", "AssumeRolePolicyDocument": "{}"})
        program(p, 'sqs.Queue("First")\nsqs.Queue("Jobs", '
                   'visibility_timeout=77)\nsqs.Queue("Mail")\ns3.Bucket("Files")\n'
                   'iam.Role("Writer", assume_role_policy={})')
        p.write("pulumi.json", json.dumps({"version": 3, "checkpoint": {"latest": {"resources": [
            {"urn": "urn:pulumi:dev::x::pulumi:pulumi:Stack::x-dev", "type": "pulumi:pulumi:Stack", "custom": False},
            {"urn": "urn:pulumi:dev::x::sst:aws:Queue::Jobs", "type": "sst:aws:Queue", "custom": False},
            {"urn": "urn:pulumi:dev::x::sst:aws:Queue$aws:sqs/queue:Queue::JobsQueue", "type": "aws:sqs/queue:Queue",
             "custom": True,
             "id": urls["jobs-1"], "inputs": {}, "outputs": {"url": urls["jobs-1"], "name": "jobs-1"}},
            {"urn": "urn:pulumi:dev::x::aws:s3/bucketV2:BucketV2::Files", "type": "aws:s3/bucketV2:BucketV2",
             "custom": True,
             "id": "files-1", "outputs": {"bucket": "files-1"}},
            {"urn": "urn:pulumi:dev::x::aws:neptune/cluster:Cluster::Db", "type": "aws:neptune/cluster:Cluster",
             "custom": True, "id": "db",
             "outputs": {}}]}}}))
        said = p.run("adopt", "--from", "pulumi.json", "--as", "JobsQueue=Jobs", "--yes")
        assert "Db  aws:neptune/cluster:Cluster  not adopted: sst has no row for this type" in said.err
        assert "visibility_timeout: there 30, program 77" in said.out and "2 adopted into the state" in said.out
        p.write("terraform.tfstate", json.dumps({"version": 4, "terraform_version": "1.9", "resources": [
            {"mode": "data", "type": "aws_caller_identity", "name": "me", "instances": []},
            {"mode": "managed", "type": "aws_sqs_queue", "name": "mail",
             "instances": [{"attributes": {"url": urls["mail-1"]}}]},
            {"mode": "managed", "type": "aws_iam_role", "name": "writer",
             "instances": [{"attributes": {"name": "role-1"}}]},
            {"mode": "managed", "type": "aws_sqs_queue", "name": "lost", "module": "module.m",
             "instances": [{"index_key": 0, "attributes": {"url": urls["lost-1"]}}]}]}))
        said = p.run("adopt", "--from", "terraform.tfstate", "--yes")
        assert ("module.m.lost[0]  aws.sqs.Queue  not adopted: the program declares nothing of that type and name"
                in said.err)
        assert urls["lost-1"] in said.err and "2 adopted into the state" in said.out
        before = names_of(aws)
        told = p.run("diff").out
        assert "1 to update, 4 unchanged" in told and "visibility_timeout: 30 → 77" in told
        p.run("deploy")
        assert names_of(aws) == before, "nothing was made anew"
        attributes = aws.call("sqs", "get_queue_attributes",
                              {"QueueUrl": urls["jobs-1"], "AttributeNames": ["All"]})["Attributes"]
        assert attributes["VisibilityTimeout"] == "77"


@pytest.mark.long
def test_files_of_other_tools_that_are_none(cloud_stage: Project) -> None:
    p = cloud_stage
    program(p, 'sqs.Queue("First")')
    for text, said in (
        ("{", "is not JSON"),
        ("{}", "is not a state file"),
        (
            '{"terraform_version": "0.11", "version": 3, "resources": []}',
            "Terraform's state format 3; only 4 is understood",
        ),
    ):
        p.write("other.json", text)
        assert said in p.fails("adopt", "--from", "other.json", "--yes")
    assert "can't be read: No such file" in p.fails("adopt", "--from", "none.json")
    p.write("other.json", '{"deployment": {"resources": []}}')
    assert '--as takes THERE=HERE, not "x"' in p.fails("adopt", "--from", "other.json", "--as", "x")
    assert 'the file has nothing named "a"' in p.fails("adopt", "--from", "other.json", "--as", "a=b")


@pytest.mark.long
def test_orphans_are_found_and_removed_and_nothing_else(cloud_stage: Project) -> None:
    p = cloud_stage
    program(p, 'sqs.Queue("Jobs")\nsns.Topic("News")\niam.Role("Writer", '
               'assume_role_policy={})\nlogs.LogGroup("Log")\ns3.Bucket("Files")\n'
               'ssm.Parameter("Word", value="x")\n'
               'dynamodb.Table("Rows", attribute_definitions=[{"AttributeName": "id", "AttributeType": "S"}], '
               'key_schema=[{"AttributeName": "id", "KeyType": "HASH"}])')
    p.run("deploy")
    assert "no orphans" in p.run("orphans").out
    with by_hand(p) as aws:
        lineage = p.run("orphans", "--json").json["lineage"]
        tags = {"sst:app": "demo", "sst:stage": "local", "sst:urn": "aws.sqs.Queue::Stray", "sst:lineage": "another"}
        aws.call("sqs", "create_queue", {"QueueName": "stray", "tags": tags})
        aws.call("sqs", "create_queue", {"QueueName": "foreign", "tags": {"sst:app": "shop", "sst:stage": "local"}})
        aws.call("sqs", "create_queue", {"QueueName": "nobody"})
        aws.call("iam", "create_role", {"RoleName": "lost", "AssumeRolePolicyDocument": "{}", "Tags": [
            {"Key": k, "Value": v} for k, v in {**tags, "sst:lineage": lineage,
                                                "sst:urn": "aws.iam.Role::Lost"}.items()]})
        aws.call("iam", "put_role_policy", {"RoleName": "lost", "PolicyName": "p", "PolicyDocument": POLICY})
        p.run("state", "rm", "Jobs", "News", "Log", "Files", "Word", "Rows", "--yes")
        found = p.run("orphans", "--json").json
        assert sorted(c["name"] for c in found["orphans"]) == ["Files", "Jobs", "Log", "Lost", "News", "Rows", "Word"]
        assert [(c["name"], c["lineage"]) for c in found["others"]] == [("Stray", "another")]
        found = p.run("orphans").out
        assert "Of another state of this app and stage, lineage another:\n  Stray  aws.sqs.Queue" in found
        assert "confirmation needed" in p.fails("orphans", "--remove")
        assert 'nothing of this app and stage carries the lineage "x"\n  hint: there is another' in (
            p.fails("orphans", "--remove", "--lineage", "x", "--yes"))
        assert "--lineage goes with --remove" in p.fails("orphans", "--lineage", "another")
        was = (p.root / "sst_config.py").read_text()
        p.write("sst_config.py", was.replace("sst.Config(", "sst.Config(protect=True, "))
        said = p.run("orphans", "--remove", "--yes", "--lineage", lineage, "--allow-destroy", "Rows")
        assert "Rows  aws.dynamodb.Table" in said.err and 'it holds data, and stage "local" is protected' in said.err
        assert "5 deleted" in said.out
        p.write("sst_config.py", was)
        said = p.run("orphans", "--remove", "--yes", "--allow-destroy", "Rows")
        assert "1 deleted" in said.out and "Files  aws.s3.Bucket" in said.err
        assert "was kept: it holds data; --allow-destroy Files" in said.err
        assert names_of(aws) == ["foreign", "nobody", "stray"]
        with pytest.raises(ProviderError, match="NoSuchEntity"):
            aws.call("iam", "get_role", {"RoleName": "lost"})
        assert [c["name"] for c in p.run("orphans", "--json").json["orphans"]] == ["Files"]
        assert "1 deleted" in p.run("orphans", "--remove", "--lineage", "another", "--yes").out
        assert names_of(aws) == ["foreign", "nobody"]
    assert "Writer" in p.run("state", "list").out and "no drift" in p.run("refresh").out


@pytest.mark.long
def test_all_of_it_on_a_stage_in_aws(cloud_stage: Project) -> None:
    """State in a bucket and keys in SSM: any endpoint that speaks AWS will do, here that of the cloud on this
    machine."""
    p = cloud_stage
    program(p, 'sqs.Queue("Local")')
    p.run("deploy")
    way = ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION")
    p.environment |= {**dict(zip(way, p.run("shell", "--", "printenv", *way).out.splitlines(), strict=True)),
                      "SST_STAGE": "prod"}

    body = ('word = sst.Secret("Word")\nssm.Parameter("Held", value=word.value)\n'
            'sqs.Queue("Jobs", visibility_timeout=60)')
    program(p, body)
    p.run("secret", "set", "Word", stdin="plain-xyzzy\n")
    p.run("diff", "-o", "plan.json")
    saved = json.loads((p.root / "plan.json").read_text())
    assert saved["account"] == "000000000000" and "plain-xyzzy" not in json.dumps(saved)
    (p.root / "plan.json").write_text(json.dumps({**saved, "account": "111111111111"}, indent=2))
    assert "the account is 000000000000; it was 111111111111" in p.fails("deploy", "plan.json")
    (p.root / "plan.json").write_text(json.dumps(saved, indent=2))
    assert "2 created" in p.run("deploy", "plan.json").out
    assert "no drift" in p.run("refresh").out and "no orphans" in p.run("orphans").out

    program(p, body.replace("60", "90"))
    p.run("deploy")
    assert "1 updated" in p.run("rollback", "--yes").out
    assert p.run("secret", "rotate-key").out.count("k2")
    assert "visibility_timeout: 60 → 90" in p.run("diff").out and "can't be read" in p.fails(
        "rollback", "1", "--yes", code=3
    )
    assert "nothing needs repair" in p.run("state", "repair").out
    p.run("state", "mv", "Jobs", "Work")
    program(p, body.replace("Jobs", "Work"))
    assert "no changes" in p.run("deploy").out
    p.run("state", "rm", "Work", "--yes")
    assert [c["name"] for c in p.run("orphans", "--json").json["orphans"]] == ["Jobs"]
    assert "1 deleted" in p.run("orphans", "--remove", "--yes").out
    p.run("remove", "--yes")
    assert "no orphans" in p.run("orphans").out and "Local" in p.run("state", "list", "--stage", "local").out
