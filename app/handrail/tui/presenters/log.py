"""The line above the log: whose it is, and where in it the view stands."""

from __future__ import annotations

from handrail.run.events import Purpose
from handrail.run.state import AttemptState, RunState
from handrail.text import clean_line
from handrail.tui.presenters.line import Line, Tone, line


def log_title(
    state: RunState, attempt: AttemptState | None, following: bool, position: tuple[int, int, int]
) -> Line:
    """Attempt, step, and the part in view; `position` is first and last line in view, and all lines."""
    if attempt is None:
        return line(("Log", Tone.STRONG), ("  nothing has run yet", Tone.QUIET))
    title = state.steps[attempt.step].planned.title if attempt.step in state.steps else attempt.call.task
    purpose = {Purpose.GATE: f"check {attempt.call.task} for ", Purpose.PROBE: "probe of "}.get(
        attempt.purpose, ""
    )
    first, last, count = position
    if count == 0:
        where = "waiting for output" if attempt.is_running else "no output"
    elif following:
        where = f"{count:,} {'line' if count == 1 else 'lines'}, following"
    else:
        where = f"{first:,} to {last:,} of {count:,}, paused: f follows"
    return line(
        (f"Log {attempt.number}", Tone.STRONG),
        (f"  {where}  ", Tone.QUIET),
        (f"{purpose}{clean_line(title)}", Tone.STRONG),
    )
