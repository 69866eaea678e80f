"""How long there is: deadlines, and the last safe moment to start a rollback."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta

from msgspec import Struct

from handrail.clock import Instant
from handrail.project.model import Target
from handrail.run.events import Purpose
from handrail.run.plan import Plan, PlannedStep
from handrail.run.state import RunState, TriggerState
from handrail.run.undo import undo_plan
from handrail.values import TriggerClass


class RollbackDuration(Struct, frozen=True):
    """How long the rollback would take; `measured` where every step of it has been measured before.

    Of its `steps`, `estimated` were never measured, and `rehearsed` were on staging alone; `fewest` is how
    often the least measured of the others was.
    """

    expected: timedelta
    measured: bool
    steps: int = 0
    estimated: int = 0
    rehearsed: int = 0
    fewest: int = 0


class Countdown(Struct, frozen=True):
    """What is left of a trigger's deadline, and until the last safe moment to start the rollback.

    Both are negative once they have passed. While the rollback runs, `to_last_safe` compares what is
    left of the deadline with what is left of the rollback.
    """

    trigger: TriggerState
    to_deadline: timedelta
    to_last_safe: timedelta
    rollback: RollbackDuration


def deadline_of(target: Target, trigger_class: TriggerClass, evidence_from: Instant) -> Instant:
    """When a rollback of this class must be done (deployment-workflow.md, Rollback Timeline)."""
    given = target.deadlines.get(trigger_class)
    return evidence_from.plus(given if given is not None else Target(name="").deadlines[trigger_class])


def rollback_duration(state: RunState, now: Instant | None = None) -> RollbackDuration:
    """How long the rollback that this run would need now takes, or what is left of the one under way.

    With `now`, a step of it that is running counts with what is left of it.
    """
    gone: dict[str, timedelta] = {}
    if state.rollback_started is not None:
        steps: Iterable[PlannedStep] = [step.planned for step in state.undo_steps if not step.status.is_done]
        if now is not None:
            gone = {
                attempt.step: now.since(attempt.started or attempt.announced)
                for attempt in state.attempts.values()
                if attempt.is_running and attempt.purpose is Purpose.STEP and attempt.step is not None
            }
    else:
        steps = undo_plan(state).steps
    return expected_duration(state.plan, steps, gone)


def high_duration(plan: Plan, step: PlannedStep) -> timedelta:
    """How long a step takes at most, as a rule: the high quantile of what was measured, else its estimate."""
    usual = plan.usual.get(step.key)
    return step.estimate if usual is None else timedelta(seconds=usual.high)


def expected_duration(
    plan: Plan, steps: Iterable[PlannedStep], gone: Mapping[str, timedelta] | None = None
) -> RollbackDuration:
    """The sum of the steps' measured durations (their high quantile), or estimates before any.

    `gone` is for how long a step has been running already, by its key.
    """
    total, before = timedelta(), timedelta()
    known = [(step, plan.usual.get(step.key)) for step in steps]
    for step, _ in known:
        takes = max(high_duration(plan, step) - (gone or {}).get(step.key, timedelta()), timedelta())
        # What runs beside the step before it adds only what it takes longer than that one.
        total += max(takes - before, timedelta()) if step.beside else takes
        before = takes
    estimated = sum(usual is None for _, usual in known)
    return RollbackDuration(
        expected=total,
        measured=estimated == 0,
        steps=len(known),
        estimated=estimated,
        rehearsed=sum(usual is not None and usual.rehearsed for _, usual in known),
        fewest=min((usual.count for _, usual in known if usual is not None), default=0),
    )


def time_left(deadline: Instant, now: Instant) -> timedelta:
    """The time until a deadline, by the boot clock where both are of one boot."""
    return deadline.since(now)


def countdowns(state: RunState, now: Instant) -> tuple[Countdown, ...]:
    """A countdown for each open trigger, the earliest deadline first."""
    if not state.open_triggers:
        return ()
    rollback = rollback_duration(state, now)
    return tuple(
        Countdown(
            trigger=trigger,
            to_deadline=time_left(trigger.deadline, now),
            to_last_safe=time_left(trigger.deadline, now) - rollback.expected,
            rollback=rollback,
        )
        for trigger in state.open_triggers
    )
