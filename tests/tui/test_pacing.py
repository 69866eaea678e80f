"""Repaints go as fast as the terminal gets them, and no faster."""

from __future__ import annotations

import pytest

from handrail.tui.pacing import BYTES_A_SECOND, FIRST_ANSWER_SECONDS, LATE_ANSWER_SECONDS, Pace, Pacer


def painted(pacer: Pacer, now: float, size: int = 100) -> None:
    pacer.begun(now)
    pacer.painted(now, size)
    if pacer.asks:
        pacer.asked(now)


def test_the_next_repaint_waits_for_the_answer() -> None:
    pacer = Pacer(Pace.ANSWERS)
    assert pacer.wait_for_growth(100.0, flood=True) == 0
    painted(pacer, 100.0)
    assert pacer.wait_for_growth(101.0, flood=False) == pytest.approx(FIRST_ANSWER_SECONDS - 1)
    pacer.answered()
    assert pacer.wait_for_growth(101.0, flood=False) == 0
    painted(pacer, 101.0)
    pacer.answered()
    assert pacer.wait_for_growth(101.01, flood=False) == pytest.approx(0.04)
    assert pacer.wait_for_growth(101.01, flood=True) == pytest.approx(1 / 6 - 0.01)


def test_a_burst_begins_only_where_nothing_was_painted_for_a_while() -> None:
    pacer = Pacer(Pace.ANSWERS)
    assert pacer.is_rested(100.0)
    painted(pacer, 100.0)
    assert not pacer.is_rested(101.0), "an answer is owed"
    pacer.answered()
    assert pacer.is_rested(101.0)
    # A flood's next repaint is due before that: it is never put off by a burst.
    assert not pacer.is_rested(100.0 + 1 / 6)


def test_a_key_is_shown_at_once_but_does_not_pile_up() -> None:
    pacer = Pacer(Pace.ANSWERS)
    painted(pacer, 100.0)
    assert pacer.wait_for_key(100.01) == 0
    painted(pacer, 100.01)
    assert pacer.wait_for_key(100.02) > 1
    pacer.answered()
    assert pacer.wait_for_key(100.03) == 0


def test_a_terminal_that_never_answers_gets_a_slow_rate() -> None:
    pacer = Pacer(Pace.ANSWERS)
    painted(pacer, 100.0)
    late = 100.0 + FIRST_ANSWER_SECONDS
    assert pacer.wait_for_growth(late, flood=False) == 0
    painted(pacer, late)
    assert pacer.pace is Pace.SILENCE
    assert pacer.wait_for_growth(late + 0.1, flood=False) == pytest.approx(0.4)
    painted(pacer, late + 1, BYTES_A_SECOND[Pace.SILENCE] * 3)
    assert pacer.wait_for_growth(late + 2, flood=False) == pytest.approx(2)
    # An answer that comes after all is believed.
    pacer.answered()
    assert pacer.pace is Pace.ANSWERS


def test_one_lost_answer_does_not_change_the_pace() -> None:
    pacer = Pacer(Pace.ANSWERS)
    painted(pacer, 100.0)
    pacer.answered()
    painted(pacer, 101.0)
    assert pacer.wait_for_growth(110.0, flood=False) > 0
    late = 101.0 + LATE_ANSWER_SECONDS
    assert pacer.wait_for_growth(late, flood=False) == 0
    painted(pacer, late)
    assert (pacer.pace, pacer.on_the_way) == (Pace.ANSWERS, 1)


@pytest.mark.parametrize("pace", list(Pace))
def test_bytes_are_bounded_whatever_paces(pace: Pace) -> None:
    pacer = Pacer(pace)
    now, sent = 0.0, 0
    while now < 30:
        wait = pacer.wait_for_growth(now, flood=True)
        if wait:
            now += wait
            continue
        painted(pacer, now, 20_000)
        sent += 20_000
        if pace is Pace.ANSWERS:
            pacer.answered()
        now += 0.001
    assert sent / 30 <= BYTES_A_SECOND[pace] + 1000
    assert BYTES_A_SECOND[pace] < 64 * 1024


def test_within_tmux_nothing_is_asked() -> None:
    pacer = Pacer(Pace.BUDGET)
    assert not pacer.asks
    painted(pacer, 100.0)
    assert pacer.wait_for_key(100.0) == 0
    assert pacer.on_the_way == 0
