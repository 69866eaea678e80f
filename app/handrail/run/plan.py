"""What a run promised to do: resolved steps, frozen when the run is opened."""

from datetime import timedelta
from enum import StrEnum
from typing import Any

from pydantic import Field

from handrail.project.model import Target
from handrail.runbook.model import StepKind
from handrail.signals.baseline import Baseline
from handrail.signals.signal import Signal
from handrail.values import Duration, Frozen, Scalar, TriggerClass

DEFAULT_ESTIMATE = timedelta(seconds=10)
DEFAULT_TIMEOUT = timedelta(minutes=10)
DEFAULT_GATE_TIMEOUT = timedelta(minutes=5)
LOOKING = frozenset({StepKind.CHECK, StepKind.ATTEST, StepKind.BASELINE, StepKind.WATCH})


class PlannedCall(Frozen):
    """A task with its arguments; only `${facts…}` is still to be resolved in them."""

    task: str
    arguments: dict[str, Any] = Field(default_factory=dict)


class PlannedGate(Frozen):
    """A check that must pass before its step may start."""

    call: PlannedCall
    waivable: bool = True
    timeout: Duration = DEFAULT_GATE_TIMEOUT
    name: str | None = None

    @property
    def check(self) -> str:
        """The name by which the check is shown and waived; one task may be two checks of a gate."""
        return self.name or self.call.task


class UndoKind(StrEnum):
    """How a step is taken back."""

    TASK = "task"
    RUNBOOK = "runbook"
    NOTHING = "nothing"


class PlannedOtherWay(Frozen):
    """What is taken instead where an undo fails: an entry of the plan's `undo_runbooks`, and its title.

    `arguments` stand in for the runbook's parameters, as those of an undo runbook do.
    """

    runbook: str
    title: str
    arguments: dict[str, Any] = Field(default_factory=dict)


class PlannedUndo(Frozen):
    """What takes a step back. `runbook` names an entry of the plan's `undo_runbooks`.

    `arguments` stand in for that runbook's parameters once the rollback begins: they mean the facts of
    that moment, while the runbook's own `${facts…}` mean what its own steps find.
    """

    kind: UndoKind
    call: PlannedCall | None = None
    runbook: str | None = None
    arguments: dict[str, Any] = Field(default_factory=dict)
    reason: str = ""
    when: str | None = None
    unless_needed: str | None = None
    estimate: Duration | None = None
    timeout: Duration | None = None
    otherwise: PlannedOtherWay | None = None


class PlannedStep(Frozen):
    """One step, with everything that is needed to show, gate, run, probe and undo it.

    `call` is what an attempt executes; an attestation has none, but a `statement` instead, and neither has
    what the engine itself watches or takes as a baseline, for `watch_for`. `otherwise` is set in a rollback's
    own steps alone: what may be taken in the place of this one if it fails. `beside` lets a rollback begin it
    together with the step before it.
    """

    key: str
    section: str
    title: str
    prose: str = ""
    kind: StepKind
    source: str = ""
    call: PlannedCall | None = None
    statement: str | None = None
    by: str = "operator"
    gate: tuple[PlannedGate, ...] = ()
    timeout: Duration = DEFAULT_TIMEOUT
    estimate: Duration = DEFAULT_ESTIMATE
    undo: PlannedUndo | None = None
    irreversible: str | None = None
    irreversible_when: str | None = None
    probe: PlannedCall | None = None
    idempotent: bool = False
    on_failure: TriggerClass | None = None
    otherwise: PlannedOtherWay | None = None
    watch_for: Duration | None = None
    beside: bool = False

    @property
    def only_looks(self) -> bool:
        """Whether the step changes nothing, so that nothing of it needs to be taken back."""
        return self.kind in LOOKING or self.kind is StepKind.ANNOUNCE


class Usual(Frozen):
    """How long something took before: median and high quantile in seconds, over `count` runs.

    `rehearsed` where that was on staging, since the target itself never did it.
    """

    median: float
    high: float
    count: int
    rehearsed: bool = False


class Emergency(Frozen):
    """That a run is an emergency: its incident, who is on call, and why each skipped rule is skipped.

    A rule is named by its check.
    """

    incident: str
    on_call: str
    skipped: dict[str, str] = Field(default_factory=dict)


class Plan(Frozen):
    """The frozen plan of a run.

    `digests` holds the SHA-256 of every file that the plan was made from, by path, and `sources` the
    text of those that may be shown; `usual` the measured durations of earlier runs by step key, undo
    steps included. `signals` are what a watch samples and judges, `usual_signals` what the last good runs saw
    of them at the same hour.
    """

    runbook: str
    title: str
    introduction: str = ""
    target: Target
    parameters: dict[str, Scalar] = Field(default_factory=dict)
    steps: tuple[PlannedStep, ...]
    undo_runbooks: dict[str, tuple[PlannedStep, ...]] = Field(default_factory=dict)
    digests: dict[str, str] = Field(default_factory=dict)
    sources: dict[str, str] = Field(default_factory=dict)
    project_root: str = "."
    tasks_file: str | None = None
    usual: dict[str, Usual] = Field(default_factory=dict)
    emergency: Emergency | None = None
    signals: tuple[Signal, ...] = ()
    usual_signals: Baseline = Field(default_factory=dict)

    @property
    def is_watched(self) -> bool:
        """Whether some step has the engine sample the target's signals."""
        return bool(self.signals) and any(step.watch_for is not None for step in self.steps)

    def set_aside(self, gate: PlannedGate) -> str:
        """Why the target does without what this check asks for; empty where it asks."""
        return self.target.set_aside.get(gate.call.task, "")
