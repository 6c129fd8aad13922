"""Asynchronous invocations as AWS makes them: kept on disk until done, retried, then handed to their destination or
dead-letter queue.

SNS and EventBridge (and so Scheduler) invoke asynchronously too; the emulator calls the function once and forgets a
failure.

Goes when ministack keeps accepted events on disk, retries those of SNS and EventBridge too, and delivers to
destinations and dead-letter queues for every source, if the function's role may; last checked with 1.5.33.
"""
from __future__ import annotations

import asyncio
import contextvars
import json
import logging
import threading
import time
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sst.embedded import trace
from sst.embedded.patches.rights import Delivery, count, refused
from sst.embedded.settings import Settings, read_json
from sst.machine.files import write_private

__all__ = ["NEEDS", "apply", "deliver", "resume", "send"]

NEEDS: Mapping[str, str] = {
    "services.eventbridge:_dispatch_to_lambda": "(arn, payload)",
    "services.eventbridge:_put_events": "(data, allow_aws_source=False)",
    "services.lambda_svc:_execute_function": "(func, event)",
    "services.lambda_svc:_execution_record_for_config": "(func, config)",
    "services.lambda_svc:_get_func_record_for_ref": "(function_ref)",
    "services.lambda_svc:_get_func_record_for_ref_in_scope": "(function_ref, *, account_id=None, region=None)",
    "services.lambda_svc:_run_with_function_config_scope": "(func_or_config, callback, *args, **kwargs)",
    "services.lambda_svc:esm_wake": "Event",
    "services.lambda_svc:invoke_async_with_retry": "(func, event)",
    "services.sns:_fanout":
        "(topic_arn, msg_id, message, subject, message_structure='', message_attributes=None, message_group_id='', "
        "message_dedup_id='')",
    "services.sns:_lambda_svc": "module",
    "services.sqs:_act_send_message": "(data, qurl)",
    "services.sqs:_queue_by_arn": "(arn)",
}

_log = logging.getLogger("sst.events")
_FIRST_RETRY, _SECOND_RETRY, _THROTTLED = 1.0, 2.0, 0.5
"""Seconds; AWS waits one and two minutes, which nobody wants on a laptop."""


def apply(settings: Settings) -> None:
    from ministack.services import eventbridge, lambda_svc, sns

    tickets = settings.folder / "async"
    tickets.mkdir(mode=0o700, exist_ok=True)

    def invoke(record: Any, event: Any) -> None:
        config = record.get("config") or record
        ticket = tickets / f"{time.time_ns()}-{uuid.uuid4().hex}.json"
        write_private(ticket, json.dumps({"function": config["FunctionArn"], "event": event,
                                          "trace": trace.CURRENT.get()}))
        _start(lambda_svc, record, event, ticket)

    class Asynchronous:
        """`lambda_svc` for SNS: whoever executes a function from there means it asynchronously."""

        def __getattr__(self, name: str) -> Any:
            return invoke if name == "_execute_function_with_config_scope" else getattr(lambda_svc, name)

    def dispatch_to_lambda(arn: str, payload: str) -> None:
        try:
            event = json.loads(payload)
        except (ValueError, TypeError):
            event = {"body": payload}
        record, config, name = lambda_svc._get_func_record_for_ref(arn)
        if record and config:
            invoke(lambda_svc._execution_record_for_config(record, config), event)
        else:
            _log.warning("EventBridge: no function %s", name)

    lambda_svc.invoke_async_with_retry = invoke
    sns._lambda_svc = Asynchronous()
    eventbridge._dispatch_to_lambda = dispatch_to_lambda


def resume(settings: Settings) -> None:
    """Run what was accepted and not finished when the last process ended."""
    from ministack.services import lambda_svc

    for ticket in sorted((settings.folder / "async").glob("*.json")):
        kept = read_json(ticket)
        if kept is None:
            continue
        arn = str(kept["function"])
        region, account = arn.split(":")[3:5]
        record, config, _ = lambda_svc._get_func_record_for_ref_in_scope(arn, account_id=account, region=region)
        if record and config:
            with trace.continued(str(kept.get("trace", ""))):
                _start(lambda_svc, lambda_svc._execution_record_for_config(record, config), kept["event"], ticket)
        else:
            ticket.unlink()


def _start(lambda_svc: Any, record: Any, event: Any, ticket: Path) -> None:
    context = contextvars.copy_context()
    work = lambda_svc._run_with_function_config_scope
    threading.Thread(target=context.run, args=(work, record.get("config") or record, _finish, lambda_svc, record, event,
                                               ticket),
                     daemon=True, name="async-invoke").start()


def _finish(lambda_svc: Any, record: Any, event: Any, ticket: Path) -> None:
    try:
        _run(lambda_svc, record, event)
    except Exception:
        _log.exception("an asynchronous invocation failed")
    ticket.unlink(missing_ok=True)


