"""What AWS says of a bastion, and what is behind it."""
from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sst.clouds.aws.bastion import Bastion, closed_networks, gateways_of
from sst.clouds.aws.client import Aws
from sst.core.model import Snapshot, State
from sst.errors import UserError

from .stand_in import Answer, stand_in
from .test_client import client

XML = {"Content-Type": "text/xml"}
ID = "i-0be8fa4de860618bb"
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ2lcI7Cv7pVnpl0ncCKzTqMO8IZSb+Z1RyfKUsDSmdV"


Asked = Callable[..., tuple[Any, list[bytes]]]


@pytest.fixture(scope="module")
def asked() -> Iterator[Asked]:
    """What a method of a bastion makes of these answers, and what it asked. One client: models take time to load."""
    answers: list[Answer] = []
    with stand_in(lambda n: answers.pop(0)) as there, client(there.url) as aws:
        def ask(work: Callable[[Bastion], Any], *given: Answer) -> tuple[Any, list[bytes]]:
            answers[:], before = given, len(there.requests)
            return work(Bastion("MyVpc", ID, (), frozenset(), lambda: aws)), [r[3] for r in there.requests[before:]]

        yield ask


def described(state: str, address: str = "<ipAddress>203.0.113.9</ipAddress>") -> Answer:
    return Answer(body=f"<R><reservationSet><item><instancesSet><item><instanceState><name>{state}</name>"
                       f"</instanceState>{address}</item></instancesSet></item></reservationSet></R>".encode(),
                  headers=XML)


def console(text: str) -> Answer:
    return Answer(body=f"<R><output>{b64encode(text.encode()).decode()}</output></R>".encode(), headers=XML)


def refusal(code: str) -> Answer:
    return Answer(400, f"<Response><Errors><Error><Code>{code}</Code><Message>no</Message></Error></Errors>"
                       "</Response>".encode(), XML)


def test_its_address_is_asked_for(asked: Asked) -> None:
    assert asked(Bastion.address, described("running"))[0] == "203.0.113.9"


@pytest.mark.parametrize(("answer", "said"), [
    (described("stopped"), f"is stopped\n  hint: aws ec2 start-instances --instance-ids {ID}"),
    (described("running", ""), "has no public address"), (described("terminated"), "is gone"),
    (refusal("InvalidInstanceID.NotFound"), "is gone")])
def test_a_bastion_that_is_not_there_is_told(asked: Asked, answer: Answer, said: str) -> None:
    with pytest.raises(UserError) as error:
        asked(Bastion.address, answer)
    assert said in str(error.value) and f"bastion of MyVpc ({ID})" in str(error.value)


@pytest.mark.parametrize(("text", "keys"), [
    (f"[   9.1] ci-info: -----BEGIN SSH HOST KEY KEYS-----\r\nci: {KEY} root@ip\r\necdsa-sha2-nistp256 AAAAE2Vj= x\r\n"
     "-----END SSH HOST KEY KEYS-----\r\nlogin:", [KEY, "ecdsa-sha2-nistp256 AAAAE2Vj="]),
    (f"{KEY} that somebody printed", []), ("", [])])
def test_its_host_keys_are_those_that_the_first_boot_printed(asked: Asked, text: str, keys: list[str]) -> None:
    assert asked(Bastion.host_keys, console(text))[0] == keys


def test_an_instance_without_the_latest_output_has_the_one_of_its_boot(asked: Asked) -> None:
    block = f"-----BEGIN SSH HOST KEY KEYS-----\n{KEY} x\n-----END SSH HOST KEY KEYS-----"
    found, requests = asked(Bastion.host_keys, refusal("UnsupportedOperation"), console(block))
    assert found == [KEY] and [b"Latest" in r for r in requests] == [True, False]
    assert asked(Bastion.host_keys, refusal("UnauthorizedOperation"))[0] == [], "the first key is trusted then"


def test_a_key_is_handed_over_for_the_user_of_the_image(asked: Asked) -> None:
    _, (request,) = asked(lambda b: b.allow(KEY), Answer(body={"Success": True}))
    assert json.loads(request) == {"InstanceId": ID, "InstanceOSUser": "ec2-user", "SSHPublicKey": KEY}


