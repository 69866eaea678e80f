"""What may be done now, and why not: the one place where the machine and every screen ask."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from handrail.policy.attestation import why_not_attest
from handrail.policy.gate import WATCH_CHECK, says_something, why_not_waive
from handrail.run import commands as c
from handrail.run.actors import Actor
from handrail.run.commands import OperatorCommand
from handrail.run.other_way import facts_missing
from handrail.run.state import RunState, StepState, StepStatus
from handrail.runbook.model import StepKind

Why = str | None


def why_not(state: RunState, command: OperatorCommand, issuer: Actor) -> Why:
    """Why this command is refused now, in words for the person who gave it; `None` where it is allowed."""
    if not state.phase.is_open and not isinstance(command, c.AddNote):
        return f"The run is over: {state.phase.value}."
    if why := _nobody(state, issuer):
        return why
    drives = issuer.session == state.operator.session
    if not drives and not isinstance(command, _FOR_EVERYONE) and not _is_four_eyes(state, command):
        return f"You are watching: {state.operator.name} drives this run. Take over first."
    if isinstance(command, _FORWARD) and (why := foreign_events(state, state.steps.get(command.step))):
        return why
    return _RULES[type(command)](state, command, issuer)


_FORWARD = (c.StartStep, c.RetryStep, c.Attest, c.SkipStep, c.MarkDone, c.ResolveDoubt, c.WaiveCheck)


def foreign_events(state: RunState, step: StepState | None) -> Why:
    """Nothing goes forward on events that the run's engine did not write; the way back stays open."""
    if state.foreign_events is None or (step is not None and step.undoes):
        return None
    first, last = state.foreign_events
    return (
        f"The events {first} to {last} of this run were written into the journal by hand, not by its engine: "
        "what they say may be untrue. Roll back, or abort this run and open a new one."
    )


def _nobody(state: RunState, issuer: Actor) -> Why:
    """What is decided in a run is decided by somebody, and under their own name."""
    if not says_something(issuer.user) or not issuer.session.strip():
        return "This names nobody who asks for it: whoever decides stands in the journal."
    operator = state.operator
    if issuer.session == operator.session and issuer.name != operator.name:
        return f"This comes from the screen of {operator.name}, under the name of {issuer.name}."
    return None


_FOR_EVERYONE = (c.AddNote, c.ReportTrouble, c.RequestControl, c.TakeControl)


def _is_four_eyes(state: RunState, command: OperatorCommand) -> bool:
    if not isinstance(command, c.Attest) or command.step not in state.steps:
        return False
    return state.steps[command.step].planned.by == "someone-else"


def _is_next(state: RunState, key: str) -> Why:
    step = state.steps.get(key)
    if step is None:
        return f"There is no step {key} in this run."
    if (running := state.running) is not None:
        return f"Attempt {running.number} of {_title(state, running.step)} is running."
    current = state.current
    if current is None or current.key != key:
        if step.status.is_done:
            return f"{step.planned.title} is {step.status.value} already."
        expected = current.planned.title if current else "none"
        return f"{step.planned.title} is not the next step; that is {expected}."
    return None


def _title(state: RunState, key: str | None) -> str:
    return state.steps[key].planned.title if key in state.steps else "a notice"


def _trigger_blocks(state: RunState, step: StepState) -> Why:
    """Nothing goes forward while a trigger asks for a rollback (deployment-workflow.md, Step 4)."""
    if step.undoes:
        return None
    blocking = [trigger for trigger in state.open_triggers if trigger.step != step.key]
    if not blocking:
        return None
    return (
        f"A rollback trigger is open ({blocking[0].because}): roll back, "
        "or close the trigger with a reason first."
    )


def _plan_broken(state: RunState, step: StepState) -> Why:
    """A run does what its plan promised: a file that was changed since keeps it from going forward.

    The way back was frozen with the plan, and is never held up by this.
    """
    if step.undoes or not state.changed_files:
        return None
    names = ", ".join(change.path for change in state.changed_files)
    return (
        f"Changed since the plan was made: {names}. Put it back as it was, "
        "or end this run and open one with a new plan."
    )


def _start(state: RunState, command: c.StartStep, issuer: Actor) -> Why:
    if why := _is_next(state, command.step):
        return why
    step = state.steps[command.step]
    if why := _trigger_blocks(state, step) or _plan_broken(state, step):
        return why
    if step.planned.kind is StepKind.ATTEST:
        return "This step is for a person: say whether it holds."
    if step.status is StepStatus.RUNNING:
        return f"{step.planned.title} is under way, and ends by itself."
    if step.status is StepStatus.FAILED:
        another = "take the other way" if step.planned.otherwise else "end the run"
        return (
            f"{step.planned.title} failed: retry it, skip it, mark it done, or "
            f"{another if step.undoes else 'roll back'}."
        )
    if step.status is StepStatus.IN_DOUBT:
        return f"It is not known what became of {step.planned.title}: say done or not done first."
    return None


