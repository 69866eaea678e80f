"""Prometheus' HTTP API: what one query gives now, or gave over a time before.

Its values are texts, no data is an empty result, and `NaN` is what a division by nothing gives: all of that
is unknown here, and never zero. So is anything that isn't Prometheus' own JSON.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlencode

from handrail.clock import Clock, Instant
from handrail.probes.base import sample, unknown
from handrail.probes.direct import Direct, Prepared, revealed
from handrail.probes.exchange import Answer, CanNotAsk, NoAnswer, Request
from handrail.project.signals import signals_of_probe
from handrail.signals.signal import SignalKind
from handrail.signals.window import Sample

if TYPE_CHECKING:
    from handrail.project.model import Target
    from handrail.project.probes import Probe, PrometheusProbe

MILLISECONDS = {"": 1000.0, "s": 1000.0, "ms": 1.0, "us": 0.001}
LONGEST_SAID = 120
LONGEST_GAP_SECONDS = 600.0
"""After a time without an answer no more than this is asked for: what is older is not what is now."""
Read = TypeVar("Read")


class NoValue(Exception):
    """An answer holds no one value; its text says why."""


def instant_value(body: str) -> float:
    """The one value of an instant query's answer. Raises `NoValue`."""
    kind, result = _result(body)
    if kind == "scalar":
        return _value(result)
    if kind != "vector":
        raise NoValue(f"the query gives a {kind}, and not one value")
    return _value(_only(result).get("value"))


def range_values(body: str) -> list[tuple[float, float]]:
    """Time (seconds since 1970) and value of a range query's one series; what isn't finite is left out.

    Raises `NoValue`.
    """
    kind, result = _result(body)
    if kind != "matrix":
        raise NoValue(f"the query gives a {kind}, and no range of values")
    points = _only(result).get("values")
    if not isinstance(points, list):
        raise NoValue("the series has no values")
    found = []
    for point in points:
        number = _finite(point)
        if number is not None:
            found.append((float(point[0]), number))
    return found


def _result(body: str) -> tuple[str, Any]:
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError) as error:
        shown = " ".join(body.split())[:LONGEST_SAID]
        raise NoValue(f"the answer is no JSON: {shown or 'it is empty'}") from error
    if not isinstance(answer, dict):
        raise NoValue("the answer is not Prometheus'")
    if answer.get("status") == "error":
        said = f"{answer.get('errorType') or 'error'}: {answer.get('error') or 'without a word'}"
        raise NoValue(f"Prometheus refuses the query: {said[: 2 * LONGEST_SAID]}")
    data = answer.get("data")
    if answer.get("status") != "success" or not isinstance(data, dict) or "result" not in data:
        raise NoValue("the answer is not Prometheus'")
    return str(data.get("resultType")), data["result"]


def _only(result: Any) -> dict[str, Any]:
    if not isinstance(result, list):
        raise NoValue("the answer is not Prometheus'")
    if not result:
        raise NoValue("the query gives no data")
    if len(result) > 1:
        raise NoValue(
            f"the query gives {len(result)} series, and one is expected: aggregate them, as by sum()"
        )
    if not isinstance(result[0], dict):
        raise NoValue("the answer is not Prometheus'")
    if "value" not in result[0] and ("histogram" in result[0] or "histograms" in result[0]):
        raise NoValue("the query gives a histogram, and not one value: take histogram_quantile() of it")
    return result[0]


def _value(pair: Any) -> float:
    number = _finite(pair)
    if number is None:
        shown = pair[1] if isinstance(pair, list) and len(pair) == 2 else pair
        raise NoValue(f"the value is {str(shown)[:LONGEST_SAID]}, which is no number to judge by")
    return number


def _finite(pair: Any) -> float | None:
    if not isinstance(pair, list) or len(pair) != 2 or isinstance(pair[1], bool):
        return None
    try:
        moment, number = float(pair[0]), float(pair[1])
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) and math.isfinite(moment) else None


