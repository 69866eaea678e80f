"""How near the last safe moment is, in a few stages: words, colours and the bell go by them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from enum import StrEnum

from handrail.run.deadlines import Countdown

SOON_SHARE, SOON_LEFT = 1 / 3, timedelta(minutes=2)
NOW_SHARE, NOW_LEFT = 1 / 10, timedelta(minutes=1)


class Stage(StrEnum):
    """From the opening of a deadline to its passing, in order.

    While the rollback runs they say the same of what is to spare: `LATE` is too little of it.
    """

    CALM = "calm"
    SOON = "soon"
    NOW = "now"
    LATE = "too late"
    MISSED = "missed"


_ORDER = {stage: place for place, stage in enumerate(Stage)}


def stage_of(each: Countdown) -> Stage:
    """The stage of a countdown, by the share of the time that there was, and in absolute terms.

    A third of five minutes is time enough to think; a third of thirty is ten minutes, in which attention
    may wander: so the longer of both counts.
    """
    if each.to_deadline <= timedelta():
        return Stage.MISSED
    if each.to_last_safe < timedelta():
        return Stage.LATE
    whole = each.trigger.deadline.since(each.trigger.evidence_from) - each.rollback.expected
    if each.to_last_safe <= max(NOW_LEFT, whole * NOW_SHARE):
        return Stage.NOW
    if each.to_last_safe <= max(SOON_LEFT, whole * SOON_SHARE):
        return Stage.SOON
    return Stage.CALM


class StageChanges:
    """Remembers the stage of each trigger, so that each change for the worse is heard once."""

    def __init__(self) -> None:
        self._known: dict[int, Stage] = {}

    def worse(self, present: Iterable[Countdown]) -> bool:
        """Whether a countdown is new, or nearer than at the last look; one that was given time is not."""
        found = False
        for each in present:
            stage, before = stage_of(each), self._known.get(each.trigger.number)
            found = found or before is None or _ORDER[stage] > _ORDER[before]
            self._known[each.trigger.number] = stage
        return found
