"""Real sessions under a pseudo-terminal: what a user sees and what is left behind."""
from __future__ import annotations

import base64
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from .session import Session, alive

Start = Callable[..., Session]

APP = """
log = LogPane("Functions")
for n in range(1, 61):
    log.write_line(f"\\x1b[32m+{n}ms\\x1b[0m line {n} of the log")
deploy = LogPane("Deploy", icon="⑆")
deploy.write_line("deployed")
deploy.mark = "ok"
shell = process("shell", ["bash", "--norc", "--noprofile", "-i"])
fails = process("fails", "echo boom; echo; echo ' '; echo; exit 3")
later = process("later", "echo now it runs", autostart=False)
"""
RUN = """asyncio.run(Multiplexer([log, deploy, shell, fails, later], environment=env, prints=deploy).run())
print('after')
"""


def body(*more: str) -> str:
    return APP + "\n".join(more) + "\n" + RUN


def colour_at(s: Session, part: str) -> str:
    y = s.line(part)
    return str(s.screen.buffer[y][s.screen.display[y].index(part)].fg)


def test_it_shows_the_panes_and_gives_the_terminal_back(start: Start) -> None:
    s = start(body())
    s.until("✗")
    s.until("line 60 of the log")
    assert "Functions" in s.screen.display[0] and "3 ✗" in s.screen.display[3] and "○" in s.screen.display[4]
    assert colour_at(s, "+60ms") == "green" and "ctrl-c quit" in s.screen.display[23]
    assert s.screen.buffer[0][1].reverse and not s.screen.buffer[1][1].reverse
    s.type("\x03")
    assert s.over() == 0 and s.is_restored() and s.raw.rstrip().endswith(b"after")


def test_panes_are_chosen_with_keys_and_mouse(start: Start) -> None:
    s = start(body())
    s.until("line 60 of the log")
    s.type("j")
    s.until("deployed")
    s.type("\x1b[B\x1b[B")
    s.until("exited with 3")
    s.type("kkk")
    s.until("line 60 of the log")
    s.type("\x1b[<0;3;2M\x1b[<0;3;2m")
    s.until("deployed")


def test_a_shell_runs_and_the_keys_go_to_it(start: Start) -> None:
    s = start(body())
    s.until("Functions")
    s.type("jj\r")
    s.until("│$")
    s.until("ctrl-z back")
    s.type("printf '\\033[1;35mcolour\\033[0m'$((6*7))'\\n'\r")
    s.until("colour42")
    assert colour_at(s, "colour42") == "magenta" and not s.screen.cursor.hidden
    s.type("stty size; echo $COLUMNS-$TERM\r")
    s.until("23 59")
    s.until("xterm-256color")
    s.type("sh -c 'echo sta''rted; exec sleep 100'\r")
    s.until("│started")
    s.type("\x03")
    s.until("^C")
    s.type("echo back $?\r")
    s.until("back 130")
    s.type("\x1a")
    s.until("ctrl-c quit")
    s.type("x")
    s.until("press enter to start it again")
    s.until("○")
    s.type("\r")
    s.until(lambda: "● " in s.screen.display[2])


def test_a_program_of_the_whole_screen_and_resizing(start: Start) -> None:
    s = start(body("(HERE / 'text').write_text(''.join(f'row {n} of the text\\n' for n in range(300)))",
                   "shell = process('shell', ['less', 'text'])"))
    s.until("Functions")
    s.type("jj\r")
    s.until("row 21 of the text")
    assert "row 22" not in s.text
    s.type(" ")
    s.until("row 40 of the text")
    s.size(120, 40)
    s.until("row 58 of the text")
    assert "Functions" in s.screen.display[0] and "ctrl-z" in s.screen.display[39]
    s.size(50, 12)
    s.until("3/5")
    assert "shell" in s.screen.display[0] and "Functions" not in s.text
    s.size(9, 3)
    s.until("row")
    s.size(80, 24)
    s.until("Functions")
    s.type("q")
    s.until("shell exited with 0")


