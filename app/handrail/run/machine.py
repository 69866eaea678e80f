"""What follows from a command or an observation: events, decided purely.

`decide` reads no clock, no file and no socket, and asks `rules` itself, so that no caller can walk
around a gate. The engine journals what it returns, and only then performs it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from handrail.clock import Instant
from handrail.policy.gate import Verdict, verdict_of
from handrail.run import commands as c
from handrail.run import events as e
from handrail.run.actors import Actor
from handrail.run.commands import Observation, OperatorCommand
from handrail.run.deadlines import deadline_of, time_left
from handrail.run.events import Event, Purpose, Result
from handrail.run.fold import apply
from handrail.run.plan import PlannedCall
from handrail.run.rules import why_not
from handrail.run.state import AttemptState, Phase, RunState, StepState, StepStatus
from handrail.run.undo import undo_plan
from handrail.runbook.model import StepKind
from handrail.runbook.template import MissingValue, resolve

NOTICE_TIMEOUT_SECONDS = 60.0
PROBE_TIMEOUT_SECONDS = 60.0
GATE_TIMEOUT_SECONDS = 300.0


class Rejected(Exception):
    """A command was refused; the message is the reason, for the person who gave it."""


def decide(state: RunState, command: OperatorCommand, issuer: Actor, now: Instant) -> list[Event]:
    """The events that follow from an operator's command. Raises `Rejected` where a rule forbids it."""
    if why := why_not(state, command, issuer):
        raise Rejected(why)
    draft = _Draft(state, now)
    _COMMANDS[type(command)](draft, command, issuer)
    draft.finish_if_done()
    return draft.events


def observe(state: RunState, observation: Observation, now: Instant) -> list[Event]:
    """The events that follow from something that the engine saw; none where it is known already."""
    if not state.phase.is_open:
        return _late_notice(state, observation)
    draft = _Draft(state, now)
    _OBSERVATIONS[type(observation)](draft, observation)
    draft.finish_if_done()
    return draft.events


