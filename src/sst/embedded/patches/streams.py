"""Subscribers of streams (DynamoDB, Kinesis) as AWS runs them: one worker for each mapping and shard, so that a slow
function delays nothing else; batching windows, partial batch responses, splitting of failed batches, bounded retries
and record ages, and the on-failure destination.

The emulator runs stream functions in the one thread that polls all mappings, and tries a failed batch again without
end. Source: https://docs.aws.amazon.com/lambda/latest/dg/services-kinesis-batchfailurereporting.html and
https://docs.aws.amazon.com/lambda/latest/dg/kinesis-on-failure-destination.html. A batch that fails is tried again
after 0.2 to 2 seconds. ``ParallelizationFactor`` and tumbling windows are ignored. Goes when ministack does so; last
checked with 1.5.33.
"""
from __future__ import annotations

import base64
import logging
import threading
import time
import uuid
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sst.embedded.patches.batches import fault
from sst.embedded.patches.event_sources import may_read
from sst.embedded.patches.events import deliver
from sst.embedded.settings import Settings

__all__ = ["NEEDS", "apply"]

NEEDS: Mapping[str, str] = {
    "core.responses:request_scope": "(account_id, region)",
    "services.dynamodb:_tables": "AccountRegionScopedDict",
    "services.dynamodb:stream_end_position": "(table_name, *, account_id=None, region=None)",
    "services.dynamodb:stream_records_since": "(table_name, position, limit, *, account_id=None, region=None)",
    "services.dynamodb:stream_start_position": "(table_name, *, account_id=None, region=None)",
    "services.kinesis:_streams": "AccountRegionScopedDict",
    "services.lambda_svc:_apply_filter_criteria": "(records, esm)",
    "services.lambda_svc:_dynamodb_stream_positions": "AccountRegionScopedDict",
    "services.lambda_svc:_esms": "AccountRegionScopedDict",
    "services.lambda_svc:_execute_function": "(func, event)",
    "services.lambda_svc:_get_func_record_for_qualifier": "(name, qualifier)",
    "services.lambda_svc:_iter_all_esms": "()",
    "services.lambda_svc:_kinesis_positions": "AccountRegionScopedDict",
    "services.lambda_svc:_poll_dynamodb_streams": "()",
    "services.lambda_svc:_poll_kinesis": "()",
    "services.lambda_svc:esm_wake": "Event",
}

_log = logging.getLogger("sst.streams")
_FIRST_PAUSE, _LAST_PAUSE = 0.2, 2.0
"""Seconds between two tries of a batch."""
_TABLE_SHARD = "shardId-00000000000000000000-00000000"
_busy: set[tuple[str, str]] = set()
_AFTER_A_FAULT = 1.0
"""Seconds before a subscriber begins anew that failed by itself, not by its function."""
_guard = threading.Lock()


def apply(settings: Settings) -> None:
    from ministack.services import lambda_svc

    lambda_svc._poll_kinesis = poll
    lambda_svc._poll_dynamodb_streams = lambda: False


def poll() -> bool:
    """Start a worker for each shard that has records nobody works on. Called by the emulator's poller."""
    from ministack.core.responses import request_scope
    from ministack.services import lambda_svc

    for account, region, mapping in lambda_svc._iter_all_esms():
        with request_scope(account, region):
            for shard in _shards(str(mapping.get("EventSourceArn", "")), mapping):
                key = (mapping["UUID"], shard.name)
                with _guard:
                    if key in _busy or not mapping.get("Enabled", True) or not shard.records(1):
                        continue
                    _busy.add(key)
                threading.Thread(target=_work, args=(account, region, key, shard), daemon=True,
                                 name="stream-subscriber").start()
    return False


def _work(account: str, region: str, key: tuple[str, str], shard: Shard) -> None:
    from ministack.core.responses import request_scope
    from ministack.services import lambda_svc

    try:
        with request_scope(account, region):
            while (mapping := _mapping(key[0])) and _reads(mapping) and (records := _batch(mapping, shard)):
                if not _Batch(key[0], shard).run(lambda_svc._apply_filter_criteria(records, mapping)):
                    return      # the mapping is gone or disabled: the records stay
                shard.advance(len(records))
    except Exception:
        _log.exception("the subscriber of %s failed", shard.arn)
        time.sleep(_AFTER_A_FAULT)
    finally:
        with _guard:
            _busy.discard(key)
        lambda_svc.esm_wake.set()


def _mapping(id: str) -> Mapping[str, Any] | None:
    from ministack.services import lambda_svc

    found: Mapping[str, Any] | None = lambda_svc._esms.get(id)
    return found if found and found.get("Enabled", True) else None