def test_scrollback_stays_where_it_is_while_more_comes(start: Start) -> None:
    s = start(body("shell = process('shell', 'for i in $(seq 1 200); do echo count $i; done; read x; seq 1 50; read "
                   "x')"))
    s.until("line 60 of the log")
    s.type("\x1b[5~")
    s.until("line 16 of the log")
    assert "line 60" not in s.text and "rows back" in s.text
    s.type("g")
    s.until("line 1 of the log")
    s.type("G")
    s.until("line 60 of the log")
    s.type("jj")
    s.until("count 200")
    s.type("\x1b[<64;40;5M" * 10)
    s.until("count 170")
    assert "30 rows back" in s.text
    s.type("\r\r\x1a")
    s.until("│50")
    s.type("\x1b[<64;40;5M" * 12)
    s.until("count 200")


def test_lines_are_filtered(start: Start) -> None:
    s = start(body())
    s.until("line 60 of the log")
    s.type("fLINE 5\r")
    s.until("only lines with")
    assert "line 5 " in s.text and "line 59" in s.text and "line 60" not in s.text
    s.type("\x1b")
    s.until("line 60 of the log")


def test_marked_text_goes_to_the_clipboard(start: Start) -> None:
    s = start(body())
    s.until("line 60 of the log")
    y = s.line("line 60") + 1
    x = s.screen.display[y - 1].index("line 60") + 1
    s.type(f"\x1b[<0;{x};{y}M\x1b[<32;{x + 3};{y}M\x1b[<32;{x + 6};{y}M\x1b[<0;{x + 6};{y}m")
    s.until("copied 7 characters")
    assert b"\x1b]52;c;" + base64.b64encode(b"line 60") in s.raw


def test_a_pasted_text_and_the_mouse_reach_the_program(start: Start) -> None:
    s = start(body("shell = process('shell', r'''printf '\\033[?2004h\\033[?1000h\\033[?1006h'; stty raw -echo; echo "
                   "ready; cat -v''')"))
    s.until("Functions")
    s.type("jj")
    s.until("ready")
    s.type("\r")
    s.until("ctrl-z back")
    s.type("\x1b[200~two\nlines\x1b[201~")
    s.until("^[[200~two")
    s.type("\x1b[<0;30;6M")
    s.until("^[[<0;9;6M" if "│" not in s.screen.display[5][:21]
            else f"^[[<0;{30 - s.screen.display[5].index('│') - 1};6M")


def test_what_is_printed_goes_to_a_pane(start: Start) -> None:
    s = start(APP + """
mux = Multiplexer([log, deploy, shell], environment=env, prints=deploy)
async def main():
    import sys, warnings, threading
    asyncio.get_running_loop().call_later(0.1, lambda: (print("printed"), warnings.warn("look out")))
    threading.Thread(target=lambda: log.write_line("from a thread")).start()
    await mux.run()
asyncio.run(main())
""")
    s.until("from a thread")
    s.type("j")
    s.until("printed")
    s.until("look out")


def test_the_terminal_is_restored_after_an_error(start: Start) -> None:
    s = start(APP + """
mux = Multiplexer([log, shell], environment=env)
async def main():
    asyncio.get_running_loop().call_later(0.3, mux.guard(lambda: 1 / 0))
    await mux.run()
asyncio.run(main())
""")
    assert s.over() == 1 and s.is_restored() and b"ZeroDivisionError" in s.raw[s.raw.rfind(b"\x1b[?1049l"):]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_the_terminal_is_restored_after_a_signal(start: Start, number: signal.Signals) -> None:
    s = start(body("shell = process('shell', 'echo $$ > pid; sleep 1000 & echo $! > other; wait')"))
    s.until("line 60")
    s.until(lambda: (s.folder / "other").exists() and (s.folder / "other").read_text().strip())
    os.kill(s.process.pid, number)
    assert s.over() == 0 and s.is_restored()
    assert not alive(int((s.folder / "pid").read_text())) and not alive(int((s.folder / "other").read_text()))


