"""When a deploy of a service is over: new code alone answers from then on."""
from __future__ import annotations

from typing import Any

from sst.clouds.aws.client import Aws
from sst.clouds.aws.steady import wait_for_tasks

from .stand_in import Answer, stand_in

KNOWN = {"cluster": "main", "name": "api", "task_definition": "arn:aws:ecs:us-east-1:0:task-definition/api:2"}


def deployment(revision: int, running: int, status: str = "PRIMARY", state: str = "COMPLETED") -> dict[str, Any]:
    return {"taskDefinition": f"arn:aws:ecs:us-east-1:0:task-definition/api:{revision}", "runningCount": running,
            "status": status, "rolloutState": state}


def test_it_waits_for_the_new_tasks_and_for_the_end_of_the_former_ones() -> None:
    rounds = [*[[deployment(2, n, state="IN_PROGRESS"), deployment(1, 2, "ACTIVE")] for n in (0, 1, 2)],
              *[[deployment(2, 2), deployment(1, n, "ACTIVE")] for n in (2, 1)], [deployment(2, 2)]]
    said: list[str] = []
    with stand_in(lambda n: Answer(body={"services": [{
            "status": "ACTIVE", "desiredCount": 2, "deployments": rounds[n]}]})) as cloud, Aws(
                region="us-east-1", endpoint=cloud.url, credentials=("a", "b"), environment={},
                sleep=lambda seconds: None) as aws:
        wait_for_tasks(aws, KNOWN, said.append)
        assert len(cloud.requests) == len(rounds)
    assert said == ["former tasks that still run: 1"]
