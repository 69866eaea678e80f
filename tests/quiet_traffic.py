"""Quiet traffic as it really is, window by window: it drifts with the day, wanders, and has spikes."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Mapping

from handrail.signals.latency_buckets import bucket_of
from handrail.signals.signal import Signal, SignalKind
from handrail.signals.window import Tally

WINDOW_SECONDS = 5.0
VISITORS = Signal(name="visitors", kind=SignalKind.OUTCOMES, source="the access log")
TIME = Signal(name="visitors time", kind=SignalKind.LATENCY, unit="ms", required=False)
RESTARTS = Signal(name="restarts", kind=SignalKind.COUNT, any_is_bad=True, source="pm2")
ERROR_LINES = Signal(name="error lines", kind=SignalKind.COUNT, source="the application's log")
MEMORY = Signal(name="memory", kind=SignalKind.LEVEL, unit="bytes", may_leak=True, source="pm2")
CPU = Signal(name="cpu", kind=SignalKind.LEVEL, unit="%", source="pm2")
SIGNALS = (VISITORS, TIME, RESTARTS, ERROR_LINES, MEMORY, CPU)


class QuietTraffic:
    """A shop with `per_second` visitors, of whom two in a thousand meet an error, on a day as any other.

    Their number rises or falls by a fifth in an hour, latencies wander by some percent, twice in half an hour
    a spike makes everything slower for some seconds and a few requests fail together; memory is given back
    now and then, as a garbage collector does.
    """

    def __init__(self, seed: int, per_second: float) -> None:
        self._random = random.Random(seed)
        self._per_second = per_second
        self._hour = self._random.uniform(0, 2 * math.pi)
        self._wander = 0.0
        self._heap = self._random.uniform(0, 40e6)
        self._spike = 0

    def windows(self) -> Iterator[Mapping[str, Tally]]:
        """The tallies of one window after another."""
        number = 0
        while True:
            yield self._window(number * WINDOW_SECONDS / 3600)
            number += 1

    def _window(self, hours: float) -> Mapping[str, Tally]:
        chance = self._random
        self._wander = 0.97 * self._wander + chance.gauss(0, 0.007)
        if self._spike:
            self._spike -= 1
        elif chance.random() < 1 / 180:
            self._spike = chance.randint(1, 2)
        day = 1 + 0.2 * math.sin(self._hour + hours)
        n = self._poisson(self._per_second * WINDOW_SECONDS * day)
        bad = sum(chance.random() < (0.03 if self._spike else 0.002) for _ in range(n))
        slower = math.exp(self._wander) * (1.8 if self._spike else 1.0) * (1 + 0.03 * (day - 1))
        buckets: dict[int, int] = {}
        for _ in range(n - bad):
            took = 120 * slower * math.exp(chance.gauss(0, 0.5))
            if chance.random() < 0.03:
                took *= chance.paretovariate(1.8)
            buckets[bucket_of(took)] = buckets.get(bucket_of(took), 0) + 1
        self._heap = chance.uniform(0, 10e6) if self._heap > 40e6 else self._heap + chance.uniform(0, 2e6)
        return {
            VISITORS.name: Tally(
                n=n, bad=bad, why="status 500" if bad else "", first_bad=1.0 if bad else None
            ),
            TIME.name: Tally(n=n - bad, buckets=buckets),
            RESTARTS.name: Tally(n=1),
            ERROR_LINES.name: Tally(n=1, bad=bad),
            MEMORY.name: self._level(180e6 + self._heap),
            CPU.name: self._level(max(1.0, 30 * day + chance.gauss(0, 6) + (30 if self._spike else 0))),
        }

    def _level(self, value: float) -> Tally:
        return Tally(n=1, total=value, low=value, high=value, last=value)

    def _poisson(self, mean: float) -> int:
        count, left = 0, mean
        while (left := left - self._random.expovariate(1.0)) > 0:
            count += 1
        return count
