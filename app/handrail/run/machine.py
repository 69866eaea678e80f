"""What follows from a command or an observation: events, decided purely.

`decide` reads no clock, no file and no socket, and asks `rules` itself, so that no caller can walk
around a gate. The engine journals what it returns, and only then performs it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from handrail.clock import Instant
from handrail.policy.gate import WATCH_CHECK, Verdict, verdict_of
from handrail.run import commands as c
from handrail.run import events as e
from handrail.run import watch_events as w
from handrail.run.actors import Actor
from handrail.run.commands import Observation, OperatorCommand
from handrail.run.draft import Draft
from handrail.run.events import Event, Purpose, Result
from handrail.run.notices import announcement_ahead
from handrail.run.other_way import other_way_steps
from handrail.run.rules import why_not
from handrail.run.state import AttemptState, RunState, StepState, StepStatus
from handrail.run.watching import end_early, raise_once, see_windows
from handrail.runbook.model import StepKind


class Rejected(Exception):
    """A command was refused; the message is the reason, for the person who gave it."""


def decide(state: RunState, command: OperatorCommand, issuer: Actor, now: Instant) -> list[Event]:
    """The events that follow from an operator's command. Raises `Rejected` where a rule forbids it."""
    if why := why_not(state, command, issuer):
        raise Rejected(why)
    draft = Draft(state, now)
    if state.phase.is_open:
        draft.let_time_pass()
    _COMMANDS[type(command)](draft, command, issuer)
    draft.finish_if_done()
    return draft.events


def observe(state: RunState, observation: Observation, now: Instant) -> list[Event]:
    """The events that follow from something that the engine saw; none where it is known already."""
    if not state.phase.is_open:
        return _late_notice(state, observation)
    draft = Draft(state, now)
    draft.let_time_pass()
    _OBSERVATIONS[type(observation)](draft, observation)
    draft.finish_if_done()
    return draft.events


def _start(draft: Draft, command: c.StartStep, issuer: Actor) -> None:
    draft.begin(draft.state.steps[command.step])


def _retry(draft: Draft, command: c.RetryStep, issuer: Actor) -> None:
    draft.begin(draft.state.steps[command.step])


def _attest(draft: Draft, command: c.Attest, issuer: Actor) -> None:
    draft.add(e.StepAttested(step=command.step, holds=command.holds, by=issuer, note=command.note))
    step = draft.state.steps[command.step]
    if not command.holds:
        because = f"{issuer.name} says: {step.planned.title} does not hold"
        draft.raise_trigger(step, f"{because} ({command.note})" if command.note else because, draft.now)
    draft.go_on_rolling_back()


def _skip(draft: Draft, command: c.SkipStep, issuer: Actor) -> None:
    _leave_out(draft, command.step, e.StepSkipped(step=command.step, by=issuer, reason=command.reason))


def _mark_done(draft: Draft, command: c.MarkDone, issuer: Actor) -> None:
    _leave_out(draft, command.step, e.StepMarkedDone(step=command.step, by=issuer, reason=command.reason))


def _leave_out(draft: Draft, key: str, left_out: e.StepSkipped | e.StepMarkedDone) -> None:
    """Go past a step without running it; what its gate would have asked is waived by that, and told so.

    A gate may stand for all that follows, as the window does before the first step that acts.
    """
    step = draft.state.steps[key]
    if not step.undoes and draft.state.last_attempt(key) is None:
        for gate in step.planned.gate:
            if gate.check not in step.waived:
                reason = f"{step.planned.title} is left out: {left_out.reason}"
                draft.waive(step, gate.check, left_out.by, reason)
    if step.planned.watch_for is not None:
        if step.planned.kind is StepKind.WATCH:
            draft.waive(step, WATCH_CHECK, left_out.by, left_out.reason)
        if step.status is StepStatus.RUNNING:
            end_early(draft, left_out.reason)
    if announcement_ahead(draft.state) and not announcement_ahead(draft.state, besides=key):
        draft.tell_of_waivers()
    draft.add(left_out)
    if isinstance(left_out, e.StepMarkedDone) or step.planned.kind is not StepKind.ATTEST:
        # What nobody has agreed to doesn't begin by itself: who leaves the question out starts the answer.
        draft.go_on_rolling_back()


