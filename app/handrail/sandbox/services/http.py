"""As much of HTTP/1.1 as the sandbox's servers need: one request a connection, heads of bounded size."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

LOOPBACK = "127.0.0.1"
LONGEST_HEAD = 65_536
HEAD_SECONDS = 30.0
REASONS = {200: "OK", 404: "Not Found", 429: "Too Many Requests", 500: "Internal Server Error"}

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Head:
    """The first line and the header lines of a request, names in lower case."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]

    def get(self, name: str) -> str | None:
        """The first header of this name."""
        return next((value for each, value in self.headers if each == name), None)

    @property
    def length(self) -> int:
        """The body's length in bytes, by its header; 0 where none is given or it is no number."""
        given = self.get("content-length") or "0"
        return int(given) if given.isdigit() else 0


async def read_head(reader: asyncio.StreamReader) -> Head | None:
    """The next request's head; `None` where the client sends none in time, or none that can be read."""
    try:
        raw = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), HEAD_SECONDS)
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError, ConnectionError):
        return None
    first, *rest = raw.decode("latin-1").rstrip("\r\n").split("\r\n")
    parts = first.split(" ")
    if len(parts) != 3 or not parts[2].startswith("HTTP/1."):
        return None
    headers = []
    for line in rest:
        name, colon, value = line.partition(":")
        if not colon:
            return None
        headers.append((name.strip().lower(), value.strip()))
    return Head(parts[0], parts[1], tuple(headers))


def response(
    status: int,
    reason: str,
    body: str,
    *,
    kind: str = "text/plain",
    headers: tuple[tuple[str, str], ...] = (),
) -> bytes:
    """A whole answer, after which the connection ends."""
    content = body.encode()
    lines = [
        f"HTTP/1.1 {status} {reason}",
        f"Content-Type: {kind}; charset=utf-8",
        f"Content-Length: {len(content)}",
        "Connection: close",
        *(f"{name}: {value}" for name, value in headers),
    ]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + content


async def answer(head: Head, writer: asyncio.StreamWriter, content: bytes) -> None:
    """Send an answer; of one to HEAD, only its head."""
    writer.write(content if head.method != "HEAD" else content.partition(b"\r\n\r\n")[0] + b"\r\n\r\n")
    await writer.drain()


async def skip_body(head: Head, reader: asyncio.StreamReader, most: int = 1_000_000) -> None:
    """Read a request's body away: closing on unread bytes would take the answer back from the client."""
    try:
        async with asyncio.timeout(2):
            if head.get("transfer-encoding"):
                while not (await reader.readuntil(b"\r\n")).startswith(b"0"):
                    continue
            else:
                left = min(head.length, most)
                while left and (chunk := await reader.read(min(left, 65_536))):
                    left -= len(chunk)
    except (TimeoutError, ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        return


async def serve(port: int, handle: Handler) -> None:
    """Serve on a loopback port until SIGTERM or SIGINT; connections in progress then end with it."""

    async def guarded(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await handle(reader, writer)
        except (ConnectionError, TimeoutError):
            pass
        finally:
            writer.close()

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    server = await asyncio.start_server(guarded, LOOPBACK, port, limit=LONGEST_HEAD)
    print(f"listening on {LOOPBACK}:{port}", flush=True)
    await stop.wait()
    server.close()
