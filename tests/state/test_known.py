"""Texts that are looked for in others, among threads."""
from __future__ import annotations

import threading

from hypothesis import given
from hypothesis import strategies as st

from sst.state.known import Known
from sst.state.redact import LEAST

SHORT = st.text("ab/", max_size=12)


@given(st.lists(SHORT.filter(lambda text: len(text) >= LEAST), max_size=8), SHORT)
def test_it_finds_what_a_search_for_each_finds(texts: list[str], where: str) -> None:
    known = Known()
    known.add(texts)
    assert known.within(where) == any(text in where for text in texts)


def test_one_thread_learns_while_others_look() -> None:
    known, failed, ended = Known(), list[Exception](), threading.Event()

    def look() -> None:
        while not ended.is_set():
            try:
                assert not known.within("arn:of:something:else" * 20)
            except Exception as error:
                failed.append(error)
                return

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for n in range(20_000):
        known.add([f"arn:of:{n}{'x' * (n % 97)}"])
    ended.set()
    for thread in threads:
        thread.join()
    assert not failed