def test_programs_end_with_a_session_that_is_killed(start: Start) -> None:
    s = start(body("shell = process('shell', ['bash', '-c', 'trap \"\" HUP TERM; echo $$ > pid; sleep 1000 & echo $! > "
                   "other; wait'])"))
    s.until(lambda: (s.folder / "other").exists() and (s.folder / "other").read_text().strip())
    pids = [int((s.folder / name).read_text()) for name in ("pid", "other")]
    assert all(map(alive, pids))
    s.process.kill()
    s.process.wait()
    s.until(lambda: not any(map(alive, pids)))


def test_a_program_that_does_not_want_to_end_is_killed(start: Start) -> None:
    s = start(body("shell = process('shell', ['bash', '-c', 'trap \"\" HUP TERM INT; echo $$ > pid; while :; do sleep "
                   "1; done'])").replace(
        "environment=env", "environment=env, grace=0.6"))
    s.until(lambda: (s.folder / "pid").exists() and (s.folder / "pid").read_text().strip())
    s.type("\x03")
    s.until("once more to leave now")
    assert s.over() == 0 and s.is_restored() and not alive(int((s.folder / "pid").read_text()))


def test_a_second_ctrl_c_waits_for_nobody(start: Start) -> None:
    s = start(body("shell = process('shell', ['bash', '-c', 'trap \"\" HUP TERM INT; echo $$ > pid; while :; do sleep "
                   "1; done'])").replace(
        "environment=env", "environment=env, grace=60"))
    s.until(lambda: (s.folder / "pid").exists() and (s.folder / "pid").read_text().strip())
    s.type("\x03")
    s.until("once more to leave now")
    s.type("\x03")
    assert s.over(seconds=5) == 0 and s.is_restored() and not alive(int((s.folder / "pid").read_text()))


def test_one_pane_alone_for_the_terminals_own_selection(start: Start) -> None:
    s = start(body())
    s.until("line 60 of the log")
    s.type("z")
    s.until(lambda: s.screen.display[22].startswith("+60ms line 60"))
    assert "Deploy" not in s.text and s.raw.rfind(b"\x1b[?1000;1002;1006l") > s.raw.rfind(b"\x1b[?1000;1002;1006h")
    s.type("\x1b[A\x1b[A")
    s.until("2 rows back")
    s.type("z")
    s.until("Deploy")
    assert s.raw.rfind(b"\x1b[?1000;1002;1006h") > s.raw.rfind(b"\x1b[?1000;1002;1006l")


