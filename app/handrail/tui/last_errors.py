"""The last errors in a failed step's log, where what came after them has moved them out of view."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from handrail.run.state import AttemptState, RunState, StepState, StepStatus
from handrail.tui.log_index import LogLine
from handrail.tui.log_search import Pattern, error_pattern
from handrail.tui.log_text import shown_text

TAIL_BYTES = 64 * 1024
MOST_LINES = 3
LONGEST_LINE = 300
SEEN_LINES = 5
"""So many lines of a log's end are in view beside its step on the smallest screen that has room for both."""


class LastErrors:
    """Reads the end of an attempt's log once, when its step has failed; masked and cleaned."""

    def __init__(
        self, log_path: Callable[[str, int], Path], patterns: Sequence[str], secrets: Sequence[str] = ()
    ) -> None:
        self._log_path = log_path
        self._pattern: Pattern = error_pattern(patterns)
        self._secrets = tuple(secrets)
        self._of: AttemptState | None = None
        self._lines: tuple[str, ...] = ()

    def of(self, state: RunState, step: StepState) -> tuple[str, ...]:
        """The last lines with an error, oldest first; none while the end of the log shows them anyway."""
        attempt = state.last_attempt(step.key)
        if step.status is not StepStatus.FAILED or attempt is None or attempt.is_running:
            return ()
        if attempt is not self._of:
            self._of = attempt
            self._lines = self._read(self._log_path(state.run, attempt.number), step.why)
        return self._lines

    def _read(self, path: Path, why: str) -> tuple[str, ...]:
        lines = [shown_text(LogLine(data), self._secrets) for data in _tail(path)]
        lines = [text.strip() for text in lines if text.strip()]
        # What the step's reason says is read already: a command that has the word in it is no error.
        wanted = (n for n, text in enumerate(lines) if text not in why and self._pattern.is_in(text))
        found = list(wanted)[-MOST_LINES:]
        if not found or found[-1] >= len(lines) - SEEN_LINES:
            return ()
        return tuple(lines[number][:LONGEST_LINE] for number in found)


def _tail(path: Path) -> list[bytes]:
    """The whole lines at the end of a file; none where it can't be read, which the log's own pane says."""
    try:
        with path.open("rb") as file:
            begin = max(0, file.seek(0, 2) - TAIL_BYTES)
            file.seek(begin)
            lines = file.read(TAIL_BYTES).split(b"\n")
    except OSError:
        return []
    return lines[1:] if begin else lines
