"""What a checkpoint looks at: what was handed out to somebody who may change it."""
from __future__ import annotations

import threading
from typing import Any

from sst.embedded.database import Changes
from sst.embedded.growing import Lists, Messages, Rows
from sst.embedded.tracking import Tracked, Tracker, reading, request


def noted(tracker: Tracker) -> Any:
    """The keys of the one store that a checkpoint would look at; "all" and None are those."""
    taken = tracker.take()
    return None if not taken else "all" if taken[0].view is None else taken[0].view


def test_keys_that_are_handed_out_or_written_are_noted() -> None:
    tracker = Tracker()
    store = Tracked(tracker, {"a": 1, "b": 2, "c": 3, "d": 4})
    assert noted(tracker) is None
    store["a"], store.get("b"), store.pop("c")
    del store["d"]
    store["e"] = 5
    store.setdefault("f", 6)
    assert noted(tracker) == {"a", "b", "c", "d", "e", "f"}
    assert noted(tracker) is None
    assert "a" in store and len(store) == 4 and list(store) and store.get("nothing") is None
    assert noted(tracker) is None
    for walk in (store.values, store.items, store.clear, lambda: store.update({"z": 1})):
        walk()
        assert noted(tracker) == "all"


def test_what_a_reader_sees_is_not_noted_and_what_a_request_holds_is_noted_again() -> None:
    tracker = Tracker()
    store = Tracked(tracker, {"a": [], "b": []})
    with reading():
        store["a"], store.get("b"), store.items()
    assert noted(tracker) is None
    with request() as held:
        thing = store["a"]
        assert noted(tracker) == {"a"}
        thing.append("after the checkpoint of another call")
        tracker.again(held)
        assert noted(tracker) == {"a"}


def test_a_change_in_a_thread_is_never_lost_between_two_checkpoints() -> None:
    tracker = Tracker()
    store = Tracked(tracker)
    done = threading.Event()

    def write() -> None:
        for n in range(20_000):
            store[n] = n
        done.set()

    thread = threading.Thread(target=write)
    thread.start()
    seen: set[int] = set()
    while not done.is_set():
        seen |= noted(tracker) or set()
    thread.join()
    assert seen | (noted(tracker) or set()) == set(range(20_000))


def test_while_it_collects_a_store_shows_only_what_was_noted() -> None:
    tracker = Tracker()
    store = Tracked(tracker, {"a": 1, "b": 2})
    store["b"] = 3
    tracker.take()
    with tracker.collect():
        assert store.items() == [("b", 3)]
    assert dict(store.items()) == {"a": 1, "b": 3}


def grown(growing: Any, entry: Any) -> Changes:
    changes = Changes()
    growing.changes(("s", "p", "k"), entry, changes, lambda value: value)
    return changes


def test_rows_cost_what_changed() -> None:
    rows, table = Rows(), {"items": {"p": {str(n): {"n": n} for n in range(1000)}}}
    assert len(grown(rows, table).rows) == 1000
    assert not grown(rows, table)
    table["items"]["p"]["7"] = {"n": 70}
    del table["items"]["p"]["8"]
    rows.note("k", "p", "7")
    rows.note("k", "p", "8")
    changes = grown(rows, table)
    assert [row[3:] for row in changes.rows] == [('["p", "7"]', 0, {"n": 70})]
    assert [row[3] for row in changes.gone] == ['["p", "8"]']
    table["items"] = {"p": {"1": {"n": 1}}}  # restored from a backup
    changes = grown(rows, table)
    assert changes.cleared == [("s", "p", "k", None)] and len(changes.rows) == 1
    again: dict[str, Any] = {"items": {}}
    rows.fill(again, [row[3:] for row in changes.rows])
    assert again == table


def test_messages_cost_what_changed() -> None:
    messages = Messages()
    queue = {"messages": [{"id": str(n), "visible_at": 0, "receive_count": 0} for n in range(100)]}
    assert len(grown(messages, queue).rows) == 100
    queue["messages"][3]["receive_count"] = 1
    del queue["messages"][5]
    changes = grown(messages, queue)
    assert [row[3] for row in changes.rows] == ["3"] and [row[3] for row in changes.gone] == ["5"]
    assert not grown(messages, queue)


def test_lists_are_appended_to_and_cut_at_the_front() -> None:
    lists = Lists("streams", "events")
    events = [{"n": n} for n in range(3)]
    group: dict[str, Any] = {"streams": {"a": {"events": events, "last": 3}}}
    first = grown(lists, group)
    assert [row[3:] for row in first.rows] == [("a", -1, {"last": 3}), ("a", 0, events)]
    events.append({"n": 3})
    assert [row[3:] for row in grown(lists, group).rows] == [("a", 1, [{"n": 3}])]
    assert not grown(lists, group)
    del events[:2]
    changes = grown(lists, group)
    assert changes.cleared == [("s", "p", "k", "a")]
    assert [row[3:] for row in changes.rows] == [("a", -1, {"last": 3}), ("a", 0, [{"n": 2}, {"n": 3}])]
    again: dict[str, Any] = {"streams": {}}
    lists.fill(again, [row[3:] for row in changes.rows])
    assert again == group
    del group["streams"]["a"]
    assert grown(lists, group).cleared == [("s", "p", "k", "a")]
