"""How long there is: the deadline, and the last safe moment to start the rollback."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap

from msgspec import Struct

from handrail.clock import Instant
from handrail.configuration.actions import Keys
from handrail.reports.countdown import (
    by_itself_words,
    clock_time,
    extended_words,
    late_words,
    progress_words,
    source_words,
    whole,
)
from handrail.run.deadline_stage import Stage, stage_of
from handrail.run.deadlines import Countdown, countdowns
from handrail.run.rollback_outlook import rollback_outlook
from handrail.run.state import RunState
from handrail.text import clean_line, countdown, duration
from handrail.tui.presenters.actions import OWN_KEYS
from handrail.tui.presenters.line import Line, Tone, line, shortened
from handrail.values import write_duration

TONES = {
    Stage.CALM: Tone.WARN,
    Stage.SOON: Tone.WARN,
    Stage.NOW: Tone.BAD,
    Stage.LATE: Tone.ALARM,
    Stage.MISSED: Tone.ALARM,
}
_START = {
    Stage.CALM: "to START safely",
    Stage.SOON: "START IT SOON",
    Stage.NOW: "START IT NOW",
    Stage.LATE: "past safe start",
    Stage.MISSED: "past safe start",
}
_SPARE = {
    Stage.CALM: "to spare",
    Stage.SOON: "to spare",
    Stage.NOW: "to spare: tight",
    Stage.LATE: "too late by now",
    Stage.MISSED: "too late by now",
}


class CountdownView(Struct, frozen=True):
    """What the countdown's panel shows. `start_by` and `done_by` are clock faces."""

    stage: Stage
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
    stage = stage_of(first)
    start_words = _start_words(first, stage, rolling=rolling)
    deadline_words = _deadline_words(first, stage, rolling=rolling)
    late = stage in (Stage.LATE, Stage.MISSED)
    return CountdownView(
        stage=stage,
        headline=_headline(first, len(found) - 1, stage, rolling=rolling),
        start_by=countdown(first.to_last_safe),
        start_by_words=start_words,
        start_by_tone=TONES[stage],
        done_by=countdown(first.to_deadline),
        done_by_words=deadline_words,
        done_by_tone=TONES[stage],
        narrow_words=(
            start_words[0],
            line(("deadline ", Tone.QUIET), (countdown(first.to_deadline), Tone.STRONG)),
            deadline_words[2] if late else line((_narrow_source(first), Tone.QUIET)),
        ),
    )


def countdown_notes(
    state: RunState,
    now: Instant,
    width: int,
    rows: int,
    *,
    on_monitor: bool = False,
    keys: Keys = OWN_KEYS,
) -> tuple[Line, ...]:
    """What stands below the clocks, the most urgent first, in at most `rows` lines of `width`.

    That it rolls back by itself, or why it doesn't; how late it will be and what is fastest, or how far the
    rollback is; then the other triggers.
    """
    found = countdowns(state, now)
    if not found or not state.phase.is_open:
        return ()
    rolling = state.rollback_started is not None
    blocks: list[tuple[Line, ...]] = []
    if not rolling and (itself := _by_itself(found, width, keys)):
        blocks.append(itself)
    first, outlook = found[0], rollback_outlook(state, now)
    if rolling:
        tone = Tone.BAD if stage_of(first) in (Stage.LATE, Stage.MISSED) else Tone.STRONG
        blocks.append(_wrapped(progress_words(first, outlook), width, tone))
    elif stage_of(first) in (Stage.LATE, Stage.MISSED):
        taken = len(blocks[0]) if blocks else 0
        blocks.append(_late(late_words(first, outlook), width, max(rows - taken, 2)))
    if not rolling and (extended := first.trigger.extended):
        words = f"{extended_words(first.trigger).capitalize()}, last by {clean_line(extended[-1])}"
        blocks.append((_row(words, width, Tone.QUIET),))
    blocks += [(_row(_other(each, rolling=rolling), width, Tone.WARN),) for each in found[1:]]
    return _fitting(blocks, rows, width, shown_by="" if on_monitor else keys.shown("monitor", "m"))


def _late(sentences: Sequence[str], width: int, rows: int) -> tuple[Line, ...]:
    """As many of the sentences as fit; the first says how late it will be, and always stands."""
    for count in range(len(sentences), 0, -1):
        block = _wrapped(" ".join(sentences[:count]), width, Tone.BAD)
        if len(block) <= rows:
            return block
    return _wrapped(sentences[0], width, Tone.BAD)


def _fitting(blocks: Sequence[tuple[Line, ...]], rows: int, width: int, *, shown_by: str) -> tuple[Line, ...]:
    """Whole blocks as long as they fit; the first always stands, and what is left out is said."""
    if not blocks:
        return ()
    lines: list[Line] = list(blocks[0][:rows])
    if len(blocks[0]) > rows:
        text, tone = lines[-1][-1]
        lines[-1] = (*lines[-1][:-1], (shortened(f"{text} …", width), tone))
    for place, block in enumerate(blocks[1:], 1):
        last = place == len(blocks) - 1
        if len(lines) + len(block) + (0 if last else 1) <= rows:
            lines += block
            continue
        left = len(blocks) - place
        if len(lines) < rows:
            where = f": {shown_by} shows {'it' if left == 1 else 'them'}" if shown_by else ""
            lines.append(_row(f"… {left} more{where}", width, Tone.QUIET))
        break
    return tuple(lines)


