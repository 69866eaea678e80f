"""What is known of a run: the values that its events fold into."""

from __future__ import annotations

import functools
from enum import StrEnum
from typing import Any

from msgspec import Struct, field

from handrail.clock import Instant
from handrail.run.actors import Actor
from handrail.run.events import FileChange, Purpose, Result
from handrail.run.plan import Plan, PlannedCall, PlannedStep
from handrail.run.watch_state import NO_WATCH, WatchState
from handrail.values import TriggerClass


class Phase(StrEnum):
    """Where a run as a whole stands."""

    RUNNING = "running"
    ROLLING_BACK = "rolling back"
    FINISHED = "finished"
    ROLLED_BACK = "rolled back"
    ABORTED = "aborted"

    @property
    def is_open(self) -> bool:
        """Whether the run still holds its target's lock."""
        return self in (Phase.RUNNING, Phase.ROLLING_BACK)


class StepStatus(StrEnum):
    """Where one step stands."""

    PENDING = "pending"
    CHECKING = "checking"
    HELD = "held"
    RUNNING = "running"
    PASSED = "passed"
    FAILED = "failed"
    IN_DOUBT = "in doubt"
    SKIPPED = "skipped"
    MARKED_DONE = "marked done"
    REPLACED = "replaced"

    @property
    def is_done(self) -> bool:
        """Whether the run may go on to the next step."""
        return self in (
            StepStatus.PASSED,
            StepStatus.SKIPPED,
            StepStatus.MARKED_DONE,
            StepStatus.REPLACED,
        )


class AttemptState(Struct, frozen=True):
    """One attempt: `result` is `None` while it runs or is in doubt."""

    number: int
    purpose: Purpose
    step: str | None
    call: PlannedCall
    announced: Instant
    timeout_seconds: float
    check: str | None = None
    again: int | None = None
    result: Result | None = None
    in_doubt: bool = False
    cancelling: bool = False
    started: Instant | None = None
    ended: Instant | None = None
    exit_code: int | None = None
    signal: int | None = None
    verdict: str | None = None
    evidence: str = ""
    left_behind: tuple[str, ...] = ()
    log_bytes: int = 0

    @property
    def is_running(self) -> bool:
        """Whether its process may still be at work."""
        return self.result is None and not self.in_doubt


class StepState(Struct, frozen=True):
    """One step of the plan or of the rollback. `may_have_acted`: some attempt of it really began.

    `instead_of` is the key of the rollback's step whose other way it is part of.
    """

    planned: PlannedStep
    status: StepStatus = StepStatus.PENDING
    undoes: bool = False
    instead_of: str = ""
    attempts: tuple[int, ...] = ()
    why: str = ""
    checks_passed: frozenset[str] = frozenset()
    waived: dict[str, str] = field(default_factory=dict)
    may_have_acted: bool = False
    started: Instant | None = None
    ended: Instant | None = None
    doubt: str = ""
    probe_evidence: str = ""
    by: str = ""

    @property
    def key(self) -> str:
        """The step's key in its plan."""
        return self.planned.key


class TriggerState(Struct, frozen=True):
    """A reason to roll back, and its deadline.

    `signal` is what the watch has found bad. `rolls_back_at` is when the run rolls back by itself, and
    `why_not` why it can't where its class asks for that; `kept` says who confirmed that the release stays.
    """

    number: int
    trigger_class: TriggerClass
    because: str
    step: str | None
    evidence_from: Instant
    deadline: Instant
    raised: Instant
    signal: str = ""
    closed: str | None = None
    closed_at: Instant | None = None
    passed: bool = False
    rolls_back_at: Instant | None = None
    why_not: str = ""
    kept: str | None = None
    extended: tuple[str, ...] = ()

    @property
    def is_open(self) -> bool:
        """Whether it still asks for a rollback."""
        return self.closed is None


def _by_deadline(one: TriggerState, other: TriggerState) -> int:
    """Negative where `one` is due first; by the boot clock where it can be, as the countdowns are."""
    seconds = one.deadline.since(other.deadline).total_seconds()
    return (seconds > 0) - (seconds < 0)


class TimelineEntry(Struct, frozen=True):
    """One thing that people said or decided."""

    at: Instant
    who: str
    text: str


class RunState(Struct, frozen=True):
    """All that is known of a run after its event `seq`."""

    run: str
    plan: Plan
    operator: Actor
    opened: Instant
    phase: Phase = Phase.RUNNING
    seq: int = 0
    epoch: int = 0
    steps: dict[str, StepState] = field(default_factory=dict)
    attempts: dict[int, AttemptState] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    triggers: dict[int, TriggerState] = field(default_factory=dict)
    notes: tuple[TimelineEntry, ...] = ()
    control_requested_by: Actor | None = None
    rollback_started: Instant | None = None
    not_undone: tuple[tuple[str, str], ...] = ()
    closed: Instant | None = None
    closed_why: str = ""
    deadlines_met: bool | None = None
    last_event: Instant | None = None
    clock_jump: float = 0.0
    watch: WatchState = NO_WATCH
    changed_files: tuple[FileChange, ...] = ()
    foreign_events: tuple[int, int] | None = None
    """The first and last number of events that the run's engine did not write."""

    @property
    def forward_steps(self) -> tuple[StepState, ...]:
        """The plan's own steps, in order."""
        return tuple(step for step in self.steps.values() if not step.undoes)

    @property
    def undo_steps(self) -> tuple[StepState, ...]:
        """The rollback's steps, in order; empty before a rollback was started."""
        return tuple(step for step in self.steps.values() if step.undoes)

    @property
    def current_steps(self) -> tuple[StepState, ...]:
        """The steps that are being walked through now: the rollback's once it has begun."""
        return self.undo_steps if self.rollback_started is not None else self.forward_steps

    @property
    def current(self) -> StepState | None:
        """The first step that isn't done."""
        return next((step for step in self.current_steps if not step.status.is_done), None)

    @property
    def running(self) -> AttemptState | None:
        """The attempt under way for a step; notices run beside and don't count."""
        return next(
            (
                attempt
                for attempt in reversed(self.attempts.values())
                if attempt.is_running and attempt.purpose is not Purpose.NOTICE
            ),
            None,
        )

    @property
    def waiting_step(self) -> StepState | None:
        """The step that the engine itself carries out now: a baseline being taken, or the watch."""
        key = self.watch.step if self.watch.is_on else self.watch.waiting_step
        return self.steps.get(key) if key is not None else None

    @property
    def open_triggers(self) -> tuple[TriggerState, ...]:
        """The triggers that still ask for a rollback, the earliest deadline first."""
        triggers = [trigger for trigger in self.triggers.values() if trigger.is_open]
        return tuple(sorted(triggers, key=functools.cmp_to_key(_by_deadline)))

    @property
    def next_attempt(self) -> int:
        """The number that the next attempt gets."""
        return len(self.attempts) + 1

    def last_attempt(self, step: str, purpose: Purpose = Purpose.STEP) -> AttemptState | None:
        """The newest attempt of a step for a purpose."""
        return next(
            (a for a in reversed(self.attempts.values()) if a.step == step and a.purpose is purpose),
            None,
        )
