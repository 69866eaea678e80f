"""Rolling back by itself at the last safe moment, where the target asks for it; foretold in words.

deployment-workflow.md, "Rollback Timeline": the deadlines; `on_deadline` in the target says what they do.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from handrail.run import watch_events as w
from handrail.run.actors import Actor
from handrail.run.deadlines import rollback_duration
from handrail.run.rules import foreign_events
from handrail.run.state import Phase, RunState, TriggerState
from handrail.run.undo import undo_plan
from handrail.runbook.model import StepKind
from handrail.text import duration

if TYPE_CHECKING:
    from handrail.run.draft import Draft

NOTICE = timedelta(seconds=30)
"""So long, at least, lies between the words that it will roll back by itself and its doing so."""
BY_ITSELF = Actor(user="handrail", host="by itself", session="engine")


def rolls_back_by_itself(state: RunState, trigger: TriggerState) -> bool:
    """Whether the target wants this trigger's class rolled back at the last safe moment."""
    return state.plan.target.on_deadline.get(trigger.trigger_class) == "rollback"


def to_keep(state: RunState) -> TriggerState | None:
    """The trigger for which it is to be said that the release stays: the first that would act by itself."""
    waiting = (each for each in state.open_triggers if each.rolls_back_at is not None and each.kept is None)
    return next(waiting, None) or next(iter(state.open_triggers), None)


def why_not_by_itself(state: RunState) -> str:
    """Why nothing can be rolled back without a person; empty where it can."""
    if why := foreign_events(state, None):
        return why
    plan = undo_plan(state)
    if not any(step.may_have_acted for step in state.forward_steps):
        return "nothing has been changed that could be rolled back"
    if plan.irreversible:
        title, reason = plan.irreversible[0]
        return f"{title} can't be taken back ({reason})"
    asks = next((step for step in plan.steps if step.kind is StepKind.ATTEST), None)
    return f"{asks.title} asks a person" if asks is not None else ""


def foretell(draft: Draft) -> None:
    """Say, as soon as a trigger is open, that and when the run will roll back by itself, or why it can't."""
    state = draft.state
    if state.phase is not Phase.RUNNING:
        return
    for trigger in state.open_triggers:
        if not rolls_back_by_itself(state, trigger) or trigger.kept is not None:
            continue
        if trigger.rolls_back_at is not None:
            continue
        last_safe = trigger.deadline.plus(-rollback_duration(state).expected)
        at = max(last_safe, draft.now.plus(NOTICE), key=lambda moment: moment.since(draft.now))
        why_not = why_not_by_itself(state)
        draft.add(w.RollbackForetold(trigger=trigger.number, at=at, why_not=why_not))
        target = state.plan.target.name
        if why_not:
            draft.notice(
                f"{target} is not rolled back by itself: {why_not}. A person has to. {trigger.because}"
            )
        else:
            left, until = duration(at.since(draft.now)), f"{at.datetime():%H:%M:%S} UTC"
            draft.notice(
                f"{target} will be rolled back by itself in {left}, at {until}, unless the operator "
                f"confirms that the release stays. {trigger.because}"
            )


def roll_back_if_due(draft: Draft) -> None:
    """Begin the rollback that was foretold; what is running ends first."""
    state = draft.state
    if state.phase is not Phase.RUNNING or state.running is not None:
        return
    for trigger in state.open_triggers:
        at = trigger.rolls_back_at
        if at is None or trigger.why_not or trigger.kept is not None or draft.now.since(at) < timedelta():
            continue
        if why_not := why_not_by_itself(state):
            draft.add(w.RollbackForetold(trigger=trigger.number, at=at, why_not=why_not))
            continue
        draft.start_rollback(BY_ITSELF, f"the last safe moment had come: {trigger.because}")
        return
