"""What has happened to a run. Everything that anyone shows or decides is a fold of these."""

from enum import StrEnum
from typing import Any, Literal, get_args

from pydantic import Field, ValidationError

from handrail.clock import Instant
from handrail.errors import MachineFault
from handrail.run.actors import Actor
from handrail.run.plan import Plan, PlannedCall, PlannedStep
from handrail.run.watch_events import WATCH_EVENTS
from handrail.values import Frozen, TriggerClass


class UnreadableEvent(MachineFault):
    """The journal holds an event of another version; who can't read it must not act on the run."""

    def __init__(self, body: dict[str, Any], why: str) -> None:
        super().__init__(
            f"The journal holds an event that this handrail can't read: {str(body.get('type', '?'))[:80]}.",
            evidence=why,
            still_safe="what runs goes on; nothing new was started.",
            next_step="attach with the handrail that wrote it, most likely a newer one.",
        )


class Purpose(StrEnum):
    """What an attempt is for."""

    STEP = "step"
    GATE = "gate"
    PROBE = "probe"
    NOTICE = "notice"


class Result(StrEnum):
    """How an attempt ended."""

    PASSED = "passed"
    FAILED = "failed"
    TIMED_OUT = "timed out"
    CANCELLED = "cancelled"
    NEVER_STARTED = "never started"


class RunOpened(Frozen):
    """A run was opened with its frozen plan, and the target's lock was taken."""

    type: Literal["RunOpened"] = "RunOpened"
    plan: Plan
    operator: Actor


class EngineStarted(Frozen):
    """An engine owns the run from here on; `adopted` are the attempts that it found under way."""

    type: Literal["EngineStarted"] = "EngineStarted"
    epoch: int
    adopted: tuple[int, ...] = ()


class CommandAccepted(Frozen):
    """A command was taken; the events after it are its effect."""

    type: Literal["CommandAccepted"] = "CommandAccepted"
    command_id: int
    command: str
    issuer: Actor


class CommandRejected(Frozen):
    """A command was refused, with the reason to show to the one who sent it."""

    type: Literal["CommandRejected"] = "CommandRejected"
    command_id: int
    command: str
    issuer: Actor | None
    reason: str


class AttemptStarted(Frozen):
    """An attempt is about to be started: this stands on disk before its process does."""

    type: Literal["AttemptStarted"] = "AttemptStarted"
    attempt: int
    purpose: Purpose
    step: str | None
    call: PlannedCall
    timeout_seconds: float
    check: str | None = None
    again: int | None = None


class AttemptEnded(Frozen):
    """What became of an attempt, as its files say. `started` and `ended` are the shim's own times."""

    type: Literal["AttemptEnded"] = "AttemptEnded"
    attempt: int
    result: Result
    exit_code: int | None = None
    signal: int | None = None
    started: Instant | None = None
    ended: Instant | None = None
    facts: dict[str, Any] = Field(default_factory=dict)
    verdict: str | None = None
    evidence: str = ""
    left_behind: tuple[str, ...] = ()
    log_bytes: int = 0


class AttemptInDoubt(Frozen):
    """What became of an attempt can't be told from its files."""

    type: Literal["AttemptInDoubt"] = "AttemptInDoubt"
    attempt: int
    evidence: str


class CancelRequested(Frozen):
    """The attempt's process group is to be stopped."""

    type: Literal["CancelRequested"] = "CancelRequested"
    attempt: int
    by: Actor


class StepHeld(Frozen):
    """A gate or a missing fact keeps a step from starting."""

    type: Literal["StepHeld"] = "StepHeld"
    step: str
    check: str | None
    reason: str


class AnnouncementQueued(Frozen):
    """An announcement is on its way to the channel, by this attempt; the run goes on meanwhile."""

    type: Literal["AnnouncementQueued"] = "AnnouncementQueued"
    step: str
    attempt: int


class CheckWaived(Frozen):
    """A step may start without this check."""

    type: Literal["CheckWaived"] = "CheckWaived"
    step: str
    check: str
    by: Actor
    reason: str


class StepAttested(Frozen):
    """A person said that the step's statement holds, or that it does not."""

    type: Literal["StepAttested"] = "StepAttested"
    step: str
    holds: bool
    by: Actor
    note: str = ""


class StepSkipped(Frozen):
    """A step was left out."""

    type: Literal["StepSkipped"] = "StepSkipped"
    step: str
    by: Actor
    reason: str


class StepMarkedDone(Frozen):
    """A person said that a step is done, by other means or after a doubt."""

    type: Literal["StepMarkedDone"] = "StepMarkedDone"
    step: str
    by: Actor
    reason: str


class StepFoundNotDone(Frozen):
    """A person looked at a step in doubt and found that it was not done."""

    type: Literal["StepFoundNotDone"] = "StepFoundNotDone"
    step: str
    by: Actor
    reason: str


BLIND = "(the monitor itself)"
USERS = "(users)"
"""What a trigger is about where it is no signal: parentheses, since no signal's name has them."""


