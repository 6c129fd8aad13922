from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sst.dev.terminal.keys import Input, Key, Keys, Mouse, Paste, key_bytes


def read(*pieces: bytes) -> list[Input]:
    keys = Keys()
    return [event for piece in pieces for event in keys.feed(piece)] + list(keys.flush())


def names(*pieces: bytes) -> list[str]:
    return [e.name for e in read(*pieces) if isinstance(e, Key)]


def test_keys_have_names() -> None:
    assert names(b"a\r\x1b[A\x1bOB\x03\x1a\x7f\x1b[5~\x1b[6;2~\t") == [
        "a", "enter", "up", "down", "ctrl-c", "ctrl-z", "backspace", "pgup", "shift-pgdn", "tab"]
    assert names("é漢".encode()) == ["é", "漢"] and names(b"\x1bx") == ["alt-x"]


def test_an_escape_alone_is_the_key() -> None:
    assert names(b"\x1b") == ["esc"] and names(b"\x1b\x1b[A") == ["esc", "up"]


def test_what_is_cut_is_put_together() -> None:
    assert names(b"\x1b", b"[", b"A") == ["up"] and names("é".encode()[:1], "é".encode()[1:]) == ["é"]
    assert read(b"\x1b[200~a\x1b[A", b"b\x1b[201", b"~c") == [Paste("a\x1b[Ab"), Key("c", "c")]


def test_the_mouse() -> None:
    assert read(b"\x1b[<0;10;5M\x1b[<32;11;5M\x1b[<0;11;5m\x1b[<64;1;1M\x1b[<65;1;1M") == [
        Mouse("press", 9, 4, 0), Mouse("drag", 10, 4, 32), Mouse("release", 10, 4, 0), Mouse("wheel_up", 0, 0, 64),
        Mouse("wheel_down", 0, 0, 65)]


def test_answers_of_the_terminal_are_no_keys() -> None:
    assert names(b"\x1b[?2026;2$ya\x1b[?62;22cb") == ["a", "b"]


def test_arrows_as_a_program_wants_them() -> None:
    assert key_bytes(Key("up", "\x1b[A"), application=True) == b"\x1bOA"
    assert key_bytes(Key("up", "\x1b[A"), application=False) == b"\x1b[A"


parts = st.sampled_from([b"\x1b", b"\x1b[", b"\x1b[<", b"\x1b[200~", b"\x1b[201~", b"1;", b"M"])


@given(st.lists(st.one_of(st.binary(max_size=8), parts), max_size=20))
def test_nothing_breaks_it(pieces: list[bytes]) -> None:
    read(*pieces)
