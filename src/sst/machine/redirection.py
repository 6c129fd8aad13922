"""Leads the connections of this machine to some addresses to a port of it instead. Linux only, and as root."""
from __future__ import annotations

import os
import socket
import struct
import subprocess
import sys
from collections.abc import Sequence

__all__ = ["SUPPORTED", "Redirection", "destination"]

SUPPORTED = sys.platform == "linux"
_ORIGINAL = 80
"""SO_ORIGINAL_DST of linux/netfilter_ipv4.h."""
_SCRIPT = """
PATH=$PATH:/usr/sbin:/sbin
trap '' INT TERM HUP
name=$1 port=$2
shift 2
if command -v nft >/dev/null; then
  undo() { nft delete table ip "$name"; }
  {
    printf '%s\\n' "table ip $name {" "chain out {" "type nat hook output priority -100; policy accept;"
    for range; do echo "ip daddr $range meta l4proto tcp redirect to :$port"; done
    printf '%s\\n' "}" "}"
  } | nft -f - || exit 1
elif command -v iptables >/dev/null; then
  table() { iptables -w -t nat "$@"; }
  undo() { table -D OUTPUT -j "$name"; table -F "$name"; table -X "$name"; }
  table -N "$name" || exit 1
  for range; do table -A "$name" -p tcp -d "$range" -j REDIRECT --to-ports "$port" || { undo; exit 1; }; done
  table -I OUTPUT -j "$name" || { undo; exit 1; }
else
  echo "neither nft nor iptables is installed" >&2
  exit 1
fi
echo ready
cat >/dev/null
undo
"""
"""Undoes what it did when its input ends, which it does with us, however we end."""


class Redirection:
    """``ranges`` are CIDR blocks of IPv4. As another user than root it is `sudo` that asks for a password."""

    def __init__(self, ranges: Sequence[str], port: int) -> None:
        self._words = ("sh", "-c", _SCRIPT, "sst-tunnel", f"sst_tunnel_{os.getpid()}", str(port), *ranges)
        self._helper: subprocess.Popen[bytes] | None = None

    def open(self) -> None:
        """Raises `OSError` that says why it can't."""
        words = self._words if os.geteuid() == 0 else ("sudo", *self._words)
        helper = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert helper.stdout is not None
        if helper.stdout.readline() != b"ready\n":
            helper.communicate()
            raise OSError(f"{words[0]} refused, see above" if words[0] == "sudo" else "the kernel refused, see above")
        self._helper = helper

    def close(self) -> None:
        if self._helper:
            self._helper.communicate()
            self._helper = None


def destination(connection: socket.socket) -> tuple[str, int]:
    """Where a connection was made to before it was redirected."""
    port, address = struct.unpack("!2xH4s8x", connection.getsockopt(socket.SOL_IP, _ORIGINAL, 16))
    return socket.inet_ntoa(address), port
