"""How long there is: deadlines, and the last safe moment to start a rollback."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from handrail.clock import Instant
from handrail.project.model import Target
from handrail.run.plan import Plan, PlannedStep
from handrail.run.state import RunState, TriggerState
from handrail.run.undo import undo_plan
from handrail.values import TriggerClass


@dataclass(frozen=True, slots=True)
class RollbackDuration:
    """How long the rollback would take; `measured` where every step of it has been measured before."""

    expected: timedelta
    measured: bool


@dataclass(frozen=True, slots=True)
class Countdown:
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


def rollback_duration(state: RunState) -> RollbackDuration:
    """How long the rollback that this run would need now takes, or what is left of the one under way."""
    if state.rollback_started is not None:
        steps: Iterable[PlannedStep] = [step.planned for step in state.undo_steps if not step.status.is_done]
    else:
        steps = undo_plan(state).steps
    return expected_duration(state.plan, steps)


def expected_duration(plan: Plan, steps: Iterable[PlannedStep]) -> RollbackDuration:
    """The sum of the steps' measured durations (their high quantile), or estimates before any."""
    total, measured = timedelta(), True
    for step in steps:
        usual = plan.usual.get(step.key)
        if usual is None:
            measured = False
            total += step.estimate
        else:
            total += timedelta(seconds=usual.high)
    return RollbackDuration(total, measured)


def time_left(deadline: Instant, now: Instant) -> timedelta:
    """The time until a deadline, by the boot clock where both are of one boot."""
    return deadline.since(now)


def countdowns(state: RunState, now: Instant) -> tuple[Countdown, ...]:
    """A countdown for each open trigger, the earliest deadline first."""
    if not state.open_triggers:
        return ()
    rollback = rollback_duration(state)
    return tuple(
        Countdown(
            trigger=trigger,
            to_deadline=time_left(trigger.deadline, now),
            to_last_safe=time_left(trigger.deadline, now) - rollback.expected,
            rollback=rollback,
        )
        for trigger in state.open_triggers
    )
