"""What AWS would refuse in the middle of a deploy, or never deliver, found once the program has ended.

    class Target(AwsResource, ...):
        __checks__ = (may_invoke("events.amazonaws.com", "rule", "arn"),)

Each check gets the whole graph and one resource, and notes a problem with the file and line of its declaration. It
judges only what the program itself declares: a function, queue or role that is named by its ARN may have rights that
the program does not show, and so may a role with a managed policy that this module does not know.
"""
from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

from ...core.graph import Check, Graph
from ...core.model import URN, Goal
from ...core.output import leaves
from ..regions import is_region

__all__ = ["may_invoke", "may_send", "read_source", "region_valid", "role_may_invoke", "runs_here"]

FUNCTION, QUEUE, TOPIC, ROLE = "aws.lambda.Function", "aws.sqs.Queue", "aws.sns.Topic", "aws.iam.Role"
MANAGED: Mapping[str, tuple[str, ...]] = {
    "AWSLambdaBasicExecutionRole": (),
    "AWSLambdaVPCAccessExecutionRole": (),
    "AWSXRayDaemonWriteAccess": (),
    "AWSLambdaSQSQueueExecutionRole": ("sqs:*",),
    "AWSLambdaDynamoDBExecutionRole": ("dynamodb:*",),
    "AWSLambdaKinesisExecutionRole": ("kinesis:*",),
}
"""What AWS's own policies grant of the calls that read an event source; a role with any other managed policy is not
judged.
Source: https://docs.aws.amazon.com/aws-managed-policy/latest/reference/"""


def may_invoke(principal: str, source: str, *targets: str) -> Check:
    """A service calls functions: each needs a ``lambda.Permission`` for the service. ``source`` is the property that
    names the caller's resource, ``targets`` those that hold the functions' ARNs."""
    def check(graph: Graph, goal: Goal) -> None:
        if goal.inputs.get("role_arn") is not None or goal.inputs.get("integration_type") == "HTTP_PROXY":
            return
        sources = _urns(goal.inputs.get(source))
        for function in _of_type(graph, [goal.inputs.get(t) for t in targets], FUNCTION):
            if not any(_permits(p, function, principal, sources) for p in _goals(graph, "aws.lambda.Permission")):
                graph.problem(f'{_name(goal.urn)} calls the function {_name(function)}, which does not allow it: no '
                              f'permission for {principal}', where=goal.where,
                              hint=f'add lambda_.Permission("...", function_name=..., action="lambda:InvokeFunction", '
                                   f'principal="{principal}", source_arn=...), or use a component, which adds it')
    return check


def may_send(principal: str, *targets: str) -> Check:
    """A service sends to queues and topics: each needs a policy that lets it."""
    def check(graph: Graph, goal: Goal) -> None:
        if goal.inputs.get("role_arn") is not None:
            return
        given = [goal.inputs.get(t) for t in targets]
        for kind, policy, on, call in ((QUEUE, "aws.sqs.QueuePolicy", "queue_url", "sqs:SendMessage"),
                                       (TOPIC, "aws.sns.TopicPolicy", "topic_arn", "sns:Publish")):
            for target in _of_type(graph, given, kind):
                documents = [p.inputs.get("policy") for p in _goals(graph, policy)
                             if target in _urns(p.inputs.get(on))]
                if not any(_lets(document, principal, call) for document in documents):
                    graph.problem(f'{_name(goal.urn)} sends to {_name(target)}, which does not allow it: no {policy} '
                                  f'lets {principal} call {call}', where=goal.where,
                                  hint=f'add {policy.removeprefix("aws.")}("...", {on}=..., policy={{...}}) with '
                                       f'"Principal": {{"Service": "{principal}"}} and "Action": "{call}"')
    return check


def read_source(graph: Graph, goal: Goal) -> None:
    """Lambda reads a queue or stream with the role of the function, which must allow that."""
    for urn in _urns(goal.inputs.get("event_source_arn")) & graph.resources.keys():
        calls = getattr(type(graph.resources[urn]), "event_source", ())
        for function in _of_type(graph, [goal.inputs.get("function_name")], FUNCTION):
            role, where = graph.goals[function].inputs.get("role"), graph.goals[function].where
            if missing := [c for c in calls if not _allowed(graph, role, c, urn)]:
                graph.problem(f"the role of the function {_name(function)} may not read {_name(urn)}: it lacks "
                              f"{', '.join(missing)}", where=goal.where,
                              hint=f"the function is declared at {where}; link what it reads (link=[...]), or add "
                                   f"permissions=[sst.permission([{_listed(missing)}], [arn])]")


def role_may_invoke(graph: Graph, goal: Goal) -> None:
    """EventBridge Scheduler calls a function with a role, which must allow that."""
    target = goal.inputs.get("target")
    if not isinstance(target, Mapping):
        return
    for function in _of_type(graph, [target.get("Arn")], FUNCTION):
        if not _allowed(graph, target.get("RoleArn"), "lambda:InvokeFunction", function):
            graph.problem(f"the role of {_name(goal.urn)} may not call the function {_name(function)}",
                          where=goal.where, hint='add iam.RolePolicy("...", role=..., policy={...}) with "Action": '
                               '"lambda:InvokeFunction" on its ARN, or use aws.Cron')


