"""Every step of a run: its state, its time against the usual, its checks, attempts, facts and logs."""

from __future__ import annotations

from collections.abc import Iterable

from handrail.reports.page.document import (
    Block,
    Cell,
    Code,
    Facts,
    Log,
    Mark,
    Paragraph,
    Section,
    Table,
    Tone,
)
from handrail.reports.page.source import (
    RunSource,
    attempt_mark,
    ended,
    lasted,
    lines_wanted,
    seconds_text,
    step_mark,
)
from handrail.run import events as e
from handrail.run.duration import usual
from handrail.run.events import Purpose, Result
from handrail.run.state import AttemptState, StepState, StepStatus
from handrail.text import duration

VERDICTS = {"pass": Tone.GOOD, "fail": Tone.BAD, "unknown": Tone.UNKNOWN}
PURPOSES = {
    Purpose.STEP: "the step",
    Purpose.GATE: "a check before it",
    Purpose.PROBE: "to see what became of it",
    Purpose.NOTICE: "to tell the team",
}


def steps_section(source: RunSource) -> Section:
    """An overview of all steps, then each by itself, by the runbook's own sections."""
    state = source.state
    reached = [step for step in state.steps.values() if _was_reached(step)]
    rows = tuple(_row(source, step) for step in state.steps.values())
    columns = ("step", "state", "took", "usually", "attempts")
    blocks: list[Block] = [Table("All steps, in order", columns, rows)]
    if left := len(state.steps) - len(reached):
        blocks.append(Paragraph(f"{left} {'step was' if left == 1 else 'steps were'} never reached."))
    notices = [a for a in state.attempts.values() if a.purpose is Purpose.NOTICE and a.step is None]
    sections = list(_by_section(source, reached))
    if notices:
        told = (_attempts_table(source, notices), *_logs(source, notices))
        sections.append(Section("What the team's channel was told", told))
    return Section("Steps", tuple(blocks), tuple(sections))


def _was_reached(step: StepState) -> bool:
    return step.status is not StepStatus.PENDING or bool(step.attempts)


def _row(source: RunSource, step: StepState) -> tuple[Cell, ...]:
    took = _took(source, step) if step.planned.statement is None else ""
    expected, measured = usual(source.state.plan, step.planned)
    before = duration(expected) if measured else f"about {duration(expected)}"
    if step.planned.call is None and step.planned.watch_for is None:
        before = ""
    count = str(len(step.attempts)) if step.attempts else ""
    return (step.planned.title, step_mark(step.status), took, before, count)


def _took(source: RunSource, step: StepState) -> str:
    if step.started is None:
        return ""
    if step.ended is None:
        return f"{lasted(step.started, source.end)} so far" if source.state.phase.is_open else ""
    return lasted(step.started, step.ended)


def _by_section(source: RunSource, steps: Iterable[StepState]) -> Iterable[Section]:
    found: list[tuple[str, list[StepState]]] = []
    for step in steps:
        name = step.planned.section
        if not found or found[-1][0] != name:
            found.append((name, []))
        found[-1][1].append(step)
    for name, group in found:
        yield Section(name, (), tuple(_step_section(source, step) for step in group))


def _step_section(source: RunSource, step: StepState) -> Section:
    attempts = [source.state.attempts[n] for n in step.attempts if n in source.state.attempts]
    blocks: list[Block] = [Paragraph(_sentence(source, step))]
    if step.why:
        tone = Tone.BAD if step.status in (StepStatus.FAILED, StepStatus.IN_DOUBT) else Tone.WARNING
        blocks.append(Paragraph(step.why, tone if step.status is not StepStatus.PASSED else Tone.PLAIN))
    if step.doubt and step.doubt != step.why:
        blocks.append(Paragraph(f"It was in doubt: {step.doubt}", Tone.UNKNOWN))
    if step.probe_evidence:
        blocks.append(Paragraph(f"The probe said {step.probe_evidence}"))
    if step.planned.statement:
        blocks.append(Paragraph(f"What was to be attested: {step.planned.statement}"))
    blocks += _gate(source, step, attempts)
    own = [attempt for attempt in attempts if attempt.purpose is not Purpose.GATE]
    if len(own) > 1 or any(_says_something(attempt) for attempt in own):
        blocks.append(_attempts_table(source, own))
    if facts := _facts(source, step):
        blocks.append(Facts(facts))
    blocks += _logs(source, attempts)
    return Section(step.planned.title, tuple(blocks), mark=step_mark(step.status))


def _says_something(attempt: AttemptState) -> bool:
    return (
        bool(attempt.evidence or attempt.left_behind or attempt.verdict)
        or attempt.result is not Result.PASSED
    )