def _resolve(draft: Draft, command: c.ResolveDoubt, issuer: Actor) -> None:
    if command.done:
        draft.add(e.StepMarkedDone(step=command.step, by=issuer, reason=command.reason))
    else:
        last = draft.state.last_attempt(command.step)
        draft.add(e.StepFoundNotDone(step=command.step, by=issuer, reason=command.reason))
        step = draft.state.steps[command.step]
        if last is not None and not last.cancelling:
            because = f"{step.planned.title} was not done: {command.reason}"
            draft.raise_trigger(step, because, last.announced)
    draft.go_on_rolling_back()


def _cancel(draft: Draft, command: c.CancelStep, issuer: Actor) -> None:
    draft.add(e.CancelRequested(attempt=command.attempt, by=issuer))


def _waive(draft: Draft, command: c.WaiveCheck, issuer: Actor) -> None:
    draft.waive(draft.state.steps[command.step], command.check, issuer, command.reason)


def _roll_back(draft: Draft, command: c.RollBack, issuer: Actor) -> None:
    draft.start_rollback(issuer, command.reason)


def _take_other_way(draft: Draft, command: c.TakeOtherWay, issuer: Actor) -> None:
    step = draft.state.steps[command.step]
    title = step.planned.otherwise.title if step.planned.otherwise else ""
    steps = other_way_steps(draft.state, step)
    draft.add(e.OtherWayTaken(step=step.key, by=issuer, reason=command.reason, title=title, steps=steps))
    failed, target = step.planned.title, draft.state.plan.target.name
    draft.notice(
        f"Rolling back {target} another way: {title}, since this failed: {failed}. By {issuer.name}."
    )
    draft.go_on_rolling_back()


def _close_trigger(draft: Draft, command: c.CloseTrigger, issuer: Actor) -> None:
    draft.add(e.TriggerClosed(trigger=command.trigger, by=issuer, reason=command.reason))


def _extend(draft: Draft, command: c.ExtendDeadline, issuer: Actor) -> None:
    trigger = draft.state.triggers[command.trigger]
    later = trigger.deadline.plus(timedelta(seconds=command.seconds))
    draft.add(w.DeadlineExtended(trigger=trigger.number, deadline=later, by=issuer, reason=command.reason))
    target, until = draft.state.plan.target.name, f"{later.datetime():%H:%M:%S} UTC"
    draft.notice(f"Deadline on {target} extended to {until} by {issuer.name}: {command.reason}")


def _keep(draft: Draft, command: c.KeepRelease, issuer: Actor) -> None:
    draft.add(w.ReleaseKept(trigger=command.trigger, by=issuer, reason=command.reason))
    target = draft.state.plan.target.name
    draft.notice(f"{target} is not rolled back by itself: {issuer.name} says that it stays: {command.reason}")


def _report_trouble(draft: Draft, command: c.ReportTrouble, issuer: Actor) -> None:
    draft.add(w.TroubleReported(by=issuer, text=command.text))
    because = f"Users report trouble ({issuer.name}): {command.text}"
    raise_once(draft, e.USERS, draft.state.plan.target.monitor.reports, because, draft.now)


def _stretch(draft: Draft, command: c.StretchWatch, issuer: Actor) -> None:
    seconds = draft.state.watch.seconds + command.seconds
    draft.add(w.WatchStretched(step=command.step, seconds=seconds, by=issuer, reason=command.reason))


def _abort(draft: Draft, command: c.AbortRun, issuer: Actor) -> None:
    if announcement_ahead(draft.state):
        draft.tell_of_waivers()
    draft.add(e.RunAborted(by=issuer, reason=command.reason))


def _note(draft: Draft, command: c.AddNote, issuer: Actor) -> None:
    draft.add(e.NoteAdded(by=issuer, text=command.text))


def _request(draft: Draft, command: c.RequestControl, issuer: Actor) -> None:
    draft.add(e.ControlRequested(by=issuer))


def _grant(draft: Draft, command: c.GrantControl, issuer: Actor) -> None:
    if (asked := draft.state.control_requested_by) is not None:
        reason = f"handed over by {issuer.name}"
        draft.add(e.ControlChanged(operator=asked, reason=reason, granted=True))


def _take(draft: Draft, command: c.TakeControl, issuer: Actor) -> None:
    draft.add(e.ControlChanged(operator=issuer, reason=command.reason, granted=False))


