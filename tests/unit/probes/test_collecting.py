"""Which window a sample belongs to, and when a window is complete."""

from datetime import timedelta

from handrail.clock import ManualClock
from handrail.probes.base import sample
from handrail.probes.collecting import GRACE_SECONDS, LONGEST_GAP_WINDOWS, Collector
from handrail.probes.scripted import ScriptedProber
from handrail.signals.signal import Signal, SignalKind
from handrail.signals.window import SignalWindow

PAGE = Signal(name="page", kind=SignalKind.OUTCOMES)
LEVEL = Signal(name="level", kind=SignalKind.LEVEL)


class House:
    """A collector of five-second windows, with a page (dated at its start) and a level."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.page = ScriptedProber("page", (PAGE,), self.clock, dated_at_start=True, timeout=5)
        self.level = ScriptedProber("level", (LEVEL,), self.clock, timeout=5)
        self.collector = Collector(self.clock, 5, [self.page, self.level])
        self.start = self.clock.now()

    def pass_time(self, seconds: float) -> list[SignalWindow]:
        self.clock.advance(timedelta(seconds=seconds))
        return self.collector.completed()

    def see(self, prober: ScriptedProber, value: float) -> None:
        look = self.collector.begin(prober, 10)
        self.collector.end(look, [sample(prober.signals[0], self.clock.now(), value)])

    def number(self, window: SignalWindow) -> float:
        return window.start.since(self.start).total_seconds() / 5


def test_a_window_is_complete_when_it_ends() -> None:
    house = House()
    house.see(house.page, 1)
    assert house.pass_time(4.9) == []
    house.see(house.level, 7)
    (window,) = house.pass_time(0.1)
    assert window.tallies["page"].bad == 1
    assert window.tallies["level"].last == 7
    assert (window.seconds, house.number(window)) == (5, 0)
    house.see(house.page, 0)
    (second,) = house.pass_time(5)
    assert house.number(second) == 1
    assert second.tallies["page"].n == 1


def test_a_window_without_samples_says_that_the_sampler_lives() -> None:
    (window,) = House().pass_time(5)
    assert window.tallies == {}


def test_a_page_counts_for_the_moment_at_which_it_was_asked_for() -> None:
    house = House()
    house.pass_time(4)
    asked = house.clock.now()
    look = house.collector.begin(house.page, 10)
    assert house.pass_time(4) == []
    house.collector.end(look, [sample(PAGE, asked, 1.0, "no answer within 4 s")])
    (window,) = house.collector.completed()
    assert window.tallies["page"].bad == 1
    assert window.tallies["page"].first_bad == 4


def test_what_else_hangs_holds_no_window_up() -> None:
    house = House()
    house.collector.begin(house.level, 10)
    house.see(house.page, 0)
    (window,) = house.pass_time(5)
    assert set(window.tallies) == {"page"}


def test_a_look_that_comes_too_late_counts_as_unknown_where_it_began_and_is_dropped() -> None:
    house = House()
    asked = house.clock.now()
    look = house.collector.begin(house.page, 10)
    assert house.pass_time(5 + GRACE_SECONDS) == []
    (window,) = house.pass_time(0.1)
    assert window.tallies["page"].unknown == 1
    assert "no answer yet" in window.tallies["page"].why
    house.collector.end(look, [sample(PAGE, asked, 0.0)])
    (later,) = house.pass_time(4)
    assert later.tallies == {}


def test_while_a_look_hangs_each_look_that_is_due_counts_as_unknown() -> None:
    house = House()
    house.collector.begin(house.page, 5)
    windows = [window for _ in range(250) for window in house.pass_time(0.1)]
    assert [house.number(window) for window in windows] == [0, 1, 2, 3, 4]
    assert [window.tallies["page"].unknown for window in windows if "page" in window.tallies] == [1, 1, 1, 1]
    assert sum(window.tallies["page"].n for window in windows if "page" in window.tallies) == 0


def test_after_a_sleep_of_the_machine_empty_windows_are_left_out() -> None:
    house = House()
    house.see(house.level, 1)
    windows = house.pass_time(3600)
    assert [house.number(window) for window in windows] == [0]
    house.see(house.level, 2)
    (window,) = house.pass_time(5)
    assert house.number(window) == 720


def test_a_short_gap_is_told_window_by_window() -> None:
    windows = House().pass_time(5 * LONGEST_GAP_WINDOWS)
    assert len(windows) == LONGEST_GAP_WINDOWS


def test_a_set_clock_moves_no_window() -> None:
    house = House()
    house.see(house.level, 1)
    house.clock.set_wall_clock(timedelta(hours=-1))
    house.see(house.level, 2)
    (window,) = house.pass_time(5)
    assert window.tallies["level"].n == 2
