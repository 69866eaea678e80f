"""How long there is: the deadline, and the last safe moment to start the rollback."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from handrail.clock import Instant
from handrail.run.deadlines import Countdown, countdowns
from handrail.run.state import RunState
from handrail.text import clean_line, countdown, duration
from handrail.tui.presenters.line import Line, Tone, line
from handrail.values import write_duration


@dataclass(frozen=True, slots=True)
class CountdownView:
    """What the countdown's panel shows. `start_by` and `done_by` are clock faces."""

    headline: Line
    start_by: str
    start_by_words: tuple[Line, Line, Line]
    start_by_tone: Tone
    done_by: str
    done_by_words: tuple[Line, Line, Line]
    done_by_tone: Tone
    narrow_words: tuple[Line, Line, Line]


def countdown_view(state: RunState, now: Instant) -> CountdownView | None:
    """The leading countdown, the earliest deadline; `None` where no trigger is open."""
    found = countdowns(state, now)
    if not found or not state.phase.is_open:
        return None
    first = found[0]
    rolling = state.rollback_started is not None
    missed = first.to_deadline.total_seconds() <= 0
    late = first.to_last_safe.total_seconds() < 0
    start_words = _start_words(first, rolling=rolling, late=late)
    deadline_words = _deadline_words(first, rolling=rolling, late=late, missed=missed)
    return CountdownView(
        headline=_headline(first, len(found) - 1, rolling),
        start_by=countdown(first.to_last_safe),
        start_by_words=start_words,
        start_by_tone=Tone.ALARM if late else _nearness(first.to_last_safe.total_seconds()),
        done_by=countdown(first.to_deadline),
        done_by_words=deadline_words,
        done_by_tone=Tone.ALARM if missed else _nearness(first.to_deadline.total_seconds()),
        narrow_words=(
            start_words[0],
            line(("deadline ", Tone.QUIET), (countdown(first.to_deadline), Tone.STRONG)),
            deadline_words[2] if late else start_words[2],
        ),
    )


def whole(value: timedelta) -> timedelta:
    """Whole seconds, cut as a clock face cuts them, so that two places never differ by one."""
    return timedelta(seconds=int(value.total_seconds()))


def _nearness(seconds: float) -> Tone:
    return Tone.BAD if seconds < 60 else Tone.WARN


def _headline(first: Countdown, others: int, rolling: bool) -> Line:
    minutes = write_duration(first.trigger.deadline.since(first.trigger.evidence_from))
    word = "ROLLING BACK" if rolling else "ROLL BACK"
    more = f" (+{others} more)" if others else ""
    because = clean_line(first.trigger.because)
    return line((f" {word} within {minutes}{more} ", Tone.ALARM), " ", (because, Tone.STRONG))


def _start_words(first: Countdown, *, rolling: bool, late: bool) -> tuple[Line, Line, Line]:
    source = "measured" if first.rollback.measured else "estimated"
    takes = f"{duration(first.rollback.expected)}, {source}"
    if not rolling and not first.rollback.expected:
        takes = "nothing to undo"
    if rolling:
        name = "to spare" if not late else "too late by now"
        return line((name, Tone.STRONG)), line(("rollback needs", Tone.QUIET)), line((takes, Tone.QUIET))
    name = "to START safely" if not late else "past safe start"
    return line((name, Tone.STRONG)), line(("rollback takes", Tone.QUIET)), line((takes, Tone.QUIET))


def _deadline_words(first: Countdown, *, rolling: bool, late: bool, missed: bool) -> tuple[Line, Line, Line]:
    at = first.trigger.deadline.datetime().strftime("%H:%M:%S UTC")
    if missed:
        status = line(("MISSED", Tone.ALARM))
    elif late:
        by = duration(whole(-first.to_last_safe))
        status = line((f"missed by {by}", Tone.BAD))
    elif rolling:
        status = line(("in time so far", Tone.GOOD))
    else:
        status = line((first.trigger.trigger_class.value, Tone.QUIET))
    return line(("to the DEADLINE", Tone.STRONG)), line((at, Tone.QUIET)), status
