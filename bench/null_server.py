"""A cloud that does nothing: one process, one thread, each call answered with a valid answer after a fixed latency.

It costs a tenth of what any client spends on a call, so that it measures the client.
"""
from __future__ import annotations

import asyncio
import json
import sys
from urllib.parse import parse_qs

__all__ = ["answer"]

IAM = """<CreateRoleResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><CreateRoleResult><Role><Path>/</Path>\
<RoleName>{0}</RoleName><RoleId>AROAEXAMPLEEXAMPLE00</RoleId><Arn>arn:aws:iam::000000000000:role/{0}</Arn>\
<CreateDate>2026-01-02T03:04:05Z</CreateDate></Role></CreateRoleResult>\
<ResponseMetadata><RequestId>0</RequestId></ResponseMetadata></CreateRoleResponse>"""
STS = """<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>\
<Arn>arn:aws:iam::000000000000:root</Arn><UserId>000000000000</UserId><Account>000000000000</Account></GetCallerIdentityResult>\
<ResponseMetadata><RequestId>0</RequestId></ResponseMetadata></GetCallerIdentityResponse>"""


def answer(headers: dict[str, str], body: bytes) -> tuple[str, bytes]:
    """Content type and body for one request; raises KeyError for a call that no benchmark makes."""
    target = headers.get("x-amz-target", "").rpartition(".")[2]
    if target:
        kind = headers["content-type"]
        match target:
            case "CreateQueue":
                return kind, b'{"QueueUrl":"http://127.0.0.1/000000000000/%s"}' % json.loads(body)["QueueName"].encode()
            case "PutParameter":
                return kind, b'{"Version":1,"Tier":"Standard"}'
            case "CreateLogGroup":
                return kind, b"{}"
        raise KeyError(target)
    form = parse_qs(body.decode())
    match form["Action"][0]:
        case "CreateRole":
            return "text/xml", IAM.format(form["RoleName"][0]).encode()
        case "GetCallerIdentity":
            return "text/xml", STS.encode()
    raise KeyError(form["Action"][0])


class _Connection(asyncio.Protocol):
    latency = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport, self.got = transport, bytearray()

    def data_received(self, data: bytes) -> None:
        self.got += data
        while (end := self.got.find(b"\r\n\r\n")) >= 0:
            lines = self.got[:end].decode("latin-1").split("\r\n")[1:]
            headers = {k.lower(): v for k, _, v in (line.partition(": ") for line in lines)}
            whole = end + 4 + int(headers.get("content-length", 0))
            if headers.get("expect") or len(self.got) < whole:
                return
            body = bytes(self.got[end + 4:whole])
            del self.got[:whole]
            try:
                status, (kind, text) = "200 OK", answer(headers, body)
            except KeyError as e:
                status, kind, text = "501 Not Implemented", "text/plain", f"the null server knows no {e}".encode()
            reply = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(text)}\r\n\r\n".encode() + text
            if self.latency:
                asyncio.get_running_loop().call_later(self.latency, self.transport.write, reply)
            else:
                self.transport.write(reply)


async def _serve() -> None:
    listening = await asyncio.get_running_loop().create_server(_Connection, "127.0.0.1", 0)
    print(listening.sockets[0].getsockname()[1], flush=True)
    await listening.serve_forever()


if __name__ == "__main__":
    _Connection.latency = float(sys.argv[1])
    asyncio.run(_serve())
