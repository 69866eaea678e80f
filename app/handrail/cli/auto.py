"""A run without a person: each next step until the end, or until the first thing that needs someone."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from handrail.cli.exits import exit_code_of
from handrail.errors import ExitCode
from handrail.run import commands as c
from handrail.run.commands import OperatorCommand
from handrail.run.events import Result
from handrail.run.state import Phase, RunState, StepState, StepStatus
from handrail.runbook.model import StepKind


class OnFailure(StrEnum):
    """What an unattended run does about a failed step."""

    LEAVE = "leave"
    ROLL_BACK = "rollback"


class Stop(Struct, frozen=True):
    """Leave the run here; `why` is empty where it simply ended."""

    code: ExitCode
    why: str = ""


def next_move(
    state: RunState, *, attest: str | None = None, on_failure: OnFailure = OnFailure.LEAVE
) -> OperatorCommand | Stop | None:
    """What an unattended run does now; `None` is to wait. Pure.

    `attest` is the reason given beforehand for saying that every attestation holds.
    """
    if not state.phase.is_open:
        return Stop(exit_code_of(state))
    if state.running is not None:
        return None
    step = state.current
    if step is None:
        return _all_done(state, on_failure)
    match step.status:
        case StepStatus.RUNNING if state.open_triggers:
            # A watch is no attempt: it goes on beside what it has found.
            return _all_done(state, on_failure)
        case StepStatus.FAILED:
            return _failed(state, step, on_failure)
        case StepStatus.IN_DOUBT:
            said = step.probe_evidence or step.doubt
            return Stop(ExitCode.IN_DOUBT, f"It is not known what became of {step.planned.title}: {said}")
        case StepStatus.HELD:
            return Stop(ExitCode.REFUSED, f"{step.planned.title} is held: {step.why}")
        case StepStatus.PENDING:
            return _pending(state, step, attest)
    return None


def _all_done(state: RunState, on_failure: OnFailure) -> OperatorCommand | Stop | None:
    if not state.open_triggers:
        return None
    because = state.open_triggers[0].because
    if on_failure is OnFailure.ROLL_BACK and state.rollback_started is None:
        return c.RollBack(confirm=state.plan.target.name, reason=because)
    return Stop(ExitCode.FAILED_OR_ROLLED_BACK, f"A rollback trigger is open: {because}")


def _failed(state: RunState, step: StepState, on_failure: OnFailure) -> OperatorCommand | Stop:
    why = f"{step.planned.title} failed: {step.why}"
    acted = any(each.may_have_acted for each in state.forward_steps)
    if on_failure is OnFailure.ROLL_BACK and state.phase is Phase.RUNNING and acted:
        return c.RollBack(confirm=state.plan.target.name, reason=why)
    if (other := step.planned.otherwise) is not None:
        why = f"{why} (another way is offered, for a person to take: {other.title})"
    return Stop(ExitCode.FAILED_OR_ROLLED_BACK, why)


def _pending(state: RunState, step: StepState, attest: str | None) -> OperatorCommand | Stop | None:
    if any(trigger.step != step.key for trigger in state.open_triggers) and not step.undoes:
        return Stop(
            ExitCode.FAILED_OR_ROLLED_BACK, f"A rollback trigger is open: {state.open_triggers[0].because}"
        )
    if step.planned.kind is StepKind.ATTEST:
        if step.planned.by == "someone-else":
            return Stop(ExitCode.DETACHED, f"{step.planned.title} is for someone else to attest.")
        if attest is None:
            return Stop(ExitCode.DETACHED, f"{step.planned.title} is for a person to attest.")
        return c.Attest(step=step.key, holds=True, note=attest)
    last = state.last_attempt(step.key)
    if last is not None and last.result is Result.NEVER_STARTED:
        return Stop(ExitCode.FAILED_OR_ROLLED_BACK, f"{step.planned.title} could not be started: {step.why}")
    return c.StartStep(step=step.key)