def _row(words: str, width: int, tone: Tone) -> Line:
    return line((" " + shortened(words, max(width - 2, 1)), tone))


def _wrapped(words: str, width: int, tone: Tone) -> tuple[Line, ...]:
    return tuple(line((" " + part, tone)) for part in wrap(words, max(width - 2, 10)))


def _by_itself(found: Sequence[Countdown], width: int, keys: Keys) -> tuple[Line, ...]:
    """The alarm of the trigger that acts first, among those on which something is foretold."""
    order = sorted(found, key=lambda each: (each.trigger.kept is not None, bool(each.trigger.why_not)))
    for each in order:
        head, tail = by_itself_words(each, keys.shown("keep_release", "K"))
        if not head:
            continue
        kept = each.trigger.kept is not None
        tone = Tone.QUIET if kept else Tone.BAD if each.trigger.why_not else Tone.ALARM
        room = max(width - 2, 10)
        if len(head) + 1 + len(tail) <= room:
            return (
                line(" ", (f" {head} {tail} "[: room + 1] if tone is Tone.ALARM else f"{head} {tail}", tone)),
            )
        rest = wrap(tail, room)
        if len(rest) > 2:
            # The end says what a person has to do: what is in the way of it is cut in the middle.
            ending = ". A person has to" if each.trigger.why_not else ""
            kept_words = shortened(tail.removesuffix(ending), 2 * room - len(ending) - 4)
            rest = wrap(kept_words + ending, room)[:3]
        return (line((f" {head}", tone)), *(line((f" {part}", tone)) for part in rest))
    return ()


def _other(each: Countdown, *, rolling: bool) -> str:
    """A trigger that doesn't lead, on one line."""
    stage = stage_of(each)
    at = clock_time(each.trigger.deadline)
    if stage is Stage.MISSED:
        left = f"MISSED by {countdown(-each.to_deadline)}"
    elif stage is Stage.LATE:
        left = f"{countdown(each.to_deadline)} left, too late by {countdown(-each.to_last_safe)}"
    elif rolling:
        left = f"{countdown(each.to_deadline)} left"
    else:
        left = f"{countdown(each.to_deadline)} left, start within {countdown(each.to_last_safe)}"
    extended = extended_words(each.trigger)
    stays = "the release stays" if each.trigger.kept is not None else ""
    marks = ", ".join(mark for mark in (each.trigger.trigger_class.value, extended, stays) if mark)
    return f"+ {left} (until {at}, {marks}): {clean_line(each.trigger.because)}"


def _headline(first: Countdown, others: int, stage: Stage, *, rolling: bool) -> Line:
    minutes = write_duration(whole(first.trigger.deadline.since(first.trigger.evidence_from)))
    word = "ROLLING BACK" if rolling else "ROLL BACK"
    notes = [f"+{others} more"] if others else []
    if extended := extended_words(first.trigger):
        notes.append(extended)
    more = f" ({', '.join(notes)})" if notes else ""
    now = {Stage.NOW: ", NOW", Stage.LATE: ", TOO LATE", Stage.MISSED: ", MISSED"}.get(stage, "")
    because = clean_line(first.trigger.because)
    alarm = f" {word} within {minutes}{'' if rolling else now}{more} "
    return line((alarm, Tone.ALARM), " ", (because, Tone.STRONG))


def _start_words(first: Countdown, stage: Stage, *, rolling: bool) -> tuple[Line, Line, Line]:
    takes, source = duration(first.rollback.expected), source_words(first.rollback)
    if rolling:
        words = (_SPARE[stage], f"rollback needs {takes}", source)
    elif not first.rollback.steps:
        words = (_START[stage], "rollback takes", source)
    else:
        words = (_START[stage], f"rollback takes {takes}", source)
    name, first_row, second_row = words
    tone = TONES[stage] if stage in (Stage.SOON, Stage.NOW) else Tone.STRONG
    return line((name, tone)), line((first_row, Tone.QUIET)), line((second_row, Tone.QUIET))


def _narrow_source(first: Countdown) -> str:
    rollback = first.rollback
    if not rollback.steps:
        return "nothing to undo"
    part = "estimated" if rollback.estimated == rollback.steps else "part estimated"
    return f"{duration(rollback.expected)}, {'measured' if rollback.measured else part}"


def _deadline_words(first: Countdown, stage: Stage, *, rolling: bool) -> tuple[Line, Line, Line]:
    at = clock_time(first.trigger.deadline)
    if stage is Stage.MISSED:
        status = line(("MISSED", Tone.ALARM))
    elif stage is Stage.LATE:
        by = duration(whole(-first.to_last_safe))
        status = line((f"missed by {by}", Tone.BAD))
    elif rolling:
        status = line(("in time so far", Tone.GOOD))
    else:
        status = line((first.trigger.trigger_class.value, Tone.QUIET))
    return line(("to the DEADLINE", Tone.STRONG)), line((at, Tone.QUIET)), status
