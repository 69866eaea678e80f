"""The last lines of attempts' logs, as far as somebody wants them."""

from __future__ import annotations

from pathlib import Path

from handrail.paths import StateFolder
from handrail.reports.page.source import LogTail, lines_wanted
from handrail.run.state import RunState

MOST_BYTES = 256 * 1024
"""So much of a log's end is read; a log may have gigabytes."""


def tails_of(state: RunState, folder: StateFolder) -> dict[int, LogTail]:
    """The tails of a run's logs, by the attempt's number; a log that can't be read has none."""
    found: dict[int, LogTail] = {}
    for attempt in state.attempts.values():
        tail = log_tail(folder.attempt(state.run, attempt.number).log, lines_wanted(attempt))
        if tail is not None:
            found[attempt.number] = tail
    return found


def log_tail(path: Path, count: int) -> LogTail | None:
    """The last `count` lines of a file; `None` where it can't be read.

    What stands before the first line break of what is read is left out, unless the file begins there: it may
    be the end of a secret, which nobody would recognise.
    """
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            begin = max(0, size - MOST_BYTES)
            file.seek(begin)
            data = file.read(MOST_BYTES)
    except OSError:
        return None
    if begin:
        _, found, data = data.partition(b"\n")
        if not found:
            return LogTail(("(one line that is too long to be shown)",), size, whole=False)
    lines = [line.rstrip("\r") for line in data.decode("utf-8", errors="replace").split("\n")]
    if lines and not lines[-1]:
        lines.pop()
    return LogTail(tuple(lines[-count:]), size, whole=not begin and len(lines) <= count)
