"""ECS and load balancers with processes behind them: tasks run, health checks are really made, secrets arrive.

Without a container engine the emulator's tasks are records alone; with one it schedules them well. It gets ours. What
it says of targets' health is replaced by what the balancer finds, a deployment is complete only once its tasks are
healthy there, and what containers print goes to CloudWatch Logs as the output of functions does. Goes when ministack
runs tasks without Docker, or checks the health of targets; last checked with 1.5.33.
"""
from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from sst.embedded import emulator, logs
from sst.embedded.containers import Balancer, Engine
from sst.embedded.settings import Settings

__all__ = ["NEEDS", "apply", "running"]

NEEDS: Mapping[str, str] = {
    "core.iam_actions:extract_resource_arn":
        "(service, method, path, headers, body, query_params, region, account_id)",
    "services.alb:_ACTION_MAP": "dict",
    "services.alb:_describe_target_health": "(params)",
    "services.alb:_forward_to_tg":
        "async (tg_arn, method, path, headers, body, query_params, raw_query_string=None, raw_path=None)",
    "services.alb:_match_condition": "(cond, method, path, headers, query_params)",
    "services.alb:_p": "(params, key, default='')",
    "services.alb:_parse_conditions": "(params, prefix='Conditions')",
    "services.alb:_proxy_http_target":
        "async (target, tg, method, path, headers, body, query_params, raw_query_string=None)",
    "services.alb:_targets": "AccountScopedDict",
    "services.alb:_tgs": "AccountRegionScopedDict",
    "services.alb:_xml": "(status, action, inner)",
    "services.ecs:_ECS_DEPLOYMENT_STEADY_DELAY": "float",
    "services.ecs:_ECS_RESTORE_RECONCILE_DELAY": "float",
    "services.ecs:_deployment_for_task": "(svc, task)",
    "services.ecs:_get_docker": "()",
    "services.ecs:_make_deployment": "(task_definition, desired_count, status='PRIMARY')",
    "services.ecs:_record_service_task_healthy": "(svc_key, task)",
    "services.ecs:_schedule_service_deployment_completion":
        "(cluster_name, svc_key, account_id, region, healthy_task=None)",
    "services.ecs:_services": "AccountRegionScopedDict",
    "services.ecs:_start_awslogs_forwarder": "(container, cdef, task_id)",
    "services.ecs:_awslogs_config": "(cdef, task_id, container_id)",
    "services.ecs:_ACTION_MAP": "dict",
    "services.ecs:_run_task": "(data)",
    "services.ecs:_sanitize": "(obj)",
    "services.ecs:_task_ip": "(task)",
    "services.ecs:_tasks": "AccountRegionScopedDict",
    "services.ssm:resolve_parameter_value": "(name_or_arn, version=None, decrypt=False)",
}

_STEADY = 0.2
"""Seconds that a task without a load balancer must run to count as started; the emulator's second is Docker's."""
_GRACE = 60.0
"""Seconds in which a new task must become healthy, beside the service's own grace period."""


class _Running:
    engine: Engine
    balancer: Balancer


running = _Running()
"""What `launcher` serves and ends."""


def apply(settings: Settings) -> None:
    from ministack.core import iam_actions
    from ministack.services import alb, ecs, ssm

    _name_resources(iam_actions)
    running.engine = Engine(settings)
    running.balancer = Balancer(running.engine)
    ecs._get_docker = lambda: running.engine
    ecs._ECS_DEPLOYMENT_STEADY_DELAY = _STEADY
    ecs._ECS_RESTORE_RECONCILE_DELAY = 0.0
    _gate_rollouts(ecs)
    _start_once(ecs)
    ecs._start_awslogs_forwarder = _forward_logs
    _balance(alb)
    resolve = ssm.resolve_parameter_value
    # a task gets what a SecureString holds, not its ciphertext
    ssm.resolve_parameter_value = lambda name, version=None, decrypt=True: resolve(name, version, decrypt)


def _name_resources(actions: Any) -> None:
    """RunTask is allowed on task definitions, and what is done with a task on tasks: not on the cluster.

    https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerservice.html
    """
    extract = actions.extract_resource_arn

    def extract_resource_arn(service: str, method: str, path: str, headers: Mapping[str, str], body: bytes,
                             parameters: Any, region: str, account: str) -> str:
        found = str(extract(service, method, path, headers, body, parameters, region, account))
        if service != "ecs":
            return found
        data = _json(body)
        target = {k.lower(): v for k, v in headers.items()}.get("x-amz-target", "").rpartition(".")[2]
        if target == "RunTask" and (named := str(data.get("taskDefinition") or "")):
            arn = named if named.startswith("arn:") else f"arn:aws:ecs:{region}:{account}:task-definition/{named}"
            return arn if ":" in arn.rpartition("/")[2] else f"{arn}:0"  # the newest revision
        tasks = data.get("tasks") or [data.get("task")]
        if target in ("DescribeTasks", "StopTask") and str(tasks[0] or "").startswith("arn:"):
            return str(tasks[0])
        return found

    actions.extract_resource_arn = extract_resource_arn


def _json(body: bytes) -> Mapping[str, Any]:
    try:
        data = json.loads(body or b"{}")
    except ValueError:
        return {}
    return data if isinstance(data, dict) else {}


def _start_once(ecs: Any) -> None:
    """RunTask with the token of an earlier one answers with the tasks that were started then.

    https://docs.aws.amazon.com/AmazonECS/latest/APIReference/ECS_Idempotency.html
    """
    start = ecs._run_task

    def run_task(data: Mapping[str, Any]) -> Any:
        token = data.get("clientToken")
        if token and (there := [t for t in ecs._tasks.values() if t.get("_client_token") == token]):
            told = {"tasks": [ecs._sanitize(t) for t in there], "failures": []}
            return 200, {"Content-Type": "application/x-amz-json-1.1"}, json.dumps(told).encode()
        answer = start(data)
        for task in _json(answer[2]).get("tasks", ()) if token else ():
            ecs._tasks[task["taskArn"]]["_client_token"] = token
        return answer

    ecs._run_task = ecs._ACTION_MAP["RunTask"] = run_task


