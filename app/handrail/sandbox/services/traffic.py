"""Customers of the shop: a few requests a second through the public address, a new connection each.

A connection kept alive would see one of the application's instances only.
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import json
import random
import signal
import time
import urllib.parse
from datetime import UTC, datetime
from pathlib import Path

MOST_BYTES = 1_000_000
SECONDS = 10.0
ITEMS = ("mug", "lamp", "notebook")
VISITS = (
    ("home", "GET", "/", 6),
    ("login", "POST", "/login", 2),
    ("checkout page", "GET", "/checkout", 1),
    ("checkout", "POST", "/checkout", 1),
)


class Customers:
    """Sends requests, and keeps an access log of two files at most, `log` and `log.1`."""

    def __init__(self, port: int, log: Path, per_second: float) -> None:
        self._port = port
        self._log = log
        self._per_second = per_second
        self._random = random.Random()  # noqa: S311 - nothing here is secret

    async def come(self, stop: asyncio.Event) -> None:
        """Send requests at random moments until `stop` is set."""
        visits: set[asyncio.Task[None]] = set()
        while not stop.is_set():
            pause = min(self._random.expovariate(self._per_second), 2.0)
            try:
                await asyncio.wait_for(stop.wait(), pause)
            except TimeoutError:
                visit = asyncio.create_task(asyncio.to_thread(self.visit))
                visits.add(visit)
                visit.add_done_callback(visits.discard)
        await asyncio.gather(*visits, return_exceptions=True)

    def visit(self) -> None:
        """One request, and its line in the log; status 0 where there was no answer."""
        name, method, path, _ = self._random.choices(VISITS, [weight for *_, weight in VISITS])[0]
        form = {"login": {"user": "guest", "password": "demo"}, "checkout": self._order()}.get(name)
        begin = time.monotonic()
        line: dict[str, object] = {
            "at": datetime.now(UTC).isoformat(),
            "visit": name,
            "method": method,
            "path": path,
        }
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=SECONDS)
        try:
            body = urllib.parse.urlencode(form) if form else None
            headers = {"Content-Type": "application/x-www-form-urlencoded"} if form else {}
            connection.request(method, path, body, headers | {"Connection": "close"})
            answer = connection.getresponse()
            content = answer.read()
            line["status"] = answer.status
            if answer.status == 503 and b"handrail-maintenance" in content:
                line["maintenance"] = True
        except (OSError, http.client.HTTPException) as error:
            line |= {"status": 0, "error": type(error).__name__}
        finally:
            connection.close()
        line["milliseconds"] = round((time.monotonic() - begin) * 1000, 1)
        self._write(json.dumps(line))

    def _order(self) -> dict[str, str]:
        return {"item": self._random.choice(ITEMS), "quantity": str(self._random.randint(1, 3))}

    def _write(self, line: str) -> None:
        with self._log.open("a", encoding="utf-8") as log:
            log.write(line + "\n")
            full = log.tell() > MOST_BYTES
        if full:
            self._log.replace(self._log.with_name(self._log.name + ".1"))


async def _run(customers: Customers) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await customers.come(stop)


def main() -> None:
    """Send requests until told to end."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--log", type=Path, required=True)
    parser.add_argument("--per-second", type=float, default=4.0)
    chosen = parser.parse_args()
    asyncio.run(_run(Customers(chosen.port, chosen.log, chosen.per_second)))


if __name__ == "__main__":
    main()
