"""When a rollback that began now would be done, how far the one under way is, what would be fastest."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from msgspec import Struct

from handrail.clock import Instant
from handrail.run.deadlines import RollbackDuration, expected_duration, high_duration, rollback_duration
from handrail.run.events import Purpose, Result
from handrail.run.plan import PlannedStep
from handrail.run.state import RunState, StepState
from handrail.run.undo import undo_plan

PUTS_UP, TAKES_DOWN = "maintenance.enable", "maintenance.disable"


class RollbackOutlook(Struct, frozen=True):
    """A rollback from this moment on.

    It is `done_at` after what is `left` of it. `current` is the number of its step that is next or under
    way, from 1, of `steps`; 0 where it has not begun. It is `stopped` where it goes on only after a person
    has acted. `longest` is the title of the part of the rest that takes longest, and `longest_takes` how
    long. `shielded_after` is how long it takes until maintenance is up, where the rollback puts it up.
    """

    left: RollbackDuration
    done_at: Instant
    current: int = 0
    steps: int = 0
    stopped: bool = False
    longest: str = ""
    longest_takes: timedelta = timedelta()
    shielded_after: timedelta | None = None


def rollback_outlook(state: RunState, now: Instant) -> RollbackOutlook:
    """The outlook by what was measured, or estimated before that. Pure."""
    left = rollback_duration(state, now)
    ahead = _ahead(state)
    longest = max(ahead, key=lambda step: high_duration(state.plan, step), default=None)
    undoing = state.undo_steps
    done = sum(step.status.is_done for step in undoing)
    begun = state.rollback_started is not None
    return RollbackOutlook(
        left=left,
        done_at=now.plus(left.expected),
        current=min(done + 1, len(undoing)) if begun else 0,
        steps=len(undoing) if begun else len(ahead),
        stopped=begun and _stands(state, state.current),
        longest=longest.title if longest is not None else "",
        longest_takes=high_duration(state.plan, longest) if longest is not None else timedelta(),
        shielded_after=None if maintenance_is_up(state) else _until_shielded(state, ahead),
    )


def maintenance_is_up(state: RunState) -> bool:
    """Whether this run put maintenance up and has not taken it down since, by its own attempts."""
    for attempt in reversed(state.attempts.values()):
        if attempt.purpose is not Purpose.STEP or attempt.result is not Result.PASSED:
            continue
        if attempt.call.task in (PUTS_UP, TAKES_DOWN):
            return attempt.call.task == PUTS_UP
    return False


def _ahead(state: RunState) -> Sequence[PlannedStep]:
    if state.rollback_started is None:
        return undo_plan(state).steps
    return [step.planned for step in state.undo_steps if not step.status.is_done]


def _stands(state: RunState, step: StepState | None) -> bool:
    """Whether the rollback goes on only after a person has acted."""
    return step is not None and state.running is None


def _until_shielded(state: RunState, ahead: Sequence[PlannedStep]) -> timedelta | None:
    for place, step in enumerate(ahead):
        if step.call is not None and step.call.task == PUTS_UP:
            return expected_duration(state.plan, ahead[: place + 1]).expected
    return None
