"""The reasons to roll back, their deadlines, and how the rollback went against them.

deployment-workflow.md, "Rollback Timeline".
"""

from __future__ import annotations

from datetime import timedelta

from msgspec import Struct

from handrail.clock import Instant
from handrail.reports.countdown import source_words
from handrail.reports.page.document import (
    Bar,
    Block,
    DeadlinePicture,
    Facts,
    Mark,
    Moment,
    Paragraph,
    Section,
    Table,
    Tone,
)
from handrail.reports.page.source import RunSource, lasted
from handrail.reports.timeline import WITHIN
from handrail.run import events as e
from handrail.run import watch_events as w
from handrail.run.deadlines import RollbackDuration, expected_duration, rollback_duration
from handrail.run.events import BLIND, USERS
from handrail.run.state import Phase, RunState, StepStatus, TriggerState
from handrail.text import duration

ROLLED_BACK = "rolled back"


class Reckoning(Struct, frozen=True):
    """A trigger held against what was done: in one sentence, with its tone.

    `done` is when its rollback was done; `None` where it wasn't, or where it needed none.
    """

    trigger: TriggerState
    rollback: RollbackDuration
    last_safe: Instant
    done: Instant | None
    verdict: Mark


def leading_trigger(source: RunSource) -> Reckoning | None:
    """The trigger that the rollback is measured by: the earliest deadline of those that led to it.

    Where none did, the earliest deadline of all; `None` where there was no trigger.
    """
    triggers = list(source.state.triggers.values())
    led = [each for each in triggers if each.closed in (None, ROLLED_BACK)] or triggers
    if not led:
        return None
    first = led[0]
    for each in led[1:]:
        if each.deadline.since(first.deadline) < timedelta():
            first = each
    return reckon(source, first)


def reckon(source: RunSource, trigger: TriggerState) -> Reckoning:
    """How it went with one trigger."""
    state = source.state
    rollback = _expected(state)
    last_safe = trigger.deadline.plus(-rollback.expected)
    closed_by_rollback = trigger.closed == ROLLED_BACK and state.phase is Phase.ROLLED_BACK
    done = state.closed if closed_by_rollback else None
    return Reckoning(trigger, rollback, last_safe, done, _verdict(source, trigger, done))


def _expected(state: RunState) -> RollbackDuration:
    """What the rollback as a whole was expected to take, also once it is under way or done."""
    if state.rollback_started is None:
        return rollback_duration(state)
    steps = [step.planned for step in state.undo_steps if not step.instead_of]
    return expected_duration(state.plan, steps)


def _verdict(source: RunSource, trigger: TriggerState, done: Instant | None) -> Mark:
    state, number = source.state, trigger.number
    due = source.clock(trigger.deadline)
    if done is not None:
        spare = trigger.deadline.since(done)
        took = lasted(state.rollback_started, done)
        if spare >= timedelta():
            words = f"The rollback was done in {took}, {duration(spare)} before its deadline at {due} UTC."
            return Mark(words, Tone.GOOD)
        words = f"The rollback MISSED its deadline at {due} UTC by {duration(-spare)}; it took {took}."
        return Mark(words, Tone.BAD)
    if trigger.closed is not None:
        words = f"Trigger {number} was closed without a rollback, by {trigger.closed}"
        if trigger.passed:
            return Mark(f"{words}; its deadline at {due} UTC had passed by then.", Tone.WARNING)
        return Mark(f"{words}; its deadline was {due} UTC.", Tone.WARNING)
    left = trigger.deadline.since(source.end)
    if not state.phase.is_open:
        words = (
            f"The run was ended with trigger {number} open: what it asked for, by {due} UTC, was not done."
        )
        return Mark(words, Tone.BAD)
    under_way = "The rollback is under way" if state.rollback_started else "The rollback has not begun"
    if left < timedelta():
        return Mark(f"{under_way}; its deadline at {due} UTC was missed {duration(-left)} ago.", Tone.BAD)
    return Mark(f"{under_way}; it must be done by {due} UTC, in {duration(left)}.", Tone.WARNING)


def deadline_section(source: RunSource) -> Section | None:
    """The rollback against its deadline, and every trigger; `None` where nothing asked for a rollback."""
    leading = leading_trigger(source)
    if leading is None:
        return _unasked(source)
    blocks: list[Block] = [
        Paragraph(leading.verdict.text, leading.verdict.tone),
        Paragraph(_words(source, leading)),
        _picture(source, leading),
        _moments_table(source, leading),
    ]
    sections = tuple(_trigger_section(source, each) for each in source.state.triggers.values())
    rolled = source.state.rollback_started is not None
    title = "The rollback against its deadline" if rolled else "Reasons to roll back, and their deadlines"
    return Section(title, tuple(blocks), sections)


def _unasked(source: RunSource) -> Section | None:
    """A rollback that a person wanted without a trigger: it has no deadline, and its steps all the same."""
    state = source.state
    if state.rollback_started is None:
        return None
    begun = source.clock(state.rollback_started)
    words = f"The rollback began at {begun} UTC, wanted by a person; no trigger had set it a deadline."
    if state.phase is Phase.ROLLED_BACK:
        words += f" It took {lasted(state.rollback_started, state.closed)}."
    return Section("The rollback", (Paragraph(words),))


def _words(source: RunSource, leading: Reckoning) -> str:
    trigger, state = leading.trigger, source.state
    noticed = trigger.raised.since(trigger.evidence_from)
    said = (
        f"The evidence began at {source.clock(trigger.evidence_from)} UTC and was noticed "
        f"{duration(noticed)} later. The rollback was expected to take {duration(leading.rollback.expected)} "
        f"({source_words(leading.rollback)}), so that the last safe moment to begin it was "
        f"{source.clock(leading.last_safe)} UTC."
    )
    if state.rollback_started is None:
        return said
    ahead = leading.last_safe.since(state.rollback_started)
    side = "before" if ahead >= timedelta() else "AFTER"
    return (
        said + f" It began at {source.clock(state.rollback_started)} UTC, {duration(abs(ahead))} {side} that."
    )