def state(names: str, type: str, *deps: str, id: str = "x", **values: Any) -> State:
    return State(f"sst.X/{type}::{names}", type, id, values,
                 deps=tuple(f"sst.X/{t}::{n}" for t, n in (d.split("@") for d in deps)))


def test_what_depends_on_a_network_is_inside_of_it() -> None:
    made = [state("MyVpc/Vpc", "aws.ec2.Vpc"),
            state("MyVpc/Private1", "aws.ec2.Subnet", "aws.ec2.Vpc@MyVpc/Vpc", cidr_block="10.0.4.0/22"),
            state("MyVpc/BastionInstance", "aws.ec2.Instance", "aws.ec2.Subnet@MyVpc/Private1", id="i-1"),
            state("MyDB/SubnetGroup", "aws.rds.SubnetGroup", "aws.ec2.Subnet@MyVpc/Private1"),
            state("MyDB/Instance", "aws.rds.Instance", "aws.rds.SubnetGroup@MyDB/SubnetGroup"),
            state("Other/Vpc", "aws.ec2.Vpc", cidr_block="10.0.0.0/16"), state("Jobs/Queue", "aws.sqs.Queue")]
    links = {"MyVpc": {"type": "sst.aws.Vpc", "bastion": "i-1"}, "Other": {"type": "sst.aws.Vpc"},
             "Gone": {"type": "sst.aws.Vpc", "bastion": "i-9"}}

    found, = gateways_of(Snapshot({s.urn: s for s in made}, links=links), no_client)
    assert (found.network, found.id, found.ranges, found.inside) == ("MyVpc", "i-1", ("10.0.4.0/22",), {"MyDB"})
    assert closed_networks(Snapshot({s.urn: s for s in made}, links=links)) == {"Other": frozenset()}


def no_client(of: State) -> Aws:
    raise AssertionError


def test_without_a_bastion_the_services_of_a_network_are_the_way() -> None:
    def service(name: str, group: str, **more: Any) -> State:
        return state(f"{name}/Service", "aws.ecs.Service", f"aws.ec2.SecurityGroup@{group}", cluster="one",
                     name=f"shop-{name}", **{"enable_execute_command": True, **more})

    made = [state("A/Vpc", "aws.ec2.Vpc", cidr_block="10.0.0.0/16"),
            state("A/SecurityGroup", "aws.ec2.SecurityGroup", "aws.ec2.Vpc@A/Vpc"),
            state("B/Vpc", "aws.ec2.Vpc", cidr_block="10.1.0.0/16"),
            state("B/SecurityGroup", "aws.ec2.SecurityGroup", "aws.ec2.Vpc@B/Vpc"),
            state("DB/Instance", "aws.rds.Instance", "aws.ec2.SecurityGroup@A/SecurityGroup"),
            service("Api", "A/SecurityGroup"), service("Shut", "B/SecurityGroup", enable_execute_command=False)]
    snapshot = Snapshot({s.urn: s for s in made}, links={n: {"type": "sst.aws.Vpc"} for n in "AB"})
    found, = gateways_of(snapshot, no_client)
    assert (found.network, found.id, found.ranges) == ("A", "shop-Api", ("10.0.0.0/16",)) and "DB" in found.inside
    assert closed_networks(snapshot) == {"B": frozenset({"Shut"})}


def test_an_existing_network_is_reached_by_its_own_bastion_or_by_any_service() -> None:
    made = [state("Net/Vpc", "aws.ec2.Vpc", cidr_block="172.31.0.0/16"),
            state("DB/Group", "aws.ec2.SecurityGroup", "aws.ec2.Vpc@Net/Vpc"),
            state("Api/Service", "aws.ecs.Service", cluster="one", name="api", enable_execute_command=True)]
    for link, way in ({"bastion": "i-7"}, "i-7"), ({}, "api"):
        found, = gateways_of(Snapshot({s.urn: s for s in made}, links={"Net": {"type": "sst.aws.Vpc", **link}}),
                             no_client)
        assert (found.id, found.ranges, found.inside) == (way, ("172.31.0.0/16",), {"DB"})
