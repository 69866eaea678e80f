"""What is known of a run's watch: its windows, its baseline, and the newest verdict on each signal."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct, field

from handrail.clock import Instant
from handrail.signals.baseline import Baseline
from handrail.signals.judgement import Judgement
from handrail.signals.window import SignalWindow


class WatchState(Struct, frozen=True):
    """The sampling of one run, from its opening to its end.

    `step` is the watch's own; `started` is set from its beginning on, `ended` after it. `seconds` have to be
    clean. `waiting_step` is a step that waits for the baseline, for `baseline_seconds`. `own_baseline` was
    taken in this run, `baseline` is what each signal is judged against. `known` has the end of the newest
    window with a known sample of each signal, and `silence` why the newest ones are unknown.
    """

    windows: tuple[SignalWindow, ...] = ()
    waiting_step: str | None = None
    baseline_seconds: float = 0.0
    own_baseline: Baseline | None = None
    baseline_taken: Instant | None = None
    step: str | None = None
    started: Instant | None = None
    ended: Instant | None = None
    seconds: float = 0.0
    baseline: Baseline = field(default_factory=dict)
    judgements: Mapping[str, Judgement] = field(default_factory=dict)
    known: Mapping[str, Instant] = field(default_factory=dict)
    silence: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_on(self) -> bool:
        """Whether the release is being watched now."""
        return self.started is not None and self.ended is None

    @property
    def since_start(self) -> tuple[SignalWindow, ...]:
        """The watch's own windows: those that began after it did."""
        if self.started is None:
            return ()
        return self.between(self.started, self.ended)

    def between(self, first: Instant, last: Instant | None) -> tuple[SignalWindow, ...]:
        """The windows that began at or after `first`, and before `last`."""
        begin = len(self.windows)
        while begin and self.windows[begin - 1].start.since(first).total_seconds() >= 0:
            begin -= 1
        end = len(self.windows)
        while (
            last is not None and end > begin and self.windows[end - 1].start.since(last).total_seconds() >= 0
        ):
            end -= 1
        return self.windows[begin:end]


NO_WATCH = WatchState()