def _run(lambda_svc: Any, record: Any, event: Any) -> None:
    config = record.get("config") or record
    options = record.get("event_invoke_config") or (record.get("event_invoke_configs") or {}).get("$LATEST") or {}
    retries, oldest = options.get("MaximumRetryAttempts"), float(options.get("MaximumEventAgeInSeconds") or 21600)
    tries, left, condition = 0, 2 if retries is None else int(retries), "RetriesExhausted"
    began = time.monotonic()
    while True:
        result = lambda_svc._execute_function(record, event)
        if not result.get("throttle"):
            tries += 1
            if not result.get("error"):
                condition = "Success"
                break
            if left <= 0:
                break
            left -= 1
        if time.monotonic() - began > oldest:
            condition = "EventAgeExceeded"
            break
        time.sleep(_THROTTLED if result.get("throttle") else _FIRST_RETRY if tries == 1 else _SECOND_RETRY)
    trace.CURRENT.set(trace.last_invocation())  # this thread ends with what follows
    destinations = options.get("DestinationConfig") or {}
    target = (destinations.get("OnSuccess" if condition == "Success" else "OnFailure") or {}).get("Destination")
    if target:
        deliver(config, target, _envelope(config, event, result, condition, tries), condition)
    if condition != "Success" and (queue := (config.get("DeadLetterConfig") or {}).get("TargetArn")):
        _bury(config, queue, event, result)


def _envelope(config: Any, event: Any, result: Any, condition: str, tries: int) -> dict[str, Any]:
    context: dict[str, Any] = {"statusCode": 200, "executedVersion": config.get("Version", "$LATEST")}
    if result.get("error"):
        context["functionError"] = result.get("function_error") or "Unhandled"
    arn = config["FunctionArn"]
    return {"version": "1.0", "timestamp": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "requestContext": {"requestId": str(uuid.uuid4()),
                               "functionArn": arn if arn.count(":") > 6 else f"{arn}:$LATEST",
                               "condition": condition, "approximateInvokeCount": tries},
            "requestPayload": event, "responseContext": context, "responsePayload": result.get("body")}


def deliver(config: Mapping[str, Any], target: str, envelope: dict[str, Any], condition: str) -> None:
    """Hand the record of an invocation to a destination (a queue, topic, function or bus), if the role of the function
    may."""
    from ministack.services import eventbridge, lambda_svc, sns

    if _may_not(config, target):
        count("AWS/Lambda", "DestinationDeliveryFailures", FunctionName=str(config.get("FunctionName", "")))
        return
    service = target.split(":")[2]
    if service == "sqs":
        send(target, json.dumps(envelope), {})
    elif service == "sns":
        sns._fanout(target, str(uuid.uuid4()), json.dumps(envelope), "")
    elif service == "lambda":
        record, config, _ = lambda_svc._get_func_record_for_ref(target)
        if record and config:
            lambda_svc.invoke_async_with_retry(lambda_svc._execution_record_for_config(record, config), envelope)
    elif service == "events":
        word = "Success" if condition == "Success" else "Failure"
        eventbridge._put_events({"Entries": [{"Source": "lambda",
                                              "DetailType": f"Lambda Function Invocation Result - {word}",
                                              "EventBusName": target.rsplit("/", 1)[-1], "Detail": json.dumps(envelope),
                                              "Resources": [target, envelope["requestContext"]["functionArn"]]}]})


def _may_not(config: Mapping[str, Any], target: str) -> bool:
    action = {"sqs": "sqs:SendMessage", "sns": "sns:Publish", "lambda": "lambda:InvokeFunction",
              "events": "events:PutEvents"}.get(target.split(":")[2], "")
    return bool(action and refused(Delivery("lambda.amazonaws.com", str(config.get("FunctionArn", "")), action, target,
                                            str(config.get("Role", "")))))


def _bury(config: Mapping[str, Any], queue: str, event: Any, result: Any) -> None:
    """A dead-letter queue gets the event itself; what went wrong is in the message's attributes."""
    if _may_not(config, queue):
        count("AWS/Lambda", "DeadLetterErrors", FunctionName=str(config.get("FunctionName", "")))
        return
    body = result.get("body")
    message = str(body.get("errorMessage", "")) if isinstance(body, dict) else str(body)
    texts = {"RequestID": ("String", str(uuid.uuid4())), "ErrorCode": ("Number", "200"),
             "ErrorMessage": ("String", message[:1024] or "-")}
    if queue.split(":")[2] == "sqs":
        send(queue, json.dumps(event), {name: {"DataType": kind, "StringValue": text} for name,
                                         (kind, text) in texts.items()})
        return
    from ministack.services import sns

    sns._fanout(queue, str(uuid.uuid4()), json.dumps(event), "")


def send(arn: str, body: str, attributes: dict[str, Any]) -> None:
    """Put a message into a queue of the present scope, whoever asks."""
    from ministack.services import lambda_svc, sqs

    queue = sqs._queue_by_arn(arn)
    if queue is None:
        _log.warning("no queue %s", arn)
        return
    sent: Any = sqs._act_send_message({"MessageBody": body, "MessageAttributes": attributes, "QueueUrl": queue["url"]},
                                      queue["url"])
    if asyncio.iscoroutine(sent):
        asyncio.run(sent)
    lambda_svc.esm_wake.set()
