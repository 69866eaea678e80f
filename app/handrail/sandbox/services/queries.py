"""The few PromQL expressions that the sandbox's stand-in for Prometheus understands; all else is refused.

Of `http_requests_total` and `http_request_duration_seconds_bucket`, with labels `status`, `method`, `path`:

    sum(rate(http_requests_total{status=~"5.."}[1m]))       also increase(); also A / B of two such sums;
    (sum(rate(…)) or vector(0))                             0 where there is no such series yet
    histogram_quantile(0.95, sum(rate(http_request_duration_seconds_bucket[1m])) by (le))

and `process_resident_memory_bytes` and `up`, alone or as `sum(…)`, `avg(…)`, `max(…)` or `min(…)`. Quantiles
are those of the requests themselves, without the error that buckets bring in.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from handrail.sandbox.services.seen import Processes, Request, Requests

STALE_SECONDS = 300.0
Vector = list[tuple[dict[str, str], float]]
Expression = Callable[[float], Vector]

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_SELECTOR = r"(\{[^{}]*\})?\[(\d+)(ms|s|m|h|d)\]"
_SUM = re.compile(rf"sum\((rate|increase)\(http_requests_total{_SELECTOR}\)\)")
_QUANTILE = re.compile(
    r"histogram_quantile\((\d*\.?\d+),"
    rf"sum(?:by\(le\))?\(rate\(http_request_duration_seconds_bucket{_SELECTOR}\)\)(?:by\(le\))?\)"
)
_PROCESSES = re.compile(r"(?:(sum|avg|max|min)\()?(process_resident_memory_bytes|up)\)?")
_MATCHER = re.compile(r'(\w+)(=~|!~|!=|=)"([^"]*)"')
_QUOTED = re.compile(r'("[^"]*")')


class NotUnderstood(Exception):
    """An expression beyond the few."""


@dataclass(frozen=True, slots=True)
class Metrics:
    """What was seen, and how an expression is read over it."""

    requests: Requests
    processes: Processes

    def expression(self, query: str) -> Expression:
        """The value of a query at a moment (Unix time). Raises `NotUnderstood`."""
        parts = _QUOTED.split(query)
        text = "".join(part if part.startswith('"') else re.sub(r"\s+", "", part) for part in parts)
        if found := _QUANTILE.fullmatch(text):
            share, matchers, number, unit = found.groups()
            return self._quantile(float(share), _wanted(matchers), int(number) * _UNITS[unit])
        if found := _PROCESSES.fullmatch(text):
            if bool(found[1]) != text.endswith(")"):
                raise NotUnderstood(query)
            return self._of_processes(found[1], found[2])
        over, slash, under = _divided(text)
        one = self._sum(over, query)
        if not slash:
            return one
        other = self._sum(under, query)
        return lambda at: [({}, _ratio(a, b)) for (_, a), (_, b) in zip(one(at), other(at), strict=False)]

    def _sum(self, text: str, query: str) -> Expression:
        zero = "orvector(0)"
        if text.startswith("(") and text.endswith(")"):
            text = text[1:-1]
        or_zero = text.endswith(zero)
        found = _SUM.fullmatch(text.removesuffix(zero))
        if found is None:
            raise NotUnderstood(query)
        function, matchers, number, unit = found.groups()
        wanted, seconds = _wanted(matchers), int(number) * _UNITS[unit]
        if seconds <= 0:
            raise NotUnderstood(query)

        def value(at: float) -> Vector:
            count = len(self.requests.between(at - seconds, at, wanted))
            if not count and not self.requests.any(at, wanted):
                return [({}, 0.0)] if or_zero else []
            return [({}, count / seconds if function == "rate" else float(count))]

        return value

    def _quantile(self, share: float, wanted: Callable[[Request], bool], seconds: float) -> Expression:
        def value(at: float) -> Vector:
            found = sorted(each.seconds for each in self.requests.between(at - seconds, at, wanted))
            if found:
                return [({}, found[min(len(found) - 1, max(0, math.ceil(share * len(found)) - 1))])]
            return [({}, math.nan)] if self.requests.any(at, wanted) else []

        return value

    def _of_processes(self, function: str | None, metric: str) -> Expression:
        def value(at: float) -> Vector:
            memory = self.processes.memory(at, STALE_SECONDS)
            values = {name: resident if metric != "up" else 1.0 for name, resident in memory.items()}
            if function is None:
                job = {"__name__": metric, "job": "shop"}
                return [({**job, "instance": name}, each) for name, each in values.items()]
            return [({}, _AGGREGATED[function](list(values.values())))] if values else []

        return value


_AGGREGATED: Mapping[str, Callable[[list[float]], float]] = {
    "sum": sum,
    "max": max,
    "min": min,
    "avg": lambda values: sum(values) / len(values),
}


def _divided(text: str) -> tuple[str, str, str]:
    """The two sides of a division; a slash within quotes, as in a path, is none."""
    parts = _QUOTED.split(text)
    for index, part in enumerate(parts):
        if "/" in part and not part.startswith('"'):
            before, _, after = part.partition("/")
            return "".join([*parts[:index], before]), "/", "".join([after, *parts[index + 1 :]])
    return text, "", ""


def _ratio(a: float, b: float) -> float:
    """As IEEE 754 and so Prometheus has it: 0/0 is no number."""
    if b:
        return a / b
    return math.nan if not a else math.inf


def _wanted(matchers: str | None) -> Callable[[Request], bool]:
    """Whether a request has the labels that a selector names. Raises `NotUnderstood`."""
    inner = (matchers or "{}")[1:-1]
    found = [_MATCHER.fullmatch(each) for each in inner.split(",") if each]
    tests: list[tuple[str, str, re.Pattern[str]]] = []
    for each in found:
        if each is None:
            raise NotUnderstood(inner)
        label, operator, value = each.groups()
        try:
            tests.append((label, operator, re.compile(value if "~" in operator else re.escape(value))))
        except re.error as error:
            raise NotUnderstood(inner) from error
    return lambda request: all(
        bool(pattern.fullmatch(request.labels.get(label, ""))) != operator.startswith("!")
        for label, operator, pattern in tests
    )
