"""The terminal against pyte, on streams nobody wrote, and by hand where pyte knows less."""
from __future__ import annotations

import re
from pathlib import Path

import pyte
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from sst.dev.terminal.vt import Terminal

COLUMNS, LINES = 20, 8
COLOURS = ["black", "red", "green", "brown", "blue", "magenta", "cyan", "white"]
BRIGHT = ["brightblack", "brightred", "brightgreen", "brightbrown", "brightblue", "bfightmagenta", "brightcyan",
          "brightwhite"]


def shown(t: Terminal) -> list[str]:
    return ["".join(row.ch) for row in t.rows]


def looks(pen: str) -> dict[str, object]:
    """A pen as pyte says it."""
    out: dict[str, object] = {"fg": "default", "bg": "default", "bold": False, "underscore": False, "reverse": False,
                              "italics": False}
    parts = iter(int(p) for p in pen.split(";") if p)
    for p in parts:
        if p in (38, 48):
            where = "fg" if p == 38 else "bg"
            out[where] = (pyte.graphics.FG_BG_256[next(parts)] if next(parts) == 5
                          else "".join(f"{next(parts):02x}" for _ in range(3)))
        elif 30 <= p <= 37:
            out["fg"] = COLOURS[p - 30]
        elif 40 <= p <= 47:
            out["bg"] = COLOURS[p - 40]
        elif 90 <= p <= 97:
            out["fg"] = pyte.graphics.FG_AIXTERM[p]
        elif 100 <= p <= 107:
            out["bg"] = pyte.graphics.BG_AIXTERM[p]
        elif p in (1, 3, 4, 7):
            out[{1: "bold", 3: "italics", 4: "underscore", 7: "reverse"}[p]] = True
    return out


def same(t: Terminal, oracle: pyte.Screen) -> None:
    assert shown(t) == ["".join(oracle.buffer[y][x].data for x in range(t.columns)) for y in range(t.lines)]
    assert (min(t.x, t.columns - 1), t.y) == (min(oracle.cursor.x, t.columns - 1), oracle.cursor.y)
    for y, row in enumerate(t.rows):
        for x, c in enumerate(row.ch):
            if c not in ("", " "):
                theirs = oracle.buffer[y][x]
                assert looks(row.pens[x]) == {k: getattr(theirs, k) for k in looks("")}, (x, y, c)


def both(data: bytes, columns: int = COLUMNS, lines: int = LINES) -> tuple[Terminal, pyte.Screen]:
    t, oracle = Terminal(columns, lines), pyte.Screen(columns, lines)
    t.feed(data)
    theirs = pyte.ByteStream(oracle)
    for piece in re.split(rb"(?=\x1b)", data):
        for y in range(lines):
            _ = oracle.buffer[y]  # it deletes and inserts rows that it never saw as if they were not there
        theirs.feed(piece)
    return t, oracle


def csi(final: str, *numbers: st.SearchStrategy[int]) -> st.SearchStrategy[str]:
    return st.tuples(*numbers).map(lambda n: f"\x1b[{';'.join(map(str, n))}{final}")


small = st.integers(0, 12)
place = csi("H", st.integers(0, LINES + 2), st.integers(0, COLUMNS + 2))
text = st.text(st.sampled_from("abcXYZ_.#äß│"), min_size=1, max_size=45)
colour = st.one_of(
    st.sampled_from(["", "0", "1", "3", "4", "7", "22", "23", "24", "27", "39", "49", "1;31", "0;42", "90", "103"]),
    st.integers(30, 37).map(str), st.integers(40, 47).map(str), st.integers(0, 255).map(lambda n: f"38;5;{n}"),
    st.tuples(*[st.integers(0, 255)] * 3).map(lambda c: f"48;2;{c[0]};{c[1]};{c[2]}")).map(lambda p: f"\x1b[{p}m")
