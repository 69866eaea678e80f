"""The public address: passes requests on to the application, or shows the maintenance page.

The page is there for as long as the flag file is, for every method: a static page behind a web server
would answer a POST with 405 and hide the maintenance from whoever posts.
"""

from __future__ import annotations

import argparse
import asyncio
from contextlib import suppress
from pathlib import Path

from handrail.sandbox.services.http import Head, answer, read_head, response, serve, skip_body

RETRY_AFTER = "30"
UPSTREAM_SECONDS = 60.0
MAINTENANCE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Maintenance</title><meta name="page" content="handrail-maintenance"></head>
<body><h1>The shop is closed for a moment</h1>
<p>We are working on it, and will be back within minutes. Your orders are safe.</p></body>
</html>
"""
# Each says something of one connection alone (RFC 9110, 7.6.1), and is not passed on.
_HOP_BY_HOP = frozenset({"connection", "keep-alive", "proxy-connection", "te", "upgrade"})


class Proxy:
    """Serves one application behind one flag file."""

    def __init__(self, upstream: int, flag: Path) -> None:
        self._upstream = upstream
        self._flag = flag

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request, then end the connection."""
        head = await read_head(reader)
        if head is None:
            return
        if self._flag.exists():
            page = response(
                503,
                "Service Unavailable",
                MAINTENANCE,
                kind="text/html",
                headers=(("Retry-After", RETRY_AFTER), ("Cache-Control", "no-store")),
            )
            await skip_body(head, reader)
            await answer(head, writer, page)
            return
        try:
            back, forth = await asyncio.open_connection("127.0.0.1", self._upstream)
        except OSError:
            await skip_body(head, reader)
            text = f"The application doesn't answer on port {self._upstream}: nothing listens there.\n"
            await answer(head, writer, response(502, "Bad Gateway", text))
            return
        try:
            await self._pass_on(head, reader, writer, back, forth)
        finally:
            forth.close()

    async def _pass_on(
        self,
        head: Head,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        back: asyncio.StreamReader,
        forth: asyncio.StreamWriter,
    ) -> None:
        lines = [f"{head.method} {head.target} HTTP/1.1", "Connection: close", "X-Forwarded-Proto: http"]
        lines += [f"{name}: {value}" for name, value in head.headers if name not in _HOP_BY_HOP]
        forth.write("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n")
        upload = asyncio.create_task(_copy(reader, forth))
        answered = False
        try:
            async with asyncio.timeout(UPSTREAM_SECONDS):
                while chunk := await back.read(65_536):
                    answered = True
                    writer.write(chunk)
                    await writer.drain()
        except TimeoutError:
            if not answered:
                await answer(
                    head, writer, response(504, "Gateway Timeout", "The application took too long.\n")
                )
        except ConnectionError:
            pass
        else:
            if not answered:
                text = "The application closed the connection without an answer.\n"
                await answer(head, writer, response(502, "Bad Gateway", text))
        finally:
            upload.cancel()
            with suppress(asyncio.CancelledError):
                await upload


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Pass the request's body on as it comes; the application knows where it ends."""
    with suppress(ConnectionError):
        while chunk := await reader.read(65_536):
            writer.write(chunk)
            await writer.drain()


def main() -> None:
    """Serve until told to end."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--upstream", type=int, required=True)
    parser.add_argument("--flag", type=Path, required=True)
    chosen = parser.parse_args()
    asyncio.run(serve(chosen.port, Proxy(chosen.upstream, chosen.flag).handle))


if __name__ == "__main__":
    main()