class _Draft:
    """The events decided so far, and the state that they lead to."""

    def __init__(self, state: RunState, now: Instant) -> None:
        self.state = state
        self.now = now
        self.events: list[Event] = []

    def add(self, *events: Event) -> None:
        for event in events:
            self.events.append(event)
            self.state = apply(self.state, event, self.now)

    def begin(self, step: StepState) -> None:
        """Start a step: the next check of its gate, or the step itself once the gate has passed."""
        planned = step.planned
        for gate in planned.gate:
            if gate.check not in step.checks_passed and gate.check not in step.waived:
                self._attempt(step, Purpose.GATE, gate.call, GATE_TIMEOUT_SECONDS)
                return
        if planned.call is None:
            return
        self._attempt(step, Purpose.STEP, planned.call, planned.timeout.total_seconds())

    def _attempt(self, step: StepState, purpose: Purpose, call: PlannedCall, timeout: float) -> None:
        try:
            arguments = resolve(call.arguments, {"facts": self.state.facts})
        except MissingValue as missing:
            reason = f"{missing}: the step that reports it has not run, or did not report it."
            self.add(e.StepHeld(step=step.key, check=None, reason=reason))
            return
        self.add(
            e.AttemptStarted(
                attempt=self.state.next_attempt,
                purpose=purpose,
                step=step.key,
                call=PlannedCall(task=call.task, arguments=arguments),
                timeout_seconds=timeout,
            )
        )

    def probe(self, step: StepState) -> None:
        """Look, without changing anything, what became of a step in doubt."""
        if step.planned.probe is None:
            return
        try:
            arguments = resolve(step.planned.probe.arguments, {"facts": self.state.facts})
        except MissingValue:
            return
        self.add(
            e.AttemptStarted(
                attempt=self.state.next_attempt,
                purpose=Purpose.PROBE,
                step=step.key,
                call=PlannedCall(task=step.planned.probe.task, arguments=arguments),
                timeout_seconds=PROBE_TIMEOUT_SECONDS,
            )
        )

    def notice(self, text: str) -> None:
        """Tell the team's channel, where the target has one; never in the way of a step."""
        if self.state.plan.target.announce is None:
            return
        self.add(
            e.AttemptStarted(
                attempt=self.state.next_attempt,
                purpose=Purpose.NOTICE,
                step=None,
                call=PlannedCall(task="announce.post", arguments={"text": text}),
                timeout_seconds=NOTICE_TIMEOUT_SECONDS,
            )
        )

    def raise_trigger(self, step: StepState, because: str, evidence_from: Instant) -> None:
        """Open a deadline for a step whose failure asks for a rollback; once for each step."""
        trigger_class = step.planned.on_failure
        if trigger_class is None or step.undoes:
            return
        if any(trigger.step == step.key for trigger in self.state.open_triggers):
            return
        self.add(
            e.TriggerRaised(
                trigger=len(self.state.triggers) + 1,
                trigger_class=trigger_class,
                because=because,
                step=step.key,
                evidence_from=evidence_from,
                deadline=deadline_of(self.state.plan.target, trigger_class, evidence_from),
            )
        )

    def go_on_rolling_back(self) -> None:
        """Start the next undo: a confirmed rollback needs no key for each of its steps."""
        step = self.state.current
        if self.state.phase is not Phase.ROLLING_BACK or self.state.running is not None or step is None:
            return
        if step.status is StepStatus.PENDING and step.planned.kind is not StepKind.ATTEST:
            self.begin(step)

    def finish_if_done(self) -> None:
        """Close the run when nothing is left to do."""
        state = self.state
        if not state.phase.is_open or state.running is not None or state.current is not None:
            return
        if state.phase is Phase.ROLLING_BACK:
            started = state.rollback_started or self.now
            seconds = self.now.since(started).total_seconds()
            met = None
            if state.open_triggers:
                met = all(time_left(t.deadline, self.now).total_seconds() >= 0 for t in state.open_triggers)
            name = state.plan.target.name
            self.notice(f"Rolled back: {state.plan.title} on {name}, in {seconds:.0f} s.")
            self.add(measured(self.state, seconds), e.RunRolledBack(seconds=seconds, deadlines_met=met))
        elif not state.open_triggers:
            self.add(measured(state, None), e.RunFinished())


def measured(state: RunState, rollback_seconds: float | None) -> e.DurationsMeasured:
    """How long each step that passed took, by the shim's own times."""
    durations: dict[str, float] = {}
    for step in state.steps.values():
        last = state.last_attempt(step.key)
        if step.status is StepStatus.PASSED and last and last.started and last.ended:
            durations[step.key] = round(last.ended.since(last.started).total_seconds(), 3)
    return e.DurationsMeasured(
        target=state.plan.target.name,
        runbook=state.plan.runbook,
        steps=durations,
        rollback_seconds=rollback_seconds,
    )


def _start(draft: _Draft, command: c.StartStep, issuer: Actor) -> None:
    draft.begin(draft.state.steps[command.step])


def _retry(draft: _Draft, command: c.RetryStep, issuer: Actor) -> None:
    draft.begin(draft.state.steps[command.step])


def _attest(draft: _Draft, command: c.Attest, issuer: Actor) -> None:
    draft.add(e.StepAttested(step=command.step, holds=command.holds, by=issuer, note=command.note))
    step = draft.state.steps[command.step]
    if not command.holds:
        because = f"{issuer.name} says: {step.planned.title} does not hold"
        draft.raise_trigger(step, f"{because} ({command.note})" if command.note else because, draft.now)
    draft.go_on_rolling_back()


def _skip(draft: _Draft, command: c.SkipStep, issuer: Actor) -> None:
    draft.add(e.StepSkipped(step=command.step, by=issuer, reason=command.reason))
    draft.go_on_rolling_back()


def _mark_done(draft: _Draft, command: c.MarkDone, issuer: Actor) -> None:
    draft.add(e.StepMarkedDone(step=command.step, by=issuer, reason=command.reason))
    draft.go_on_rolling_back()


