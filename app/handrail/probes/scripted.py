"""A prober whose looks are written down beforehand, for tests and drills: nothing outside is looked at."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from handrail.clock import Clock
from handrail.probes.base import sample, unknown
from handrail.signals.signal import Signal
from handrail.signals.window import Sample

Look = Mapping[str, float | None] | str
"""Values by signal, or in words why the look failed."""


class ScriptedProber:
    """Gives one look after the other, and then the last one again; without any, it knows nothing.

    `crash` makes each look raise, as a defect of a prober would.
    """

    def __init__(
        self,
        name: str,
        signals: tuple[Signal, ...],
        clock: Clock,
        looks: Iterable[Look] = (),
        *,
        timeout: float = 5.0,
        dated_at_start: bool = False,
        crash: Exception | None = None,
    ) -> None:
        self.name = name
        self.signals = signals
        self.timeout = timeout
        self.dated_at_start = dated_at_start
        self.closed = False
        self.looked = 0
        self._clock = clock
        self._looks = list(looks)
        self._crash = crash

    def look(self) -> list[Sample]:
        """The next look of the script."""
        self.looked += 1
        if self._crash is not None:
            raise self._crash
        look: Look = "nothing is written down for it"
        if self._looks:
            look = self._looks[min(self.looked, len(self._looks)) - 1]
        at = self._clock.now()
        if isinstance(look, str):
            return unknown(self.signals, at, look)
        return [sample(signal, at, look[signal.name]) for signal in self.signals if signal.name in look]

    def close(self) -> None:
        """There is nothing to let go of."""
        self.closed = True
