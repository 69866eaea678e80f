"""Samples, and the compact windows in which they are journaled."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from msgspec import Struct
from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from handrail.clock import Instant
from handrail.signals.latency_buckets import bucket_of
from handrail.signals.signal import SignalKind
from handrail.values import Frozen

SAME_MOMENT_SECONDS = 0.5


class Sample(Struct, frozen=True):
    """One look at a signal. `value` is `None` where the probe failed: unknown, and never zero.

    The value of an outcome is 0.0 (went well) or 1.0 (went badly); of a latency, milliseconds; of a count,
    how often it happened since the look before. `why` says in words what was bad or what kept the probe
    from knowing.
    """

    signal: str
    at: Instant
    value: float | None
    source: str = ""
    why: str = ""


class Tally(Frozen):
    """A signal's samples in one window (or in several, merged).

    `n` samples are known, and `unknown` more were tried. `bad` counts the bad outcomes, or, of a count, how
    often it happened. `buckets` are the latencies' (`latency_buckets`). `total`, `low`, `high` and `last`
    describe the values of a level. `why` are the words of the newest bad or unknown sample, and `first_bad`
    the seconds from the window's start to its first bad outcome or event.
    """

    n: int = 0
    unknown: int = 0
    bad: int = 0
    buckets: dict[int, int] = Field(default_factory=dict)
    total: float = 0.0
    low: float | None = None
    high: float | None = None
    last: float | None = None
    why: str = ""
    first_bad: float | None = None

    @model_serializer(mode="wrap")
    def _compact(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Without what is empty: a window is journaled every few seconds."""
        return {name: value for name, value in handler(self).items() if value not in (0, None, "", {})}

    @property
    def mean(self) -> float | None:
        """The mean of a level; `None` without samples."""
        return self.total / self.n if self.n else None


class SignalWindow(Frozen):
    """All signals' samples of `seconds` from `start` on. Windows of a run follow each other in time."""

    start: Instant
    seconds: float
    tallies: dict[str, Tally]

    @property
    def end(self) -> Instant:
        """The moment right after the window."""
        return self.start.plus(timedelta(seconds=self.seconds))


def tally(samples: Iterable[Sample], kind: SignalKind, start: Instant) -> Tally:
    """The samples of one signal within a window that begins at `start`."""
    n = unknown = bad = 0
    buckets: Counter[int] = Counter()
    total = 0.0
    low = high = last = first_bad = None
    why = ""
    for sample in samples:
        if sample.value is None:
            unknown += 1
            why = sample.why or why
            continue
        n += 1
        last = sample.value
        if kind is SignalKind.LATENCY:
            buckets[bucket_of(sample.value)] += 1
        elif kind is SignalKind.LEVEL:
            total += sample.value
            low = sample.value if low is None else min(low, sample.value)
            high = sample.value if high is None else max(high, sample.value)
        elif sample.value > 0:
            bad += 1 if kind is SignalKind.OUTCOMES else round(sample.value)
            why = sample.why or why
            if first_bad is None:
                first_bad = max(0.0, sample.at.since(start).total_seconds())
    keeps_last = kind in (SignalKind.LEVEL, SignalKind.LATENCY)
    return Tally(
        n=n,
        unknown=unknown,
        bad=bad,
        buckets=dict(buckets),
        total=total,
        low=low,
        high=high,
        last=last if keeps_last else None,
        why=why[:300],
        first_bad=first_bad,
    )


def merged(tallies: Iterable[Tally]) -> Tally:
    """Several windows' tallies of one signal, oldest first, as one; `first_bad` is not kept."""
    n = unknown = bad = 0
    buckets: Counter[int] = Counter()
    total = 0.0
    low: float | None = None
    high: float | None = None
    last: float | None = None
    why = ""
    for one in tallies:
        n, unknown, bad, total = n + one.n, unknown + one.unknown, bad + one.bad, total + one.total
        buckets.update(one.buckets)
        low = one.low if low is None else low if one.low is None else min(low, one.low)
        high = one.high if high is None else high if one.high is None else max(high, one.high)
        last = one.last if one.last is not None else last
        why = one.why or why
    return Tally(
        n=n,
        unknown=unknown,
        bad=bad,
        buckets=dict(buckets),
        total=total,
        low=low,
        high=high,
        last=last,
        why=why,
    )


def make_window(
    start: Instant, seconds: float, samples: Mapping[str, Iterable[Sample]], kinds: Mapping[str, SignalKind]
) -> SignalWindow:
    """One window of samples by signal; a signal without any is left out."""
    tallies = {name: tally(found, kinds[name], start) for name, found in samples.items()}
    kept = {name: one for name, one in tallies.items() if one.n or one.unknown}
    return SignalWindow(start=start, seconds=seconds, tallies=kept)


def joined(windows: Sequence[SignalWindow]) -> list[SignalWindow]:
    """The windows with those that follow each other without a gap made one; `first_bad` is not kept."""
    groups: list[list[SignalWindow]] = []
    for window in windows:
        if groups and abs(window.start.since(groups[-1][-1].end).total_seconds()) < SAME_MOMENT_SECONDS:
            groups[-1].append(window)
        else:
            groups.append([window])
    return [_one(group) for group in groups]


def _one(group: Sequence[SignalWindow]) -> SignalWindow:
    if len(group) == 1:
        return group[0]
    names = dict.fromkeys(name for window in group for name in window.tallies)
    tallies = {
        name: merged(window.tallies[name] for window in group if name in window.tallies) for name in names
    }
    seconds = sum(window.seconds for window in group)
    return SignalWindow(start=group[0].start, seconds=seconds, tallies=tallies)