class TriggerRaised(Frozen):
    """There is a reason to roll back; `evidence_from` is when the evidence began.

    `signal` names what the watch has found bad, or one of `BLIND` and `USERS`; empty for a step's failure.
    """

    type: Literal["TriggerRaised"] = "TriggerRaised"
    trigger: int
    trigger_class: TriggerClass
    because: str
    step: str | None
    evidence_from: Instant
    deadline: Instant
    signal: str = ""


class TriggerClosed(Frozen):
    """A person decided that a trigger needs no rollback."""

    type: Literal["TriggerClosed"] = "TriggerClosed"
    trigger: int
    by: Actor
    reason: str


class DeadlinePassed(Frozen):
    """The rollback was not done by its deadline."""

    type: Literal["DeadlinePassed"] = "DeadlinePassed"
    trigger: int


class RollbackStarted(Frozen):
    """The run is being taken back by these steps, in this order."""

    type: Literal["RollbackStarted"] = "RollbackStarted"
    by: Actor
    reason: str
    steps: tuple[PlannedStep, ...]
    not_undone: tuple[tuple[str, str], ...] = ()


class OtherWayTaken(Frozen):
    """These steps come in the place of a rollback's step that failed; `title` is their runbook's."""

    type: Literal["OtherWayTaken"] = "OtherWayTaken"
    step: str
    by: Actor
    reason: str
    title: str
    steps: tuple[PlannedStep, ...]


class NoteAdded(Frozen):
    """Someone wrote something down."""

    type: Literal["NoteAdded"] = "NoteAdded"
    by: Actor
    text: str


class ControlRequested(Frozen):
    """A watcher asks to become the operator."""

    type: Literal["ControlRequested"] = "ControlRequested"
    by: Actor


class ControlChanged(Frozen):
    """Another screen drives the run now."""

    type: Literal["ControlChanged"] = "ControlChanged"
    operator: Actor
    reason: str
    granted: bool


class ClockJumped(Frozen):
    """The wall clock was set, or the machine was rebooted; countdowns go by the boot clock."""

    type: Literal["ClockJumped"] = "ClockJumped"
    seconds: float
    rebooted: bool = False


class FileChange(Frozen):
    """One file that is no longer what the plan was made from; `difference` is a short unified one."""

    path: str
    difference: str


class FilesChanged(Frozen):
    """These files differ from what the plan was made from; none of them once all are back."""

    type: Literal["FilesChanged"] = "FilesChanged"
    files: tuple[FileChange, ...] = ()


class ForeignEvents(Frozen):
    """Events stand in the journal that this run's engine did not write, in a chain that is whole."""

    type: Literal["ForeignEvents"] = "ForeignEvents"
    first: int
    last: int


class DurationsMeasured(Frozen):
    """How long the steps of a closed run took, in seconds, for the estimates of later ones."""

    type: Literal["DurationsMeasured"] = "DurationsMeasured"
    target: str
    runbook: str
    steps: dict[str, float]
    rollback_seconds: float | None = None


class RunFinished(Frozen):
    """Every step is done or skipped."""

    type: Literal["RunFinished"] = "RunFinished"


class RunRolledBack(Frozen):
    """The rollback is done. `deadlines_met` is `None` where no trigger was open."""

    type: Literal["RunRolledBack"] = "RunRolledBack"
    seconds: float
    deadlines_met: bool | None = None


class RunAborted(Frozen):
    """The run was ended as it stood."""

    type: Literal["RunAborted"] = "RunAborted"
    by: Actor
    reason: str


Event = (
    RunOpened
    | EngineStarted
    | CommandAccepted
    | CommandRejected
    | AttemptStarted
    | AttemptEnded
    | AttemptInDoubt
    | CancelRequested
    | StepHeld
    | AnnouncementQueued
    | CheckWaived
    | StepAttested
    | StepSkipped
    | StepMarkedDone
    | StepFoundNotDone
    | TriggerRaised
    | TriggerClosed
    | DeadlinePassed
    | RollbackStarted
    | OtherWayTaken
    | NoteAdded
    | ControlRequested
    | ControlChanged
    | ClockJumped
    | FilesChanged
    | ForeignEvents
    | DurationsMeasured
    | RunFinished
    | RunRolledBack
    | RunAborted
    | WATCH_EVENTS
)
_BY_TYPE: dict[str, type[Event]] = {each.__name__: each for each in get_args(Event)}
CLOSING = (RunFinished, RunRolledBack, RunAborted)


def write_event(event: Event) -> dict[str, Any]:
    """The event as plain values, for the journal."""
    return event.model_dump(mode="json")


def read_event(body: dict[str, Any]) -> Event:
    """The inverse of `write_event`. Raises `UnreadableEvent` for one that this handrail doesn't know."""
    # By its name and not by a union of all: the validator of an event that a run doesn't have isn't built.
    if (known := _BY_TYPE.get(str(body.get("type")))) is None:
        raise UnreadableEvent(body, "it is of a type that isn't known here")
    try:
        return known.model_validate(body)
    except ValidationError as error:
        raise UnreadableEvent(body, error.errors()[0]["msg"]) from error