def test_it_is_put_aside_and_comes_back(start: Start) -> None:
    s = start(body())
    s.until("line 60 of the log")
    os.kill(s.process.pid, signal.SIGTSTP)
    s.until(s.is_restored)
    s.until(lambda: Path(f"/proc/{s.process.pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "T")
    s.screen.reset()
    os.kill(s.process.pid, signal.SIGCONT)
    s.until("line 60 of the log")
    assert not s.is_restored()
    s.type("j")
    s.until("deployed")


def test_a_child_that_is_killed_is_shown_and_starts_again(start: Start) -> None:
    s = start(body("shell = process('shell', 'echo $$ > pid; echo run; exec sleep 1000')"))
    s.until(lambda: (s.folder / "pid").exists() and (s.folder / "pid").read_text().strip())
    first = int((s.folder / "pid").read_text())
    os.kill(first, signal.SIGKILL)
    s.type("jj")
    s.until("ended by signal 9")
    assert "-9 ✗" in s.screen.display[2]
    s.type("\r")
    s.until(lambda: (s.folder / "pid").read_text().strip() not in ("", str(first)))
    s.until(lambda: s.text.count("run") >= 2)


def test_no_colour(start: Start) -> None:
    s = start(body(), environment={"NO_COLOR": "1"})
    s.until("line 60 of the log")
    s.until("✗")
    assert all(c.fg == c.bg == "default" for row in s.screen.buffer.values() for c in row.values())
    assert s.screen.buffer[0][1].reverse


def test_little_is_written_for_a_little_change(start: Start) -> None:
    s = start(APP + """
mux = Multiplexer([log, shell], environment=env)
async def main():
    asyncio.get_running_loop().call_later(0.5, lambda: setattr(log, "note", "2 errors") or log.host.changed(log))
    await mux.run()
asyncio.run(main())
""")
    s.until("line 60 of the log")
    before = len(s.raw)
    s.until("2 errors")
    assert len(s.raw) - before < 200


def test_a_flood_does_not_hold_up_the_keys(start: Start) -> None:
    s = start(body("shell = process('shell', 'yes a flood of lines')"))
    s.until("line 60 of the log")
    s.type("jj")
    s.until("a flood of lines")
    s.type("kk")
    s.until("line 60 of the log", seconds=3)
    s.type("\x03")
    assert s.over() == 0


def test_nothing_is_left_of_many_restarts(start: Start) -> None:
    s = start("""
async def main():
    shell = process("shell", "cat < /dev/zero | head -c 20000 | tr '\\\\0' x; sleep 100")
    mux = Multiplexer([shell], environment=env)
    async def often():
        for n in range(40):
            await shell.restart()
            if n == 5:
                before = len(os.listdir("/proc/self/fd"))
        after = len(os.listdir("/proc/self/fd"))
        children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
        mux.stop()
        (HERE / "counts").write_text(f"{before} {after} {len(children)}")
    asyncio.get_running_loop().call_later(0.2, lambda: mux.task(often()))
    await mux.run()
asyncio.run(main())
""")
    assert s.over(seconds=30) == 0
    before, after, children = map(int, (s.folder / "counts").read_text().split())
    assert before == after and children == 1


@pytest.mark.parametrize(("columns", "lines"), [(80, 24), (120, 40), (50, 12)])
def test_the_picture(start: Start, columns: int, lines: int) -> None:
    """``SST_ACCEPT=1`` writes the golden file anew."""
    s = start(APP + """
deploy.write_line("\\x1b[1mapi\\x1b[0m  https://example.test/a/rather/long/path/that/does/not/fit/into/eighty/columns/at/all?ok=yes")
log.note = "2 errors"
wide = process("漢字 pane", "echo 漢字 and e\u0301; sleep 100")
mux = Multiplexer([deploy, log, wide, fails, later], environment=env, keys={"d": ("deploy", lambda: None)})
asyncio.run(mux.run())
""", columns=columns, lines=lines)
    s.until("columns/at/all?ok=yes")
    s.type("jjj")
    s.until("exited with 3")
    s.type("kkk")
    s.until("deployed")
    s.until(lambda: s.text.strip() and "deployed" in s.text and (columns < 60 or "3 ✗" in s.text))
    golden = Path(__file__).parent / "golden" / f"{columns}x{lines}.txt"
    if os.environ.get("SST_ACCEPT"):
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(s.text + "\n")
    assert s.text + "\n" == golden.read_text()


@pytest.mark.skipif(not shutil.which("tmux"), reason="needs tmux")
def test_it_works_in_tmux(start: Start) -> None:
    s = start("""
import subprocess
if 'TMUX' not in env:
    tmux = ['tmux', '-S', str(HERE / 'socket'), '-f', '/dev/null', 'new-session', sys.executable, __file__, str(HERE)]
    sys.exit(subprocess.run(tmux, env=env).returncode)
""" + body())
    try:
        s.until("line 60 of the log")
        s.type("jj\r")
        s.until("│$")
        s.type("echo in $TERM\r")
        s.until("in xterm-256color")
        s.type("\x1a")
        s.until("ctrl-c quit")
        s.type("\x03")
        assert s.over() == 0
    finally:
        subprocess.run(["tmux", "-S", str(s.folder / "socket"), "kill-server"], capture_output=True, check=False)


def test_lines_after_their_titles(start: Start) -> None:
    s = start(APP + """
async def main():
    asyncio.get_running_loop().call_later(1, mono.stop)
    await mono.run()
mono = Mono([deploy, fails, later], environment=env, out=sys.stdout)
asyncio.run(main())
""")
    assert s.over() == 0
    assert "[Deploy] deployed" in s.text and "[fails] boom" in s.text and "[fails] [fails exited with 3" in s.text
    assert len(re.findall(r"\[fails] *$", s.text, re.MULTILINE)) == 1, "empty lines are shown once"
    assert "[later] does not start by itself" in s.text
