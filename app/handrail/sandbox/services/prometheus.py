"""Stands in for Prometheus: its HTTP API for queries, over what the sandbox's proxy saw.

`/api/v1/query` and `/api/v1/query_range` answer in the documented shapes
(https://prometheus.io/docs/prometheus/latest/querying/api/) to the expressions of `queries.py`. A file says
that it answers with nonsense instead: `html`, `truncated`, `empty`, `error` or `hang`; it is read at each
request.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import time
import urllib.parse
from contextlib import suppress
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from handrail.sandbox.services.http import answer, read_head, response, serve
from handrail.sandbox.services.queries import Expression, Metrics, NotUnderstood
from handrail.sandbox.services.seen import Processes, Requests

LARGEST_BODY = 100_000
LONGEST_HANG = 3600.0
MOST_POINTS = 11_000
LOOK_SECONDS = 2.0
REASONS = {200: "OK", 400: "Bad Request", 404: "Not Found", 503: "Service Unavailable"}
PAGE = (
    "<!doctype html>\n<html><head><title>Prometheus</title></head><body>Sign in to continue</body></html>\n"
)


class Refusal(Exception):
    """A request that can't be answered; what of it, in Prometheus' own words."""


class Prometheus:
    """Answers queries, well or as the mode's file says."""

    def __init__(self, metrics: Metrics, mode: Path) -> None:
        self._metrics = metrics
        self._mode = mode

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take one request."""
        head = await read_head(reader)
        if head is None:
            return
        path, _, query = head.target.partition("?")
        if path in ("/-/healthy", "/-/ready"):
            await answer(head, writer, response(200, "OK", "Prometheus Server is Healthy.\n"))
            return
        mode = self._mode.read_text(encoding="ascii").strip() if self._mode.exists() else "ok"
        if mode == "hang":
            await asyncio.sleep(LONGEST_HANG)
            return
        if head.method == "POST":
            length = min(head.length, LARGEST_BODY)
            query += "&" + (await asyncio.wait_for(reader.readexactly(length), 10)).decode("utf-8", "replace")
        status, content, kind = self._content(path, dict(urllib.parse.parse_qsl(query)), mode)
        await answer(head, writer, response(status, REASONS[status], content, kind=kind))

    def _content(self, path: str, given: dict[str, str], mode: str) -> tuple[int, str, str]:
        json_kind = "application/json"
        if path not in ("/api/v1/query", "/api/v1/query_range"):
            return 404, "404 page not found\n", "text/plain"
        if mode == "html":
            return 200, PAGE, "text/html"
        if mode == "error":
            return 503, _failure("unavailable", "TSDB not ready"), json_kind
        try:
            data = self._instant(given) if path == "/api/v1/query" else self._range(given)
        except Refusal as refusal:
            return 400, _failure("bad_data", str(refusal)), json_kind
        if mode == "empty":
            data["result"] = []
        text = json.dumps({"status": "success", "data": data}, separators=(",", ":"))
        return 200, text[: len(text) // 2] if mode == "truncated" else text, json_kind

    def _instant(self, given: dict[str, str]) -> dict[str, Any]:
        at = _moment("time", given["time"]) if "time" in given else time.time()
        value = self._expression(given)
        result = [{"metric": metric, "value": [at, _text(number)]} for metric, number in value(at)]
        return {"resultType": "vector", "result": result}

    def _range(self, given: dict[str, str]) -> dict[str, Any]:
        start, end = (_moment(name, given.get(name, "")) for name in ("start", "end"))
        step = _step(given.get("step", ""))
        if end < start:
            raise Refusal('invalid parameter "end": end timestamp must not be before start time')
        if (end - start) / step > MOST_POINTS:
            raise Refusal(
                "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query "
                "resolution (?step=XX)"
            )
        value = self._expression(given)
        series: dict[str, dict[str, Any]] = {}
        for index in range(int((end - start) / step) + 1):
            at = start + index * step
            for metric, number in value(at):
                one = series.setdefault(json.dumps(metric), {"metric": metric, "values": []})
                one["values"].append([at, _text(number)])
        return {"resultType": "matrix", "result": list(series.values())}

    def _expression(self, given: dict[str, str]) -> Expression:
        query = given.get("query", "")
        try:
            expression = self._metrics.expression(query)
        except NotUnderstood:
            raise Refusal(
                'invalid parameter "query": the sandbox\'s stand-in understands few expressions, '
                f"and not this one: {query}"
            ) from None
        self._metrics.requests.read()
        return expression


def _failure(kind: str, text: str) -> str:
    return json.dumps({"status": "error", "errorType": kind, "error": text})


def _text(value: float) -> str:
    """A sample's value as Prometheus writes it: the shortest text without an exponent."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return format(Decimal(repr(value)).normalize(), "f")


def _moment(name: str, text: str) -> float:
    """A Unix time or an RFC 3339 time."""
    with suppress(ValueError):
        value = float(text)
        if math.isfinite(value):
            return value
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        raise Refusal(f'invalid parameter "{name}": cannot parse "{text}" to a valid timestamp') from None


def _step(text: str) -> float:
    """Seconds, as a number or with a unit."""
    units = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
    unit = next((unit for unit in units if text.endswith(unit)), "")
    try:
        value = float(text.removesuffix(unit)) * units.get(unit, 1.0)
    except ValueError:
        value = math.nan
    if math.isnan(value):
        raise Refusal(f'invalid parameter "step": cannot parse "{text}" to a valid duration')
    if value <= 0:
        raise Refusal(
            'invalid parameter "step": zero or negative query resolution step widths are not accepted. '
            "Try a positive integer"
        )
    return value


async def _serve(port: int, metrics: Metrics, mode: Path) -> None:
    async def look() -> None:
        while True:
            now = time.time()
            await asyncio.to_thread(metrics.processes.look, now)
            metrics.requests.read()
            await asyncio.sleep(LOOK_SECONDS)

    looking = asyncio.create_task(look())
    try:
        await serve(port, Prometheus(metrics, mode).handle)
    finally:
        looking.cancel()


def main() -> None:
    """Serve until told to end."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--access-log", type=Path, required=True)
    parser.add_argument("--pm2-home", type=Path, required=True)
    parser.add_argument("--mode", type=Path, required=True)
    chosen = parser.parse_args()
    metrics = Metrics(Requests(chosen.access_log), Processes(chosen.pm2_home))
    asyncio.run(_serve(chosen.port, metrics, chosen.mode))


if __name__ == "__main__":
    main()
