"""What a prompt says and asks for before an action: what will happen, and to what."""

from __future__ import annotations

from datetime import timedelta

from handrail.reports.countdown import clock_time
from handrail.run.clean_time import clean_seconds
from handrail.run.on_deadline import to_keep
from handrail.run.state import RunState, StepState, StepStatus
from handrail.runbook.model import StepKind
from handrail.text import clean_line, duration
from handrail.tui.presenters.actions import Action, Asks, held_check


def question(action: Action, state: RunState) -> tuple[str, ...]:
    """What a prompt says before it asks: what will happen, to what."""
    step = state.current
    title = step.planned.title if step else ""
    words = {
        "yes": f"You say that this holds: {step.planned.statement or title}" if step else "",
        "no": f"You say that this does not hold: {step.planned.statement or title}" if step else "",
        "waive": f"{title} starts without the check {held_check(step) if step else ''}.",
        "skip": _waiver_words(step, state) or f"{title} is left out of this run.",
        "mark_done": _waiver_words(step, state) or f"{title} counts as done, without being run here.",
        "trouble": (
            "Write what users report. It stands in the journal with your name, and opens a deadline of class "
            f"{state.plan.target.monitor.reports.value}."
        ),
        "extend": _extend_words(state),
        "keep_release": _keep_words(state),
        "stretch": (
            f"{title} lasts until {duration(timedelta(seconds=state.watch.seconds))} were clean. "
            "By how many minutes longer?"
        ),
        "abort": "The run ends as it stands. Nothing is taken back, and the lock is released.",
        "note": "It will stand in the run's journal, with your name.",
        "take_over": f"{state.operator.name} drives this run now, and becomes a watcher.",
        "close_trigger": (
            f"No rollback for: {state.open_triggers[0].because}" if state.open_triggers else ""
        ),
        "hand_over": (
            f"{state.control_requested_by.name} will drive, and you will watch."
            if state.control_requested_by
            else ""
        ),
        "cancel": _cancel_words(state),
    }
    if step is not None and step.status is StepStatus.IN_DOUBT and action.name in ("yes", "no"):
        seen = step.probe_evidence or "no probe looked; look yourself before you answer"
        outcome = "was done" if action.name == "yes" else "was not done"
        return tuple(clean_line(text) for text in (f"You say that {title} {outcome}.", f"Seen: {seen}"))
    return (clean_line(words.get(action.name, action.help)),)


def _cancel_words(state: RunState) -> str:
    running = state.running
    if running is None:
        return "Nothing is running."
    title = state.steps[running.step].planned.title if running.step in state.steps else running.call.task
    return f"{title} gets TERM, then KILL after a grace. What it did until then stays done."


def _waiver_words(step: StepState | None, state: RunState) -> str:
    """That leaving out a watch is a waiver: nothing else cuts its time."""
    if step is None or step.planned.kind is not StepKind.WATCH or step.planned.watch_for is None:
        return ""
    seen = ""
    if state.watch.is_on and state.watch.step == step.key:
        clean, needed = (timedelta(seconds=each) for each in (clean_seconds(state), state.watch.seconds))
        seen = f" after {duration(clean)} of {duration(needed)} clean"
    return (
        f"This WAIVES the watch{seen}: it has not passed, your reason stands in the journal, and the team is "
        f"told. {step.planned.title} is left out."
    )


def _extend_words(state: RunState) -> str:
    if not state.open_triggers:
        return ""
    first = state.open_triggers[0]
    others = "" if len(state.open_triggers) == 1 else " The other deadlines stay as they are."
    at = clock_time(first.deadline)
    return f"The deadline is {at}: {first.because}. By how many minutes later, and why?{others}"


def _keep_words(state: RunState) -> str:
    if (trigger := to_keep(state)) is None:
        return ""
    by_itself = ""
    if trigger.rolls_back_at is not None and not trigger.why_not:
        by_itself = f" It would be rolled back by itself at {clock_time(trigger.rolls_back_at)}."
    return f"The release stays, in spite of: {trigger.because}.{by_itself} The deadline still counts."


def placeholder(action: Action, state: RunState) -> str:
    """What an empty field of a prompt says."""
    words = {
        Asks.WORDS: "What users report",
        Asks.MINUTES: "10 because the fix is being restarted",
        Asks.MORE_MINUTES: "10, or 10 because traffic is low",
    }
    if action.asks in words:
        return words[action.asks]
    return "Say why" if needs_text(action, state) else "A remark (may be left empty)"


def needs_text(action: Action, state: RunState) -> bool:
    """Whether the prompt's text may not be left empty."""
    if action.asks is Asks.REMARK:
        return state.current is not None and state.current.status is StepStatus.IN_DOUBT
    return action.asks not in (Asks.NOTHING, Asks.CONFIRMATION)
