"""The other end of `sst.clouds.terraform.channel`: a server of gRPC calls on a socket, for plugins of tests."""
from __future__ import annotations

import socket
from collections.abc import Callable
from threading import Condition, Thread

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import ConnectionTerminated, DataReceived, RequestReceived, StreamEnded

__all__ = ["Unimplemented", "serve"]


class Unimplemented(Exception):
    pass


def serve(path: str, answer: Callable[[str, bytes], bytes]) -> None:
    """Answer calls until the process ends; each connection and each call on a thread of its own."""
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listening.bind(path)
    listening.listen()

    def accept() -> None:
        while True:
            Thread(target=_Connection(listening.accept()[0], answer).run, daemon=True).start()

    Thread(target=accept, daemon=True).start()


class _Connection:
    def __init__(self, sock: socket.socket, answer: Callable[[str, bytes], bytes]) -> None:
        self.socket, self.answer = sock, answer
        self.http = H2Connection(H2Configuration(client_side=False, header_encoding="utf-8"))
        self.paths: dict[int, str] = {}
        self.data: dict[int, bytearray] = {}
        self.changed = Condition()

    def run(self) -> None:
        self.http.initiate_connection()
        self.socket.sendall(self.http.data_to_send())
        while data := self.socket.recv(1 << 16):
            with self.changed:
                for event in self.http.receive_data(data):
                    match event:
                        case RequestReceived():
                            self.paths[event.stream_id] = dict(event.headers)[":path"]
                            self.data[event.stream_id] = bytearray()
                        case DataReceived():
                            self.data[event.stream_id] += event.data
                            self.http.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                        case StreamEnded():
                            Thread(target=self.reply, args=(event.stream_id,), daemon=True).start()
                        case ConnectionTerminated():
                            return
                self.socket.sendall(self.http.data_to_send())
                self.changed.notify_all()

    def reply(self, id: int) -> None:
        status, body = "0", b""
        try:
            body = self.answer(self.paths.pop(id), bytes(self.data.pop(id)[5:]))
        except Unimplemented:
            status = "12"
        except Exception as e:
            status, body = "2", f"{type(e).__name__}: {e}".encode()
        with self.changed:
            self.http.send_headers(id, [(":status", "200"), ("content-type", "application/grpc+proto")])
            rest = b"\0" + len(body).to_bytes(4, "big") + body if status == "0" else b""
            while rest:
                room = min(self.http.local_flow_control_window(id), self.http.max_outbound_frame_size, len(rest))
                if not room:
                    self.socket.sendall(self.http.data_to_send())
                    self.changed.wait()
                    continue
                self.http.send_data(id, rest[:room])
                rest = rest[room:]
            message = body.decode() if status == "2" else ""
            self.http.send_headers(id, [("grpc-status", status), ("grpc-message", message)], end_stream=True)
            self.socket.sendall(self.http.data_to_send())
