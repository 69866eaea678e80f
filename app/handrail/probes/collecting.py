"""From samples to windows: which window a sample belongs to, and when a window is complete.

A window is of the moments at which its samples were taken. A page's is that at which it was asked for, since
that is when a visitor would have met the same; whatever else is looked at tells how it is when it answers. So
a window that has ended waits for the pages that were asked for in it, as long as their own time limit at
most. A look that is not over a second after its limit counts as unknown then, in the window in which it
began, and its late answer is dropped: it would otherwise be shifted into a window that it doesn't belong to.
For every further moment at which it should have looked again, it counts as unknown once more.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from handrail.clock import Clock, Instant
from handrail.probes.base import Prober, unknown
from handrail.signals.signal import SignalKind
from handrail.signals.window import Sample, SignalWindow, make_window

GRACE_SECONDS = 1.0
LONGEST_GAP_WINDOWS = 12
"""Where more windows than this passed at once (the machine slept), those without samples are left out."""


@dataclass(slots=True)
class Look:
    """A look that has begun. Once it has `expired`, nobody waits for it any more."""

    prober: Prober
    began: Instant
    every: float
    expired: bool = False
    next_unknown: float = 0.0


class Collector:
    """Takes in samples from many threads, and gives out complete windows to one."""

    def __init__(self, clock: Clock, seconds: float, probers: Iterable[Prober]) -> None:
        self._clock = clock
        self._seconds = seconds
        self._start = clock.now()
        self._kinds: dict[str, SignalKind] = {
            signal.name: signal.kind for prober in probers for signal in prober.signals
        }
        self._lock = threading.Lock()
        self._samples: dict[int, dict[str, list[Sample]]] = {}
        self._running: dict[int, Look] = {}
        self._next_look = 0
        self._next_window = 0

    def now(self) -> Instant:
        """The present moment, by the clock of all samples."""
        return self._clock.now()

    def begin(self, prober: Prober, every: float) -> int:
        """Note that a look begins; its number."""
        with self._lock:
            number = self._next_look
            self._next_look += 1
            self._running[number] = Look(prober, self._clock.now(), every)
            return number

    def end(self, number: int, samples: Sequence[Sample]) -> None:
        """Take in what a look saw, unless it came too late to count."""
        with self._lock:
            look = self._running.pop(number)
            if not look.expired:
                self._take(samples)

    def _take(self, samples: Iterable[Sample]) -> None:
        for sample in samples:
            window = max(self._window_of(sample.at), self._next_window)
            self._samples.setdefault(window, {}).setdefault(sample.signal, []).append(sample)

    def _window_of(self, at: Instant) -> int:
        return math.floor(at.since(self._start).total_seconds() / self._seconds)

    def completed(self) -> list[SignalWindow]:
        """The windows that have become complete, in order."""
        now = self._clock.now()
        with self._lock:
            self._expire(now)
            ended = self._window_of(now)
            for look in self._running.values():
                if look.prober.dated_at_start and not look.expired:
                    ended = min(ended, self._window_of(look.began))
            numbers = list(range(self._next_window, ended))
            if len(numbers) > LONGEST_GAP_WINDOWS:
                numbers = sorted(number for number in self._samples if number < ended)
            ready = [(number, self._samples.pop(number, {})) for number in numbers]
            self._next_window = max(self._next_window, ended)
        return [self._window(number, samples) for number, samples in ready]

    def _expire(self, now: Instant) -> None:
        for look in self._running.values():
            ran = now.since(look.began).total_seconds()
            if not look.expired and ran > look.prober.timeout + GRACE_SECONDS:
                look.expired = True
                look.next_unknown = ran - ran % look.every + look.every
                at = look.began if look.prober.dated_at_start else now
                why = f"no answer yet after {ran:.0f} s"
                self._take(unknown(look.prober.signals, at, why))
            elif look.expired and ran >= look.next_unknown:
                look.next_unknown = ran - ran % look.every + look.every
                why = f"the look before hangs, for {ran:.0f} s"
                self._take(unknown(look.prober.signals, now, why))

    def _window(self, number: int, samples: dict[str, list[Sample]]) -> SignalWindow:
        start = self._start.plus(timedelta(seconds=number * self._seconds))
        return make_window(start, self._seconds, samples, self._kinds)

    def seconds_to_next(self) -> float:
        """How long until the next window ends."""
        passed = self._clock.now().since(self._start).total_seconds()
        return self._seconds - passed % self._seconds