def _retry(state: RunState, command: c.RetryStep, issuer: Actor) -> Why:
    if why := _is_next(state, command.step):
        return why
    step = state.steps[command.step]
    if step.planned.kind is StepKind.ATTEST:
        return "This step is for a person: say whether it holds."
    if step.status not in (StepStatus.FAILED, StepStatus.HELD):
        return f"{step.planned.title} is {step.status.value}: there is nothing to retry."
    if step.attempts and command.after_attempt != step.attempts[-1]:
        return "It was tried again since you looked."
    return _trigger_blocks(state, step) or _plan_broken(state, step)


def _attest(state: RunState, command: c.Attest, issuer: Actor) -> Why:
    if why := _is_next(state, command.step):
        return why
    step = state.steps[command.step]
    if step.planned.kind is not StepKind.ATTEST:
        return f"{step.planned.title} is run, not attested."
    if why := _trigger_blocks(state, step):
        return why
    return why_not_attest(by=step.planned.by, operator_user=state.operator.user, attester_user=issuer.user)


def _gate_stands(state: RunState, step: StepState) -> Why:
    """A check that nobody may waive can't be stepped over either: only its passing leads past its step."""
    if step.undoes or state.last_attempt(step.key) is not None:
        return None
    never_waive = state.plan.target.never_waive
    for gate in step.planned.gate:
        why = why_not_waive(gate.call.task, waivable=gate.waivable, never_waive=never_waive, reason="asked")
        if why is not None:
            return f"{step.planned.title} can't be left out before its gate has passed. {why}"
    return None


def _watch_stands(state: RunState, step: StepState, reason: str) -> Why:
    """A watch's time can be stretched, and cut by nothing but a waiver (deployment-workflow.md, Step 5)."""
    if step.planned.kind is not StepKind.WATCH or step.planned.watch_for is None:
        return None
    never_waive = state.plan.target.never_waive
    return why_not_waive(WATCH_CHECK, waivable=True, never_waive=never_waive, reason=reason)


def _needs_reason(reason: str) -> Why:
    return None if says_something(reason) else "Say why: it will stand in the journal."


def _skip(state: RunState, command: c.SkipStep, issuer: Actor) -> Why:
    if why := _is_next(state, command.step):
        return why
    step = state.steps[command.step]
    if step.status is StepStatus.IN_DOUBT:
        return f"It is not known what became of {step.planned.title}: say done or not done first."
    return (
        _trigger_blocks(state, step)
        or _gate_stands(state, step)
        or _watch_stands(state, step, command.reason)
        or _needs_reason(command.reason)
    )


def _mark_done(state: RunState, command: c.MarkDone, issuer: Actor) -> Why:
    step = state.steps.get(command.step)
    if step is not None and step.planned.by == "someone-else":
        # Said to be done by the operator, the second pair of eyes would be the first.
        why = why_not_attest(by=step.planned.by, operator_user=state.operator.user, attester_user=issuer.user)
        if why is not None:
            return why
    return _skip(state, c.SkipStep(step=command.step, reason=command.reason), issuer)


def _resolve(state: RunState, command: c.ResolveDoubt, issuer: Actor) -> Why:
    step = state.steps.get(command.step)
    if step is None or step.status is not StepStatus.IN_DOUBT:
        return "That step is not in doubt."
    if (running := state.running) is not None:
        return f"Its probe (attempt {running.number}) is still looking."
    return _needs_reason(command.reason)


def _cancel(state: RunState, command: c.CancelStep, issuer: Actor) -> Why:
    attempt = state.attempts.get(command.attempt)
    if attempt is None or not attempt.is_running:
        return "Nothing is running that could be cancelled."
    if attempt.cancelling:
        return "It is being cancelled: TERM was sent, KILL follows after the grace."
    return None


def _waive(state: RunState, command: c.WaiveCheck, issuer: Actor) -> Why:
    if why := _is_next(state, command.step):
        return why
    gates = [g for g in state.steps[command.step].planned.gate if g.check == command.check]
    if not gates:
        return f"{command.check} is no check of this step's gate."
    return why_not_waive(
        gates[0].call.task,
        waivable=gates[0].waivable,
        never_waive=state.plan.target.never_waive,
        reason=command.reason,
    )


def _roll_back(state: RunState, command: c.RollBack, issuer: Actor) -> Why:
    if state.rollback_started is not None:
        return "The rollback is under way."
    if (running := state.running) is not None:
        return f"{_title(state, running.step)} is running: cancel it or wait for its end first."
    if not any(step.may_have_acted for step in state.forward_steps):
        return "Nothing has been run yet: there is nothing to take back. Abort the run instead."
    if command.confirm != state.plan.target.name:
        return f"Type the target's name, {state.plan.target.name}, to roll back."
    return None


