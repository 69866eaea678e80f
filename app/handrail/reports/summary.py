"""A run's state as lines for people and as plain values for programs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from handrail.clock import Instant
from handrail.reports.countdown import countdown_line
from handrail.reports.timeline import Line, call_text
from handrail.reports.watch_sentences import judgement_words
from handrail.run.clean_time import baseline_seconds, clean_seconds, undecided
from handrail.run.deadlines import countdowns
from handrail.run.emergency import emergency_words
from handrail.run.notices import Notice, undelivered
from handrail.run.other_way import if_it_fails, left_as_it_is, ways_by_hand
from handrail.run.plan import Plan, PlannedStep, PlannedUndo, UndoKind
from handrail.run.rollback_outlook import rollback_outlook
from handrail.run.rules import foreign_events
from handrail.run.state import AttemptState, RunState, StepState, StepStatus
from handrail.run.undo import undo_plan
from handrail.run.watching import newest_judgements
from handrail.text import clean, clean_line, duration

MARKS = {
    StepStatus.PENDING: "[ ]",
    StepStatus.CHECKING: "[?]",
    StepStatus.HELD: "[=]",
    StepStatus.RUNNING: "[>]",
    StepStatus.PASSED: "[x]",
    StepStatus.FAILED: "[!]",
    StepStatus.IN_DOUBT: "[~]",
    StepStatus.SKIPPED: "[-]",
    StepStatus.MARKED_DONE: "[d]",
    StepStatus.REPLACED: "[/]",
}


def utc(at: Instant | None) -> str | None:
    """A moment as ISO 8601 text in UTC."""
    return at.datetime().isoformat(timespec="milliseconds") if at else None


def plan_lines(plan: Plan, commands: Mapping[str, list[str]]) -> list[str]:
    """The plan for people: every step with its exact commands, gate, limits and way back.

    `commands` are the command lines by step key; `undo/KEY` for a step's own undo task, and
    `undo/RUNBOOK/KEY` for the steps of an undo runbook.
    """
    lines = [f"{plan.title} on {plan.target.name}{' (PRODUCTION)' if plan.target.production else ''}"]
    if plan.emergency is not None:
        lines.append(clean_line(emergency_words(plan.emergency)))
    for name, value in plan.parameters.items():
        lines.append(f"  {name} = {clean_line(str(value))}")
    section = None
    for number, step in enumerate(plan.steps, 1):
        if step.section != section:
            section = step.section
            lines += ["", f"## {clean_line(section)}"]
        lines += _planned(number, step, plan, commands, step.key)
    for name, steps in plan.undo_runbooks.items():
        lines += ["", f"## {clean_line(_purpose_of(name, plan))}"]
        for number, step in enumerate(steps, 1):
            lines += _planned(number, step, plan, commands, f"undo/{name}/{step.key}")
    return lines


def _purpose_of(runbook: str, plan: Plan) -> str:
    """When the steps of an undo runbook are taken."""
    undos = [(step.title, step.undo) for step in plan.steps if step.undo is not None]
    if any(undo.runbook == runbook for _, undo in undos):
        return f"Rollback by the runbook {runbook} (only when you roll back)"
    failing = [title for title, undo in undos if undo.otherwise and undo.otherwise.runbook == runbook]
    when = " or ".join(failing) or "a step"
    return f"Another way by the runbook {runbook} (only when the undo of {when} fails, and you take it)"


def _planned(
    number: int, step: PlannedStep, plan: Plan, commands: Mapping[str, list[str]], key: str
) -> list[str]:
    lines = [f"{number:>3}. {clean_line(step.title)}  [{step.kind.value}]  {key}"]
    if step.statement is not None:
        by = "someone else than the operator" if step.by == "someone-else" else "the operator"
        lines.append(f"       {by} says: {clean_line(step.statement)}")
    for command in commands.get(key, []):
        lines += [f"       {clean_line(line)}" for line in command.splitlines()]
    for gate in step.gate:
        waivable = "" if gate.waivable else " (can't be waived)"
        aside = plan.set_aside(gate)
        why = f"; the target does without it: {clean_line(aside)}" if aside else ""
        lines.append(f"       gate: {call_text(gate.call)} must pass{waivable}{why}")
    if step.call is not None:
        usual = f"about {duration(step.estimate)}"
        lines.append(f"       time: {usual}, stopped after {duration(step.timeout)}")
    if step.on_failure is not None:
        lines.append(f"       failure: raises a rollback trigger of class {step.on_failure.value}")
    if (way_back := _way_back(step)) is not None:
        lines.append(f"       undo: {way_back}")
    lines += [f"             {clean_line(line)}" for line in commands.get(f"undo/{key}", [])]
    return lines


def _way_back(step: PlannedStep) -> str | None:
    parts = []
    if step.undo is not None:
        parts.append(_undo(step.undo))
    elif not step.only_looks:
        parts.append("none: the runbook names no way back")
    if step.irreversible or step.irreversible_when:
        reason = clean_line(step.irreversible or "what it changed can't be brought back")
        when = f" (when {step.irreversible_when})" if step.irreversible_when else ""
        parts.append(f"IRREVERSIBLE{when}: {reason}")
    return "; ".join(parts) or None


def _undo(undo: PlannedUndo) -> str:
    when = f", when {undo.when}" if undo.when else ""
    if undo.kind is UndoKind.TASK and undo.call is not None:
        otherwise = f"; if that fails: the runbook {undo.otherwise.runbook}" if undo.otherwise else ""
        return f"{call_text(undo.call)}{when}{otherwise}"
    if undo.kind is UndoKind.RUNBOOK:
        return f"the runbook {undo.runbook}{when}"
    return f"nothing to undo: {clean_line(undo.reason)}"


def step_line(step: StepState) -> str:
    """One step with its mark, title, state and reason."""
    took = f" in {duration(step.ended.since(step.started))}" if step.started and step.ended else ""
    why = f": {clean_line(step.why)}" if step.why else ""
    by = f" by {step.by}" if step.by else ""
    status = "" if step.status is StepStatus.PENDING else f" ({step.status.value}{by}{took}){why}"
    return f"{MARKS[step.status]} {clean_line(step.planned.title)}{status}"


def status_lines(state: RunState, now: Instant) -> list[str]:
    """Where the run stands: target, phase, operator, what runs, countdowns, steps."""
    done = sum(step.status.is_done for step in state.current_steps)
    title, target = clean_line(state.plan.title), state.plan.target.name
    steps = f"{done} of {len(state.current_steps)} steps done"
    lines = [f"{title} on {target}: {state.phase.value}, {steps}; driven by {state.operator.name}"]
    if state.plan.emergency is not None:
        lines.append(clean_line(emergency_words(state.plan.emergency)))
    if (running := state.running) is not None:
        lines.append(
            f"Running for {duration(now.since(running.announced))}: {call_text(running.call)} "
            f"(attempt {running.number})"
        )
    lines += watch_lines(state)
    if state.phase.is_open:
        if found := countdowns(state, now):
            outlook = rollback_outlook(state, now)
            lines += [countdown_line(each, outlook) for each in found]
        if why := foreign_events(state, None):
            lines.append(why)
        for change in state.changed_files:
            lines.append(f"Changed since the plan was made, so that nothing goes forward: {change.path}")
            lines += [f"    {text}" for text in clean(change.difference).splitlines()]
    lines += [step_line(step) for step in state.current_steps]
    if state.rollback_started is not None:
        lines += by_hand_lines(state)
    lines += [notice_line(notice) for notice in undelivered(state)]
    return lines


def watch_lines(state: RunState) -> list[str]:
    """How far a watch is that the engine carries out now, and what it says of each signal."""
    watch, step = state.watch, state.waiting_step
    if step is None:
        return []
    title = clean_line(step.planned.title)
    if not watch.is_on:
        seen, needed = timedelta(seconds=baseline_seconds(state)), timedelta(seconds=watch.baseline_seconds)
        return [f"{title}: sampled for {duration(seen)} of {duration(needed)}"]
    clean_time, needed = timedelta(seconds=clean_seconds(state)), timedelta(seconds=watch.seconds)
    lines = [f"{title}: {duration(clean_time)} of {duration(needed)} clean"]
    if clean_time >= needed and (open_ := undecided(state)):
        names = ", ".join(clean_line(signal.name) for signal in open_)
        lines.append(f"  It goes on until it can be judged, or is cut by a waiver: {names}")
    for judged in newest_judgements(state):
        lines.append(f"  {judged.verdict.value:<8} {clean_line(judgement_words(judged))}")
    return lines


def notice_line(notice: Notice) -> str:
    """What the channel has not surely got, and why."""
    first = clean_line(notice.text.split("\n", 1)[0])
    why = clean_line(notice.latest.evidence) or "no reason given"
    return f"Announcement {notice.delivery.value}: {first} ({why})"


def undo_lines(state: RunState) -> list[str]:
    """What rolling back now would undo, in order, and what it would not."""
    plan = undo_plan(state)
    lines = ["Rolling back would do this, in order:"]
    for number, step in enumerate(plan.steps, 1):
        lines.append(f"{number:>3}. {clean_line(step.title)}")
        if step.otherwise is not None:
            lines.append(f"     if it fails: {clean_line(if_it_fails(step.otherwise, state))}")
    if not plan.steps:
        lines.append("  nothing")
    if plan.irreversible:
        lines.append("It can NOT take back:")
        lines += [f"   - {clean_line(title)}: {clean_line(why)}" for title, why in plan.irreversible]
    if plan.needless:
        lines.append("It need not take back:")
        lines += [f"   - {clean_line(title)}: {clean_line(why)}" for title, why in plan.needless]
    return [*lines, *by_hand_lines(state)]


def by_hand_lines(state: RunState) -> list[str]:
    """The exact commands of the other ways for which this run has what they need, such as its backup."""
    lines: list[str] = []
    for way in ways_by_hand(state):
        lines.append(f"{clean_line(way.title)}, as a run of its own once this one is over:")
        lines.append(f"   {clean_line(way.command)}")
    return lines


def _step_values(step: StepState) -> dict[str, Any]:
    return {
        "key": step.key,
        "title": step.planned.title,
        "section": step.planned.section,
        "kind": step.planned.kind.value,
        "status": step.status.value,
        "undoes": step.undoes,
        "instead_of": step.instead_of or None,
        "attempts": list(step.attempts),
        "why": step.why,
        "by": step.by,
        "waived": step.waived,
        "doubt": step.doubt,
        "probe_evidence": step.probe_evidence,
        "started": utc(step.started),
        "ended": utc(step.ended),
    }


def _attempt_values(attempt: AttemptState) -> dict[str, Any]:
    return {
        "number": attempt.number,
        "purpose": attempt.purpose.value,
        "step": attempt.step,
        "task": attempt.call.task,
        "arguments": attempt.call.arguments,
        "result": attempt.result.value if attempt.result else None,
        "in_doubt": attempt.in_doubt,
        "exit_code": attempt.exit_code,
        "signal": attempt.signal,
        "verdict": attempt.verdict,
        "evidence": attempt.evidence,
        "left_behind": list(attempt.left_behind),
        "log_bytes": attempt.log_bytes,
        "started": utc(attempt.started),
        "ended": utc(attempt.ended),
    }


def _watch_values(state: RunState) -> dict[str, Any] | None:
    watch = state.watch
    if watch.started is None:
        return None
    return {
        "step": watch.step,
        "started": utc(watch.started),
        "ended": utc(watch.ended),
        "seconds": watch.seconds,
        "clean_seconds": round(clean_seconds(state), 1),
        "signals": [
            {
                "signal": judged.signal,
                "verdict": judged.verdict.value,
                "because": judged.because,
                "p": judged.p,
                "samples": judged.samples,
                "baseline_samples": judged.baseline_samples,
                "evidence_from": utc(judged.evidence_from),
            }
            for judged in watch.judgements.values()
        ],
    }


def as_values(state: RunState, lines: Iterable[Line] = ()) -> dict[str, Any]:
    """All that is known of a run, for `--json`."""
    return {
        "run": state.run,
        "title": state.plan.title,
        "runbook": state.plan.runbook,
        "target": state.plan.target.name,
        "production": state.plan.target.production,
        "phase": state.phase.value,
        "open": state.phase.is_open,
        "operator": state.operator.name,
        "opened": utc(state.opened),
        "closed": utc(state.closed),
        "closed_why": state.closed_why,
        "deadlines_met": state.deadlines_met,
        "parameters": state.plan.parameters,
        "emergency": state.plan.emergency.model_dump() if state.plan.emergency else None,
        "digests": state.plan.digests,
        "steps": [_step_values(step) for step in state.steps.values()],
        "attempts": [_attempt_values(attempt) for attempt in state.attempts.values()],
        "facts": state.facts,
        "triggers": [
            {
                "number": trigger.number,
                "class": trigger.trigger_class.value,
                "because": trigger.because,
                "step": trigger.step,
                "evidence_from": utc(trigger.evidence_from),
                "deadline": utc(trigger.deadline),
                "closed": trigger.closed,
                "passed": trigger.passed,
                "signal": trigger.signal or None,
                "rolls_back_at": utc(trigger.rolls_back_at),
                "why_not_by_itself": trigger.why_not or None,
                "kept": trigger.kept,
                "extended": list(trigger.extended),
            }
            for trigger in state.triggers.values()
        ],
        "watch": _watch_values(state),
        "notes": [{"at": utc(note.at), "who": note.who, "text": note.text} for note in state.notes],
        "not_undone": [{"title": title, "why": why} for title, why in left_as_it_is(state)],
        "timeline": [{"seq": line.seq, "at": utc(line.at), "text": line.text} for line in lines],
    }
