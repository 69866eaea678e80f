"""The list of steps: state in a sign and a word, and the time taken against the usual one."""

from __future__ import annotations

import math
from datetime import timedelta

from msgspec import Struct

from handrail.clock import Instant
from handrail.reports.signals import progress
from handrail.run.duration import usual
from handrail.run.plan import Plan, PlannedStep
from handrail.run.state import RunState, StepState, StepStatus
from handrail.runbook.model import StepKind
from handrail.text import clean_line, duration
from handrail.tui.presenters.line import Line, Tone, line, shortened

WIDE = 52


class Sign(Struct, frozen=True):
    """A state as a sign and a word, since colour is never the only sign."""

    glyph: str
    word: str
    tone: Tone


SIGNS = {
    StepStatus.PENDING: Sign("·", "to do", Tone.PLAIN),
    StepStatus.CHECKING: Sign("◇", "checking", Tone.BUSY),
    StepStatus.HELD: Sign("‖", "held", Tone.WARN),
    StepStatus.RUNNING: Sign("▶", "running", Tone.BUSY),
    StepStatus.PASSED: Sign("✓", "done", Tone.GOOD),
    StepStatus.FAILED: Sign("✗", "failed", Tone.BAD),
    StepStatus.IN_DOUBT: Sign("?", "in doubt", Tone.WARN),
    StepStatus.SKIPPED: Sign("»", "skipped", Tone.QUIET),
    StepStatus.MARKED_DONE: Sign("✓", "marked done", Tone.GOOD),
    StepStatus.REPLACED: Sign("↷", "replaced", Tone.WARN),
}


WATCHING = Sign("◉", "watching", Tone.BUSY)
SAMPLING = Sign("◉", "sampling", Tone.BUSY)


def sign_of(state: RunState, step: StepState) -> Sign:
    """The sign of a step's state; what the engine itself carries out has one of its own."""
    if step.status is StepStatus.RUNNING and step is state.waiting_step:
        return WATCHING if state.watch.is_on else SAMPLING
    return SIGNS[step.status]


class StepRow(Struct, frozen=True):
    """One row: a section's heading where `key` is `None`, else a step."""

    key: str | None
    glyph: str
    title: str
    word: str
    took: str
    usually: str
    tone: Tone
    current: bool = False


def step_rows(state: RunState, now: Instant) -> tuple[StepRow, ...]:
    """All steps grouped by section; the rollback's come last, in a section of their own."""
    rows: list[StepRow] = []
    section: str | None = None
    current = state.current.key if state.phase.is_open and state.current else None
    for step in state.steps.values():
        if step.planned.section != section:
            section = step.planned.section
            rows.append(StepRow(None, "", clean_line(section), "", "", "", Tone.STRONG))
        rows.append(_step_row(state, step, now, current == step.key))
    return tuple(rows)


def _step_row(state: RunState, step: StepState, now: Instant, current: bool) -> StepRow:
    sign = sign_of(state, step)
    abandoned = step.status is StepStatus.PENDING and not current and step not in state.current_steps
    taken = time_taken(state, step, now)
    word = sign.word
    if step.status is StepStatus.PENDING:
        word = "not run" if abandoned or not state.phase.is_open else ("next" if current else "")
    took = duration(taken) if taken is not None else ""
    usually = usual_words(state.plan, step.planned) if step.planned.kind is not StepKind.ATTEST else ""
    if sign in (WATCHING, SAMPLING):
        usually, share = progress(state)
        word, took = f"{word} {math.floor(share * 100)}%", ""
    return StepRow(
        key=step.key,
        glyph=sign.glyph,
        title=clean_line(step.planned.title),
        word=f"{word} ({len(step.waived)} waived)" if step.waived else word,
        took=took,
        usually=usually,
        tone=Tone.QUIET if abandoned else (Tone.STRONG if word == "next" else sign.tone),
        current=current,
    )


def time_taken(state: RunState, step: StepState, now: Instant) -> timedelta | None:
    """How long the step's last try took, or has taken so far; `None` where it was never run."""
    last = state.last_attempt(step.key)
    if last is None:
        # Of a watch and a baseline, which are no attempts.
        return step.ended.since(step.started) if step.started and step.ended else None
    begun = last.started or last.announced
    if last.is_running:
        return now.since(begun)
    return last.ended.since(begun) if last.ended else None


def usual_words(plan: Plan, step: PlannedStep) -> str:
    """The usual duration in words, saying whether it was measured or estimated."""
    value, measured = usual(plan, step)
    return f"usually {duration(value)}" if measured else f"estimate {duration(value)}"


def row_line(row: StepRow, width: int, *, selected: bool = False) -> Line:
    """A row fitted to `width`: the title at the left, the state's word and the times at the right."""
    if row.key is None:
        return line((shortened(row.title, width), Tone.STRONG))
    right = " ".join(part for part in (row.word, row.took) if part)
    if row.usually and (width >= WIDE or not right):
        short = row.usually.replace("estimate ", "~").replace("usually ", "~")
        right = f"{right} ({row.usually})" if width >= WIDE and right else (right or short)
    marker = ">" if selected else " "
    title = shortened(row.title, max(width - 4 - len(right), 8))
    gap = " " * max(width - 3 - len(title) - len(right), 1)
    tone = Tone.STRONG if row.current else (Tone.QUIET if row.tone is Tone.QUIET else Tone.PLAIN)
    return line((marker, Tone.STRONG), (f"{row.glyph} ", row.tone), (title, tone), gap, (right, row.tone))
