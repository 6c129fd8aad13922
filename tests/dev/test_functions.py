"""Saving a file is enough: functions run what is on the disk, and only what has changed starts anew."""
from __future__ import annotations

import os
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from .live import FILES, Dev, get

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _as_it_was(app: Dev) -> object:
    yield
    for file in (app.root / "src").rglob("*.py"):
        if file.relative_to(app.root).as_posix() not in FILES:
            file.unlink()
    for name, text in FILES.items():
        if (app.root / name).read_text() != text:
            app.save(name, text)
    assert get(app.url("one")) == (200, "first")


def test_the_call_right_after_a_save_runs_the_new_code(app: Dev) -> None:
    one = app.url("one")
    for n in range(10):
        app.save("src/shared.py", f"text = 'n{n}'\n")
        assert get(one) == (200, f"n{n}")


def test_only_what_has_read_the_file_starts_anew(app: Dev) -> None:
    one, two = app.url("one"), app.url("two")
    get(one)
    pid, since = get(two)[1], app.here
    app.save("src/shared.py", "text = 'other'\n")
    app.until("One reloaded: src/shared.py", since=since)
    assert get(one)[1] == "other" and get(two)[1] == pid
    assert not [line for line in app.said[since:] if "Two reloaded" in line]


def test_a_syntax_error_is_told_once_and_heals(app: Dev) -> None:
    one = app.url("one")
    get(one)
    since = app.here
    app.save("src/shared.py", "text = (\n")
    app.until("One can't start", since=since)
    app.until("'(' was never closed (shared.py, line 1)", since=since)
    assert get(one)[0] == 502
    app.save("src/shared.py", "text = 'healed'\n")
    app.until("One recovered", since=since)
    assert get(one) == (200, "healed")
    assert sum("can't start" in line for line in app.said[since:]) == 1


def test_a_late_import_and_a_data_file_count_too(app: Dev) -> None:
    one = app.url("one")
    app.save("src/one.py", "from pathlib import Path\n\ndef handler(event, context):\n    import late\n"
                           "    return late.text + Path(__file__).with_name('data.txt').read_text()\n")
    app.save("src/late.py", "text = 'a'\n")
    app.save("src/data.txt", "1")
    assert get(one)[1] == "a1"
    since = app.here
    app.save("src/late.py", "text = 'b'\n")
    assert get(one)[1] == "b1"
    app.save("src/data.txt", "2")
    app.until("One reloaded: src/data.txt", since=since)
    assert get(one)[1] == "b2"
    (app.root / "src/data.txt").unlink()
    assert get(one)[0] == 502


def test_a_file_that_the_function_writes_is_no_source(app: Dev) -> None:
    one = app.url("one")
    app.save("src/one.py", "import os\nfrom pathlib import Path\nlog = Path(__file__).with_name('log.txt')\n\n"
                           "def handler(event, context):\n    log.write_text(str(os.getpid()))\n    return "
                           "log.read_text()\n")
    pids = {get(one)[1] for _ in range(8)}
    assert len(pids) <= 2   # on a busy machine a second process is begun before the first is free again
    (app.root / "src/log.txt").unlink()


def test_renames_and_deletes_are_seen(app: Dev) -> None:
    one = app.url("one")
    get(one)
    (app.root / "src/shared.py").rename(app.root / "src/common.py")
    assert get(one)[0] == 502  # shared is gone, and not to be found in any bundle
    app.save("src/one.py", "import common\n\ndef handler(event, context):\n    return 'renamed ' + common.text\n")
    assert get(one) == (200, "renamed first")
    app.save("src/shared.py", FILES["src/shared.py"])


def test_a_checkout_of_many_files_at_once(app: Dev) -> None:
    """What git does: hundreds of files change, come and go within a moment."""
    one, git = app.url("one"), ["git", "-c", "user.name=n", "-c", "user.email=e"]

    def run(*words: str) -> None:
        subprocess.run([*git, *words], cwd=app.root, check=True, capture_output=True)

    app.save(".gitignore", ".sst\n")
    run("init", "-q")
    run("add", ".")
    run("commit", "-qm", "first")
    run("checkout", "-qb", "many")
    for n in range(300):
        app.save(f"src/pkg/m{n}.py", f"text = 'm{n}'\n")
    app.save("src/shared.py", "".join(f"from pkg import m{n}\n" for n in range(300)) + "text = m299.text\n")
    run("add", ".")
    run("commit", "-qm", "many")
    assert get(one) == (200, "m299")
    run("checkout", "-q", "-")
    assert get(one) == (200, "first")
    run("checkout", "-q", "many")
    assert get(one) == (200, "m299")
    run("checkout", "-q", "-")


