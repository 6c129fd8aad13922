"""``python -I -S launch.py FD COMMAND...``: runs a command and writes what it cost to a pipe.

Linux never gives a child a smaller peak of memory than its parent held when it started it. So what starts a command
that is measured is a bare Python, whatever the benchmark has imported.
"""
import os
import sys
import time

SIGPIPE = 13
"""Python ignores it; a command is started with it as a shell would."""


def main(fd: int, command: list[str]) -> None:
    os.set_inheritable(fd, False)
    began = time.perf_counter()
    pid = os.posix_spawnp(command[0], command, os.environ, setsigdef=[SIGPIPE])
    _, status, usage = os.wait4(pid, 0)
    wall = time.perf_counter() - began
    code = os.waitstatus_to_exitcode(status)
    os.write(fd, f"{wall} {usage.ru_utime + usage.ru_stime} {usage.ru_maxrss / 1024} {code}".encode())


main(int(sys.argv[1]), sys.argv[2:])
