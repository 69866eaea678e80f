"""Customers of the shop: a few requests a second through the public address, a new connection each.

A connection kept alive would see one of the application's instances only.
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import random
import signal
import time
import urllib.parse
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

from handrail.sandbox.customers import MOST_PER_SECOND, USUAL_PER_SECOND
from handrail.sandbox.services.rotating_log import RotatingLog

MOST_BYTES = 1_000_000
SECONDS = 10.0
MOST_AT_ONCE = 100
ITEMS = ("mug", "lamp", "notebook")
VISITS = (
    ("home", "GET", "/", 6),
    ("login", "POST", "/login", 2),
    ("checkout page", "GET", "/checkout", 1),
    ("checkout", "POST", "/checkout", 1),
)


class Customers:
    """Sends requests, and keeps a log of them in two files at most, `log` and `log.1`.

    While `MOST_AT_ONCE` wait for an answer, further ones stay away: what hangs must not fill this machine.
    """

    def __init__(self, port: int, log: Path, per_second: float) -> None:
        self._port = port
        self._log = RotatingLog(log, MOST_BYTES)
        self._per_second = min(per_second, MOST_PER_SECOND)
        self._random = random.Random()  # noqa: S311 - nothing here is secret

    async def come(self, stop: asyncio.Event) -> None:
        """Send requests at random moments until `stop` is set."""
        visits: set[asyncio.Task[None]] = set()
        threads = ThreadPoolExecutor(MOST_AT_ONCE)
        while not stop.is_set():
            pause = min(self._random.expovariate(self._per_second), 2.0)
            try:
                await asyncio.wait_for(stop.wait(), pause)
            except TimeoutError:
                if len(visits) < MOST_AT_ONCE:
                    visit = asyncio.create_task(self._visit(threads))
                    visits.add(visit)
                    visit.add_done_callback(visits.discard)
        await asyncio.gather(*visits, return_exceptions=True)

    async def _visit(self, threads: ThreadPoolExecutor) -> None:
        self._log.write(await asyncio.get_running_loop().run_in_executor(threads, self.visit))

    def visit(self) -> dict[str, object]:
        """One request, as its line in the log; status 0 where there was no answer."""
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
            headers |= {"Connection": "close", "User-Agent": "customer"}
            connection.request(method, path, body, headers)
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
        return line

    def _order(self) -> dict[str, str]:
        return {"item": self._random.choice(ITEMS), "quantity": str(self._random.randint(1, 3))}


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
    parser.add_argument("--per-second", type=float, default=USUAL_PER_SECOND)
    chosen = parser.parse_args()
    asyncio.run(_run(Customers(chosen.port, chosen.log, chosen.per_second)))


if __name__ == "__main__":
    main()
