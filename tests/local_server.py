"""A server on loopback that answers as a test says: with any bytes, slowly, or never."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

HANG = object()
"""In place of bytes: the connection stays open, and nothing more comes."""
Answers = Callable[[str], object]


def page(body: str | bytes = "Web shop", status: str = "200 OK", **headers: str) -> bytes:
    """A whole HTTP answer; header names are written with underscores."""
    content = body.encode() if isinstance(body, str) else body
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(content)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + content


class LocalServer:
    """Answers each request by what `answers` gives for its path: bytes, `HANG`, or a list of both.

    A list is sent part by part, `pace` seconds apart. `requests` are the heads and bodies that came.
    """

    def __init__(self, answers: Answers, tls: ssl.SSLContext | None = None, pace: float = 0.0) -> None:
        self.answers = answers
        self.requests: list[str] = []
        self._tls = tls
        self._pace = pace
        self._stopping = threading.Event()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    @property
    def port(self) -> int:
        return int(self._listening.getsockname()[1])

    @property
    def address(self) -> str:
        return f"http{'s' if self._tls else ''}://127.0.0.1:{self.port}"

    def _accept(self) -> None:
        self._listening.settimeout(0.05)
        while not self._stopping.is_set():
            with suppress(TimeoutError):
                connection, _ = self._listening.accept()
                thread = threading.Thread(target=self._answer, args=(connection,))
                self._threads.append(thread)
                thread.start()

    def _answer(self, connection: socket.socket) -> None:
        connection.settimeout(10)
        with suppress(OSError), connection:
            if self._tls is not None:
                connection = self._tls.wrap_socket(connection, server_side=True)
            head = b""
            while b"\r\n\r\n" not in head:
                if not (part := connection.recv(65_536)):
                    return
                head += part
            self.requests.append(head.decode("latin-1"))
            answer = self.answers(head.split(b" ")[1].decode())
            for part in answer if isinstance(answer, list) else [answer]:
                if part is HANG:
                    self._stopping.wait(60)
                    return
                assert isinstance(part, bytes)
                connection.sendall(part)
                self._stopping.wait(self._pace)
            connection.close()

    def close(self) -> None:
        """Answer nobody any more."""
        self._stopping.set()
        until = time.monotonic() + 20
        for thread in list(self._threads):
            thread.join(max(0.1, until - time.monotonic()))
        self._listening.close()


@contextmanager
def serving(answers: Answers | bytes, **fields: object) -> Iterator[LocalServer]:
    """A server for a while; bytes are its answer to everything."""
    server = LocalServer(answers if callable(answers) else lambda _: answers, **fields)  # type: ignore[arg-type]
    try:
        yield server
    finally:
        server.close()


def free_port() -> int:
    """A port on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])
