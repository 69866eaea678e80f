"""What a runbook can say: its front matter, and the small block in each step that a machine acts on."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from handrail.values import Arguments, Duration, Frozen, Scalar, TaskName, TriggerClass

ACTIONS = ("task", "check", "attest", "announce", "baseline", "watch", "runbook")
NOT_BESIDE_RUNBOOK = (
    "undo",
    "irreversible",
    "irreversible_when",
    "timeout",
    "estimate",
    "probe",
    "idempotent",
    "on_failure",
)
"""Fields that would have no effect beside `runbook`: the steps of that runbook say them."""


class StepKind(StrEnum):
    """The one thing that a step does; `fence` runs the step's own shell fence."""

    TASK = "task"
    CHECK = "check"
    ATTEST = "attest"
    ANNOUNCE = "announce"
    BASELINE = "baseline"
    WATCH = "watch"
    RUNBOOK = "runbook"
    FENCE = "fence"


class Parameter(Frozen):
    """A value that the operator gives before the run; `pattern` must match all of it."""

    prompt: str
    default: str | None = None
    pattern: str | None = None
    choices: tuple[str, ...] = ()


class Call(Frozen):
    """A task with its arguments; argument values may hold `${…}`."""

    task: TaskName
    arguments: Arguments = Field(alias="with")


def _call(value: object) -> object:
    return {"task": value} if isinstance(value, str) else value


class GateCheck(Frozen):
    """A check that must pass before its step may start; it may take five minutes, or its `timeout`."""

    check: TaskName
    arguments: Arguments = Field(alias="with")
    waivable: bool = True
    timeout: Duration | None = None


def _gate_check(value: object) -> object:
    return {"check": value} if isinstance(value, str) else value


class OtherWay(Frozen):
    """A runbook that is taken instead where an undo fails, with what it is given for its parameters."""

    runbook: str
    arguments: Arguments = Field(alias="with")


class Undo(Frozen):
    """What takes a completed step back: a task, a whole runbook, or nothing, with the reason why not.

    `when` is a template; where it resolves to false the step needs no undo in this run. `otherwise` is
    offered where the undo's task fails (deployment-workflow.md, "Database Rollback").
    """

    task: TaskName | None = None
    runbook: str | None = None
    nothing: str | None = None
    arguments: Arguments = Field(alias="with")
    when: str | None = None
    unless_needed: str | None = Field(default=None, description="Why no undo is needed where `when` is false")
    estimate: Duration | None = None
    timeout: Duration | None = None
    otherwise: OtherWay | None = Field(
        default=None, description="The runbook that is offered where the task fails"
    )

    @model_validator(mode="after")
    def _one_way_back(self) -> Self:
        if sum(way is not None for way in (self.task, self.runbook, self.nothing)) != 1:
            raise ValueError("exactly one of task, runbook or nothing")
        if self.otherwise is not None and self.task is None:
            raise ValueError("`otherwise` belongs to an undo by a task")
        return self


class Watch(Frozen):
    """Watch the target's signals until `for` so long was clean; handrail samples and judges by itself.

    A `task` that is named here watches instead, as an attempt of its own, a look `every` so often.
    """

    duration: str = Field(alias="for", description="A duration, or a template that gives one")
    every: Duration | None = None
    task: TaskName | None = None


class TakeBaseline(Frozen):
    """Wait until the target's signals were sampled for so long in this run, before its first change."""

    duration: str = Field(alias="for", description="A duration, or a template that gives one")


class StepBlock(Frozen):
    """The `yaml step` block: what a step does, what must hold before it, and the way back."""

    task: TaskName | None = None
    check: TaskName | None = None
    attest: str | None = None
    announce: str | None = None
    baseline: TakeBaseline | None = None
    watch: Watch | None = None
    runbook: str | None = None

    arguments: Arguments = Field(alias="with")
    by: Literal["operator", "someone-else"] = "operator"
    timeout: Duration | None = None
    estimate: Duration | None = None
    gate: tuple[
        Annotated[GateCheck, BeforeValidator(_gate_check, json_schema_input_type=GateCheck | TaskName)], ...
    ] = ()
    undo: Undo | None = None
    irreversible: str | None = Field(default=None, description="Why this step can't be taken back")
    irreversible_when: str | None = None
    probe: Annotated[Call | None, BeforeValidator(_call, json_schema_input_type=Call | TaskName | None)] = (
        None
    )
    idempotent: bool = False
    beside: bool = Field(
        default=False, description="In a rollback, it may run beside the step before it, such as maintenance"
    )
    on_failure: TriggerClass | None = Field(default=None, description="The trigger that a failure raises")

    @model_validator(mode="after")
    def _one_action(self) -> Self:
        named = [name for name in ACTIONS if getattr(self, name) is not None]
        if len(named) > 1:
            raise ValueError(f"one action in a step, found {' and '.join(named)}")
        if self.by == "someone-else" and self.attest is None:
            raise ValueError("`by: someone-else` belongs to an attest step")
        return self

    @property
    def action(self) -> str | None:
        """The name of the field that says what the step does; `None` leaves it to the step's fence."""
        return next((name for name in ACTIONS if getattr(self, name) is not None), None)


ParameterName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]


class EmergencyRules(Frozen):
    """What makes a runbook the way of an emergency: the parameters that name it, and what it may skip.

    `skips` gives for each parameter the checks (with `*` as in file names) that its value, the reason,
    lets the run go without; the values `no` and nothing at all keep them.
    """

    incident: ParameterName = "incident"
    on_call: ParameterName = "on_call"
    skips: dict[ParameterName, tuple[str, ...]] = Field(default_factory=dict)


class FrontMatter(Frozen):
    """The YAML block at the very top of a runbook; a document without one is a runbook all the same."""

    title: str | None = None
    description: str | None = None
    target: str | None = None
    parameters: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")], Parameter] = Field(
        default_factory=dict, json_schema_extra={"additionalProperties": False}
    )
    emergency: EmergencyRules | None = None


class Fence(Frozen):
    """A fenced code block of a step: its language, its text, and the line where it opens."""

    language: str
    text: str
    line: int


class Step(Frozen):
    """One `###` heading with what belongs to it.

    `key` is unique in its runbook and follows from the headings, so edits elsewhere leave it as it is.
    `kind` follows from the block or, without one, from the fence; `script` is set for a fence step.
    """

    key: str
    title: str
    prose: str
    line: int
    kind: StepKind
    block: StepBlock
    block_line: int | None = None
    script: str | None = None
    included: "Runbook | None" = None
    undo_runbook: "Runbook | None" = None
    other_way: "Runbook | None" = None


class Section(Frozen):
    """One `##` heading: its own prose, and its steps in order."""

    title: str
    prose: str
    line: int
    steps: tuple[Step, ...]


class Runbook(Frozen):
    """A loaded runbook; `digest` is the SHA-256 of the file's bytes, in hexadecimal."""

    path: Path
    digest: str
    text: str
    title: str
    introduction: str
    front_matter: FrontMatter
    sections: tuple[Section, ...]

    @property
    def steps(self) -> tuple[Step, ...]:
        """All steps, in the order of the document."""
        return tuple(step for section in self.sections for step in section.steps)


ParameterValues = dict[str, Scalar]
