"""Ports of the servers that a session runs."""
from __future__ import annotations

import socket
from pathlib import Path

import pytest

from sst.dev.ports import Ports
from sst.embedded.ports import free_port, listener


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
def test_a_wanted_port_is_given_unless_a_server_listens_there(tmp_path: Path, family: socket.AddressFamily) -> None:
    host, wanted = ("127.0.0.1" if family == socket.AF_INET else "::1"), free_port(0)
    try:
        line = socket.create_server((host, wanted), family=family)
    except OSError:
        pytest.skip("this machine has no IPv6")
    with line:
        ports = Ports(tmp_path / "ports.json")
        other = ports.of("Web", wanted)
        assert other not in (0, wanted) and ports.of("Web", wanted) == other    # for as long as the session lives
    assert Ports(tmp_path / "ports.json").of("Web", wanted) == wanted


def test_two_servers_do_not_get_one_port(tmp_path: Path) -> None:
    ports, wanted = Ports(tmp_path / "ports.json"), free_port(0)
    assert ports.of("One", wanted) == wanted != ports.of("Two", wanted)


def test_connections_send_at_once() -> None:
    line, port = listener(0)
    with line, socket.create_connection(("127.0.0.1", port)):
        connection, _ = line.accept()
        with connection:
            assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