def _function(mapping: Mapping[str, Any]) -> Any:
    from ministack.services import lambda_svc

    return lambda_svc._get_func_record_for_qualifier(mapping["FunctionName"], mapping.get("Qualifier"))[0]


def _reads(mapping: Mapping[str, Any]) -> bool:
    return (function := _function(mapping)) is not None and may_read(mapping, function)


def _batch(mapping: Mapping[str, Any], shard: Shard) -> list[Any]:
    """The next records, once there are enough or the window is over."""
    size, window = int(mapping.get("BatchSize") or 100), float(mapping.get("MaximumBatchingWindowInSeconds") or 0)
    end = time.monotonic() + window
    while 0 < len(found := shard.records(size)) < size and time.monotonic() < end and _mapping(mapping["UUID"]):
        time.sleep(0.05)
    return found


@dataclass
class Shard(ABC):
    """One shard as one mapping reads it."""

    mapping: str
    arn: str
    name: str

    @abstractmethod
    def records(self, limit: int) -> list[Any]:
        """The next records, as events have them."""

    @abstractmethod
    def advance(self, count: int) -> None:
        """Go on after so many of them."""


class TableShard(Shard):
    @property
    def table(self) -> str:
        return self.arn.split("/stream/")[0].rpartition("/")[2]

    def records(self, limit: int) -> list[Any]:
        from ministack.services import dynamodb

        if (dynamodb._tables.get(self.table) or {}).get("LatestStreamArn") != self.arn:
            return []
        return list(dynamodb.stream_records_since(self.table, self._position(), limit))

    def advance(self, count: int) -> None:
        from ministack.services import lambda_svc

        lambda_svc._dynamodb_stream_positions[self.mapping] = self._position() + count

    def _position(self) -> int:
        from ministack.services import dynamodb, lambda_svc

        first, known = dynamodb.stream_start_position(self.table), lambda_svc._dynamodb_stream_positions
        if self.mapping not in known:
            start = (lambda_svc._esms.get(self.mapping) or {}).get("StartingPosition")
            known[self.mapping] = first if start == "TRIM_HORIZON" else dynamodb.stream_end_position(self.table)
        return int(max(int(known[self.mapping]), first))


class StreamShard(Shard):
    def records(self, limit: int) -> list[Any]:
        at = self._position()
        return [self._event(r) for r in self._stored()[at:at + limit]]

    def advance(self, count: int) -> None:
        from ministack.services import lambda_svc

        known = lambda_svc._kinesis_positions
        known[self.mapping] = {**known.get(self.mapping, {}), self.name: self._position() + count}

    def _stored(self) -> Sequence[Any]:
        from ministack.services import kinesis

        stream = kinesis._streams.get(self.arn.rpartition("/")[2]) or {}
        found: Sequence[Any] = stream.get("shards", {}).get(self.name, {}).get("records", ())
        return found

    def _position(self) -> int:
        from ministack.services import lambda_svc

        known = lambda_svc._kinesis_positions
        at = known.get(self.mapping, {}).get(self.name)
        if at is None:
            mapping, stored = lambda_svc._esms.get(self.mapping) or {}, self._stored()
            start = mapping.get("StartingPosition")
            at = 0 if start == "TRIM_HORIZON" else len(stored)
            if start == "AT_TIMESTAMP":
                since = float(mapping.get("StartingPositionTimestamp") or 0)
                at = sum(1 for r in stored if r["ApproximateArrivalTimestamp"] < since)
            known[self.mapping] = {**known.get(self.mapping, {}), self.name: at}
        return int(at)

    def _event(self, record: Mapping[str, Any]) -> dict[str, Any]:
        data = record["Data"]
        return {"kinesis": {"kinesisSchemaVersion": "1.0", "partitionKey": record["PartitionKey"],
                            "sequenceNumber": record["SequenceNumber"],
                            "data": base64.b64encode(data).decode() if isinstance(data, bytes) else str(data),
                            "approximateArrivalTimestamp": record["ApproximateArrivalTimestamp"]},
                "eventSource": "aws:kinesis", "eventVersion": "1.0",
                "eventID": f"{self.name}:{record['SequenceNumber']}", "eventName": "aws:kinesis:record",
                "invokeIdentityArn": "", "awsRegion": self.arn.split(":")[3], "eventSourceARN": self.arn}


def _shards(arn: str, mapping: Mapping[str, Any]) -> Iterator[Shard]:
    from ministack.services import kinesis

    if ":dynamodb:" in arn and "/stream/" in arn:
        yield TableShard(mapping["UUID"], arn, _TABLE_SHARD)
    elif ":kinesis:" in arn:
        stream = kinesis._streams.get(arn.rpartition("/")[2]) or {}
        if stream.get("StreamStatus") == "ACTIVE":
            for name in list(stream["shards"]):
                yield StreamShard(mapping["UUID"], arn, name)