def _moments(source: RunSource, leading: Reckoning) -> tuple[Moment, ...]:
    trigger, state = leading.trigger, source.state
    found: list[tuple[str, Instant | None]] = [
        ("the evidence began", trigger.evidence_from),
        ("it was noticed", trigger.raised),
        ("the last safe moment to begin", leading.last_safe),
        ("the rollback began", state.rollback_started),
        ("the rollback was done", leading.done),
        ("a person closed it", trigger.closed_at if leading.done is None else None),
        ("the deadline", trigger.deadline),
    ]
    known = [(name, at) for name, at in found if at is not None]
    known.sort(key=lambda each: each[1].since(trigger.evidence_from))
    return tuple(
        Moment("ABCDEFG"[n], name, source.clock(at), at.since(trigger.evidence_from).total_seconds())
        for n, (name, at) in enumerate(known)
    )


def _bars(source: RunSource, leading: Reckoning) -> tuple[Bar, ...]:
    begin, state = leading.trigger.evidence_from, source.state
    noticed = leading.trigger.raised.since(begin).total_seconds()
    bars = [Bar("Not noticed yet", 0.0, noticed, Tone.UNKNOWN)] if noticed > 0 else []
    if state.rollback_started is not None:
        started = state.rollback_started.since(begin).total_seconds()
        bars.append(Bar("Noticed; the rollback not begun yet", noticed, started, Tone.WARNING))
    for step in state.undo_steps:
        if step.started is None or step.status is StepStatus.SKIPPED:
            continue
        ended = step.ended or source.end
        tone = Tone.BAD if step.status in (StepStatus.FAILED, StepStatus.REPLACED) else Tone.GOOD
        took = f"{step.planned.title}: {step.status.value}, {lasted(step.started, ended)}"
        bars.append(
            Bar(took, step.started.since(begin).total_seconds(), ended.since(begin).total_seconds(), tone)
        )
    return tuple(bars)


def _picture(source: RunSource, leading: Reckoning) -> DeadlinePicture:
    trigger, begin = leading.trigger, leading.trigger.evidence_from
    moments, bars = _moments(source, leading), _bars(source, leading)
    ends = [moment.seconds for moment in moments] + [bar.end for bar in bars]
    if source.state.phase.is_open:
        ends.append(source.now.since(begin).total_seconds())
    return DeadlinePicture(
        title=f"From the evidence of trigger {trigger.number} to its deadline",
        words=leading.verdict.text,
        seconds=max(1.0, *ends) * 1.04,
        deadline=trigger.deadline.since(begin).total_seconds(),
        last_safe=leading.last_safe.since(begin).total_seconds(),
        bars=bars,
        moments=moments,
    )


def _moments_table(source: RunSource, leading: Reckoning) -> Table:
    begin = leading.trigger.evidence_from
    rows = tuple(
        (moment.letter, moment.clock, "0s" if not moment.seconds else _after(moment.seconds), moment.name)
        for moment in _moments(source, leading)
    )
    caption = f"The moments in the picture, from {source.clock(begin)} UTC on"
    return Table(caption, ("mark", "UTC", "after", "what"), rows)


def _after(seconds: float) -> str:
    return duration(timedelta(seconds=seconds))


SIGNAL_WORDS = {BLIND: "the monitor itself", USERS: "what users reported"}


def _trigger_section(source: RunSource, trigger: TriggerState) -> Section:
    reckoning = reckon(source, trigger)
    about = trigger.signal or (source.title(trigger.step) if trigger.step else "")
    by_itself = ""
    if trigger.why_not:
        by_itself = f"not rolled back by itself: {trigger.why_not}"
    elif trigger.rolls_back_at is not None:
        by_itself = f"announced to roll back by itself at {source.clock(trigger.rolls_back_at)} UTC"
    first = _first_deadline(source, trigger)
    was = f" (first: {source.clock(first)} UTC)" if first is not None and trigger.extended else ""
    rows = [
        ("Because", trigger.because),
        ("Seen in", SIGNAL_WORDS.get(about, about)),
        ("Evidence from", f"{source.clock(trigger.evidence_from)} UTC"),
        ("Noticed", f"{source.clock(trigger.raised)} UTC"),
        ("Deadline", f"{source.clock(trigger.deadline)} UTC{was}"),
        *(("Extended by", said) for said in trigger.extended),
        ("By itself", by_itself),
        ("Release kept by", trigger.kept or ""),
    ]
    facts = Facts(tuple((name, value) for name, value in rows if value))
    ended = trigger.closed or "still open"
    title = f"Trigger {trigger.number}: {WITHIN[trigger.trigger_class]}"
    tone = reckoning.verdict.tone
    short = ended if trigger.closed in (None, ROLLED_BACK) else "closed by a person"
    leading = leading_trigger(source)
    told = leading is not None and leading.trigger.number == trigger.number
    blocks = (facts,) if told else (facts, Paragraph(reckoning.verdict.text, tone))
    return Section(title, blocks, mark=Mark(short, tone))


def _first_deadline(source: RunSource, trigger: TriggerState) -> Instant | None:
    """The deadline before any extension."""
    for event, _ in source.entries:
        if isinstance(event, e.TriggerRaised) and event.trigger == trigger.number:
            return event.deadline
        if isinstance(event, w.DeadlineExtended) and event.trigger == trigger.number:
            return None
    return None
