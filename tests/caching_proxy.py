"""A small real cache on loopback: it keeps what it once got from the application, until it is purged."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx

_PASSED_ON = ("content-type", "etag", "cache-control")


class CachingProxy:
    """Serves `origin`'s pages; `kept` are its copies by path, each with the time when it was got."""

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self.kept: dict[str, tuple[float, httpx.Response]] = {}
        self.asked: list[str] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def address(self) -> str:
        """Where visitors ask."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def purge(self) -> None:
        """Forget every copy."""
        self.kept.clear()

    def begin(self) -> None:
        """Serve until `end`."""
        self._thread.start()

    def end(self) -> None:
        """Serve no longer."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                proxy.asked.append(self.path)
                hit = self.path in proxy.kept
                if not hit:
                    answer = httpx.get(f"{proxy.origin}{self.path}", trust_env=False)
                    proxy.kept[self.path] = (time.monotonic(), answer)
                since, answer = proxy.kept[self.path]
                self.send_response(answer.status_code)
                for name in _PASSED_ON:
                    if name in answer.headers:
                        self.send_header(name, answer.headers[name])
                self.send_header("age", str(round(time.monotonic() - since)))
                self.send_header("x-cache", "HIT" if hit else "MISS")
                self.send_header("content-length", str(len(answer.content)))
                self.end_headers()
                self.wfile.write(answer.content)

            def log_message(self, format: str, *values: object) -> None:  # noqa: A002  (the base class's name)
                pass

        return Handler


@contextmanager
def cached(origin: str) -> Iterator[CachingProxy]:
    """A cache before this address."""
    proxy = CachingProxy(origin)
    proxy.begin()
    try:
        yield proxy
    finally:
        proxy.end()
