"""The public address: passes requests on to the application, or shows the maintenance page.

The page is there for as long as the flag file is, for every method: a static page behind a web server
would answer a POST with 405 and hide the maintenance from whoever posts.

The access log has a JSON line for each request: `at` (its arrival, ISO 8601 in UTC), `method`, `path`,
`status`, `milliseconds`, `bytes` (of the answer, head and all), `agent`, and `upstream`, which is empty where
the application wasn't asked; on the maintenance page's own 503 stands `"maintenance": true`, too. A client
that left before there was an answer has the status 499, as with nginx.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from handrail.sandbox.services.http import LOOPBACK, Head, answer, read_head, response, serve, skip_body
from handrail.sandbox.services.rotating_log import MOST_BYTES, RotatingLog

RETRY_AFTER = "30"
UPSTREAM_SECONDS = 60.0
CLIENT_LEFT = 499
LONGEST_LOGGED = 500
MAINTENANCE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Maintenance</title><meta name="page" content="handrail-maintenance"></head>
<body><h1>The shop is closed for a moment</h1>
<p>We are working on it, and will be back within minutes. Your orders are safe.</p></body>
</html>
"""
# Each says something of one connection alone (RFC 9110, 7.6.1), and is not passed on.
_HOP_BY_HOP = frozenset({"connection", "keep-alive", "proxy-connection", "te", "upgrade"})
_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})\b")


@dataclass(slots=True)
class _Answered:
    """What was sent to the client so far."""

    status: int = 0
    size: int = 0
    passed_on: bool = False
    maintenance: bool = False


class Proxy:
    """Serves one application behind one flag file, and keeps an access log."""

    def __init__(self, upstream: int, flag: Path, log: RotatingLog) -> None:
        self._upstream = upstream
        self._flag = flag
        self._log = log

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request, then end the connection."""
        head = await read_head(reader)
        if head is None:
            return
        at, begin, answered = datetime.now(UTC), time.monotonic(), _Answered()
        try:
            await self._answer(head, reader, writer, answered)
        except (ConnectionError, TimeoutError):
            answered.status = answered.status or CLIENT_LEFT
        finally:
            self._log.write(
                {
                    "at": at.isoformat(),
                    "method": head.method[:LONGEST_LOGGED],
                    "path": head.target[:LONGEST_LOGGED],
                    "status": answered.status or CLIENT_LEFT,
                    "milliseconds": round((time.monotonic() - begin) * 1000, 1),
                    "bytes": answered.size,
                    "upstream": f"{LOOPBACK}:{self._upstream}" if answered.passed_on else "",
                    "agent": (head.get("user-agent") or "")[:LONGEST_LOGGED],
                    **({"maintenance": True} if answered.maintenance else {}),
                }
            )

    async def _answer(
        self, head: Head, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answered: _Answered
    ) -> None:
        if self._flag.exists():
            answered.maintenance = True
            headers = (("Retry-After", RETRY_AFTER), ("Cache-Control", "no-store"))
            page = response(503, "Service Unavailable", MAINTENANCE, kind="text/html", headers=headers)
            await skip_body(head, reader)
            await _by_itself(head, writer, answered, 503, page)
            return
        answered.passed_on = True
        try:
            back, forth = await asyncio.open_connection(LOOPBACK, self._upstream)
        except OSError:
            await skip_body(head, reader)
            text = f"The application doesn't answer on port {self._upstream}: nothing listens there.\n"
            await _by_itself(head, writer, answered, 502, response(502, "Bad Gateway", text))
            return
        try:
            await self._pass_on(head, reader, writer, back, forth, answered)
        finally:
            forth.close()

    async def _pass_on(
        self,
        head: Head,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        back: asyncio.StreamReader,
        forth: asyncio.StreamWriter,
        answered: _Answered,
    ) -> None:
        lines = [f"{head.method} {head.target} HTTP/1.1", "Connection: close", "X-Forwarded-Proto: http"]
        lines += [f"{name}: {value}" for name, value in head.headers if name not in _HOP_BY_HOP]
        forth.write("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n")
        upload = asyncio.create_task(_copy(reader, forth))
        download = asyncio.create_task(_bring_back(head, back, writer, answered))
        try:
            await asyncio.wait({upload, download}, return_when=asyncio.FIRST_COMPLETED)
            # With an application that hangs, the connections of those who gave up would pile up.
            client_left = upload.done() and upload.result()
            if client_left and not answered.status and not download.done():
                answered.status = CLIENT_LEFT
                return
            await download
        finally:
            for task in (upload, download):
                task.cancel()
                with suppress(asyncio.CancelledError, ConnectionError):
                    await task


async def _bring_back(
    head: Head, back: asyncio.StreamReader, writer: asyncio.StreamWriter, answered: _Answered
) -> None:
    """Send the application's answer to the client as it comes, or say why there is none."""
    try:
        async with asyncio.timeout(UPSTREAM_SECONDS):
            while chunk := await back.read(65_536):
                if not answered.status:
                    found = _STATUS.match(chunk)
                    answered.status = int(found[1]) if found else 502
                answered.size += len(chunk)
                writer.write(chunk)
                await writer.drain()
    except TimeoutError:
        if not answered.status:
            text = "The application took too long.\n"
            await _by_itself(head, writer, answered, 504, response(504, "Gateway Timeout", text))
        return
    except ConnectionError:
        if answered.status:
            return
    if not answered.status:
        text = "The application closed the connection without an answer.\n"
        await _by_itself(head, writer, answered, 502, response(502, "Bad Gateway", text))


async def _by_itself(
    head: Head, writer: asyncio.StreamWriter, answered: _Answered, status: int, content: bytes
) -> None:
    """An answer of the proxy's own."""
    answered.status, answered.size = status, len(content)
    await answer(head, writer, content)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    """Pass the request's body on as it comes; the application knows where it ends. True: the client left."""
    try:
        while chunk := await reader.read(65_536):
            try:
                writer.write(chunk)
                await writer.drain()
            except ConnectionError:
                return False
    except ConnectionError:
        pass
    return True


def main() -> None:
    """Serve until told to end."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--upstream", type=int, required=True)
    parser.add_argument("--flag", type=Path, required=True)
    parser.add_argument("--log", type=Path, required=True)
    parser.add_argument("--most-bytes", type=int, default=MOST_BYTES, help="of the log, before it is rotated")
    chosen = parser.parse_args()
    log = RotatingLog(chosen.log, chosen.most_bytes)
    asyncio.run(serve(chosen.port, Proxy(chosen.upstream, chosen.flag, log).handle))


if __name__ == "__main__":
    main()
