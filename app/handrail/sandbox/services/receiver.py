"""Stands in for Slack's incoming webhooks: takes posts, keeps them, and answers `ok`.

A file says how it answers instead: `500`, `404`, `410`, `429` or `hang`; it is read at each request.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path

from handrail.sandbox.services.http import REASONS, answer, read_head, response, serve

LARGEST_BODY = 1_000_000
LONGEST_HANG = 3600.0
# What Slack itself says (https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks).
BODIES = {404: "no_service", 410: "channel_is_archived", 429: "rate_limited", 500: "rollup_error"}


class Receiver:
    """Keeps every post as one JSON line: when, path, status answered, body."""

    def __init__(self, posts: Path, mode: Path) -> None:
        self._posts = posts
        self._mode = mode

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take one request."""
        head = await read_head(reader)
        if head is None:
            return
        if head.method == "GET" and head.target == "/healthz":
            await answer(head, writer, response(200, "OK", "ok"))
            return
        if head.method != "POST" or not head.target.startswith("/services/") or head.length > LARGEST_BODY:
            await answer(head, writer, response(404, "Not Found", "no_service"))
            return
        raw = (await asyncio.wait_for(reader.readexactly(head.length), 10)).decode("utf-8", "replace")
        mode = self._mode.read_text(encoding="ascii").strip() if self._mode.exists() else "ok"
        status = int(mode) if mode.isdigit() else 200
        text = BODIES.get(status, "ok")
        if status == 200 and not _is_object(raw):
            status, text = 400, "invalid_payload"
        self._keep(head.target, None if mode == "hang" else status, raw)
        if mode == "hang":
            await asyncio.sleep(LONGEST_HANG)
            return
        headers = (("Retry-After", "1"),) if status == 429 else ()
        await answer(head, writer, response(status, REASONS.get(status, "Status"), text, headers=headers))

    def _keep(self, path: str, status: int | None, raw: str) -> None:
        line = {"at": datetime.now(UTC).isoformat(), "path": path, "status": status, "body": raw}
        if _is_object(raw):
            line["body"] = json.loads(raw)
        with self._posts.open("a", encoding="utf-8") as posts:
            posts.write(json.dumps(line, ensure_ascii=False) + "\n")


def _is_object(raw: str) -> bool:
    try:
        return isinstance(json.loads(raw), dict)
    except ValueError:
        return False


def main() -> None:
    """Serve until told to end."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--posts", type=Path, required=True)
    parser.add_argument("--mode", type=Path, required=True)
    chosen = parser.parse_args()
    asyncio.run(serve(chosen.port, Receiver(chosen.posts, chosen.mode).handle))


if __name__ == "__main__":
    main()