class PrometheusClient:
    """Asks one Prometheus. Raises `CanNotAsk`, `NoAnswer` and `NoValue`, all of which mean unknown."""

    def __init__(self, configured: PrometheusProbe, direct: Direct, timeout: float) -> None:
        self._configured = configured
        self._direct = direct
        self._timeout = timeout
        self._prepared: Prepared | None = None

    def now(self) -> float:
        """What the query gives now."""
        if self._prepared is None or self._configured.token is not None:
            # A token in a file may have been renewed since.
            self._prepared = self._asking("query", {"query": self._configured.query})
        return self._read(self._prepared, instant_value)

    def history(self, start: float, end: float, step: float) -> list[tuple[float, float]]:
        """What it gave from `start` to `end` (seconds since 1970), a value every `step` seconds."""
        asked = {
            "query": self._configured.query,
            "start": f"{start:.3f}",
            "end": f"{end:.3f}",
            "step": f"{step:g}",
        }
        return self._read(self._asking("query_range", asked), range_values)

    def _asking(self, what: str, asked: dict[str, str]) -> Prepared:
        headers = {"Accept": "application/json"}
        if self._configured.token is not None:
            headers["Authorization"] = f"Bearer {revealed(self._configured.token)}"
        asked = {**asked, "timeout": f"{self._timeout:g}s"}
        url = f"{self._configured.address.rstrip('/')}/api/v1/{what}?{urlencode(asked)}"
        return self._direct.prepared(Request(url, headers=headers, timeout=self._timeout))

    def _read(self, prepared: Prepared, read: Callable[[str], Read]) -> Read:
        answer = self._direct.ask(prepared)
        try:
            found = read(answer.body)
        except NoValue as error:
            if answer.status != 200 and "refuses the query" not in str(error):
                raise NoValue(_said(answer)) from error
            raise
        if answer.status != 200:
            raise NoValue(_said(answer))
        return found


def _said(answer: Answer) -> str:
    where = answer.headers.get("location")
    leads = f", which leads to {where[:LONGEST_SAID]}: not followed" if where else ""
    return f"Prometheus answers with status {answer.status}{leads}"


class PrometheusProber:
    """One query, as a level, a time, a counter's increase, or something that is bad above 0."""

    dated_at_start = False

    def __init__(self, target: Target, probe: Probe, clock: Clock, direct: Direct) -> None:
        assert probe.prometheus is not None  # noqa: S101  (its kind says so)
        self.name = probe.name
        self.signals = signals_of_probe(target, probe)
        self.timeout = probe.timeout_seconds
        self.client = PrometheusClient(probe.prometheus, direct, self.timeout)
        self._unit = probe.prometheus.unit
        self._clock = clock
        self._before: float | None = None
        step = probe.prometheus.step
        self._step = step.total_seconds() if step is not None else None
        self._newest: float | None = None

    def look(self) -> list[Sample]:
        """Ask for the query's value now, or for those since the look before."""
        try:
            values = self._values()
        except (CanNotAsk, NoAnswer) as error:
            return unknown(self.signals, self._clock.now(), f"Prometheus can't be asked: {error.summary}")
        except NoValue as error:
            return unknown(self.signals, self._clock.now(), str(error))
        at = self._clock.now()
        return [each for value in values for each in self._samples(at, value)]

    def _values(self) -> list[float]:
        if self._step is None:
            return [self.client.now()]
        now = self._clock.now().wall
        # The first look asks for what is now: a baseline must not hold what was before its run.
        start = now if self._newest is None else self._newest + self._step
        if start > now:
            return []
        points = self.client.history(max(start, now - LONGEST_GAP_SECONDS), now, self._step)
        if not points:
            raise NoValue("the query gives no number for this time")
        self._newest = points[-1][0]
        return [value for _, value in points]

    def _samples(self, at: Instant, value: float) -> list[Sample]:
        (signal,) = self.signals
        match signal.kind:
            case SignalKind.LEVEL:
                return [sample(signal, at, value)]
            case SignalKind.LATENCY:
                return [sample(signal, at, value * MILLISECONDS[self._unit])]
            case SignalKind.OUTCOMES:
                return [
                    sample(signal, at, float(value > 0), f"the query gives {value:g}" if value > 0 else "")
                ]
        before, self._before = self._before, value
        if before is None:
            return []
        # A counter that fell began anew with its process, and what it shows has happened since.
        grown = value - before if value >= before else value
        return [sample(signal, at, max(0.0, grown), f"the query gives {value:g}" if grown > 0 else "")]

    def close(self) -> None:
        """Each connection was closed with its look."""
