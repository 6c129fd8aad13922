"""Questions on a terminal, answered as a person would."""
from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
from collections.abc import Sequence

from .conftest import SST, Project


class Terminal:
    """One ``sst`` process that believes in a person."""

    def __init__(self, project: Project, *words: str) -> None:
        self.master, slave = pty.openpty()
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
        self.process = subprocess.Popen([str(SST), *words], cwd=project.root,
                                        env={**project.environment, "TERM": "xterm"},
                                        stdin=slave, stdout=slave, stderr=slave, start_new_session=True)
        os.close(slave)
        self.text = ""

    def _read(self) -> bool:
        assert select.select([self.master], [], [], 30)[0], f"nothing more came after\n{self.text}"
        try:
            data = os.read(self.master, 65536)
        except OSError:
            return False
        self.text += data.decode()
        return bool(data)

    def answer(self, question: str, answer: str) -> None:
        while question not in self.text:
            assert self._read(), self.text
        os.write(self.master, f"{answer}\n".encode())

    def end(self) -> int:
        while self._read():
            pass
        os.close(self.master)
        return self.process.wait(30)


def ask(project: Project, words: Sequence[str], *answers: tuple[str, str]) -> tuple[int, str]:
    terminal = Terminal(project, *words)
    for question, answer in answers:
        terminal.answer(question, answer)
    code = terminal.end()
    return code, terminal.text


def test_a_stage_is_asked_for_once(project: Project) -> None:
    del project.environment["SST_STAGE"]
    project.program('File("A")')
    code, text = ask(project, ["deploy"], ("Name of your stage", "mine"))
    assert code == 0 and "demo/mine" in text and "needs no account" in text
    assert (project.root / ".sst/stage").read_text() == "mine\n"
    assert "demo/mine" in project.run("diff").out


def test_losing_data_needs_its_name(project: Project) -> None:
    project.program('Data("Store", retain=False)\nFile("A")', more='removal="remove"')
    project.run("deploy")
    project.program('File("A")', more='removal="remove"')
    code, text = ask(project, ["deploy"], ("to continue:", "yes"))
    assert code == 1 and "DATA LOSS" in text and "not confirmed" in text and "Store" in project.things
    code, text = ask(project, ["deploy"], ("to continue:", "Store"))
    assert code == 0 and "Store" not in project.things


def test_removing_a_stage_needs_its_name(project: Project) -> None:
    project.program('File("A")')
    project.run("deploy")
    code, text = ask(project, ["remove"], ("to continue:", "A"))
    assert code == 1 and 'Remove all 1 resources of "demo" on stage "dev"?' in text and project.things
    code, text = ask(project, ["remove"], ("to continue:", "dev"))
    assert code == 0 and not project.things
    assert "\x1b[?25l" not in text.split("to continue:")[0], "the cursor is there while it asks"
    assert text.count("\x1b[?25l") == text.count("\x1b[?25h")


def test_a_secret_is_not_shown_while_it_is_typed(project: Project) -> None:
    code, text = ask(project, ["secret", "set", "Key"], ("Value of Key:", "hunter2-typed"))
    assert code == 0 and "hunter2-typed" not in text
    assert "hunter2-typed" in project.run("secret", "list", "--values").out


def test_an_interrupt_is_told_above_the_tree(project: Project) -> None:
    project.program('a = File("A", slow=True)\nFile("B", text=a.path)')
    terminal = Terminal(project, "deploy")
    while "writing slowly" not in terminal.text:
        assert terminal._read()
    os.killpg(terminal.process.pid, signal.SIGINT)
    while "starting no more" not in terminal.text:
        assert terminal._read()
    (project.root / "go").touch()
    assert terminal.end() == 130 and terminal.text.count("\x1b[?25l") == terminal.text.count("\x1b[?25h") == 1
    assert "interrupted: 1 created" in terminal.text


def test_the_tree_of_a_deploy(project: Project) -> None:
    project.program('File("A")\nFile("B", fail=True)')
    code, text = ask(project, ["deploy"])
    assert code == 2 and text.count("\x1b[?25l") == text.count("\x1b[?25h") and "could not be created" in text
