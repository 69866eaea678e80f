"""The line above the log: whose it is, and where in it the view stands."""

from __future__ import annotations

from msgspec import Struct

from handrail.configuration.actions import Keys
from handrail.run.events import Purpose
from handrail.run.state import AttemptState, RunState, StepState
from handrail.text import clean_line
from handrail.tui.presenters.actions import OWN_KEYS
from handrail.tui.presenters.line import Line, Tone, line


class LogSeen(Struct, frozen=True):
    """What a view shows of a log: the first and the last line in view (from 1), of how many.

    `since` is how many lines came since it stopped following, `selected` how many lines are selected.
    """

    first: int = 0
    last: int = 0
    count: int = 0
    following: bool = True
    since: int = 0
    selected: int = 0
    looked_for: str = ""
    wrapped: bool = False
    timed: bool = False


def log_title(
    state: RunState,
    attempt: AttemptState | None,
    seen: LogSeen,
    place: tuple[int, int] = (1, 1),
    step: StepState | None = None,
    *,
    keys: Keys = OWN_KEYS,
) -> Line:
    """Attempt, step, and the part in view; `place` is which of the step's attempts it is, and of how many."""
    if attempt is None and step is not None and step.planned.watch_for is not None:
        where = f"  handrail itself looks here: {keys.shown('monitor', 'm')} shows every signal"
        return line(("No log", Tone.STRONG), (where, Tone.QUIET))
    if attempt is None:
        return line(("Log", Tone.STRONG), ("  nothing has run yet", Tone.QUIET))
    title = state.steps[attempt.step].planned.title if attempt.step in state.steps else attempt.call.task
    purpose = {Purpose.GATE: f"check {attempt.call.task} for ", Purpose.PROBE: "probe of "}.get(
        attempt.purpose, ""
    )
    which = f", {place[0]} of {place[1]}" if place[1] > 1 else ""
    how = "".join(f", {word}" for word, on in (("wrapped", seen.wrapped), ("UTC", seen.timed)) if on)
    return line(
        (f"Log {attempt.number}{which}", Tone.STRONG),
        (f"  {_where(seen, keys, running=attempt.is_running)}{how}  ", Tone.QUIET),
        (f"{purpose}{clean_line(title)}", Tone.STRONG),
    )


def _where(seen: LogSeen, keys: Keys, *, running: bool) -> str:
    if seen.count == 0:
        return "waiting for output" if running else "no output"
    if seen.following:
        return f"{seen.count:,} {'line' if seen.count == 1 else 'lines'}, following"
    new = f", {seen.since:,} new" if seen.since else ""
    follow = keys.shown("follow_log", "f")
    return f"paused at {seen.first:,} to {seen.last:,} of {seen.count:,}{new}: {follow} follows"
