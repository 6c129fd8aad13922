"""What the app declares. Runs in a second, without a cloud."""
from collections.abc import Callable

from sst import aws
from sst.testing import Program


def test_the_plan_is_as_it_was_agreed_on(sst_program: Callable[[str], Program],
                                         sst_snapshot: Callable[..., None]) -> None:
    sst_snapshot(sst_program("production"))


def test_no_bucket_is_public(sst_graph: Program) -> None:
    assert sst_graph.components(aws.Bucket) == ["Pictures"]
    for block in sst_graph.resources("aws.s3.PublicAccessBlock"):
        assert block["block_public_acls"] and block["restrict_public_buckets"], block.where


def test_no_role_may_do_everything(sst_graph: Program) -> None:
    for policy in sst_graph.resources("aws.iam.RolePolicy"):
        for statement in policy["policy"]["Statement"]:
            assert not any(action.endswith(":*") for action in statement["Action"]), f"{policy.name} ({policy.where})"
            assert statement["Resource"] not in ("*", ["*"]), f"{policy.name} ({policy.where})"


def test_production_makes_larger_thumbnails_and_keeps_its_data(sst_graph: Program,
                                                               sst_program: Callable[[str], Program]) -> None:
    production = sst_program("production")
    sizes = [p.resource("Pictures/Subscriber/Function")["environment"]["SIZE"] for p in (sst_graph, production)]
    assert sizes == ["128", "256"]
    assert production.resource("Photos/Table").retain and not sst_graph.resource("Photos/Table").retain
