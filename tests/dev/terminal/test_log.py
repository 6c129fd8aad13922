from __future__ import annotations

from sst.dev.terminal import LogPane


def shown(pane: LogPane, columns: int, lines: int) -> list[str]:
    return [row.text() for row in pane.rows(columns, lines)]


def test_lines_are_broken_at_the_width_and_keep_their_colour() -> None:
    pane = LogPane("log")
    pane.write_line("\x1b[31mabcdefghij\x1b[0mkl\nnext")
    assert shown(pane, 8, 5) == ["abcdefgh", "ijkl", "next"]
    assert pane.rows(8, 5)[1].pens[:3] == ["31", "31", ""]
    assert shown(pane, 40, 5) == ["abcdefghijkl", "next"]


def test_a_colour_goes_on_over_lines_that_are_written_together() -> None:
    pane = LogPane("log")
    pane.write_line("\x1b[1;31merror\n  at line 3\x1b[0m\nplain")
    assert [row.pens[2] for row in pane.rows(40, 3)] == ["1;31", "1;31", ""]


def test_nothing_in_a_line_moves_the_cursor() -> None:
    pane = LogPane("log")
    pane.write_line("a\x1b[2J\x1b[5;5Hb\x1b]0;title\x07c\x1b[?1049h\x08\x1bcd\x9be")
    pane.write_line("10%\r50%\r100%\r")
    assert shown(pane, 40, 3) == ["abcde", "100%"]


def test_the_view_stays_while_lines_come() -> None:
    pane = LogPane("log", keep=100)
    for n in range(50):
        pane.write_line(f"line {n}")
    assert shown(pane, 20, 3) == ["line 47", "line 48", "line 49"]
    pane.scroll(10)
    assert shown(pane, 20, 3) == ["line 37", "line 38", "line 39"]
    pane.write_line("more\nand more, so much more")
    assert shown(pane, 20, 3) == ["line 37", "line 38", "line 39"]
    pane.scroll(10**9)
    assert shown(pane, 20, 3) == ["line 0", "line 1", "line 2"]


def test_the_oldest_lines_go() -> None:
    pane = LogPane("log", keep=10)
    for n in range(50):
        pane.write_line(f"line {n}")
    pane.scroll(100)
    assert shown(pane, 20, 2) == ["line 40", "line 41"] and len(pane.lines()) == 10


def test_the_filter_reads_text_without_colours() -> None:
    pane = LogPane("log")
    pane.write_line("a \x1b[31mred\x1b[0m word\nother")
    pane.filter = "RED W"
    assert shown(pane, 20, 5) == ["a red word"]
    pane.filter = ""
    pane.clear()
    assert shown(pane, 20, 5) == []
