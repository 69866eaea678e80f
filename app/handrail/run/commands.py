"""What can be asked of a run. Operators send these as journal rows; the engine answers each once."""

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, TypeAdapter

from handrail.clock import Instant
from handrail.signals.window import SignalWindow
from handrail.values import Frozen

Reason = Annotated[str, Field(max_length=4000)]


class StartStep(Frozen):
    """Run the next step: its gate first, then the step itself."""

    type: Literal["StartStep"] = "StartStep"
    step: str


class RetryStep(Frozen):
    """Try a failed or held step again; `after_attempt` is the last attempt seen, so one key acts once."""

    type: Literal["RetryStep"] = "RetryStep"
    step: str
    after_attempt: int = 0


class Attest(Frozen):
    """Say that an attestation holds, or, with `holds` false, that it does not."""

    type: Literal["Attest"] = "Attest"
    step: str
    holds: bool = True
    note: Reason = ""


class SkipStep(Frozen):
    """Leave a step out, and say why."""

    type: Literal["SkipStep"] = "SkipStep"
    step: str
    reason: Reason


class MarkDone(Frozen):
    """Say that a step was done by other means, and how."""

    type: Literal["MarkDone"] = "MarkDone"
    step: str
    reason: Reason


class ResolveDoubt(Frozen):
    """Say what became of a step that is in doubt, after looking at its evidence."""

    type: Literal["ResolveDoubt"] = "ResolveDoubt"
    step: str
    done: bool
    reason: Reason


class CancelStep(Frozen):
    """Stop the running attempt: TERM to its process group, a grace, then KILL."""

    type: Literal["CancelStep"] = "CancelStep"
    attempt: int


class WaiveCheck(Frozen):
    """Let a step start without one of its checks."""

    type: Literal["WaiveCheck"] = "WaiveCheck"
    step: str
    check: str
    reason: Reason


class RollBack(Frozen):
    """Take back what this run did. `confirm` must be the target's name."""

    type: Literal["RollBack"] = "RollBack"
    confirm: str
    reason: Reason = ""


class TakeOtherWay(Frozen):
    """Take the runbook's other way where an undo failed. `confirm` must be the target's name."""

    type: Literal["TakeOtherWay"] = "TakeOtherWay"
    step: str
    confirm: str
    reason: Reason = ""


class CloseTrigger(Frozen):
    """Close a rollback trigger without rolling back, and say why."""

    type: Literal["CloseTrigger"] = "CloseTrigger"
    trigger: int
    reason: Reason


class ExtendDeadline(Frozen):
    """Give a trigger more time, so many seconds after its present deadline, and say why."""

    type: Literal["ExtendDeadline"] = "ExtendDeadline"
    trigger: int
    seconds: Annotated[float, Field(gt=0, le=86_400)]
    reason: Reason


class KeepRelease(Frozen):
    """Confirm that the release stays, so that a trigger rolls nothing back by itself, and say why."""

    type: Literal["KeepRelease"] = "KeepRelease"
    trigger: int
    reason: Reason


class ReportTrouble(Frozen):
    """Pass on what users report; a watcher may, too. It opens a deadline."""

    type: Literal["ReportTrouble"] = "ReportTrouble"
    text: Reason


class StretchWatch(Frozen):
    """Watch for so many seconds longer."""

    type: Literal["StretchWatch"] = "StretchWatch"
    step: str
    seconds: Annotated[float, Field(gt=0, le=86_400)]
    reason: Reason = ""


class AbortRun(Frozen):
    """End the run as it stands: nothing is taken back, and the lock is released."""

    type: Literal["AbortRun"] = "AbortRun"
    reason: Reason


class AddNote(Frozen):
    """Write something into the journal; a watcher may, too."""

    type: Literal["AddNote"] = "AddNote"
    text: Reason


class RequestControl(Frozen):
    """Ask the operator to hand over."""

    type: Literal["RequestControl"] = "RequestControl"


class GrantControl(Frozen):
    """Hand over to the one who asked; `to` is the session that the operator saw asking, if it is known."""

    type: Literal["GrantControl"] = "GrantControl"
    to: str | None = None


class TakeControl(Frozen):
    """Become the operator without being asked to; the old screen becomes a watcher."""

    type: Literal["TakeControl"] = "TakeControl"
    reason: Reason


OperatorCommand = Annotated[
    StartStep
    | RetryStep
    | Attest
    | SkipStep
    | MarkDone
    | ResolveDoubt
    | CancelStep
    | WaiveCheck
    | RollBack
    | TakeOtherWay
    | CloseTrigger
    | ExtendDeadline
    | KeepRelease
    | ReportTrouble
    | StretchWatch
    | AbortRun
    | AddNote
    | RequestControl
    | GrantControl
    | TakeControl,
    Field(discriminator="type"),
]
OPERATOR_COMMANDS: TypeAdapter[OperatorCommand] = TypeAdapter(
    OperatorCommand, config=ConfigDict(defer_build=True)
)


class ObserveExit(Frozen):
    """The engine read an attempt's end from its files."""

    attempt: int
    exit_code: int | None = None
    signal: int | None = None
    cancelled: bool = False
    timed_out: bool = False
    never_started: bool = False
    started: Instant | None = None
    ended: Instant | None = None
    facts: dict[str, Any] = Field(default_factory=dict)
    verdict: str | None = None
    evidence: str = ""
    left_behind: tuple[str, ...] = ()
    log_bytes: int = 0


class ObserveDoubt(Frozen):
    """The engine can't tell from an attempt's files what became of it."""

    attempt: int
    evidence: str


class ObserveTime(Frozen):
    """Time has passed: deadlines are looked at."""


class ObserveFiles(Frozen):
    """The engine compared the plan's files with what they were when the plan was made.

    `changed` holds a path and a short unified difference for each that is another one now.
    """

    changed: tuple[tuple[str, str], ...] = ()


class ObserveSignals(Frozen):
    """The target's signals were sampled: windows that are complete, oldest first."""

    windows: tuple[SignalWindow, ...]


Observation = ObserveExit | ObserveDoubt | ObserveTime | ObserveFiles | ObserveSignals