def test_a_hundred_calls_at_once(app: Dev) -> None:
    app.save("src/two.py", "import time\n\ndef handler(event, context):\n    time.sleep(0.2)\n    return "
                           "event['rawQueryString']\n")
    two = app.url("two")
    with ThreadPoolExecutor(100) as pool:
        answers = list(pool.map(lambda n: get(f"{two}?{n}", seconds=60), range(100)))
    assert answers == [(200, str(n)) for n in range(100)]


def test_a_running_call_ends_with_the_code_it_began_with(app: Dev) -> None:
    one = app.url("one")
    app.save("src/one.py", "import time\nimport shared\n\ndef handler(event, context):\n    print('begun')\n    "
                           "time.sleep(1)\n"
                           "    return shared.text\n")
    since = app.here
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(get, one)
        app.until("begun", since=since)
        app.save("src/shared.py", "text = 'new'\n")
        assert slow.result() == (200, "first")
    assert get(one) == (200, "new")


def test_bad_manners_of_handlers(app: Dev) -> None:
    """Binary output, children left behind, an exit, an endless line: each is an answer or an error, and the next call
    is fine."""
    one = app.url("one")
    head = "import os, subprocess, sys\n\ndef handler(event, context):\n    "
    for body, status in (("sys.stdout.buffer.write(bytes(range(256)) + b'\\n'); return 'ok'", 200),
                         ("subprocess.Popen(['sleep', '600']); return 'ok'", 200),
                         ("os._exit(3)", 502), ("sys.exit(1)", 502), ("print('x' * 3_000_000); return 'ok'", 200),
                         ("return object()", 502), ("raise MemoryError('none left')", 502)):
        app.save("src/one.py", head + body + "\n")
        assert get(one)[0] == status, body
    app.save("src/one.py", FILES["src/one.py"])
    assert get(one) == (200, "first")
    app.until(lambda: not [p for p in app.descendants() if b"sleep\x00600" in Path(f"/proc/{p}/cmdline").read_bytes()])


def test_an_error_names_the_users_lines(app: Dev) -> None:
    one, since = app.url("one"), app.here
    app.save("src/one.py", "def handler(event, context):\n    return deeper(1)\n\ndef deeper(n):\n    raise "
                           "ValueError(f'bad {n}')\n")
    assert get(one)[0] == 502
    app.until("ValueError: bad 1", since=since)
    app.until("src/one.py:5 in deeper", since=since)
    app.until("raise ValueError(f'bad {n}')", since=since)
    assert "sst/runtime" not in "\n".join(app.said[since:])


@pytest.mark.long
def test_a_thousand_reloads_leave_nothing_behind(app: Dev) -> None:
    """Open files and processes of the session are as many after them as before."""
    one, pid = app.url("one"), app.process.pid

    def round(n: int) -> None:
        app.save("src/shared.py", f"text = 'r{n}'\n")
        assert get(one) == (200, f"r{n}")

    def held() -> tuple[int, int]:
        return len(list(Path(f"/proc/{pid}/fd").iterdir())), len(app.descendants())

    def names() -> list[str]:
        return [str(f.readlink()) for f in Path(f"/proc/{pid}/fd").iterdir() if f.is_symlink()]

    rounds = int(os.environ.get("SST_RELOADS", "100"))
    for n in range(20):
        round(n)
    files, processes = held()
    for n in range(rounds):
        round(n)
    end = time.monotonic() + 20
    # a slow init is worth a process to fork from
    while (now := held()) and (now[0] > files + 8 or now[1] > processes + 2):
        assert time.monotonic() < end, f"{files}, {processes} before; {now} after: {names()}"
        time.sleep(0.1)
