"""A run's screen looks often while something is under way, and right after each second of a countdown."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from handrail.clock import ManualClock
from handrail.tui.following_pace import (
    BUSY_SECONDS,
    JUST_AFTER_SECONDS,
    REST_SECONDS,
    FollowingPace,
    pause_seconds,
)


@pytest.mark.parametrize("boot", [100.0, 100.3, 100.99, 0.0])
def test_what_is_under_way_is_looked_at_often(boot: float) -> None:
    assert pause_seconds(boot, busy=True) == BUSY_SECONDS


@pytest.mark.parametrize(
    ("boot", "expected"),
    [
        (100.0, REST_SECONDS),
        (100.005, REST_SECONDS),
        (100.2, REST_SECONDS),
        (100.505, 0.495 + JUST_AFTER_SECONDS),
        (100.9, 0.1 + JUST_AFTER_SECONDS),
        (100.999, 0.001 + JUST_AFTER_SECONDS),
    ],
)
def test_at_rest_the_next_look_is_no_later_than_the_next_second(boot: float, expected: float) -> None:
    assert pause_seconds(boot, busy=False) == pytest.approx(expected)


def test_at_rest_there_are_two_looks_a_second_and_one_right_after_each() -> None:
    at, looks = 100.3, []
    while at < 110:
        at += pause_seconds(at, busy=False)
        looks.append(at)
    assert len(looks) <= 2 * 10
    for second in range(101, 110):
        assert any(0 < look - second <= 2 * JUST_AFTER_SECONDS for look in looks), second


class Timed:
    def __init__(self, seconds: float, callback: Callable[[], None]) -> None:
        self.seconds, self.callback = seconds, callback
        self.stopped = False

    def stop(self) -> None:
        self.stopped = True


class Waiting:
    """A screen whose timers run out when a test says so."""

    def __init__(self) -> None:
        self.timers: list[Any] = []

    def set_timer(self, delay: float, callback: Callable[[], None]) -> Any:
        self.timers.append(Timed(delay, callback))
        return self.timers[-1]

    def left(self) -> list[float]:
        """What would still run out."""
        return [each.seconds for each in self.timers if not each.stopped]


def test_what_was_asked_for_is_looked_for_soon_and_by_one_timer_alone() -> None:
    screen = Waiting()
    pace = FollowingPace(screen, ManualClock(), lambda: False)
    pace.soon()
    assert screen.left() == []  # it has not begun yet
    pace.begin()
    [rest] = screen.left()
    assert rest > BUSY_SECONDS
    pace.soon()
    assert screen.left() == [BUSY_SECONDS]
    screen.timers[-1].callback()
    assert screen.left() == [rest]


def test_a_look_that_asks_for_something_leaves_one_timer() -> None:
    screen = Waiting()
    looks: list[bool] = []

    def look() -> bool:
        looks.append(True)
        if len(looks) == 2:
            pace.soon()
        return True

    pace = FollowingPace(screen, ManualClock(), look)
    pace.begin()
    screen.timers[-1].callback()
    assert screen.left() == [BUSY_SECONDS]
    assert len(looks) == 2
