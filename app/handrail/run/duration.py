"""How long a deployment takes: its steps, the watch after them, and the rollback that it may need."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from msgspec import Struct
from msgspec.structs import replace

from handrail.clock import Instant
from handrail.run.actors import Actor
from handrail.run.clean_time import time_to_watch
from handrail.run.deadlines import expected_duration
from handrail.run.plan import Plan, PlannedStep
from handrail.run.state import Phase, RunState, StepState
from handrail.run.undo import undo_plan
from handrail.runbook.model import StepKind


class PlanDuration(Struct, frozen=True):
    """What is ahead: `work` and `watch` by the median of earlier runs, `rollback` by the high quantile.

    The rollback is the whole one, as if it were needed at the very end; conditions that can't be told
    yet count as met. `measured` where every part of it has been measured before, `forward_measured` where
    every part of `work` and `watch` has.
    """

    work: timedelta
    watch: timedelta
    rollback: timedelta
    measured: bool
    forward_measured: bool

    @property
    def forward(self) -> timedelta:
        """The deployment itself, its watch included."""
        return self.work + self.watch

    @property
    def total(self) -> timedelta:
        """Deployment, watch and rollback."""
        return self.forward + self.rollback


def usual(plan: Plan, step: PlannedStep) -> tuple[timedelta, bool]:
    """How long a step takes as a rule, and whether that was measured rather than estimated."""
    measured = plan.usual.get(step.key)
    if step.watch_for is not None:
        # It takes its time, neither more nor less, whatever was measured.
        return step.watch_for, True
    if measured is None:
        return step.estimate, False
    return timedelta(seconds=measured.median), True


def plan_duration(plan: Plan) -> PlanDuration:
    """How long a run of this plan takes, with the rollback of all that it does."""
    nobody, never = Actor(user="", host="", session=""), Instant(0.0, 0.0, "")
    steps = {step.key: StepState(step) for step in plan.steps}
    return time_ahead(RunState("", plan, nobody, never, steps=steps), never)


def time_ahead(state: RunState, now: Instant) -> PlanDuration:
    """What is still ahead of a run that goes forward; what is running counts with what is left of it.

    Nothing once the run is over or rolling back: its rollback has a countdown of its own.
    """
    if state.phase is not Phase.RUNNING:
        return PlanDuration(timedelta(), timedelta(), timedelta(), True, True)
    ahead = [step for step in state.forward_steps if not step.status.is_done]
    parts = [(step.planned.kind is StepKind.WATCH, *_left(state, step, now)) for step in ahead]
    everything = {
        step.key: replace(step, may_have_acted=step.may_have_acted or not step.status.is_done)
        for step in state.forward_steps
    }
    rollback = expected_duration(state.plan, undo_plan(replace(state, steps=everything)).steps)
    forward_measured = all(measured for _, _, measured in parts)
    return PlanDuration(
        work=_sum(left for watches, left, _ in parts if not watches),
        watch=_sum(left for watches, left, _ in parts if watches),
        rollback=rollback.expected,
        measured=rollback.measured and forward_measured,
        forward_measured=forward_measured,
    )


def _left(state: RunState, step: StepState, now: Instant) -> tuple[timedelta, bool]:
    whole, measured = usual(state.plan, step.planned)
    if step.key == state.watch.step and state.watch.is_on:
        return time_to_watch(state), True
    last = state.last_attempt(step.key)
    if last is not None and last.is_running:
        whole = max(whole - now.since(last.started or last.announced), timedelta())
    return whole, measured


def _sum(parts: Iterable[timedelta]) -> timedelta:
    return sum(parts, timedelta())