def edits(kinds: str, at: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.tuples(at, st.one_of(
        *(csi(k, small) for k in kinds), *(csi(k, st.integers(0, 2)) for k in "JK"),
        st.sampled_from(["\r", "\n", "\b", "\t", "\x1bD", "\x1bM", "\x1b[?25l", "\x1b[?25h"]))).map("".join)


def inside(margins: tuple[int, int]) -> st.SearchStrategy[str]:
    """Output between margins: pyte pulls a cursor in that is above or below."""
    at = csi("H", st.integers(*margins), st.integers(0, COLUMNS + 2))
    some = st.lists(st.one_of(text, lines, colour, edits("CDGLMP@X", at), at), max_size=12).map("".join)
    return st.tuples(at, some).map(lambda parts: f"\x1b[{margins[0]};{margins[1]}r{parts[0]}{parts[1]}")


kept = st.tuples(place, colour, text).map(lambda p: f"{p[0]}\x1b7{p[1]}{p[2]}\x1b8")
"""pyte stacks saved cursors and forgets those it gave back; xterm has one: pairs are the same in both."""
lines = text.map(lambda s: s + "\r\n")
edit = edits("ABCDEFGdLMP@X", place)
free = st.lists(st.one_of(text, lines, colour, edit, kept, place), max_size=40).map("".join)
margins = st.tuples(st.integers(1, LINES - 1), st.integers(1, LINES)).filter(lambda m: m[0] < m[1])
stream = st.one_of(free, st.tuples(free, st.lists(margins.flatmap(inside),
                                                  max_size=4).map("".join)).map("".join)).map(str.encode)


@pytest.mark.slow
@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(stream)
@example(b"\x1b[2;4r\x1b[3;1H\x1b[5M")
def test_it_shows_what_pyte_shows(data: bytes) -> None:
    same(*both(data))


@settings(max_examples=150, deadline=None)
@given(stream, st.lists(st.integers(1, 9), max_size=30))
@pytest.mark.long
def test_it_does_not_matter_where_the_output_is_cut(data: bytes, cuts: list[int]) -> None:
    data += "→ ü €".encode() + b"\x1b]0;title\x07\x1b[?2004h"
    whole, pieces = Terminal(COLUMNS, LINES), Terminal(COLUMNS, LINES)
    whole.feed(data)
    rest = data
    for n in cuts:
        pieces.feed(rest[:n])
        rest = rest[n:]
    for byte in rest:
        pieces.feed(bytes([byte]))
    assert shown(whole) == shown(pieces) and whole.title == pieces.title == "title" and whole.modes == pieces.modes


anything = st.one_of(
    st.binary(max_size=200), stream,
    st.lists(st.one_of(text, st.text(max_size=9), colour, edit, margins.map(lambda m: f"\x1b[{m[0]};{m[1]}r"),
     st.sampled_from(
        ["漢字", "👩‍👩‍👧", "e\u0301", "❤️", "\x1b[?1049h",
         "\x1b[?1049l", "\x1b[?6h", "\x1b[4h", "\x1b[4l", "\x1b[?7l", "\x1b[?7h", "\x1b[99S",
         "\x1b[3T", "\x1b[500b", "\x1bc", "\x1b(0", "\x1b#8", "\x1b[!p", "\x1b[6n", "\x1bP1;1|x\x1b\\", "\x1b]0;t",
         "\x1b[3", "\x1b[Z"])))
    .map(lambda parts: "".join(parts).encode("utf-8", "replace")))


@pytest.mark.long
@pytest.mark.slow
@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.one_of(anything, st.tuples(st.integers(1, 30), st.integers(1, 12))), max_size=12))
def test_nothing_breaks_it(steps: list[bytes | tuple[int, int]]) -> None:
    t = Terminal(COLUMNS, LINES, keep=30)
    for step in steps:
        if isinstance(step, bytes):
            t.feed(step)
        else:
            t.resize(*step)
        assert 0 <= t.x <= t.columns and 0 <= t.y < t.lines and len(t.rows) == t.lines and len(t.history) <= 30
        for row in t.rows:
            assert len(row.ch) == len(row.pens) == t.columns
            assert all(row.ch[x] for x in range(t.columns) if not x or len(row.ch[x - 1]) == 0)
            row.show(t.columns, 5)


def test_wide_characters_take_two_columns_and_leave_no_halves() -> None:
    t, oracle = both("漢字 ok\r\n".encode() + "👍🏽x\r\n".encode() + "e\u0301a\u0308 n\u0303".encode())
    same(t, oracle)
    assert t.rows[0].ch[:6] == ["漢", "", "字", "", " ", "o"]
    t.feed(b"\x1b[1;2Hx")
    assert t.rows[0].text() == " x字 ok"
    t.feed(b"\x1b[1;3Hy")
    assert t.rows[0].text() == " xy  ok"
    t.feed("\x1b[5;20H漢".encode())
    assert t.rows[4].text() == "" and t.rows[5].text() == "漢" and t.rows[4].wraps


def test_joined_emoji_stay_in_their_cell_and_the_next_is_addressed() -> None:
    t = Terminal(20, 2)
    t.feed("❤\ufe0fx".encode())
    assert t.rows[0].ch[:2] == ["❤\ufe0f", "x"]
    assert "❤\ufe0f\x1b[12Gx" in t.rows[0].show(20, 11)


def test_the_alternate_screen_leaves_the_main_one_as_it_was() -> None:
    t = Terminal(20, 4)
    t.feed(b"one\r\ntwo\x1b[31m")
    t.feed(b"\x1b[?1049h\x1b[2J\x1b[1;1Hfull screen\n\n\n\n\n\n")
    assert t.alternate and not t.history
    t.feed(b"\x1b[?1049l!")
    assert t.display() == ["one", "two!", "", ""] and t.rows[1].pens[3] == "31" and not t.alternate