def _resolve(draft: _Draft, command: c.ResolveDoubt, issuer: Actor) -> None:
    if command.done:
        draft.add(e.StepMarkedDone(step=command.step, by=issuer, reason=command.reason))
    else:
        draft.add(e.StepFoundNotDone(step=command.step, by=issuer, reason=command.reason))
    draft.go_on_rolling_back()


def _cancel(draft: _Draft, command: c.CancelStep, issuer: Actor) -> None:
    draft.add(e.CancelRequested(attempt=command.attempt, by=issuer))


def _waive(draft: _Draft, command: c.WaiveCheck, issuer: Actor) -> None:
    draft.add(e.CheckWaived(step=command.step, check=command.check, by=issuer, reason=command.reason))


def _roll_back(draft: _Draft, command: c.RollBack, issuer: Actor) -> None:
    plan = undo_plan(draft.state)
    draft.add(
        e.RollbackStarted(by=issuer, reason=command.reason, steps=plan.steps, not_undone=plan.irreversible)
    )
    title, target = draft.state.plan.title, draft.state.plan.target.name
    draft.notice(f"Rolling back: {title} on {target}, started by {issuer.name}.")
    draft.go_on_rolling_back()


def _close_trigger(draft: _Draft, command: c.CloseTrigger, issuer: Actor) -> None:
    draft.add(e.TriggerClosed(trigger=command.trigger, by=issuer, reason=command.reason))


def _abort(draft: _Draft, command: c.AbortRun, issuer: Actor) -> None:
    draft.add(e.RunAborted(by=issuer, reason=command.reason))


def _note(draft: _Draft, command: c.AddNote, issuer: Actor) -> None:
    draft.add(e.NoteAdded(by=issuer, text=command.text))


def _request(draft: _Draft, command: c.RequestControl, issuer: Actor) -> None:
    draft.add(e.ControlRequested(by=issuer))


def _grant(draft: _Draft, command: c.GrantControl, issuer: Actor) -> None:
    if (asked := draft.state.control_requested_by) is not None:
        reason = f"handed over by {issuer.name}"
        draft.add(e.ControlChanged(operator=asked, reason=reason, granted=True))


def _take(draft: _Draft, command: c.TakeControl, issuer: Actor) -> None:
    draft.add(e.ControlChanged(operator=issuer, reason=command.reason, granted=False))


_COMMANDS: dict[type, Callable[[_Draft, Any, Actor], None]] = {
    c.StartStep: _start,
    c.RetryStep: _retry,
    c.Attest: _attest,
    c.SkipStep: _skip,
    c.MarkDone: _mark_done,
    c.ResolveDoubt: _resolve,
    c.CancelStep: _cancel,
    c.WaiveCheck: _waive,
    c.RollBack: _roll_back,
    c.CloseTrigger: _close_trigger,
    c.AbortRun: _abort,
    c.AddNote: _note,
    c.RequestControl: _request,
    c.GrantControl: _grant,
    c.TakeControl: _take,
}


def _observe_exit(draft: _Draft, seen: c.ObserveExit) -> None:
    attempt = draft.state.attempts.get(seen.attempt)
    if attempt is None or attempt.result is not None:
        return
    draft.add(_ended(draft.state, attempt, seen))
    if attempt.step is None:
        return
    step = draft.state.steps[attempt.step]
    result = draft.state.attempts[attempt.number].result
    if attempt.purpose is Purpose.GATE:
        _judge_gate(draft, step, attempt, result, seen)
    elif attempt.purpose is Purpose.STEP and result in (Result.FAILED, Result.TIMED_OUT):
        because = f"{step.planned.title} failed: {step.why}"
        draft.raise_trigger(step, because, seen.started or attempt.announced)
    if attempt.purpose is Purpose.STEP and (
        result is Result.PASSED or (result is Result.NEVER_STARTED and _first_false_start(draft.state, step))
    ):
        draft.go_on_rolling_back()


def _first_false_start(state: RunState, step: StepState) -> bool:
    """Whether an attempt that never started may be begun anew; a full disk must not make a loop of it."""
    return [state.attempts[n].result for n in step.attempts].count(Result.NEVER_STARTED) == 1


