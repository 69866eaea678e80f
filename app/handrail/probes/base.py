"""One interface for everything that looks at the target: each look gives samples, and never an error."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from handrail.clock import Instant
from handrail.signals.signal import Signal
from handrail.signals.window import Sample

LONGEST_REASON = 200


class Prober(Protocol):
    """Looks at one thing again and again, from one thread.

    `name` is the probe's. `signals` are all that its samples are of. A look lasts `timeout` seconds at most,
    as far as the prober can help it. Where `dated_at_start`, its samples count for the moment at which it
    began (what a visitor met then), else for that at which it ended.
    """

    name: str
    signals: tuple[Signal, ...]
    timeout: float
    dated_at_start: bool

    def look(self) -> list[Sample]:
        """One look. What can't be known is a sample without a value that says why; nothing is raised."""
        ...

    def close(self) -> None:
        """Let go of files, connections and children; may be called while a look hangs."""
        ...


def unknown(signals: Sequence[Signal], at: Instant, why: str) -> list[Sample]:
    """That nothing is known of these signals, and why."""
    return [Sample(signal.name, at, None, signal.source, why[:LONGEST_REASON]) for signal in signals]


def sample(signal: Signal, at: Instant, value: float | None, why: str = "") -> Sample:
    """One sample of a signal."""
    return Sample(signal.name, at, value, signal.source, why[:LONGEST_REASON])