def _take_other_way(state: RunState, command: c.TakeOtherWay, issuer: Actor) -> Why:
    if state.rollback_started is None:
        return "Nothing is being rolled back: another way is for an undo that failed."
    if why := _is_next(state, command.step):
        return why
    step = state.steps[command.step]
    otherwise = step.planned.otherwise
    if otherwise is None:
        return f"The runbook names no other way for {step.planned.title}."
    if step.status is StepStatus.IN_DOUBT:
        return f"It is not known what became of {step.planned.title}: say done or not done first."
    if step.status not in (StepStatus.FAILED, StepStatus.HELD):
        return f"{step.planned.title} is {step.status.value}: another way is for an undo that failed."
    if missing := facts_missing(otherwise, state):
        return f"{otherwise.title} needs what no step of this run has reported: {', '.join(missing)}."
    if command.confirm != state.plan.target.name:
        return f"Type the target's name, {state.plan.target.name}, to take the other way."
    return None


def _close_trigger(state: RunState, command: c.CloseTrigger, issuer: Actor) -> Why:
    trigger = state.triggers.get(command.trigger)
    if trigger is None or not trigger.is_open:
        return "There is no such open trigger."
    if state.rollback_started is not None:
        return "The rollback is under way; it closes its triggers."
    return _needs_reason(command.reason)


def _open_trigger(state: RunState, number: int) -> Why:
    trigger = state.triggers.get(number)
    return None if trigger is not None and trigger.is_open else "There is no such open trigger."


def _extend(state: RunState, command: c.ExtendDeadline, issuer: Actor) -> Why:
    return _open_trigger(state, command.trigger) or _needs_reason(command.reason)


def _keep(state: RunState, command: c.KeepRelease, issuer: Actor) -> Why:
    if why := _open_trigger(state, command.trigger):
        return why
    trigger = state.triggers[command.trigger]
    if state.rollback_started is not None:
        return "The rollback is under way."
    if state.plan.target.on_deadline.get(trigger.trigger_class) != "rollback":
        return "Nothing is rolled back by itself for this trigger: the release stays until somebody acts."
    if trigger.kept is not None:
        return f"The release stays already: {trigger.kept}"
    return _needs_reason(command.reason)


def _report_trouble(state: RunState, command: c.ReportTrouble, issuer: Actor) -> Why:
    if not any(step.may_have_acted for step in state.forward_steps):
        return "Nothing has been changed yet that users could have met. Write a note instead."
    return None if says_something(command.text) else "Say what users report: it will stand in the journal."


def _stretch(state: RunState, command: c.StretchWatch, issuer: Actor) -> Why:
    if not state.watch.is_on or state.watch.step != command.step:
        return "No watch is on that could be stretched."
    return None


def _abort(state: RunState, command: c.AbortRun, issuer: Actor) -> Why:
    if (running := state.running) is not None:
        return f"{_title(state, running.step)} is running: cancel it or wait for its end first."
    return _needs_reason(command.reason)


def _note(state: RunState, command: c.AddNote, issuer: Actor) -> Why:
    return None if command.text.strip() else "An empty note says nothing."


def _request(state: RunState, command: c.RequestControl, issuer: Actor) -> Why:
    return "You drive this run already." if issuer.session == state.operator.session else None


def _grant(state: RunState, command: c.GrantControl, issuer: Actor) -> Why:
    asked = state.control_requested_by
    if asked is None:
        return "Nobody has asked to take over."
    if command.to is not None and command.to != asked.session:
        return f"{asked.name} has asked since: look again at whom you hand over to."
    return None


def _take(state: RunState, command: c.TakeControl, issuer: Actor) -> Why:
    return _request(state, c.RequestControl(), issuer) or _needs_reason(command.reason)


_RULES: dict[type, Callable[[RunState, Any, Actor], Why]] = {
    c.StartStep: _start,
    c.RetryStep: _retry,
    c.Attest: _attest,
    c.SkipStep: _skip,
    c.MarkDone: _mark_done,
    c.ResolveDoubt: _resolve,
    c.CancelStep: _cancel,
    c.WaiveCheck: _waive,
    c.RollBack: _roll_back,
    c.TakeOtherWay: _take_other_way,
    c.CloseTrigger: _close_trigger,
    c.ExtendDeadline: _extend,
    c.KeepRelease: _keep,
    c.ReportTrouble: _report_trouble,
    c.StretchWatch: _stretch,
    c.AbortRun: _abort,
    c.AddNote: _note,
    c.RequestControl: _request,
    c.GrantControl: _grant,
    c.TakeControl: _take,
}
