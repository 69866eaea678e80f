"""A slow link: what goes through is delayed and limited in rate, in both directions."""

from __future__ import annotations

import contextlib
import queue
import socket
import threading
import time
from dataclasses import dataclass

_PIECE_BYTES = 1448
_QUEUED_PIECES = 45  # 64 KiB, as a small router keeps


@dataclass(frozen=True)
class Link:
    """A link's rate in each direction, and the time there and back."""

    bytes_a_second: int
    round_trip_seconds: float

    @property
    def words(self) -> str:
        """The link in words."""
        return f"{self.bytes_a_second // 1024} KiB/s, {self.round_trip_seconds * 1000:.0f} ms"


class Relay:
    """Listens on a loopback port, and passes each connection on over the slow link."""

    def __init__(self, link: Link, to_port: int) -> None:
        self._link = link
        self._to_port = to_port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(0.2)
        self.port = self._listener.getsockname()[1]
        self._closing = threading.Event()
        self._sockets: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def _accept(self) -> None:
        while not self._closing.is_set():
            try:
                near, _ = self._listener.accept()
            except TimeoutError:
                continue
            except OSError:
                return
            far = socket.create_connection(("127.0.0.1", self._to_port))
            self._sockets += [near, far]
            for source, sink in ((near, far), (far, near)):
                source.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32 * 1024)
                sink.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                on_the_way: queue.Queue[tuple[float, bytes] | None] = queue.Queue(_QUEUED_PIECES)
                for work in (self._take, self._give):
                    thread = threading.Thread(target=work, args=(source, sink, on_the_way), daemon=True)
                    thread.start()
                    self._threads.append(thread)

    def _take(
        self, source: socket.socket, sink: socket.socket, on_the_way: queue.Queue[tuple[float, bytes] | None]
    ) -> None:
        free_at = 0.0
        while not self._closing.is_set():
            try:
                data = source.recv(_PIECE_BYTES)
            except OSError:
                data = b""
            if not data:
                break
            free_at = max(free_at, time.monotonic()) + len(data) / self._link.bytes_a_second
            on_the_way.put((free_at + self._link.round_trip_seconds / 2, data))
        on_the_way.put(None)

    def _give(
        self, source: socket.socket, sink: socket.socket, on_the_way: queue.Queue[tuple[float, bytes] | None]
    ) -> None:
        while (piece := on_the_way.get()) is not None:
            at, data = piece
            time.sleep(max(at - time.monotonic(), 0))
            try:
                sink.sendall(data)
            except OSError:
                break
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)
        while on_the_way.full():  # a reader that waits for room must see that nobody takes it any more
            on_the_way.get()

    def close(self) -> None:
        """Close the link."""
        self._closing.set()
        for each in (self._listener, *self._sockets):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        for thread in self._threads:
            thread.join(2)

    def __enter__(self) -> Relay:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
