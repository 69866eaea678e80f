"""How near the last safe moment is, by share and in absolute terms; and that each change is heard once."""

from __future__ import annotations

from datetime import timedelta

import pytest

from handrail.clock import Instant
from handrail.run.deadline_stage import Stage, StageChanges, stage_of
from handrail.run.deadlines import Countdown, RollbackDuration
from handrail.run.state import TriggerState
from handrail.values import TriggerClass

BEGAN = Instant(0.0, 0.0, "b")


def countdown(minutes: float, left: float, rollback: float = 60, *, number: int = 1) -> Countdown:
    """A deadline of so many minutes, with `left` seconds until the last safe moment."""
    trigger = TriggerState(
        number=number,
        trigger_class=TriggerClass.FAST,
        because="it is bad",
        step=None,
        evidence_from=BEGAN,
        deadline=BEGAN.plus(timedelta(minutes=minutes)),
        raised=BEGAN,
    )
    last_safe = timedelta(seconds=left)
    takes = timedelta(seconds=rollback)
    return Countdown(trigger, last_safe + takes, last_safe, RollbackDuration(takes, measured=True, steps=1))


@pytest.mark.parametrize(
    ("minutes", "left", "stage"),
    [
        (5, 240, Stage.CALM),
        (5, 121, Stage.CALM),
        (5, 120, Stage.SOON),
        (5, 61, Stage.SOON),
        (5, 60, Stage.NOW),
        (5, 0, Stage.NOW),
        (5, -1, Stage.LATE),
        (5, -59, Stage.LATE),
        (5, -60, Stage.MISSED),
        (30, 29 * 60, Stage.CALM),
        (30, 29 * 20 + 1, Stage.CALM),
        (30, 29 * 20, Stage.SOON),
        (30, 29 * 6 + 1, Stage.SOON),
        (30, 29 * 6, Stage.NOW),
    ],
)
def test_the_stage_goes_by_share_and_by_what_is_left(minutes: float, left: float, stage: Stage) -> None:
    assert stage_of(countdown(minutes, left)) is stage


def test_each_change_for_the_worse_is_heard_once() -> None:
    changes = StageChanges()
    heard = [changes.worse([countdown(5, left)]) for left in (240, 239, 120, 119, 60, 59, -1, -2, -60, -61)]
    assert heard == [True, False, True, False, True, False, True, False, True, False]


def test_time_that_was_given_is_not_heard_but_its_end_is() -> None:
    changes = StageChanges()
    assert changes.worse([countdown(5, 60)])
    assert not changes.worse([countdown(30, 1500)])
    assert changes.worse([countdown(30, 60)])


def test_a_second_trigger_is_heard_beside_the_first() -> None:
    changes = StageChanges()
    assert changes.worse([countdown(5, 200)])
    assert changes.worse([countdown(5, 199), countdown(30, 1500, number=2)])
    assert not changes.worse([countdown(5, 198), countdown(30, 1499, number=2)])
    assert not changes.worse([])
