"""What AWS says of the tasks in a network, and the session that goes through one."""
from __future__ import annotations

from typing import Any

import pytest

from sst.clouds.aws.task_gateway import TaskGateway
from sst.errors import ProviderError, UserError

from .stand_in import Answer, refusal, stand_in
from .test_client import client

TASK = "arn:aws:ecs:eu-west-1:123456789012:task/shop-dev-Cluster/"
LISTED = Answer(body={"taskArns": [TASK + "0a1b", TASK + "2c3d"]})
SESSION = Answer(body={"SessionId": "me-1", "StreamUrl": "wss://ssmmessages.eu-west-1.amazonaws.com/v1/x?role=y",
                       "TokenValue": "s3cret"})


def task(number: str, *, agent: str = "RUNNING", status: str = "RUNNING") -> dict[str, Any]:
    return {"taskArn": TASK + number, "lastStatus": status,
            "clusterArn": "arn:aws:ecs:eu-west-1:123456789012:cluster/shop-dev-Cluster",
            "containers": [{"name": "side"}, {"name": "web", "runtimeId": f"{number}-77", "managedAgents": [
                {"name": "ExecuteCommandAgent", "lastStatus": agent}]}]}


def described(*tasks: dict[str, Any]) -> Answer:
    return Answer(body={"tasks": list(tasks)})


def asked(work: Any, *answers: Answer, **environment: str) -> tuple[Any, list[Any]]:
    """What it makes of these answers, and what it asked."""
    with stand_in(lambda n: answers[n]) as there, client(there.url, **environment) as aws:
        gateway = TaskGateway("MyVpc", (("shop-dev-Cluster", "shop-dev-MyAPI"),), (), frozenset(), lambda: aws)
        return work(gateway), there.bodies


def test_a_session_goes_through_a_task_whose_agent_runs() -> None:
    made, bodies = asked(lambda g: g.forward("mydb.internal", 5432), LISTED,
                         described(task("0a1b", agent="PENDING"), task("2c3d")), SESSION)
    assert bodies == [
        {"cluster": "shop-dev-Cluster", "serviceName": "shop-dev-MyAPI", "desiredStatus": "RUNNING"},
        {"cluster": "shop-dev-Cluster", "tasks": [TASK + "0a1b", TASK + "2c3d"]},
        {"Target": "ecs:shop-dev-Cluster_2c3d_2c3d-77", "DocumentName": "AWS-StartPortForwardingSessionToRemoteHost",
         "Parameters": {"host": ["mydb.internal"], "portNumber": ["5432"]}}]
    assert made.url.startswith("wss://ssmmessages") and made.token == "s3cret" and "s3cret" not in repr(made)
    assert made.proxy == ""


def test_another_task_is_tried_where_one_has_gone() -> None:
    made, bodies = asked(lambda g: g.forward("h", 1), LISTED, described(task("0a1b"), task("2c3d")),
                         refusal("TargetNotConnected", "0a1b is not connected"), SESSION)
    assert made.token == "s3cret" and [b["Target"][-7:] for b in bodies[2:]] == ["0a1b-77", "2c3d-77"]


@pytest.mark.parametrize(("no_proxy", "proxy"), [("", "http://proxy:3128"), (".amazonaws.com", "")])
def test_the_session_takes_the_way_out_of_this_machine_that_the_user_has_set(no_proxy: str, proxy: str) -> None:
    made, _ = asked(lambda g: g.forward("h", 1), LISTED, described(task("2c3d")), SESSION, NO_PROXY=no_proxy,
                    HTTPS_PROXY="proxy:3128", AWS_CA_BUNDLE="/etc/own.pem")
    assert (made.proxy, made.ca_bundle) == (proxy, "/etc/own.pem")


@pytest.mark.parametrize(("answers", "said"), [
    ((Answer(body={"taskArns": []}),), "no task of shop-dev-MyAPI runs, and MyVpc has no bastion"),
    ((refusal("ServiceNotFoundException"),), "no task of shop-dev-MyAPI runs, and MyVpc has no bastion"),
    ((LISTED, described(task("0a1b", status="PENDING"))), "the agent of Session Manager runs in no task of"),
    ((LISTED, described(task("0a1b", agent="STOPPED"))), "ssmmessages"),
    ((LISTED, described(task("0a1b")), refusal("TargetNotConnected", "not connected")),
     "no task of shop-dev-MyAPI is connected to Session Manager")])
def test_without_a_task_to_go_through_the_cause_and_the_next_step_are_told(answers: Any, said: str) -> None:
    with pytest.raises(UserError) as error:
        asked(lambda g: g.forward("h", 1), *answers)
    assert said in str(error.value) and "hint" in str(error.value)


def test_a_refusal_of_aws_is_told_as_it_is() -> None:
    with pytest.raises(ProviderError, match="not authorized to perform: ssm:StartSession"):
        asked(lambda g: g.forward("h", 1), LISTED, described(task("0a1b")),
              refusal("AccessDeniedException", "not authorized to perform: ssm:StartSession"))


def test_its_name_for_people_is_the_task() -> None:
    assert asked(lambda g: g.address(), LISTED, described(task("2c3d")))[0] == "task 2c3d"
