"""Load is judged on errors and latency, and load that didn't come about proves nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from handrail.policy.gate import Verdict
from handrail.policy.load import Bearing, LoadLimits, busiest_per_second, judge_load

LIMITS = LoadLimits(most_failed=0.01, median_ms=250, p99_ms=1000)
GOOD = Bearing("/", 10, 30, 300, 0, 20, 80)


@pytest.mark.parametrize(
    ("changed", "verdict", "said"),
    [
        ({}, Verdict.PASS, "300 requests in 30 s (10.0 of 10.0 a second)"),
        ({"failed": 3}, Verdict.PASS, "3 failed"),
        ({"failed": 4}, Verdict.FAIL, "1.3 % failed, allowed 1 %"),
        ({"failed": 300}, Verdict.FAIL, "100.0 % failed"),
        ({"median_ms": 250}, Verdict.PASS, ""),
        ({"median_ms": 251}, Verdict.FAIL, "median 251 ms, allowed 250 ms"),
        ({"p99_ms": 1000}, Verdict.PASS, ""),
        ({"p99_ms": 1001}, Verdict.FAIL, "99 % within 1001 ms, allowed 1000 ms"),
        ({"requests": 270}, Verdict.PASS, ""),
        ({"requests": 269}, Verdict.UNKNOWN, "the wanted rate wasn't reached"),
        ({"requests": 269, "p99_ms": 5000}, Verdict.FAIL, "5000 ms"),
        ({"requests": 0}, Verdict.UNKNOWN, "wasn't reached"),
        ({"wanted_per_second": 0.5, "requests": 19}, Verdict.UNKNOWN, "wasn't reached"),
        ({"wanted_per_second": 0.5, "requests": 20}, Verdict.PASS, ""),
    ],
)
def test_load(changed: dict[str, float], verdict: Verdict, said: str) -> None:
    judged = judge_load([replace(GOOD, **changed)], LIMITS)  # type: ignore[arg-type]
    assert judged.verdict is verdict, judged.evidence
    assert said in judged.evidence


def test_one_bad_page_among_good_ones_fails() -> None:
    slow = replace(GOOD, path="/checkout", p99_ms=2000)
    judged = judge_load([GOOD, slow], LIMITS)
    assert judged.verdict is Verdict.FAIL
    assert judged.evidence.startswith("/checkout: 99 %")


def test_no_page_is_no_load() -> None:
    assert judge_load([], LIMITS).verdict is Verdict.UNKNOWN


@pytest.mark.parametrize(
    ("moments", "rate"),
    [
        ([], None),
        ([0.0], None),
        ([0.0, 59.9], None),
        ([0.0, 60.0], 1 / 60),
        ([i / 4 for i in range(480)], 4.0),
        ([*(i / 4 for i in range(240)), *(60 + i / 10 for i in range(600))], 10.0),
    ],
)
def test_the_busiest_minute(moments: list[float], rate: float | None) -> None:
    assert busiest_per_second(reversed(moments)) == rate
