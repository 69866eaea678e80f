"""What the stand-in for Prometheus makes of a query."""

from __future__ import annotations

import json
import math
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from handrail.sandbox.services.queries import Metrics, NotUnderstood
from handrail.sandbox.services.seen import Processes, Requests

BEGIN = datetime(2026, 3, 2, 10, tzinfo=UTC)
NOW = BEGIN.timestamp() + 100
RATE = "sum(rate(http_requests_total[1m]))"
ERRORS = 'sum(rate(http_requests_total{status=~"5.."}[1m]))'
BUCKETS = "http_request_duration_seconds_bucket"


@pytest.fixture
def metrics(tmp_path: Path) -> Metrics:
    """A minute with a request a second: every tenth fails, and they take 1 ms, 2 ms and so on."""
    # Its last second is `NOW`.
    log = tmp_path / "access.log"
    with log.open("w") as lines:
        for number in range(1, 61):
            end = BEGIN + timedelta(seconds=40 + number)
            line = {
                "at": (end - timedelta(milliseconds=number)).isoformat(),
                "method": "POST" if number % 2 else "GET",
                "path": "/checkout?a=1" if number % 3 else "/",
                "status": 500 if number % 10 == 0 else 200,
                "milliseconds": number,
                "upstream": "127.0.0.1:20001",
            }
            lines.write(json.dumps(line) + "\n")
    pids = tmp_path / "pm2" / "pids"
    pids.mkdir(parents=True)
    (pids / "shop-0.pid").write_text(str(os.getpid()))
    (pids / "shop-1.pid").write_text("no pid")
    made = Metrics(Requests(log), Processes(tmp_path / "pm2"))
    made.requests.read()
    made.processes.look(NOW)
    return made


@pytest.mark.parametrize(
    ("query", "value"),
    [
        (RATE, 1.0),
        (" sum( rate( http_requests_total [ 60s ] ) ) ", 1.0),
        ("sum(increase(http_requests_total[30s]))", 30.0),
        (ERRORS, 0.1),
        (f"{ERRORS} / {RATE}", 0.1),
        (f"({ERRORS} or vector(0)) / {RATE}", 0.1),
        ('sum(increase(http_requests_total{status="500",method="GET"}[1m]))', 6.0),
        ('sum(increase(http_requests_total{status!="500"}[1m]))', 54.0),
        ('sum(increase(http_requests_total{path="/checkout"}[1m]))', 40.0),
        ('sum(increase(http_requests_total{path!~"/c.*", method!~"GET|PUT"}[1m]))', 10.0),
        (f"histogram_quantile(0.5, sum(rate({BUCKETS}[1m])) by (le))", 0.030),
        (f"histogram_quantile(0.95, sum by (le) (rate({BUCKETS}[1m])))", 0.057),
        (f'histogram_quantile(1, sum(rate({BUCKETS}{{path="/"}}[1m])) by (le))', 0.060),
        ("sum(up)", 1.0),
    ],
)
def test_a_query_over_what_was_seen(metrics: Metrics, query: str, value: float) -> None:
    assert metrics.expression(query)(NOW) == [({}, pytest.approx(value))]


def test_a_series_that_never_was_is_missing_and_nothing_by_nothing_is_no_number(metrics: Metrics) -> None:
    teapots = 'sum(rate(http_requests_total{status="418"}[1m]))'
    assert metrics.expression(teapots)(NOW) == []
    assert metrics.expression(f"{teapots} / {RATE}")(NOW) == []
    assert metrics.expression(f"{teapots} or vector(0)")(NOW) == [({}, 0.0)]
    assert metrics.expression(RATE)(NOW + 60) == [({}, 0.0)]
    assert metrics.expression(RATE)(BEGIN.timestamp()) == []
    for query in (f"{ERRORS} / {RATE}", f"histogram_quantile(0.9, sum(rate({BUCKETS}[1m])) by (le))"):
        ((_, value),) = metrics.expression(query)(NOW + 60)
        assert math.isnan(value)


def test_processes_have_a_series_each_until_the_last_look_is_stale(metrics: Metrics) -> None:
    ((labels, resident),) = metrics.expression("process_resident_memory_bytes")(NOW + 1)
    assert labels == {"__name__": "process_resident_memory_bytes", "job": "shop", "instance": "shop-0"}
    assert resident > 1_000_000
    assert metrics.expression("max(process_resident_memory_bytes)")(NOW + 1) == [({}, resident)]
    assert metrics.expression("up")(NOW + 301) == []
    assert metrics.expression("up")(NOW - 1) == []


@pytest.mark.parametrize(
    "query",
    [
        "",
        "up)",
        "sum(up",
        "http_requests_total",
        "rate(http_requests_total[1m])",
        "sum(rate(http_requests_total))",
        "sum(rate(http_requests_total[0s]))",
        "sum(rate(node_cpu_seconds_total[1m]))",
        f"{RATE} / ",
        f"{RATE} / {RATE} / {RATE}",
        f"{RATE} + {RATE}",
        "sum(rate(http_requests_total{status=500}[1m]))",
        'sum(rate(http_requests_total{status=~"("}[1m]))',
    ],
)
def test_what_is_beyond_it_is_refused(metrics: Metrics, query: str) -> None:
    with pytest.raises(NotUnderstood):
        metrics.expression(query)
