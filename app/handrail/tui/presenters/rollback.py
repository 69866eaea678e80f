"""What rolling back now would mean, before anyone confirms it."""

from __future__ import annotations

from handrail.clock import Instant
from handrail.run.deadlines import countdowns, expected_duration
from handrail.run.duration import usual
from handrail.run.state import RunState
from handrail.run.undo import undo_plan
from handrail.text import clean_line, countdown, duration
from handrail.tui.presenters.countdown import whole
from handrail.tui.presenters.line import Line, Tone, line


def rollback_lines(state: RunState) -> tuple[Line, ...]:
    """What will be undone, in order; what can't be; and what need not be."""
    plan = undo_plan(state)
    lines: list[Line] = [line((f"Will be done, in this order ({len(plan.steps)}):", Tone.STRONG))]
    for number, step in enumerate(plan.steps, 1):
        takes, measured = usual(state.plan, step)
        known = state.plan.usual.get(step.key)
        source = ", rehearsed" if known and known.rehearsed else "" if measured else ", estimated"
        lines.append(
            line(f" {number:>2}. {clean_line(step.title)}", (f" ({duration(takes)}{source})", Tone.QUIET))
        )
    if not plan.steps:
        lines.append(line(("  nothing: no step that ran has an undo", Tone.WARN)))
    lines.append(())
    if plan.irreversible:
        lines.append(line((f"CAN NOT be taken back ({len(plan.irreversible)}):", Tone.BAD)))
        lines += [
            line(f"  ✗ {clean_line(title)}", (f": {clean_line(why)}", Tone.QUIET))
            for title, why in plan.irreversible
        ]
    else:
        lines.append(line(("Nothing that ran is irreversible.", Tone.GOOD)))
    if plan.needless:
        lines += [(), line((f"Needs no undo ({len(plan.needless)}):", Tone.STRONG))]
        lines += [
            line(f"  · {clean_line(title)}", (f": {clean_line(why)}", Tone.QUIET))
            for title, why in plan.needless
        ]
    return tuple(lines)


def rollback_time(state: RunState, now: Instant) -> Line:
    """How long it takes against how long there is."""
    expected = expected_duration(state.plan, undo_plan(state).steps)
    source = "measured" if expected.measured else "estimated"
    takes = f"Takes {duration(expected.expected)} ({source})"
    if not expected.expected:
        takes = "Undoes nothing"
    found = countdowns(state, now)
    if not found:
        return line((takes, Tone.STRONG), "; no deadline is running.")
    first = found[0]
    left = countdown(first.to_deadline)
    if first.to_last_safe.total_seconds() >= 0:
        spare = duration(whole(first.to_last_safe))
        return line(
            (takes, Tone.STRONG), f"; deadline in {left}: ", (f"in time, {spare} to spare", Tone.GOOD)
        )
    late = duration(whole(-first.to_last_safe))
    return line((takes, Tone.STRONG), f"; deadline in {left}: ", (f"will miss it by {late}", Tone.BAD))
