"""Whether a run fits into its window, in words."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from handrail.clock import Instant, ManualClock
from handrail.project.calendar import Calendar, calendar_of
from handrail.project.model import Target
from handrail.project.window import Window
from handrail.run.plan import Usual
from handrail.run.window import plan_outlook, run_outlook, window_words
from handrail.runbook.model import StepKind
from walk import Walk, plan, task, undo

MINUTE = timedelta(minutes=1)
STEPS = (
    task("build", estimate=10 * MINUTE, undo=undo("build", estimate=15 * MINUTE)),
    task("watch", kind=StepKind.WATCH, estimate=30 * MINUTE),
)
MEASURED = {key: Usual(median=s, high=s, count=3) for key, s in (("build", 600), ("watch", 1800))} | {
    "undo/build": Usual(median=600, high=900, count=3)
}
PRODUCTION = Target(name="production", production=True)
CALENDAR = calendar_of(Window())


def at(text: str) -> Instant:
    """A moment by the clocks of Los Angeles."""
    wall = datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("America/Los_Angeles")).timestamp()
    return Instant(wall, wall, "test")


@pytest.mark.parametrize(
    ("moment", "words", "warns"),
    [
        (
            "2026-11-23T15:48",
            "Window closes 17:00 PST in 1h 12m; this deploy (usually 55m with rollback) fits",
            False,
        ),
        (
            "2026-11-23T16:05",
            "Window closes 17:00 PST in 55m; this deploy (usually 55m with rollback) fits",
            False,
        ),
        (
            "2026-11-23T16:05:01",
            (
                "Window closes 17:00 PST in 54m; this deploy (usually 55m with rollback)"
                " would end 1s after it closes"
            ),
            True,
        ),
        (
            "2026-11-23T16:17",
            (
                "Window closes 17:00 PST in 43m; this deploy (usually 55m with rollback)"
                " would end 12m after it closes"
            ),
            True,
        ),
        (
            "2026-11-23T17:00",
            (
                "Window closed: it is 17:00 PST, and it closed at 17:00;"
                " opens Tue 2026-11-24 09:00 PST, in 16h 00m"
            ),
            True,
        ),
        (
            "2026-11-23T08:59:30",
            "Window closed: it is 08:59 PST, before 09:00; opens 09:00 PST, in 30s",
            True,
        ),
        (
            "2026-11-26T12:00",
            (
                "Window closed: Thu 2026-11-26 is a holiday in US (Thanksgiving Day);"
                " opens Fri 2026-11-27 09:00 PST, in 21h 00m"
            ),
            True,
        ),
    ],
)
def test_the_window_in_words(moment: str, words: str, warns: bool) -> None:
    made = plan(*STEPS, target=PRODUCTION, usual=MEASURED)
    assert window_words(made, at(moment), CALENDAR) == words
    outlook = plan_outlook(made, at(moment), CALENDAR)
    assert outlook is not None
    assert outlook.warns is warns


def test_what_was_only_estimated_is_called_about() -> None:
    made = plan(*STEPS, target=PRODUCTION)
    assert "this deploy (about 55m with rollback) fits" in window_words(
        made, at("2026-11-23T12:00"), CALENDAR
    )


@pytest.mark.parametrize(
    ("target", "has_window"),
    [
        (Target(name="production", production=True), True),
        (Target(name="staging"), False),
        (Target(name="staging", window=Window()), True),
        (Target(name="production", production=True, window=Window(enabled=False)), False),
    ],
)
def test_production_has_a_window_by_default_and_others_do_not(target: Target, has_window: bool) -> None:
    made = plan(*STEPS, target=target)
    assert (window_words(made, at("2026-11-23T12:00"), CALENDAR) != "") is has_window
    again = Target.model_validate_json(target.model_dump_json(by_alias=True))
    assert again == target, "a plan keeps its target's window in the journal"


def test_a_window_that_never_closes_says_nothing() -> None:
    always = Window(
        opens="00:00", closes="24:00", country="", days=("mon", "tue", "wed", "thu", "fri", "sat", "sun")
    )
    made = plan(*STEPS, target=Target(name="staging", window=always))
    assert window_words(made, at("2026-11-22T03:00"), calendar_of(always)) == ""


def test_what_is_not_known_is_a_warning() -> None:
    made = plan(*STEPS, target=PRODUCTION)
    outlook = plan_outlook(made, at("2026-11-23T12:00"), Calendar(None, lambda day: None, "no data for X"))
    assert outlook is not None
    assert (outlook.words, outlook.warns) == ("Window not known: no data for X", True)


def test_a_run_under_way_compares_what_is_left_of_it() -> None:
    walk = Walk(*STEPS, clock=ManualClock(at("2026-11-23T16:10")), target=PRODUCTION, usual=MEASURED)
    before = run_outlook(walk.state, walk.clock.now(), CALENDAR)
    assert before is not None
    assert "this deploy (usually 55m with rollback) would end 5m after it closes" in before.words
    assert before.short == "window closes 17:00 PST in 50m; may end 5m late"
    walk.run("build")
    after = run_outlook(walk.state, walk.clock.now(), CALENDAR)
    assert after is not None
    assert "the rest (usually 45m with rollback) fits" in after.words
    assert after.short == "window closes 17:00 PST in 50m"
    walk.roll_back()
    assert run_outlook(walk.state, walk.clock.now(), CALENDAR) is None
