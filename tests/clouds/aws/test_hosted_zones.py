"""In which hosted zone a domain's records go."""
from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from sst.clouds.aws.client import Aws
from sst.clouds.aws.lookup import Lookups
from sst.errors import UserError

pytestmark = pytest.mark.emulator


@pytest.fixture
def zone(aws: Aws) -> Iterator[Callable[[str], str]]:
    """Makes a zone, and gives its id."""
    made: list[str] = []

    def make(name: str) -> str:
        answer = aws.call("route53", "create_hosted_zone", {"Name": name, "CallerReference": f"{name} {len(made)}"})
        made.append(answer["HostedZone"]["Id"].rpartition("/")[2])
        return made[-1]

    yield make
    for id in made:
        aws.call("route53", "delete_hosted_zone", {"Id": id})


def test_the_zone_with_the_longest_name_is_taken(aws: Aws, zone: Callable[[str], str]) -> None:
    outer, inner = zone("zones.example"), zone("shop.zones.example")
    found = Lookups(lambda: aws, aws.account).hosted_zone
    assert [found(d) for d in ("zones.example", "www.zones.example", "myshop.zones.example")] == [outer] * 3
    assert [found(d) for d in ("shop.zones.example", "WWW.Shop.zones.example.", "*.shop.zones.example")] == [inner] * 3
    with pytest.raises(UserError, match=r"there is no hosted zone in Route 53 for nozones\.example") as told:
        found("nozones.example")
    assert "shop.zones.example" in told.value.hint and "dns=aws.dns(zone=" in told.value.hint


def test_which_of_two_zones_of_one_name_is_for_the_user_to_say(aws: Aws, zone: Callable[[str], str]) -> None:
    both = sorted([zone("twice.example"), zone("twice.example")])
    with pytest.raises(UserError, match=rf"www\.twice\.example fits several hosted zones: {both[0]}, {both[1]}"):
        Lookups(lambda: aws, aws.account).hosted_zone("www.twice.example")