def runs_here(graph: Graph, goal: Goal) -> None:
    """What the cloud of stage ``local`` can't run is refused there, before anything is deployed."""
    kind = type(graph.resources[goal.urn])
    if graph.target.is_local and (why := kind.not_local(goal.inputs)):  # type: ignore[attr-defined]  # only rows have this check
        graph.problem(f"{goal.type} {_name(goal.urn)} can't run on stage local: {why}", where=goal.where,
                      hint="declare it on other stages alone: if not app.local: ...")


def region_valid(graph: Graph, goal: Goal) -> None:
    """A region has a region's name, also on stage ``local``, where any would do."""
    region = goal.inputs.get("region")
    if isinstance(region, str) and not is_region(region):
        graph.problem(f"{_name(goal.urn)}: {region!r} is not a region's name", where=goal.where,
                      hint='like "us-east-1"')


def _permits(permission: Goal, function: URN, principal: str, sources: set[URN]) -> bool:
    given = permission.inputs
    if function not in _urns(given.get("function_name")):
        return False
    asked = given.get("principal")
    if isinstance(asked, str) and asked not in (principal, "*") and not _urns(asked):
        return False
    if given.get("function_url_auth_type") or given.get("invoked_via_function_url"):
        return False
    named = _urns(given.get("source_arn"))
    return not named or not sources or bool(named & sources)


def _allowed(graph: Graph, role: Any, call: str, source: URN) -> bool:
    """Whether a role may make a call; True where the program does not tell."""
    roles = _of_type(graph, [role], ROLE)
    if not roles:
        return True
    documents: list[Any] = [p.inputs.get("policy") for p in _goals(graph, "aws.iam.RolePolicy")
                            if roles & _urns(p.inputs.get("role"))]
    for attached in _goals(graph, "aws.iam.RolePolicyAttachment"):
        if roles & _urns(attached.inputs.get("role")):
            arn = attached.inputs.get("policy_arn")
            policies = _of_type(graph, [arn], "aws.iam.Policy")
            documents += [graph.goals[p].inputs.get("policy") for p in policies]
            known = MANAGED.get(arn.rpartition("/")[2]) if isinstance(arn, str) else None
            if not policies and (known is None or any(_matches(call, pattern) for pattern in known)):
                return True
    return any(_grants(document, call, source) for document in documents)


def _grants(document: Any, call: str, source: URN) -> bool:
    for statement in _statements(document):
        if statement is None:
            return True
        if statement.get("Effect") != "Allow" or not any(_matches(call, a) for a in _texts(statement.get("Action"))):
            continue
        for resource in _texts(statement.get("Resource")):
            urns = _urns(resource)
            if not urns or source in urns:  # a text without outputs may be anything that the program has named itself
                return True
    return False


def _lets(document: Any, principal: str, call: str) -> bool:
    for statement in _statements(document):
        if statement is None:
            return True
        who = statement.get("Principal")
        services = list(_texts(who.get("Service"))) if isinstance(who, Mapping) else [who]
        theirs = any(s in (principal, "*") or not isinstance(s, str) for s in services)
        if theirs and statement.get("Effect") == "Allow" and any(_matches(call, a)
                                                                 for a in _texts(statement.get("Action"))):
            return True
    return False


def _statements(document: Any) -> Iterator[Mapping[str, Any] | None]:
    """The statements of a policy; None for one that only a deploy can tell."""
    given = document.get("Statement") if isinstance(document, Mapping) else None
    if isinstance(given, Mapping):
        given = [given]
    if not isinstance(given, list | tuple):
        yield None
        return
    for statement in given:
        yield statement if isinstance(statement, Mapping) else None


def _matches(call: str, pattern: Any) -> bool:
    return not isinstance(pattern, str) or fnmatchcase(call.lower(), pattern.lower())


def _texts(value: Any) -> Iterable[Any]:
    return value if isinstance(value, list | tuple) else [] if value is None else [value]


def _urns(value: Any) -> set[URN]:
    """The resources whose properties are part of a value."""
    return {urn for leaf in leaves(value) for urn in leaf.deps}


def _of_type(graph: Graph, values: Iterable[Any], kind: str) -> set[URN]:
    """Resources of one kind that some values name, those only looked up left out."""
    return {urn for value in values for urn in _urns(value)
            if (goal := graph.goals.get(urn)) is not None and goal.type == kind and not getattr(goal, "read", False)}


def _goals(graph: Graph, kind: str) -> Iterator[Goal]:
    return (goal for goal in graph.goals.values() if goal.type == kind)


def _name(urn: URN) -> str:
    return f'"{urn.rpartition("::")[2]}"'


def _listed(words: Iterable[str]) -> str:
    return ", ".join(f'"{w}"' for w in words)
