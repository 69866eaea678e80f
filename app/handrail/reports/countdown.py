"""A countdown in words: how long there is, what happens by itself, what is fastest when it is too late."""

from __future__ import annotations

from datetime import timedelta

from handrail.clock import Instant
from handrail.run.deadline_stage import Stage, stage_of
from handrail.run.deadlines import Countdown, RollbackDuration
from handrail.run.rollback_outlook import RollbackOutlook
from handrail.run.state import TriggerState
from handrail.text import clean_line, countdown, duration


def clock_time(at: Instant) -> str:
    """A moment of the day, in UTC."""
    return f"{at.datetime():%H:%M:%S} UTC"


def whole(value: timedelta) -> timedelta:
    """Whole seconds, cut as a clock face cuts them, so that two places never differ by one."""
    return timedelta(seconds=int(value.total_seconds()))


def source_words(rollback: RollbackDuration) -> str:
    """Whether the rollback's duration was measured, and how often; how many steps were only estimated."""
    if rollback.estimated == rollback.steps:
        return "estimated" if rollback.steps else "nothing to undo"
    if rollback.estimated:
        return f"{rollback.estimated} of {rollback.steps} steps estimated"
    times = "once" if rollback.fewest == 1 else f"{rollback.fewest} times"
    if rollback.rehearsed == rollback.steps:
        return f"rehearsed {times}"
    if rollback.rehearsed:
        return f"{rollback.rehearsed} of {rollback.steps} steps rehearsed"
    return f"measured {times}"


def left_until(each: Countdown, at: Instant) -> timedelta:
    """The time until a moment that lies near a countdown's deadline, by the same clock."""
    return each.to_deadline - each.trigger.deadline.since(at)


def by_itself_words(each: Countdown, keep: str) -> tuple[str, str]:
    """What happens by itself at the last safe moment, and what a person may do; empty where nothing does.

    `keep` is the key or the word by which an operator confirms that the release stays.
    """
    trigger = each.trigger
    if trigger.kept is not None:
        return "The release stays,", f"says {clean_line(trigger.kept)}"
    if trigger.rolls_back_at is None:
        return "", ""
    if trigger.why_not:
        return "NOT rolled back by itself:", f"{clean_line(trigger.why_not).rstrip('.')}. A person has to"
    left = max(left_until(each, trigger.rolls_back_at), timedelta())
    return (
        f"ROLLS BACK BY ITSELF in {countdown(left)},",
        f"at {clock_time(trigger.rolls_back_at)}. {keep}: the release stays",
    )


def late_words(each: Countdown, outlook: RollbackOutlook) -> tuple[str, ...]:
    """After the last safe moment: by how much the deadline will be missed, and what would be fastest."""
    late = duration(whole(-each.to_last_safe))
    if not outlook.left.steps:
        return ("Nothing needs to be undone: roll back, or close the trigger.",)
    said = [f"Start now: done at {clock_time(outlook.done_at)}, {late} late."]
    if outlook.longest:
        takes = duration(outlook.longest_takes)
        said.append(f"The longest part is {clean_line(outlook.longest)}, {takes}.")
    if outlook.shielded_after is not None:
        after = duration(outlook.shielded_after)
        said.append(f"Maintenance shields visitors {after} after the start.")
    return tuple(said)


def progress_words(each: Countdown, outlook: RollbackOutlook) -> str:
    """Where the rollback under way stands against the deadline."""
    left = duration(whole(outlook.left.expected))
    step = f"Rollback: step {outlook.current} of {outlook.steps}"
    if outlook.stopped:
        step += ", waiting for you"
    if each.to_deadline <= timedelta():
        return f"{step}, {left} left; the deadline was missed {duration(whole(-each.to_deadline))} ago"
    against = f"{step}, {left} left against {duration(whole(each.to_deadline))} to the deadline"
    if each.to_last_safe < timedelta():
        return f"{against}: {duration(whole(-each.to_last_safe))} too late"
    return against


def extended_words(trigger: TriggerState) -> str:
    """That a deadline was extended, and how often."""
    count = len(trigger.extended)
    return "" if not count else "extended" if count == 1 else f"extended {count} times"


def countdown_line(
    each: Countdown, outlook: RollbackOutlook | None = None, keep: str = "`keep REASON`"
) -> str:
    """A countdown on one line: what is left of the deadline, and until the last safe moment.

    With `outlook`, also by how much the deadline will be missed once it is too late, and how far a rollback
    under way is.
    """
    number, because = each.trigger.number, clean_line(each.trigger.because).rstrip(".")
    stage = stage_of(each)
    extended = extended_words(each.trigger)
    named = f"trigger {number}{', ' + extended if extended else ''}: {because}"
    if outlook is not None and outlook.current:
        return f"{progress_words(each, outlook)} ({named})"
    late = " ".join(late_words(each, outlook)) if outlook is not None and stage in _TOO_LATE else ""
    if stage is Stage.MISSED:
        said = f"Rollback deadline MISSED by {countdown(-each.to_deadline)} ({named})"
        return f"{said}. {late}" if late else said
    safe = f"TOO LATE to be sure, by {countdown(-each.to_last_safe)}"
    if stage is not Stage.LATE:
        words = {Stage.SOON: "start it soon, within", Stage.NOW: "START IT NOW, within"}
        safe = f"{words.get(stage, 'start it within')} {countdown(each.to_last_safe)}"
    takes = f"{duration(each.rollback.expected)} ({source_words(each.rollback)}; {named})"
    said = f"Rollback due in {countdown(each.to_deadline)}, {safe}: it takes {takes}"
    itself = " ".join(by_itself_words(each, keep)).strip()
    return ". ".join(part for part in (said, late.rstrip("."), itself) if part)


_TOO_LATE = (Stage.LATE, Stage.MISSED)