def _judge_gate(
    draft: _Draft, step: StepState, attempt: AttemptState, result: Result | None, seen: c.ObserveExit
) -> None:
    if result is Result.PASSED:
        draft.begin(step)
    elif result is not Result.NEVER_STARTED:
        verdict = verdict_of(seen.verdict, seen.exit_code).value
        evidence = seen.evidence or _how_it_ended(seen)
        reason = f"The check {attempt.call.task} says {verdict}: {evidence}"
        draft.add(e.StepHeld(step=step.key, check=attempt.call.task, reason=reason))


def _ended(state: RunState, attempt: AttemptState, seen: c.ObserveExit) -> e.AttemptEnded:
    looks = attempt.purpose is Purpose.GATE or (
        attempt.purpose is Purpose.STEP
        and attempt.step is not None
        and state.steps[attempt.step].planned.kind is StepKind.CHECK
    )
    verdict = verdict_of(seen.verdict, seen.exit_code) if looks else None
    evidence = seen.evidence
    if seen.never_started:
        result = Result.NEVER_STARTED
    elif seen.cancelled:
        result = Result.CANCELLED
    elif seen.timed_out:
        result = Result.TIMED_OUT
    elif looks:
        result = Result.PASSED if verdict is Verdict.PASS else Result.FAILED
        if verdict is Verdict.UNKNOWN and not evidence:
            evidence = f"the check gave no verdict ({_how_it_ended(seen)})"
    else:
        result = Result.PASSED if seen.exit_code == 0 else Result.FAILED
    return e.AttemptEnded(
        attempt=attempt.number,
        result=result,
        exit_code=seen.exit_code,
        signal=seen.signal,
        started=seen.started,
        ended=seen.ended,
        facts=seen.facts,
        verdict=verdict.value if verdict else seen.verdict,
        evidence=evidence,
        left_behind=seen.left_behind,
        log_bytes=seen.log_bytes,
    )


def _how_it_ended(seen: c.ObserveExit) -> str:
    return f"signal {seen.signal}" if seen.signal is not None else f"exit code {seen.exit_code}"


def _observe_doubt(draft: _Draft, seen: c.ObserveDoubt) -> None:
    attempt = draft.state.attempts.get(seen.attempt)
    if attempt is None or attempt.result is not None or attempt.in_doubt:
        return
    draft.add(e.AttemptInDoubt(attempt=seen.attempt, evidence=seen.evidence))
    if attempt.purpose is not Purpose.STEP or attempt.step is None:
        return
    step = draft.state.steps[attempt.step]
    if step.planned.idempotent and _doubts_in_a_row(draft.state, step) == 1:
        draft.begin(step)
    else:
        draft.probe(step)


def _doubts_in_a_row(state: RunState, step: StepState) -> int:
    """How often the step ended in doubt: the runbook allows one silent retry, not a loop of them."""
    return sum(
        state.attempts[number].evidence != "" and state.attempts[number].in_doubt for number in step.attempts
    )


def _observe_time(draft: _Draft, seen: c.ObserveTime) -> None:
    for trigger in draft.state.open_triggers:
        if not trigger.passed and time_left(trigger.deadline, draft.now).total_seconds() <= 0:
            draft.add(e.DeadlinePassed(trigger=trigger.number))
            target = draft.state.plan.target.name
            doing = (
                "the rollback is still running" if draft.state.rollback_started else "no rollback has begun"
            )
            draft.notice(f"Rollback deadline missed on {target}: {trigger.because}; {doing}.")


_OBSERVATIONS: dict[type, Callable[[_Draft, Any], None]] = {
    c.ObserveExit: _observe_exit,
    c.ObserveDoubt: _observe_doubt,
    c.ObserveTime: _observe_time,
}


def _late_notice(state: RunState, observation: Observation) -> list[Event]:
    """A closed run takes nothing more but the end of what was still being told to the channel."""
    if isinstance(observation, c.ObserveExit):
        attempt = state.attempts.get(observation.attempt)
        if attempt is not None and attempt.result is None:
            return [_ended(state, attempt, observation)]
    return []
