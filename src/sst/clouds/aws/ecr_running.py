"""Which images of a repository run on ECS, or would be started there again."""
from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from .client import Aws

__all__ = ["running"]


def running(aws: Aws, uri: str, region: str | None) -> frozenset[str]:
    """Digests of the images of repository ``uri`` that tasks have, also those that were started by hand, and the
    definitions of services: an earlier one too, while its deployment drains or has been rolled back to."""
    found: set[str] = set()

    def ask(op: str, **params: Any) -> dict[str, Any]:
        return aws.call("ecs", op, params, region=region)

    def pages(op: str, member: str, **params: Any) -> Iterator[Sequence[str]]:
        answer = ask(op, **params)
        yield answer.get(member, [])
        while more := answer.get("nextToken"):
            answer = ask(op, **params, nextToken=more)
            yield answer.get(member, [])

    definitions: set[str] = set()
    for cluster in [c for page in pages("list_clusters", "clusterArns") for c in page]:
        for tasks in pages("list_tasks", "taskArns", cluster=cluster):
            for task in ask("describe_tasks", cluster=cluster, tasks=tasks)["tasks"] if tasks else ():
                found |= {str(c.get("image")) for c in task.get("containers", ())}
                definitions.add(str(task["taskDefinitionArn"]))
        for services in pages("list_services", "serviceArns", cluster=cluster):      # ten at a time
            for service in ask("describe_services", cluster=cluster, services=services)["services"] if services else ():
                definitions |= {str(d["taskDefinition"]) for d in (service, *service.get("deployments", ()))}
    for definition in sorted(definitions):
        described = ask("describe_task_definition", taskDefinition=definition)["taskDefinition"]
        found |= {str(c.get("image")) for c in described["containerDefinitions"]}
    return frozenset(image.partition("@")[2] for image in found if image.startswith(f"{uri}@"))
