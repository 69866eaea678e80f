"""What a run that is over came to."""

from __future__ import annotations

from handrail.run.other_way import left_as_it_is
from handrail.run.state import Phase, RunState, StepStatus
from handrail.text import clean_line, duration
from handrail.tui.presenters.line import Line, Tone, line, shortened

SERVED_FACTS = ("served_version", "served", "version", "commit", "ref")
MOST_FACTS = 12
ROLLED_BACK = "rolled back"


def summary_title(state: RunState) -> Line:
    """How the run ended, in one line."""
    name = clean_line(state.plan.target.name)
    title = clean_line(state.plan.title)
    words = {
        Phase.FINISHED: (f"Finished: {title}, target {name}", Tone.GOOD),
        Phase.ROLLED_BACK: (f"Rolled back: {title}, target {name}", Tone.WARN),
        Phase.ABORTED: (f"Aborted: {title}, target {name}", Tone.BAD),
    }
    return line(words.get(state.phase, (f"Open: {title}, target {name}", Tone.PLAIN)))


def summary_lines(state: RunState) -> tuple[Line, ...]:
    """Served version, duration, deadline, counts of steps, what was not taken back, and the facts."""
    lines: list[Line] = []
    if (served := served_now(state)) is not None:
        lines.append(_pair("Last reported", served))
    if state.closed is not None:
        lines.append(_pair("Took", duration(state.closed.since(state.opened))))
        lines.append(_pair("Lock", f"released {state.closed.datetime().strftime('%H:%M:%S UTC')}"))
    if state.closed_why:
        lines.append(_pair("Why", state.closed_why))
    lines += _deadlines(state)
    for trigger in state.open_triggers:
        words = f"{clean_line(trigger.because)}; no rollback was made"
        lines.append(line((f"{'Open trigger':<14}", Tone.QUIET), (words, Tone.BAD)))
    if state.watch.step in state.steps and (seen := state.steps[state.watch.step].why):
        lines.append(_pair("Watch", seen))
    counts = dict.fromkeys(StepStatus, 0)
    for step in state.forward_steps:
        counts[step.status] += 1
    said = ", ".join(f"{count} {status.value}" for status, count in counts.items() if count)
    lines.append(_pair("Steps", said))
    if state.undo_steps:
        done = sum(step.status.is_done for step in state.undo_steps)
        took = ""
        if state.closed is not None and state.rollback_started is not None:
            took = f", in {duration(state.closed.since(state.rollback_started))}"
        lines.append(_pair("Rollback", f"{done} of {len(state.undo_steps)} steps done{took}"))
    if stays := left_as_it_is(state):
        lines += [(), line(("Not taken back:", Tone.BAD))]
        lines += [line(f"  ✗ {clean_line(title)}: {clean_line(why)}") for title, why in stays]
    waived = [(s.planned.title, check, who) for s in state.steps.values() for check, who in s.waived.items()]
    if waived:
        lines += [(), line(("Waived:", Tone.WARN))]
        lines += [line(f"  {clean_line(t)}: {clean_line(c)} ({clean_line(w)})") for t, c, w in waived]
    if state.facts:
        lines += [(), line(("Facts:", Tone.STRONG))]
        for name, value in list(state.facts.items())[:MOST_FACTS]:
            lines.append(
                line((f"  {clean_line(name)} = ", Tone.QUIET), shortened(clean_line(str(value)), 200))
            )
    return tuple(lines)


def served_now(state: RunState) -> str | None:
    """What the run's last report says is served; `None` where nothing reported it."""
    for name in SERVED_FACTS:
        if name in state.facts:
            return f"{name} = {state.facts[name]}"
    return None


def _deadlines(state: RunState) -> list[Line]:
    if state.deadlines_met is None or state.closed is None:
        return []
    lines: list[Line] = []
    for trigger in state.triggers.values():
        if trigger.closed != ROLLED_BACK:
            continue
        left = trigger.deadline.since(state.closed)
        met = left.total_seconds() >= 0
        words = f"met, {duration(left)} to spare" if met else f"MISSED by {duration(-left)}"
        what = f" ({trigger.trigger_class.value}: {clean_line(trigger.because)})"
        lines.append(
            line(
                (f"{'Deadline':<14}", Tone.QUIET), (words, Tone.GOOD if met else Tone.BAD), (what, Tone.QUIET)
            )
        )
    return lines


def _pair(name: str, value: str) -> Line:
    return line((f"{name:<14}", Tone.QUIET), clean_line(value))