class _Batch:
    """Calls the function with records until they are done: processed, or handed to the destination."""

    def __init__(self, mapping: str, shard: Shard) -> None:
        self._id, self._shard = mapping, shard

    def run(self, records: list[Any], tries: int = 0) -> bool:
        """False if the mapping ended before the records were done."""
        from ministack.services import lambda_svc

        while records:
            if (mapping := _mapping(self._id)) is None:
                return False
            if _expired(mapping, records[0]):
                self._discard(mapping, records, "RecordAgeExceeded", tries, {})
                return True
            if (function := _function(mapping)) is None:
                return False
            result = lambda_svc._execute_function(function, {"Records": records})
            done = 0 if result.get("error") else self._done(mapping, records, result.get("body"))
            if done:
                records, tries = records[done:], 0
                continue
            if result.get("throttle"):
                time.sleep(_LAST_PAUSE)
                continue
            if mapping.get("BisectBatchOnFunctionError") and len(records) > 1:
                half = len(records) // 2
                if not self.run(records[:half], tries):
                    return False
                records = records[half:]
                continue
            tries += 1
            if 0 <= _number(mapping, "MaximumRetryAttempts") < tries:
                self._discard(mapping, records, "RetryAttemptsExhausted", tries, result)
                return True
            time.sleep(min(_FIRST_PAUSE * 2 ** min(tries, 10), _LAST_PAUSE))
        return True

    def _done(self, mapping: Mapping[str, Any], records: list[Any], answer: Any) -> int:
        """How many records are done: those before the first failed one."""
        if "ReportBatchItemFailures" not in (mapping.get("FunctionResponseTypes") or ()):
            return len(records)
        numbers = [_sequence(r) for r in records]
        if why := fault(answer, numbers):
            _log.warning("%s: %s in its partial batch response; all %d records are tried again",
                         mapping["FunctionName"], why, len(records))
            return 0
        failed = {f["itemIdentifier"] for f in (answer or {}).get("batchItemFailures") or ()}
        return next((i for i, n in enumerate(numbers) if n in failed), len(records))

    def _discard(self, mapping: Mapping[str, Any], records: list[Any], condition: str, tries: int,
                 result: Mapping[str, Any]) -> None:
        _log.warning("%s: %d records of %s are given up: %s", mapping["FunctionName"], len(records), self._shard.arn,
                     condition)
        target = ((mapping.get("DestinationConfig") or {}).get("OnFailure") or {}).get("Destination")
        if target and (function := _function(mapping)) is not None:
            deliver(function.get("config") or function, target,
                    self._envelope(mapping, records, condition, tries, result), condition)

    def _envelope(self, mapping: Mapping[str, Any], records: list[Any], condition: str, tries: int,
                  result: Mapping[str, Any]) -> dict[str, Any]:
        kind = "DDBStreamBatchInfo" if isinstance(self._shard, TableShard) else "KinesisBatchInfo"
        return {"requestContext": {"requestId": str(uuid.uuid4()), "functionArn": mapping.get("FunctionArn"),
                                   "condition": condition, "approximateInvokeCount": tries},
                "responseContext": {"statusCode": 200, "executedVersion": "$LATEST",
                                    "functionError": result.get("function_error") or "Unhandled"},
                "version": "1.0", "timestamp": _iso(time.time()),
                kind: {"shardId": self._shard.name, "startSequenceNumber": _sequence(records[0]),
                       "endSequenceNumber": _sequence(records[-1]),
                       "approximateArrivalOfFirstRecord": _iso(_arrival(records[0])),
                       "approximateArrivalOfLastRecord": _iso(_arrival(records[-1])),
                       "batchSize": len(records), "streamArn": self._shard.arn}}


def _number(mapping: Mapping[str, Any], name: str) -> int:
    """A limit of a mapping; -1 is none."""
    value = mapping.get(name)
    return -1 if value is None else int(value)


def _expired(mapping: Mapping[str, Any], record: Mapping[str, Any]) -> bool:
    age = _number(mapping, "MaximumRecordAgeInSeconds")
    return age > 0 and time.time() - _arrival(record) > age


def _sequence(record: Mapping[str, Any]) -> str:
    return str(record["kinesis"]["sequenceNumber"] if "kinesis" in record else record["dynamodb"]["SequenceNumber"])


def _arrival(record: Mapping[str, Any]) -> float:
    return float(record["kinesis"]["approximateArrivalTimestamp"] if "kinesis" in record
                 else record["dynamodb"].get("ApproximateCreationDateTime", 0))


def _iso(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
