"""Facts of processes, which locks and sandboxes stand on."""
from __future__ import annotations

import os
import select
import socket
import subprocess
import sys

import pytest

from sst.machine.process import ended_descriptor, is_own_peer, pid_space, start_time

linux = pytest.mark.skipif(sys.platform != "linux", reason="macOS does not say")


def test_one_boot_is_one_space_of_pids() -> None:
    code = "from sst.machine.process import pid_space; print(pid_space())"
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert pid_space() and other.stdout.strip() == pid_space()


@linux
def test_a_start_time_tells_processes_of_one_pid_apart() -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    started = start_time(process.pid)
    assert started and started == start_time(process.pid) != start_time(os.getppid())
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert start_time(process.pid) == "ended"  # a zombie
    process.communicate()
    assert start_time(process.pid) == ""


@linux
def test_the_end_of_a_process_can_be_waited_for() -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    descriptor = ended_descriptor(process.pid)
    assert descriptor is not None
    try:
        assert not select.select([descriptor], [], [], 0)[0]
        process.kill()
        assert select.select([descriptor], [], [], 10)[0]
    finally:
        os.close(descriptor)
        process.communicate()
    assert ended_descriptor(process.pid) is None


def test_the_other_end_of_a_connection_is_a_process_of_ours() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as line:
        accepted, (address, port) = server.accept()
        accepted.close()
        assert is_own_peer(address, port)
        assert line.getsockname() == (address, port)