def _sentence(source: RunSource, step: StepState) -> str:
    """When, for how long and against what, by whom, and the very task."""
    parts = []
    if step.planned.statement is not None and step.started is not None:
        parts.append(f"Attested at {source.clock(step.started)} UTC")
    elif step.started is not None:
        parts.append(f"Began at {source.clock(step.started)} UTC")
    if step.planned.statement is None and (took := _took(source, step)):
        parts.append(f"took {took}")
    measured = source.state.plan.usual.get(step.key)
    if measured is not None and step.planned.watch_for is None:
        runs = f"over {measured.count} earlier {'run' if measured.count == 1 else 'runs'}"
        runs += " on staging" if measured.rehearsed else ""
        parts.append(f"usually {seconds_text(measured.median)} ({runs})")
    if step.planned.watch_for is not None:
        parts.append(f"meant to last {duration(step.planned.watch_for)}")
    if step.by:
        parts.append(f"by {step.by}")
    said = ", ".join(parts)
    said = said[:1].upper() + said[1:] + "." if said else "Not begun."
    if step.planned.call is not None:
        said += f" It runs {ended(source.call(step.planned.call))}"
    if step.instead_of:
        said += f" It is part of another way, taken instead of {source.title(step.instead_of)}."
    return said


def _gate(source: RunSource, step: StepState, attempts: list[AttemptState]) -> list[Block]:
    rows: list[tuple[Cell, ...]] = []
    for gate in step.planned.gate:
        tried = [a for a in attempts if a.purpose is Purpose.GATE and (a.check or a.call.task) == gate.check]
        for attempt in tried:
            at = source.clock(attempt.ended or attempt.announced)
            rows.append((Code(gate.check), _verdict(attempt), attempt.evidence, at))
        if (said := step.waived.get(gate.check)) is not None:
            rows.append((Code(gate.check), Mark("waived", Tone.WARNING), said, ""))
        elif aside := source.state.plan.set_aside(gate):
            rows.append((Code(gate.check), Mark("not asked"), f"the target does without it: {aside}", ""))
        elif not tried:
            rows.append((Code(gate.check), Mark("never asked", Tone.UNKNOWN), "", ""))
    if not rows:
        return []
    return [Table("Checks before this step", ("check", "verdict", "evidence", "UTC"), tuple(rows))]


def _verdict(attempt: AttemptState) -> Mark:
    if attempt.result is None:
        return attempt_mark(attempt)
    if attempt.result in (Result.PASSED, Result.FAILED) and attempt.verdict:
        # A check that ended badly never passes, whatever it said.
        tone = VERDICTS.get(attempt.verdict, Tone.UNKNOWN)
        passed = attempt.result is Result.PASSED
        return Mark(attempt.verdict, tone if passed or tone is not Tone.GOOD else Tone.BAD)
    return attempt_mark(attempt)


def _attempts_table(source: RunSource, attempts: Iterable[AttemptState]) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for attempt in attempts:
        said = attempt.evidence
        if attempt.verdict:
            said = f"{attempt.verdict}: {said}" if said else attempt.verdict
        if attempt.left_behind:
            said += f"{'; ' if said else ''}still running after it: {', '.join(attempt.left_behind)}"
        begun = source.clock(attempt.started or attempt.announced)
        took = lasted(attempt.started, attempt.ended)
        rows.append(
            (str(attempt.number), PURPOSES[attempt.purpose], attempt_mark(attempt), begun, took, said)
        )
    columns = ("no.", "for", "result", "UTC", "took", "evidence")
    return Table("Attempts", columns, tuple(rows))


def _facts(source: RunSource, step: StepState) -> tuple[tuple[str, Cell], ...]:
    """What the step's own attempts reported."""
    found: dict[str, Cell] = {}
    for event, _ in source.entries:
        if isinstance(event, e.AttemptEnded) and event.attempt in step.attempts:
            found |= {name: str(value) for name, value in event.facts.items()}
    return tuple(found.items())


def _logs(source: RunSource, attempts: Iterable[AttemptState]) -> list[Block]:
    logs: list[Block] = []
    for attempt in attempts:
        what = f"Log of attempt {attempt.number}, {attempt.call.task}"
        tail = source.tails.get(attempt.number)
        if tail is None:
            if attempt.log_bytes:
                logs.append(Paragraph(f"{what}: its file is not here any more.", Tone.WARNING))
            continue
        shown = tail.last(lines_wanted(attempt))
        if not shown.lines:
            continue
        size = "whole" if shown.whole else f"the last {len(shown.lines)} lines of {_size(shown.size_bytes)}"
        failed = attempt.purpose is Purpose.STEP and attempt.result not in (Result.PASSED, None)
        logs.append(Log(f"{what} ({size})", shown.lines, opened=failed or attempt.in_doubt))
    return logs


def _size(size_bytes: int) -> str:
    if size_bytes < 1024:
        return f"{size_bytes} bytes"
    if size_bytes < 1024 * 1024:
        return f"{size_bytes / 1024:.0f} KiB"
    return f"{size_bytes / 1024 / 1024:.1f} MiB"
