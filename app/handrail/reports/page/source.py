"""What the sections of a report are written from, and how they tell times."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from msgspec import Struct

from handrail.clock import Instant
from handrail.reports.page.document import Mark, Tone
from handrail.reports.timeline import call_text
from handrail.run.events import Event, Result
from handrail.run.plan import PlannedCall
from handrail.run.state import AttemptState, Phase, RunState, StepStatus
from handrail.text import duration

LONGEST_LINE = 400
LAST_LINES = 15
LAST_LINES_OF_A_FAILURE = 60
"""How many lines of its log an attempt is shown with; more where somebody will ask why it failed."""


class LogTail(Struct, frozen=True):
    """The last lines of an attempt's log of `size_bytes`; `whole` where nothing stands before them."""

    lines: tuple[str, ...]
    size_bytes: int
    whole: bool

    def masked(self, verbatim: Callable[[str], str]) -> LogTail:
        """The lines without secrets, and only then cut: half a secret would not be found any more."""
        lines = tuple(_cut(verbatim(line)) for line in self.lines)
        return LogTail(lines, self.size_bytes, self.whole)

    def last(self, count: int) -> LogTail:
        """No more than the last `count` lines."""
        return LogTail(self.lines[-count:], self.size_bytes, self.whole and len(self.lines) <= count)


def _cut(line: str) -> str:
    return line if len(line) <= LONGEST_LINE else line[: LONGEST_LINE - 1] + "…"


def lines_wanted(attempt: AttemptState) -> int:
    """How many of its log's last lines an attempt is shown with."""
    fine = attempt.result is Result.PASSED or attempt.is_running
    return LAST_LINES if fine else LAST_LINES_OF_A_FAILURE


class RunSource(Struct, frozen=True):
    """A run as the sections read it. `masked` takes secrets out of values that are about to be cut."""

    state: RunState
    entries: tuple[tuple[Event, Instant], ...]
    now: Instant
    tails: Mapping[int, LogTail]
    masked: Callable[[Any], Any]
    damage: tuple[str, ...] = ()
    unread_secrets: tuple[str, ...] = ()

    @property
    def end(self) -> Instant:
        """When the run was closed, or now."""
        return self.state.closed or self.now

    def clock(self, at: Instant) -> str:
        """A time of day in UTC; with its date where that isn't the day on which the run was opened."""
        moment, opened = at.datetime(), self.state.opened.datetime()
        return f"{moment:%H:%M:%S}" if moment.date() == opened.date() else f"{moment:%Y-%m-%d %H:%M:%S}"

    def call(self, call: PlannedCall) -> str:
        """A task with its arguments, as people write it."""
        return call_text(call.model_copy(update={"arguments": self.masked(call.arguments)}))

    def title(self, key: str | None) -> str:
        """A step's title; its key where the run doesn't have it."""
        if key is None:
            return "the team's channel"
        return self.state.steps[key].planned.title if key in self.state.steps else key


def date_and_time(at: Instant) -> str:
    """A moment in full, in UTC."""
    return f"{at.datetime():%Y-%m-%d %H:%M:%S} UTC"


def lasted(begin: Instant | None, end: Instant | None) -> str:
    """How long something took; empty where that isn't known."""
    return duration(end.since(begin)) if begin is not None and end is not None else ""


def seconds_text(seconds: float) -> str:
    """Seconds as a duration for people."""
    return duration(timedelta(seconds=seconds))


def ended(text: str) -> str:
    """A sentence with its full stop, unless it ends with a mark of its own."""
    return text if text.endswith((".", "!", "?", "…")) else f"{text}."


STEP_TONES = {
    StepStatus.PASSED: Tone.GOOD,
    StepStatus.MARKED_DONE: Tone.GOOD,
    StepStatus.FAILED: Tone.BAD,
    StepStatus.IN_DOUBT: Tone.UNKNOWN,
    StepStatus.HELD: Tone.WARNING,
    StepStatus.SKIPPED: Tone.WARNING,
    StepStatus.REPLACED: Tone.WARNING,
}
PHASE_TONES = {
    Phase.FINISHED: Tone.GOOD,
    Phase.ROLLED_BACK: Tone.WARNING,
    Phase.ABORTED: Tone.BAD,
    Phase.ROLLING_BACK: Tone.WARNING,
}
RESULT_TONES = {
    Result.PASSED: Tone.GOOD,
    Result.FAILED: Tone.BAD,
    Result.TIMED_OUT: Tone.BAD,
    Result.CANCELLED: Tone.WARNING,
    Result.NEVER_STARTED: Tone.WARNING,
}


def step_mark(status: StepStatus) -> Mark:
    """A step's state with its tone."""
    return Mark(status.value, STEP_TONES.get(status, Tone.PLAIN))


def attempt_mark(attempt: AttemptState) -> Mark:
    """How an attempt ended, with its tone."""
    if attempt.in_doubt:
        return Mark("in doubt", Tone.UNKNOWN)
    if attempt.result is None:
        return Mark("running")
    how = attempt.result.value
    if attempt.result is Result.FAILED and attempt.exit_code is not None:
        how += f", exit code {attempt.exit_code}"
    elif attempt.signal is not None and attempt.result is not Result.PASSED:
        how += f", signal {attempt.signal}"
    return Mark(how, RESULT_TONES[attempt.result])
