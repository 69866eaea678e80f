"""The client of Prometheus' API against servers that are its own, another's, or broken."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from handrail.clock import Clock, Instant, ManualClock, SystemClock
from handrail.probes.making import Maker
from handrail.probes.prometheus import NoValue, PrometheusProber
from handrail.project.model import Target
from local_server import HANG, LocalServer, page, serving

pytestmark = pytest.mark.e2e


def answer(value: str) -> bytes:
    data = '{"resultType":"vector","result":[{"metric":{},"value":[1700000000.5,"%s"]}]}'
    return page('{"status":"success","data":' + data % value + "}")


def prober(server: LocalServer, *, clock: Clock | None = None, **fields: Any) -> PrometheusProber:
    table = {"address": server.address, "query": "sum(a) + 1", **fields}
    monitor = {"probes": [{"name": "queue", "prometheus": table, "timeout": "2s"}]}
    target = Target.model_validate({"monitor": monitor})
    made = Maker(target, clock or SystemClock(), os.environ).prober(target.monitor.probes[0])
    assert isinstance(made, PrometheusProber)
    return made


def test_a_query_is_asked_as_it_is_written() -> None:
    with serving(answer("42")) as server:
        (found,) = prober(server).look()
        assert found.value == 42
        assert server.requests[0].startswith("GET /api/v1/query?query=sum%28a%29+%2B+1&timeout=2s HTTP/1.1")


@pytest.mark.parametrize(
    ("kind", "values", "expected"),
    [
        ("level", ["5", "3"], [5, 3]),
        ("latency", ["0.25", "0.5"], [250, 500]),
        ("outcomes", ["0", "2", "-1"], [0, 1, 0]),
        ("count", ["10", "12", "12", "3"], [2, 0, 3]),
    ],
)
def test_what_a_value_is_depends_on_the_kind(kind: str, values: list[str], expected: list[float]) -> None:
    coming = iter(values)
    with serving(lambda path: answer(next(coming))) as server:
        asking = prober(server, kind=kind)
        found = [each.value for _ in values for each in asking.look()]
    assert found == expected


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (page("<html>Bad Gateway</html>", "502 Bad Gateway"), "status 502"),
        (page("<html>Welcome</html>"), "no JSON"),
        (
            page("", "302 Found", Location="http://169.254.169.254/"),
            "leads to http://169.254.169.254/: not followed",
        ),
        (
            page('{"status":"error","errorType":"bad_data","error":"parse error"}', "400 Bad Request"),
            "refuses the query: bad_data: parse error",
        ),
        (answer("NaN"), "NaN"),
        (HANG, "no answer within 2 s"),
        (b"nonsense\r\n\r\n", "it answers 'nonsense'"),
    ],
)
def test_whatever_else_comes_is_unknown_with_the_reason(said: Any, why: str) -> None:
    with serving(lambda path: said) as server:
        (found,) = prober(server).look()
        assert found.value is None
        assert why in found.why
        assert len(server.requests) == 1


def test_a_history_is_asked_as_a_range() -> None:
    values = '[[100,"1"],[110,"NaN"],[120,"3"]]'
    body = (
        '{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"values":' + values + "}]}}"
    )
    with serving(page(body)) as server:
        assert prober(server).client.history(100, 120, 10) == [(100, 1), (120, 3)]
        assert "/api/v1/query_range?" in server.requests[0]
        assert "start=100.000&end=120.000&step=10" in server.requests[0]
    with serving(answer("1")) as server, pytest.raises(NoValue):
        prober(server).client.history(100, 120, 10)


def ranged(*points: tuple[float, str]) -> bytes:
    values = ",".join(f'[{moment},"{value}"]' for moment, value in points)
    data = '{"resultType":"matrix","result":[{"metric":{},"values":[' + values + "]}]}"
    return page('{"status":"success","data":' + data + "}")


def test_with_a_step_each_look_gives_all_values_since_the_one_before() -> None:
    """A slow pace then misses none, and none is counted twice."""
    clock = ManualClock(Instant(wall=1000.0, boot=1.0, boot_id="manual"))
    coming = iter([ranged((1000, "5")), ranged((1010, "7"), (1020, "9"), (1030, "6")), ranged((1040, "NaN"))])
    with serving(lambda path: next(coming)) as server:
        asking = prober(server, clock=clock, kind="count", step="10s")
        assert asking.look() == []
        clock.advance(timedelta(seconds=9))
        assert asking.look() == []
        clock.advance(timedelta(seconds=26))
        assert [each.value for each in asking.look()] == [2, 2, 6]
        clock.advance(timedelta(seconds=12))
        (gone,) = asking.look()
        assert gone.value is None
        assert "no number for this time" in gone.why
    asked = [urlsplit(request.split()[1]).query for request in server.requests]
    assert [(one["start"], one["end"], one["step"]) for one in map(parse_qs, asked)] == [
        (["1000.000"], ["1000.000"], ["10"]),
        (["1010.000"], ["1035.000"], ["10"]),
        (["1040.000"], ["1047.000"], ["10"]),
    ]


def test_after_a_long_silence_no_more_than_ten_minutes_are_asked_for() -> None:
    clock = ManualClock(Instant(wall=1000.0, boot=1.0, boot_id="manual"))
    with serving(ranged((1000, "5"))) as server:
        asking = prober(server, clock=clock, step="10s")
        asking.look()
        clock.advance(timedelta(hours=2))
        asking.look()
    assert "start=7600.000&end=8200.000" in server.requests[1]


def test_a_token_is_read_anew_and_sent_in_its_header_alone(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("first\n")
    with serving(answer("1")) as server:
        asking = prober(server, token={"file": str(token)})
        asking.look()
        token.write_text("second\n")
        asking.look()
        heads = server.requests
        assert "Authorization: Bearer first\r\n" in heads[0]
        assert "Authorization: Bearer second\r\n" in heads[1]
        token.unlink()
        (found,) = asking.look()
        assert found.value is None
        assert "can't be read" in found.why
        assert len(heads) == 2