def test_erased_cells_keep_the_background_only() -> None:
    t = Terminal(6, 2)
    t.feed(b"abcdef\r\x1b[1;4;44m\x1b[3C\x1b[K")
    assert t.rows[0].text() == "abc" and t.rows[0].pens == ["", "", "", "44", "44", "44"]


def test_scrollback_keeps_colours_and_has_a_limit() -> None:
    t = Terminal(10, 2, keep=3)
    t.feed("".join(f"\x1b[3{n}mline {n}\r\n" for n in range(1, 8)).encode())
    assert [r.text() for r in t.history] == ["line 4", "line 5", "line 6"] and t.history[0].pens[0] == "34"
    t.feed(b"\x1b[3J")
    assert not t.history


def test_it_answers() -> None:
    said = list[bytes]()
    t = Terminal(80, 24, reply=said.append)
    t.feed(b"\x1b[5n\x1b[3;7H\x1b[6n\x1b[c\x1b[?2004h\x1b[?2004$p\x1b[?9999$p")
    assert said == [b"\x1b[0n", b"\x1b[3;7R", b"\x1b[?62;22c", b"\x1b[?2004;1$y", b"\x1b[?9999;0$y"]


def test_line_drawing_and_repeat() -> None:
    t = Terminal(10, 1)
    t.feed(b"\x1b(0lq\x1b[3bk\x1b(Bx")
    assert t.display() == ["┌────┐x"]


def test_long_lines_are_broken_anew() -> None:
    t = Terminal(10, 4)
    t.feed(b"$ \x1b[32mabcdefghijklmno\x1b[0m\r\nshort\r\n$ ")
    t.resize(20, 4)
    assert t.display() == ["$ abcdefghijklmno", "short", "$", ""]
    assert (t.x, t.y) == (2, 2) and t.rows[0].pens[16] == "32"
    t.resize(6, 3)
    assert [r.text() for r in t.history] == ["$ abcd", "efghij"]
    assert t.display() == ["klmno", "short", "$"] and (t.x, t.y) == (2, 2)
    t.resize(20, 5)
    assert t.display() == ["$ abcdefghijklmno", "short", "$", "", ""] and (t.x, t.y) == (2, 2)


def logical(t: Terminal) -> list[str]:
    """The lines as the program wrote them."""
    out, line = list[str](), ""
    for row in [*t.history, *t.rows]:
        line += "".join(row.ch) if row.wraps else row.text()
        if not row.wraps:
            out.append(line)
            line = ""
    while out and not out[-1]:
        out.pop()
    return out


@settings(max_examples=150, deadline=None)
@given(st.lists(st.text(st.sampled_from("abc- 漢"), max_size=50).map(str.rstrip), max_size=12),
       st.lists(st.tuples(st.integers(2, 40), st.integers(1, 12)), max_size=6))
def test_no_line_is_lost_or_changed_by_resizing(written: list[str], sizes: list[tuple[int, int]]) -> None:
    t = Terminal(COLUMNS, LINES, keep=10_000)
    t.feed("\r\n".join(written).encode())
    t.feed(b"$")
    wanted = [*written[:-1], "".join(written[-1:]) + "$"]
    for size in sizes:
        t.resize(*size)
        # blanks aside: one stands where a wide character did not fit
        assert [x.replace(" ", "") for x in logical(t)] == [x.replace(" ", "") for x in wanted]
        before = "".join(t.rows[t.y].ch[:t.x + 1]).rstrip()
        assert before.endswith("$"), (t.x, t.y, t.display())


def test_an_endless_title_does_not_fill_memory() -> None:
    t = Terminal(10, 2)
    for _ in range(40):
        t.feed(b"\x1b]0;" + b"x" * 5000 if _ == 0 else b"y" * 5000)
    t.feed(b"\x07ok")
    assert t.display()[0] == "ok"


RECORDED = sorted((Path(__file__).parent / "recorded").glob("*.bin"))


@pytest.mark.parametrize("file", RECORDED, ids=lambda f: f.stem)
def test_recorded_programs_look_as_in_pyte(file: Path) -> None:
    """What real programs wrote to a terminal of 80 by 24 (``record.py`` beside them made the files)."""
    data = file.read_bytes()
    # pyte has no alternate screen: it shows what is drawn there on the only one it has; and it reads "ESC [ > 4 m" as
    # "ESC [ 4 m"
    plain = re.sub(rb"\x1b\[\?(1049|47|1047)[hl]|\x1b\[[>?][0-9;]*[cm]|\x1b\[[0-9;]*t|\x1b\[\?[0-9;]*\$p"
                   rb"|\x1bP[^\x1b]*\x1b\\", b"", data)
    same(*both(plain, 80, 24))
