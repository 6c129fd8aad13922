"""What a record of the emulator says while its service starts, and when it is available."""
from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, cast

from sst.embedded.backed import How, Record, Records
from sst.embedded.backing import Backing
from sst.errors import SstError


class Threads:
    """The part of `Backing` that runs the work; ``port`` is where the service answers, or why it does not."""

    region = "eu-central-1"

    def __init__(self, port: int | SstError) -> None:
        self.port = port

    def start(self, service: object) -> int:
        if isinstance(self.port, SstError):
            raise self.port
        return self.port

    restart = start

    def later(self, work: Callable[[], None], name: str) -> threading.Thread:
        thread = threading.Thread(target=work, name=name)
        thread.start()
        return thread


class Things(Records):
    id = "Name"

    def __init__(self, port: int | SstError) -> None:
        super().__init__()
        self.seen: list[Record] = []
        self.records: dict[str, Record] = {}
        self.attach(cast(Backing, Threads(port)))

    def stored(self) -> Any:
        return self.records

    def kind(self, record: Record) -> str:
        return "thing"

    def run(self, record: Record, how: How) -> Record:
        self.seen.append(dict(record))
        return {"Status": "available", "port": how(cast(Any, None))}

    def failed(self, record: Record, reason: str) -> Record:
        return {"Status": "failed", "reason": reason}

    def follow(self, record: Record) -> None:
        self.seen.append(dict(record))
        record["Endpoint"] = f"127.0.0.1:{record['port']}"

    def add(self) -> Record:
        made = self.records["one"] = {"Name": "one", "ARN": "a:b:c:eu-central-1:1:one", "Status": "creating"}
        return made


def test_a_record_is_available_only_once_it_says_where_its_service_is() -> None:
    things = Things(4510)
    record = things.add()
    things.start(record).join()
    assert [seen["Status"] for seen in things.seen] == ["creating", "creating"]
    assert things.seen[1]["port"] == 4510
    assert (record["Status"], record["Endpoint"]) == ("available", "127.0.0.1:4510")


def test_new_parameters_are_in_use_when_the_call_is_answered() -> None:
    things = Things(4510)
    record = things.add()
    things.restarted([record])
    assert [seen["Status"] for seen in things.seen] == ["modifying", "modifying"] and record["Status"] == "available"


def test_a_service_that_does_not_start_leads_nowhere() -> None:
    things = Things(SstError("the disk is full"))
    record = things.add()
    things.start(record).join()
    assert (record["Status"], record["reason"], record.get("Endpoint")) == ("failed", "the disk is full", None)