def _gate_rollouts(ecs: Any) -> None:
    """A task counts as started once it is healthy behind its load balancer. One that never gets so is ended, which the
    circuit breaker counts."""
    record, make = ecs._record_service_task_healthy, ecs._make_deployment

    def make_deployment(definition: str, desired: int, status: str = "PRIMARY") -> dict[str, Any]:
        deployment: dict[str, Any] = make(definition, desired, status)
        return {**deployment, "rolloutState": "IN_PROGRESS", "rolloutStateReason": ""} if desired else deployment


    def record_healthy(service: str, task: dict[str, Any]) -> None:
        known = ecs._services.get(service)
        address = ecs._task_ip(task)
        if not known or not known.get("loadBalancers") or not address or running.balancer.healthy(address):
            record(service, task)
            return
        began = task.setdefault("_sst_began", time.monotonic())
        if time.monotonic() - began > _GRACE + int(known.get("healthCheckGracePeriodSeconds") or 0):
            if container := running.engine.container_at(address):
                why = running.balancer.why_unhealthy(address)
                threading.Thread(target=_end_unhealthy, args=(container, why), daemon=True).start()
            return
        _, _, _, region, account, _ = str(task["taskArn"]).split(":", 5)
        ecs._schedule_service_deployment_completion(service.partition("/")[0], service, account, region,
                                                    healthy_task=task)

    ecs._record_service_task_healthy, ecs._make_deployment = record_healthy, make_deployment


def _end_unhealthy(container: Any, why: str) -> None:
    container.note(f"sst: ends, as the health check of its load balancer never passed: {why}")
    container.stop()


def _forward_logs(container: Any, definition: Mapping[str, Any], task: str) -> None:
    from ministack.services import ecs

    config = ecs._awslogs_config(definition, task, container.id)
    if config:
        account, region = emulator.present_scope()

        def say(lines: Sequence[tuple[int, str]]) -> None:
            running.engine.tell(container, lines)
            logs.write(account, config["region"] or region, config["group"], config["stream"].lstrip("/"), lines)

        container.forward(say)


def _balance(alb: Any) -> None:
    forward, proxy = alb._forward_to_tg, alb._proxy_http_target

    async def forward_to_group(arn: str, method: str, path: str, headers: Any, body: Any, parameters: Any,
                               raw_query_string: Any = None, raw_path: Any = None) -> Any:
        group = alb._tgs.get(arn)
        if not group or group.get("TargetType") != "ip":
            return await forward(arn, method, path, headers, body, parameters, raw_query_string, raw_path)

        async def send(target: Mapping[str, Any], found: Mapping[str, Any]) -> Any:
            return await proxy(target, found, method, raw_path or path, headers, body, parameters, raw_query_string)

        return await running.balancer.forward(group, alb._targets.get(arn) or [], method.upper(), send)

    def describe_health(params: Any) -> Any:
        arn = alb._p(params, "TargetGroupArn")
        group = alb._tgs.get(arn)
        if not group or group.get("TargetType") != "ip":
            return described(params)
        members = "".join(
            f"<member><Target><Id>{t['Id']}</Id><Port>{t.get('Port', group['Port'])}</Port></Target><TargetHealth>"
            f"<State>{'healthy' if running.balancer.healthy(t['Id']) else 'unhealthy'}</State></TargetHealth></member>"
            for t in alb._targets.get(arn) or ())
        return alb._xml(200, "DescribeTargetHealth", f"<TargetHealthDescriptions>{members}</TargetHealthDescriptions>")

    match, parse = alb._match_condition, alb._parse_conditions

    def parse_conditions(params: Any, prefix: str = "Conditions") -> list[dict[str, Any]]:
        """With the keys and values of query strings, which the emulator leaves out."""
        found: list[dict[str, Any]] = parse(params, prefix)
        for i, condition in enumerate(found, 1):
            base, j = f"{prefix}.member.{i}.QueryStringConfig.Values.member", 1
            while value := alb._p(params, f"{base}.{j}.Value"):
                key = alb._p(params, f"{base}.{j}.Key")
                condition["Values"] = [*(condition["Values"] if j > 1 else ()), f"{key}={value}" if key else value]
                j += 1
        return found

    def match_condition(condition: Mapping[str, Any], method: str, path: str, headers: Mapping[str, str],
                        parameters: Mapping[str, Any]) -> bool:
        """Any of several query strings, and `*` and `?` in them; names of this machine are those of domains."""
        values = condition.get("Values") or ()
        if condition.get("Field") == "query-string":
            given = [(k.lower(), str(v).lower()) for k, found in parameters.items()
                     for v in (found if isinstance(found, list) else [found])]
            return any(fnmatchcase(f"{k}={v}" if "=" in wanted else v, wanted.lower())
                       for wanted in values for k, v in given)
        if condition.get("Field") == "host-header":
            host = headers.get("host", "").partition(":")[0].lower()
            return any(fnmatchcase(host.removesuffix(".localhost"), wanted.lower()) for wanted in values)
        return bool(match(condition, method, path, headers, parameters))

    described = alb._describe_target_health
    alb._match_condition, alb._parse_conditions = match_condition, parse_conditions
    alb._forward_to_tg = forward_to_group
    alb._ACTION_MAP["DescribeTargetHealth"] = describe_health
