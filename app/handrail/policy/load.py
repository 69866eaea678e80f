"""Does staging bear twice the expected traffic? (deployment-workflow.md, "Test Scenarios", 3)"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from handrail.policy.gate import Verdict
from handrail.policy.judgement import Judgement

LEAST_SECONDS = 60.0
"""A shorter log says little of what is usual."""
LEAST_REACHED = 0.9
FEWEST_REQUESTS = 20


@dataclass(frozen=True, slots=True)
class Bearing:
    """What came of putting load on one page: counts, and milliseconds at two quantiles.

    `failed` are requests without an answer and answers outside of 200 to 399.
    """

    path: str
    wanted_per_second: float
    seconds: float
    requests: int
    failed: int
    median_ms: float
    p99_ms: float

    def __str__(self) -> str:
        rate = self.requests / self.seconds if self.seconds else 0.0
        return (
            f"{self.path}: {self.requests} requests in {self.seconds:.0f} s ({rate:.1f} of"
            f" {self.wanted_per_second:.1f} a second), {self.failed} failed,"
            f" median {self.median_ms:.0f} ms, 99 % within {self.p99_ms:.0f} ms"
        )


@dataclass(frozen=True, slots=True)
class LoadLimits:
    """What the application must bear: share of failed requests, and milliseconds."""

    most_failed: float
    median_ms: float
    p99_ms: float


def busiest_per_second(moments: Iterable[float]) -> float | None:
    """The mean rate of the busiest minute among requests at these times (seconds since 1970).

    `None` where they don't span a minute.
    """
    seen = sorted(moments)
    if not seen or seen[-1] - seen[0] < LEAST_SECONDS:
        return None
    minutes = Counter(int((moment - seen[0]) // 60) for moment in seen)
    return max(minutes.values()) / 60


def judge_load(bearings: Iterable[Bearing], limits: LoadLimits) -> Judgement:
    """Pass where every page bore the wanted rate within the limits.

    Load that didn't come about proves nothing: where a page answered well but the wanted rate wasn't
    reached, that is unknown.
    """
    found = list(bearings)
    if not found:
        return Judgement(Verdict.UNKNOWN, "no page was put under load")
    wrong: list[str] = []
    short: list[str] = []
    for bearing in found:
        total = bearing.requests
        if total and bearing.failed > limits.most_failed * total:
            share = 100 * bearing.failed / total
            wrong.append(f"{bearing.path}: {share:.1f} % failed, allowed {100 * limits.most_failed:g} %")
        if bearing.failed < total:
            if bearing.median_ms > limits.median_ms:
                wrong.append(
                    f"{bearing.path}: median {bearing.median_ms:.0f} ms, allowed {limits.median_ms:g} ms"
                )
            if bearing.p99_ms > limits.p99_ms:
                wrong.append(
                    f"{bearing.path}: 99 % within {bearing.p99_ms:.0f} ms, allowed {limits.p99_ms:g} ms"
                )
        reached = total / bearing.seconds if bearing.seconds else 0.0
        if total < FEWEST_REQUESTS or reached < LEAST_REACHED * bearing.wanted_per_second:
            short.append(f"{bearing.path}: the wanted rate wasn't reached")
    evidence = "; ".join(map(str, found))
    if wrong:
        return Judgement(Verdict.FAIL, f"{'; '.join(wrong)} ({evidence})")
    if short:
        return Judgement(Verdict.UNKNOWN, f"{'; '.join(short)} ({evidence})")
    return Judgement(Verdict.PASS, evidence)
