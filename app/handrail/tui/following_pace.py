"""How often a run's screen looks at the journal: often while something is under way, else twice a second."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from textual.timer import Timer

from handrail.clock import Clock

BUSY_SECONDS = 0.1
REST_SECONDS = 0.5
"""A screen may stay open for hours, and each look costs a thousandth of a processor."""

JUST_AFTER_SECONDS = 0.005


def pause_seconds(boot_seconds: float, *, busy: bool) -> float:
    """How long until the next look; at rest one comes right after each full second, for the countdowns."""
    if busy:
        return BUSY_SECONDS
    return min(REST_SECONDS, 1 - boot_seconds % 1 + JUST_AFTER_SECONDS)


class Waits(Protocol):
    """The screen, as far as it calls back after a while."""

    def set_timer(self, delay: float, callback: Callable[[], None]) -> Timer:
        """Call back once, unless the timer is stopped before."""
        ...


class FollowingPace:
    """Calls `look` again and again while its screen lives; it says whether something is under way."""

    def __init__(self, screen: Waits, clock: Clock, look: Callable[[], bool]) -> None:
        self._screen = screen
        self._clock = clock
        self._look = look
        self._next: Timer | None = None

    def begin(self) -> None:
        """Look now, and from here on."""
        busy = self._look()
        self._wait(pause_seconds(self._clock.now().boot, busy=busy))

    def soon(self) -> None:
        """Something was asked for, and will be answered in a moment."""
        if self._next is not None:
            self._wait(BUSY_SECONDS)

    def _wait(self, seconds: float) -> None:
        if self._next is not None:
            self._next.stop()
        self._next = self._screen.set_timer(seconds, self.begin)
