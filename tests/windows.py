"""Windows of samples as an engine's sampler makes them: what was seen of each signal, in a few words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

from handrail.clock import Instant
from handrail.signals.signal import Signal, SignalKind
from handrail.signals.window import Sample, SignalWindow, make_window

SECONDS = 5.0
SIGNALS = (
    Signal(name="health", kind=SignalKind.OUTCOMES, source="https://shop.example/healthz", every=5.0),
    Signal(
        name="health time",
        kind=SignalKind.LATENCY,
        unit="ms",
        source="https://shop.example/healthz",
        required=False,
        every=5.0,
    ),
    # A count of rare events needs more time for a verdict than a short test has.
    Signal(
        name="error lines",
        kind=SignalKind.COUNT,
        source="the logs that pm2 keeps",
        required=False,
        every=5.0,
    ),
    Signal(
        name="memory", kind=SignalKind.LEVEL, unit="bytes", source="pm2", may_leak=True, above=2e9, every=5.0
    ),
    Signal(name="disk free", kind=SignalKind.LEVEL, unit="%", source="this machine", below=5.0, every=5.0),
)

Seen = Sequence[float | None]
CALM: Mapping[str, Seen] = {
    "health": [0.0] * 10,
    "health time": [112, 118, 121, 125, 119, 117],
    "error lines": [0],
    "memory": [4.1e8],
    "disk free": [47.0],
}
"""What a well application looks like in one window."""


def window(
    start: Instant,
    seen: Mapping[str, Seen],
    *,
    signals: Sequence[Signal] = SIGNALS,
    seconds: float = SECONDS,
    why: str = "",
) -> SignalWindow:
    """One window from `start` on; `None` is a look that failed, and `why` the words for what went wrong."""
    kinds = {signal.name: signal.kind for signal in signals}
    samples = {
        name: [
            Sample(
                signal=name,
                at=start.plus(timedelta(seconds=seconds * place / max(len(values), 1))),
                value=value,
                why=why if value is None or value else "",
            )
            for place, value in enumerate(values)
        ]
        for name, values in seen.items()
        if name in kinds
    }
    return make_window(start, seconds, samples, kinds)
