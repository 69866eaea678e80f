"""When a post-mortem is overdue: from both sides of its hour, over a leap day and a clock change."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from handrail.policy.gate import Verdict
from handrail.policy.postmortem import Owed, verdict_of_owed

CLOSED = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
DUE = CLOSED + timedelta(hours=24)
OPEN = Owed(run="run-1", incident="INC-1", closed=CLOSED, file="postmortems/x.md", done=False)
DONE = replace(OPEN, done=True)
JUST_BEFORE, JUST_AFTER = DUE - timedelta(seconds=1), DUE + timedelta(seconds=1)


@pytest.mark.parametrize(
    ("owed", "now", "verdict", "said"),
    [
        ([], CLOSED, Verdict.PASS, "none was ever due"),
        ([OPEN], JUST_BEFORE, Verdict.PASS, "due by 2026-11-23 03:00 UTC"),
        ([OPEN], DUE, Verdict.FAIL, "overdue since 2026-11-23 03:00 UTC: not marked"),
        ([OPEN], JUST_AFTER, Verdict.FAIL, "INC-1 (run run-1)"),
        ([DONE], JUST_AFTER, Verdict.PASS, "none is overdue (1 written)"),
        (
            [replace(DONE, unwritten=("Root cause",))],
            JUST_AFTER,
            Verdict.FAIL,
            "still to be written: Root cause",
        ),
        ([replace(OPEN, file="")], JUST_AFTER, Verdict.FAIL, "it isn't begun"),
        ([replace(OPEN, done=None)], JUST_AFTER, Verdict.UNKNOWN, "can't be read"),
        ([replace(OPEN, done=None)], JUST_BEFORE, Verdict.PASS, "can't be read"),
        ([DONE, replace(OPEN, incident="INC-2")], JUST_AFTER, Verdict.FAIL, "INC-2"),
        ([replace(OPEN, done=None), replace(OPEN, incident="INC-2")], JUST_AFTER, Verdict.UNKNOWN, "INC-1"),
        (None, CLOSED, Verdict.UNKNOWN, "can't be found out"),
    ],
)
def test_the_next_deployment_waits_for_an_overdue_one(owed, now, verdict, said) -> None:
    found, evidence = verdict_of_owed(owed, now)
    assert found is verdict
    assert said in evidence


@pytest.mark.parametrize(
    ("closed", "due"),
    [
        (datetime(2028, 2, 28, 12, tzinfo=UTC), datetime(2028, 2, 29, 12, tzinfo=UTC)),
        (datetime(2028, 2, 29, 12, tzinfo=UTC), datetime(2028, 3, 1, 12, tzinfo=UTC)),
        (datetime(2026, 12, 31, 23, 59, tzinfo=UTC), datetime(2027, 1, 1, 23, 59, tzinfo=UTC)),
    ],
)
def test_it_is_due_24_hours_after_the_run_was_closed(closed, due) -> None:
    assert Owed(run="r", incident="i", closed=closed).due == due


@pytest.mark.parametrize("day", [(2026, 3, 8, 1, 0), (2026, 11, 1, 0, 30)])
def test_24_hours_are_24_hours_across_a_clock_change(day: tuple[int, ...]) -> None:
    closed = datetime(*day, tzinfo=ZoneInfo("America/Los_Angeles")).astimezone(UTC)
    each = replace(OPEN, closed=closed)
    assert not each.is_overdue(closed + timedelta(hours=24) - timedelta(seconds=1))
    assert each.is_overdue(closed + timedelta(hours=24))
