"""A signal's windows as running sums, so that every look at any stretch of time costs the same."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import accumulate

from handrail.clock import Instant
from handrail.signals.window import SignalWindow, Tally


class ErrorSeries:
    """Running sums of the errors of one signal, window by window.

    `starts` are the windows' starts in seconds from the first; `bad[i]` and `exposure[i]` are sums over the
    first `i` windows. The exposure of outcomes is samples, of counts seconds. `now` is the end of the last
    window, and `longest` the length of the longest. Windows without known samples count for nothing.
    """

    def __init__(self) -> None:
        self.starts: list[float] = []
        self.bad: list[int] = [0]
        self.exposure: list[float] = [0.0]
        self.now = 0.0
        self.longest = 0.0

    def __len__(self) -> int:
        return len(self.starts)

    def add(self, start: float, seconds: float, bad: int, exposure: float) -> None:
        """The next window."""
        self.starts.append(start)
        self.bad.append(self.bad[-1] + bad)
        self.exposure.append(self.exposure[-1] + exposure)
        self.now = max(self.now, start + seconds)
        self.longest = max(self.longest, seconds)

    def add_all(
        self,
        starts: Sequence[float],
        seconds: Sequence[float],
        bad: Iterable[int],
        exposure: Iterable[float],
    ) -> None:
        """The same for all windows at once: this runs at every look."""
        if starts:
            self.starts.extend(starts)
            self.bad[-1:] = accumulate(bad, initial=self.bad[-1])
            self.exposure[-1:] = accumulate(exposure, initial=self.exposure[-1])
            self.now = max(self.now, starts[-1] + seconds[-1])
            self.longest = max(self.longest, *seconds)


class RankSeries:
    """Running sums of the ranks of one signal's latencies, for each of several shifts of the baseline.

    `n[i]` and `ranks[shift][i]` are sums over the first `i` windows; a latency's rank is the share of the
    shifted baseline that is faster (half of what is equal).
    """

    def __init__(self, shifts: int) -> None:
        self.starts: list[float] = []
        self.n: list[int] = [0]
        self.ranks: list[list[float]] = [[0.0] for _ in range(shifts)]
        self.now = 0.0

    def __len__(self) -> int:
        return len(self.starts)

    def add(self, start: float, seconds: float, n: int, ranks: Iterable[float]) -> None:
        """The next window: its number of samples, and for each shift the sum of their ranks."""
        self.starts.append(start)
        self.n.append(self.n[-1] + n)
        for sums, rank in zip(self.ranks, ranks, strict=True):
            sums.append(sums[-1] + rank)
        self.now = max(self.now, start + seconds)

    def add_all(
        self,
        starts: Sequence[float],
        seconds: Sequence[float],
        n: Iterable[int],
        ranks: Iterable[Iterable[float]],
    ) -> None:
        """The same for all windows at once; `ranks` holds all windows' sums of one shift after another."""
        if starts:
            self.starts.extend(starts)
            self.n[-1:] = accumulate(n, initial=self.n[-1])
            for sums, one in zip(self.ranks, ranks, strict=True):
                sums[-1:] = accumulate(one, initial=sums[-1])
            self.now = max(self.now, starts[-1] + seconds[-1])


Known = list[tuple[float, SignalWindow, Tally]]
"""The windows in which a signal has known samples, each with its start in seconds from the watch's."""


def known_tallies(signal: str, windows: Sequence[SignalWindow]) -> Known:
    """The windows in which the signal has known samples, with their start in seconds from the first window.

    A start that lies before an earlier one (a clock that was set back across a reboot) counts as that one.
    """
    found: Known = []
    latest = 0.0
    for window in windows:
        tally = window.tallies.get(signal)
        if tally is not None and tally.n > 0:
            start = seconds_between(windows[0].start, window.start)
            latest = max(latest, start)
            found.append((latest, window, tally))
    return found


def seconds_between(earlier: Instant, later: Instant) -> float:
    """The same as `later.since(earlier)`, in seconds; it's asked for every window of every signal."""
    if earlier.boot_id == later.boot_id:
        return later.boot - earlier.boot
    return later.wall - earlier.wall
