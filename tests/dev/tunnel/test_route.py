"""``sst tunnel --route``: the kernel leads connections to a network's own addresses through the bastion. In a network
namespace of its own."""
from __future__ import annotations

import asyncio
import shutil
import ssl
import subprocess
import sys
from pathlib import Path

import pytest

from sst.dev.tunnel.tunnel import Tunnel

from .bastion import bastion
from .test_tunnel import run

UNSHARE = ("unshare", "--map-root-user", "--net")
TOOLS = "PATH=$PATH:/usr/sbin:/sbin; command -v nft || command -v iptables"


def usable() -> bool:
    needed = f"{TOOLS} && ip link add d0 type veth peer name d1"
    return bool(shutil.which("unshare")) and subprocess.run([*UNSHARE, "sh", "-c", needed],
                                                            capture_output=True).returncode == 0


@pytest.mark.long
def test_connections_to_the_networks_addresses_go_through(tmp_path: Path) -> None:
    if not usable():
        pytest.skip("no network namespaces, or neither nft nor iptables")
    made = subprocess.run([*UNSHARE, sys.executable, "-m", __name__, str(tmp_path)], capture_output=True, text=True,
                          timeout=60, cwd=Path(__file__).parents[3])
    assert made.returncode == 0, made.stdout + made.stderr
    assert made.stdout.splitlines() == ["hello from mydb.internal", "CERTIFICATE_VERIFY_FAILED", "outside: refused",
                                        "after: refused", "rules left: 0"]


def sh(line: str) -> str:
    return subprocess.run(["sh", "-c", f"PATH=$PATH:/usr/sbin:/sbin; {line}"], check=True, capture_output=True,
                          text=True).stdout


async def tried(address: str, trust: ssl.SSLContext, name: str) -> str:
    try:
        reader, writer = await asyncio.open_connection(address, 5432, ssl=trust, server_hostname=name)
    except ssl.SSLCertVerificationError:
        return "CERTIFICATE_VERIFY_FAILED"
    except OSError:
        return "refused"
    answer = await reader.read()
    writer.close()
    return answer.decode()


async def inside(folder: Path) -> None:
    """In the namespace: an address that is nowhere, and a TLS server that the bastion reaches by it."""
    sh("ip link set lo up; ip link add d0 type veth peer name d1; ip addr add 192.0.2.1/24 dev d0; ip link set d0 up;"
       "ip link set d1 up; ip route add prohibit 198.51.100.0/24; ip route add default dev d0")
    sh(f"openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=mydb.internal "
       f"-addext subjectAltName=DNS:mydb.internal -keyout {folder}/key.pem -out {folder}/cert.pem")
    own, trust = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context(cafile=f"{folder}/cert.pem")
    own.load_cert_chain(f"{folder}/cert.pem", f"{folder}/key.pem")

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"hello from mydb.internal")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=own)
    async with bastion({("10.0.4.7", 5432): server.sockets[0].getsockname()[1]}) as there:
        tunnel = Tunnel([there.gate], folder / "t", lambda text: None)
        await tunnel.open()
        await tunnel.route()
        print(await tried("10.0.4.7", trust, "mydb.internal"))
        print(await tried("10.0.4.7", trust, "other.internal"))
        print("outside:", await tried("198.51.100.7", trust, "mydb.internal"))
        await tunnel.close()
        sh("ip route add prohibit 10.0.0.0/8")
        print("after:", await tried("10.0.4.7", trust, "mydb.internal"))
        rules = sh("nft list ruleset 2>/dev/null || true; iptables -t nat -S 2>/dev/null || true")
        print("rules left:", rules.count("sst_tunnel"))
    server.close()


if __name__ == "__main__":
    run(inside(Path(sys.argv[1])))