_COMMANDS: dict[type, Callable[[Draft, Any, Actor], None]] = {
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


def _observe_exit(draft: Draft, seen: c.ObserveExit) -> None:
    attempt = draft.state.attempts.get(seen.attempt)
    if attempt is None or not attempt.is_running:
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
        draft.raise_trigger(step, because, _evidence_from(step, attempt, seen, draft.now))
    passed = attempt.purpose is Purpose.STEP and result is Result.PASSED
    false_start = result is Result.NEVER_STARTED and attempt.purpose is not Purpose.PROBE
    if passed or (false_start and _first_false_start(draft.state, step)):
        draft.go_on_rolling_back()


def _evidence_from(step: StepState, attempt: AttemptState, seen: c.ObserveExit, now: Instant) -> Instant:
    """Since when something is known to be wrong: a check's start; a watch ends when it is."""
    if step.planned.kind is StepKind.WATCH:
        return seen.ended or now
    return seen.started or attempt.announced


def _first_false_start(state: RunState, step: StepState) -> bool:
    """Whether an attempt that never started may be begun anew; a full disk must not make a loop of it."""
    return [state.attempts[n].result for n in step.attempts].count(Result.NEVER_STARTED) == 1


def _judge_gate(
    draft: Draft, step: StepState, attempt: AttemptState, result: Result | None, seen: c.ObserveExit
) -> None:
    if result is Result.PASSED:
        draft.begin(step)
    elif result is not Result.NEVER_STARTED:
        verdict = verdict_of(seen.verdict, seen.exit_code).value
        evidence = seen.evidence or _how_it_ended(seen)
        check = attempt.check or attempt.call.task
        reason = f"The check {check} says {verdict}: {evidence}"
        draft.add(e.StepHeld(step=step.key, check=check, reason=reason))


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


def _observe_doubt(draft: Draft, seen: c.ObserveDoubt) -> None:
    attempt = draft.state.attempts.get(seen.attempt)
    if attempt is None or not attempt.is_running:
        return
    draft.add(e.AttemptInDoubt(attempt=seen.attempt, evidence=seen.evidence))
    if attempt.purpose is not Purpose.STEP or attempt.step is None:
        return
    step = draft.state.steps[attempt.step]
    if step.planned.idempotent and not attempt.cancelling and _doubts(draft.state, step) == 1:
        draft.begin(step)
        return
    if step.planned.only_looks and not attempt.cancelling:
        # A check without a verdict knows nothing, and unknown never passes.
        because = f"{step.planned.title} gave no answer: {seen.evidence}"
        since = draft.now if step.planned.kind is StepKind.WATCH else attempt.announced
        draft.raise_trigger(step, because, since)
    draft.probe(step)


def _doubts(state: RunState, step: StepState) -> int:
    """How often the step ended in doubt: the runbook allows one silent retry, not a loop of them."""
    return sum(
        state.attempts[number].evidence != "" and state.attempts[number].in_doubt for number in step.attempts
    )


def _observe_files(draft: Draft, seen: c.ObserveFiles) -> None:
    files = tuple(e.FileChange(path=path, difference=difference) for path, difference in seen.changed)
    if files != draft.state.changed_files:
        draft.add(e.FilesChanged(files=files))


def _observe_signals(draft: Draft, seen: c.ObserveSignals) -> None:
    see_windows(draft, seen.windows)


def _observe_time(draft: Draft, seen: c.ObserveTime) -> None:
    """Each observation lets time pass first; this one does nothing else."""


_OBSERVATIONS: dict[type, Callable[[Draft, Any], None]] = {
    c.ObserveExit: _observe_exit,
    c.ObserveDoubt: _observe_doubt,
    c.ObserveTime: _observe_time,
    c.ObserveFiles: _observe_files,
    c.ObserveSignals: _observe_signals,
}


def _late_notice(state: RunState, observation: Observation) -> list[Event]:
    """A closed run takes nothing more but the end of what was still being told to the channel."""
    if isinstance(observation, c.ObserveTime | c.ObserveFiles | c.ObserveSignals):
        return []
    attempt = state.attempts.get(observation.attempt)
    if attempt is None or not attempt.is_running:
        return []
    if isinstance(observation, c.ObserveExit):
        return [_ended(state, attempt, observation)]
    return [e.AttemptInDoubt(attempt=attempt.number, evidence=observation.evidence)]
