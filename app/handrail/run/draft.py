"""The events that a decision has come to so far, and the state that they lead to."""

from __future__ import annotations

from handrail.clock import Instant
from handrail.run import events as e
from handrail.run.actors import Actor
from handrail.run.deadlines import deadline_of, time_left
from handrail.run.events import Event, Purpose, Result
from handrail.run.fold import apply
from handrail.run.notices import (
    THREAD_FACT,
    announcement_ahead,
    due_again,
    waivers,
    with_expected_end,
    with_waivers,
)
from handrail.run.on_deadline import foretell, roll_back_if_due
from handrail.run.plan import PlannedCall
from handrail.run.rules import foreign_events
from handrail.run.state import AttemptState, Phase, RunState, StepState, StepStatus
from handrail.run.undo import undo_plan
from handrail.run.watching import begin_waiting, end_early, look_for_blindness, take_baseline
from handrail.runbook.model import StepKind
from handrail.runbook.template import MissingValue, TemplateError, resolve

NOTICE_TIMEOUT_SECONDS = 60.0
PROBE_TIMEOUT_SECONDS = 60.0


class Draft:
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
        if why := foreign_events(self.state, step):
            self.add(e.StepHeld(step=step.key, check=None, reason=why))
            return
        passed = step.checks_passed if step.status is StepStatus.CHECKING else frozenset()
        for gate in planned.gate:
            if gate.check not in passed and gate.check not in step.waived:
                limit = gate.timeout.total_seconds()
                self._attempt(step, Purpose.GATE, gate.call, limit, gate.check)
                return
        if planned.watch_for is not None:
            begin_waiting(self, step)
            return
        if planned.call is None:
            return
        if planned.kind is StepKind.ANNOUNCE:
            self._announce(step, planned.call)
            return
        if self._is_first_change(step):
            take_baseline(self, None)
        self._attempt(step, Purpose.STEP, planned.call, planned.timeout.total_seconds())

    def _is_first_change(self, step: StepState) -> bool:
        """Whether what was usual before the deployment ends here; a step for it has kept it before."""
        watched = self.state.plan.is_watched and self.state.watch.own_baseline is None
        asked = any(
            each.planned.kind is StepKind.BASELINE and not each.status.is_done
            for each in self.state.forward_steps
        )
        return watched and not asked and not step.planned.only_looks and not step.undoes

    def _attempt(
        self, step: StepState, purpose: Purpose, call: PlannedCall, timeout: float, check: str | None = None
    ) -> None:
        try:
            arguments = resolve(call.arguments, {"facts": self.state.facts})
        except TemplateError as error:
            reason = error.summary
            if isinstance(error, MissingValue):
                reason = f"{reason} The step that reports it has not run, or did not report it."
            self.add(e.StepHeld(step=step.key, check=check, reason=reason))
            return
        self._begin(purpose, PlannedCall(task=call.task, arguments=arguments), timeout, step.key, check=check)

    def _begin(
        self,
        purpose: Purpose,
        call: PlannedCall,
        timeout: float,
        step: str | None = None,
        *,
        check: str | None = None,
        again: int | None = None,
    ) -> None:
        self.add(
            e.AttemptStarted(
                attempt=self.state.next_attempt,
                purpose=purpose,
                step=step,
                call=call,
                timeout_seconds=timeout,
                check=check,
                again=again,
            )
        )

    def _announce(self, step: StepState, call: PlannedCall) -> None:
        """Queue an announcement: the run goes on at once, whether or not the channel can be reached."""
        if self.state.plan.target.announce is None:
            reason = "The target names no channel to announce to: tell the team in another way, and mark this"
            self.add(e.StepHeld(step=step.key, check=None, reason=f"{reason} step as done."))
            return
        number = self.state.next_attempt
        told = with_expected_end(self._in_thread(call), self.state, self.now)
        first = announcement_ahead(self.state) and not step.undoes
        whole = with_waivers(told, waivers(self.state)) if first else told
        self._attempt(step, Purpose.NOTICE, whole or told, NOTICE_TIMEOUT_SECONDS)
        if number in self.state.attempts:
            self.add(e.AnnouncementQueued(step=step.key, attempt=number))
            if whole is None:
                self.tell_of_waivers()
            self.go_on_rolling_back()

    def _in_thread(self, call: PlannedCall) -> PlannedCall:
        """The call, told to answer in the thread that the run's first announcement began."""
        thread = self.state.facts.get(THREAD_FACT)
        if not thread:
            return call
        return call.model_copy(update={"arguments": {**call.arguments, "thread": thread}})

    def _tell_again(self) -> None:
        if (notice := due_again(self.state, self.now)) is not None:
            latest = notice.latest
            call = self._in_thread(latest.call)
            self._begin(Purpose.NOTICE, call, NOTICE_TIMEOUT_SECONDS, latest.step, again=notice.first)

    def probe(self, step: StepState) -> None:
        """Look, without changing anything, what became of a step in doubt."""
        if step.planned.probe is None:
            return
        try:
            arguments = resolve(step.planned.probe.arguments, {"facts": self.state.facts})
        except TemplateError:
            return
        call = PlannedCall(task=step.planned.probe.task, arguments=arguments)
        self._begin(Purpose.PROBE, call, PROBE_TIMEOUT_SECONDS, step.key)

    def notice(self, text: str) -> None:
        """Tell the team's channel, where the target has one; never in the way of a step."""
        if self.state.plan.target.announce is None:
            return
        call = PlannedCall(task="announce.post", arguments={"text": text})
        self._begin(Purpose.NOTICE, self._in_thread(call), NOTICE_TIMEOUT_SECONDS)

    def waive(self, step: StepState, check: str, by: Actor, reason: str) -> None:
        """Let a step start without a check, and tell the team, in the announcement where that is to come."""
        self.add(e.CheckWaived(step=step.key, check=check, by=by, reason=reason))
        if not announcement_ahead(self.state):
            target, title = self.state.plan.target.name, step.planned.title
            self.notice(f"Waived on {target}: {check} before {title}, by {by.name}: {reason}")

    def tell_of_waivers(self) -> None:
        """Tell by itself what the announcement would have said of waivers, where none will be made."""
        if lines := waivers(self.state):
            self.notice("\n".join([f"Waived on {self.state.plan.target.name}:", *lines]))

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

    def let_time_pass(self) -> None:
        """Take note of the deadlines that have passed, before anything else is decided.

        So that a run whose last undo ends just after its deadline still says that it was missed. What the
        channel has not taken yet is told again once it is due.
        """
        self._tell_again()
        look_for_blindness(self)
        foretell(self)
        for trigger in self.state.open_triggers:
            if not trigger.passed and time_left(trigger.deadline, self.now).total_seconds() <= 0:
                self.add(e.DeadlinePassed(trigger=trigger.number))
                begun = self.state.rollback_started is not None
                doing = "the rollback is still running" if begun else "no rollback has begun"
                target = self.state.plan.target.name
                self.notice(f"Rollback deadline missed on {target}: {trigger.because}; {doing}.")
        roll_back_if_due(self)

    def start_rollback(self, by: Actor, reason: str) -> None:
        """Take back what this run did, newest first, and go on by itself from step to step."""
        end_early(self, "the rollback began")
        plan = undo_plan(self.state)
        if announcement_ahead(self.state):
            self.tell_of_waivers()
        self.add(e.RollbackStarted(by=by, reason=reason, steps=plan.steps, not_undone=plan.irreversible))
        title, target = self.state.plan.title, self.state.plan.target.name
        self.notice(f"Rolling back: {title} on {target}, started by {by.name}.")
        self.go_on_rolling_back()

    def go_on_rolling_back(self) -> None:
        """Start the next undo: a confirmed rollback needs no key for each of its steps."""
        step = self.state.current
        if self.state.phase is not Phase.ROLLING_BACK or step is None:
            return
        pending = step.status is StepStatus.PENDING and step.planned.kind is not StepKind.ATTEST
        if self.state.running is None and pending:
            self.begin(step)
        self._begin_beside()

    def _begin_beside(self) -> None:
        """Begin what may run beside the undo under way, such as while maintenance is being put up."""
        ahead = [step for step in self.state.current_steps if not step.status.is_done][:2]
        if len(ahead) < 2 or not ahead[1].planned.beside:
            return
        if ahead[0].status is StepStatus.RUNNING and ahead[1].status is StepStatus.PENDING:
            self.begin(ahead[1])

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
                met = not any(trigger.passed for trigger in state.open_triggers)
            name = state.plan.target.name
            self.notice(f"Rolled back: {state.plan.title} on {name}, in {seconds:.0f} s.")
            self.add(measured(self.state, seconds), e.RunRolledBack(seconds=seconds, deadlines_met=met))
        elif not state.open_triggers and state.foreign_events is None:
            self.add(measured(state, None), e.RunFinished())


def _seconds(attempt: AttemptState) -> float | None:
    if attempt.started is None or attempt.ended is None:
        return None
    return attempt.ended.since(attempt.started).total_seconds()


def _gate_seconds(state: RunState, step: str) -> dict[str | None, float]:
    """What each check of a step's gate took when it passed last."""
    return {
        attempt.check: _seconds(attempt) or 0.0
        for attempt in state.attempts.values()
        if attempt.step == step and attempt.purpose is Purpose.GATE and attempt.result is Result.PASSED
    }


def measured(state: RunState, rollback_seconds: float | None) -> e.DurationsMeasured:
    """How long each step that passed took with the checks of its gate, by the shim's own times."""
    durations: dict[str, float] = {}
    for step in state.steps.values():
        last = state.last_attempt(step.key)
        if step.status is StepStatus.PASSED and last and (took := _seconds(last)) is not None:
            durations[step.key] = round(took + sum(_gate_seconds(state, step.key).values()), 3)
    return e.DurationsMeasured(
        target=state.plan.target.name,
        runbook=state.plan.runbook,
        steps=durations,
        rollback_seconds=rollback_seconds,
    )
