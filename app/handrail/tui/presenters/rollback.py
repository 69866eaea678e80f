"""What rolling back now would mean, before anyone confirms it."""

from __future__ import annotations

from collections.abc import Sequence

from handrail.clock import Instant
from handrail.reports.countdown import source_words, whole
from handrail.run.deadlines import countdowns, expected_duration
from handrail.run.duration import usual
from handrail.run.other_way import if_it_fails, other_way_steps
from handrail.run.plan import PlannedStep
from handrail.run.state import RunState, StepState
from handrail.run.undo import undo_plan
from handrail.runbook.model import StepKind
from handrail.text import clean_line, countdown, duration
from handrail.tui.presenters.detail import by_hand_lines
from handrail.tui.presenters.line import Line, Tone, line
from handrail.tui.presenters.steps import SIGNS


def rollback_lines(state: RunState) -> tuple[Line, ...]:
    """What will be undone, in order; what can't be; and what need not be."""
    plan = undo_plan(state)
    lines = _in_order(plan.steps, state)
    if not plan.steps:
        lines.append(line(("  nothing: no step that ran has an undo", Tone.WARN)))
    lines.append(())
    if plan.irreversible:
        lines += _lost(plan.irreversible)
    else:
        lines.append(line(("Nothing that ran is irreversible.", Tone.GOOD)))
    if plan.needless:
        lines += [(), line((f"Needs no undo ({len(plan.needless)}):", Tone.STRONG))]
        lines += [
            line(f"  · {clean_line(title)}", (f": {clean_line(why)}", Tone.QUIET))
            for title, why in plan.needless
        ]
    if by_hand := by_hand_lines(state):
        lines += [(), *by_hand]
    return tuple(lines)


def other_way_lines(state: RunState) -> tuple[Line, ...]:
    """What the other way would do in the place of the failed undo, what it loses, and what comes after it."""
    step = state.current
    if step is None or step.planned.otherwise is None:
        return ()
    failed = f" {clean_line(step.planned.title)}: {clean_line(step.why)}"
    instead = other_way_steps(state, step)
    lost = [(each.title, each.irreversible) for each in instead if each.irreversible]
    later = _after(step, state)
    lines: list[Line] = [line((f"{SIGNS[step.status].word.capitalize()}: ", Tone.BAD), failed.strip()), ()]
    lines += _in_order(instead, state)
    if lost:
        lines += [(), *_lost(lost)]
    lines += [(), line((f"Then the rollback goes on ({len(later)}):", Tone.STRONG))]
    lines += [line(f"  · {clean_line(each.title)}") for each in later]
    return (*lines, (), *by_hand_lines(state))


def _in_order(steps: Sequence[PlannedStep], state: RunState) -> list[Line]:
    lines: list[Line] = [line((f"Will be done, in this order ({len(steps)}):", Tone.STRONG))]
    for number, step in enumerate(steps, 1):
        takes, measured = usual(state.plan, step)
        known = state.plan.usual.get(step.key)
        source = ", rehearsed" if known and known.rehearsed else "" if measured else ", estimated"
        asks = ", asks you" if step.kind is StepKind.ATTEST else ""
        lines.append(
            line(
                f" {number:>2}. {clean_line(step.title)}", (f" ({duration(takes)}{source}{asks})", Tone.QUIET)
            )
        )
        if step.otherwise is not None:
            words = clean_line(if_it_fails(step.otherwise, state))
            lines.append(line((f"     if it fails: {words}", Tone.QUIET)))
    return lines


def rollback_time(state: RunState, now: Instant) -> Line:
    """How long the rollback takes against how long there is."""
    return _time(undo_plan(state).steps, state, now)


def other_way_time(state: RunState, now: Instant) -> Line:
    """How long the other way takes, with the rest of the rollback after it, against how long there is."""
    step = state.current
    instead = other_way_steps(state, step) if step else ()
    return _time([*instead, *_after(step, state)], state, now)


def _after(step: StepState | None, state: RunState) -> list[PlannedStep]:
    """What the rollback still has to do besides this step."""
    return [each.planned for each in state.undo_steps if not each.status.is_done and each is not step]


def _lost(entries: Sequence[tuple[str, str]]) -> list[Line]:
    """What can't be taken back, with the reasons."""
    return [
        line((f"CAN NOT be taken back ({len(entries)}):", Tone.BAD)),
        *(line(f"  ✗ {clean_line(title)}", (f": {clean_line(why)}", Tone.QUIET)) for title, why in entries),
    ]


def _time(steps: Sequence[PlannedStep], state: RunState, now: Instant) -> Line:
    expected = expected_duration(state.plan, steps)
    takes = f"Takes {duration(expected.expected)} ({source_words(expected)})"
    if not expected.steps:
        takes = "Undoes nothing"
    found = countdowns(state, now)
    if not found:
        return line((takes, Tone.STRONG), "; no deadline is running.")
    first = found[0]
    left = countdown(first.to_deadline)
    to_spare = first.to_deadline - expected.expected
    if to_spare.total_seconds() >= 0:
        spare = duration(whole(to_spare))
        return line(
            (takes, Tone.STRONG), f"; deadline in {left}: ", (f"in time, {spare} to spare", Tone.GOOD)
        )
    late = duration(whole(-to_spare))
    return line((takes, Tone.STRONG), f"; deadline in {left}: ", (f"will miss it by {late}", Tone.BAD))
