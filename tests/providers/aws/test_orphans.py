"""Lists of things that carry tags: their pages, and what is not ours."""
from __future__ import annotations

from urllib.parse import parse_qs

from sst.providers.aws import orphans
from sst.providers.aws.client import Aws
from sst.providers.aws.provider import AwsProvider

from .rows import ROWS
from .stand_in import Answer, StandIn, stand_in

TAGS = {"mine": {"sst:app": "app", "sst:stage": "test", "sst:urn": "aws.iam.Role::Mine", "sst:lineage": "L"},
        "old": {"sst:app": "app", "sst:stage": "test", "sst:urn": "aws.iam.Role::Old", "sst:lineage": "K"},
        "other-stage": {"sst:app": "app", "sst:stage": "prod", "sst:urn": "u", "sst:lineage": "L"},
        "bare": {"sst:app": "app", "sst:stage": "test"}}


def xml(action: str, text: str, status: int = 200) -> Answer:
    body = f"<{action}Response><{action}Result>{text}</{action}Result></{action}Response>"
    return Answer(status, body.encode(), {"Content-Type": "text/xml"})


def test_every_listed_type_is_a_row_that_carries_tags() -> None:
    aws = Aws(region="us-east-1", credentials=("", ""), environment={})
    for type, how in orphans.TYPES.items():
        kind = ROWS[type]
        assert kind.tagging and kind.delete, type
        for op in (how.op, *([how.tags.op] if how.tags else [])):
            assert aws.service(kind.service).operation(op)
    left = {t for t, k in ROWS.items() if k.tagging and k.delete} - orphans.TYPES.keys()
    assert left == {"aws.apigatewayv2.Stage"}, "a stage goes with its API"


def test_pages_are_followed_and_only_our_tags_count() -> None:
    cloud: StandIn

    def decide(n: int) -> Answer:
        asked = parse_qs(cloud.requests[n][3].decode())
        match action := asked["Action"][0]:
            case "GetCallerIdentity":
                return xml(action, "<Arn>arn:aws:iam::1:u</Arn><Account>111111111111</Account>")
            case "ListRoles":
                names = ["bare", "gone"] if "Marker" in asked else ["mine", "old", "other-stage"]
                roles = "".join(f"<member><RoleName>{r}</RoleName></member>" for r in names)
                more = "<IsTruncated>false</IsTruncated>" if "Marker" in asked else "<IsTruncated>true</IsTruncated><Marker>2</Marker>"
                return xml(action, f"<Roles>{roles}</Roles>{more}")
        if (role := asked["RoleName"][0]) == "gone":
            return Answer(404, b"<ErrorResponse><Error><Code>NoSuchEntity</Code><Message>m</Message></Error></ErrorResponse>",
                          {"Content-Type": "text/xml"})
        tags = "".join(f"<member><Key>{k}</Key><Value>{v}</Value></member>" for k, v in TAGS[role].items())
        return xml(action, f"<Tags>{tags}</Tags>")

    with stand_in(decide) as cloud, Aws(region="eu-west-1", endpoint=cloud.url, credentials=("a", "b"), environment={}) as aws:
        provider = AwsProvider(aws, app="app", stage="test", lineage="L")
        found = orphans.find_carriers(provider, ["aws.iam.Role"])
    assert [(c.name, c.id, c.lineage) for c in found] == [("Mine", "mine", "L"), ("Old", "old", "K")]
