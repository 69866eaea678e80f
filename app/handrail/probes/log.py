"""Error lines in log files, by pattern, since the look before."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from handrail.clock import Clock
from handrail.probes.base import sample, unknown
from handrail.probes.exchange import CanNotAsk
from handrail.probes.followed_file import FollowedFile
from handrail.project.signals import signals_of_probe
from handrail.signals.window import Sample

if TYPE_CHECKING:
    from handrail.project.model import Target
    from handrail.project.probes import Probe

LONGEST_SEARCHED = 2000
"""Characters of a line in which patterns are looked for: what a slow pattern takes grows with them."""
SHARE_FOR_PATTERNS = 0.25
"""Of a look's time limit, what its patterns may take; then what is left unread is unknown."""
_EVERY_LINES = 64

Paths = Callable[[], Sequence[Path]]


class TooSlow(Exception):
    """The patterns took more than their share of time."""


class Patterns:
    """Which lines count: those in which one pattern is found, in any case, and none of the ignored ones."""

    def __init__(self, wanted: Iterable[str], ignored: Iterable[str] = ()) -> None:
        self._wanted = _any_of(wanted)
        self._ignored = _any_of(ignored)

    def found(self, lines: Iterable[bytes], seconds: float) -> list[str]:
        """The lines that count. Raises `TooSlow` after `seconds`."""
        if self._wanted is None:
            return []
        until = time.monotonic() + seconds
        found = []
        for number, line in enumerate(lines):
            if number % _EVERY_LINES == 0 and time.monotonic() > until:
                raise TooSlow
            text = line.decode("utf-8", "replace")[:LONGEST_SEARCHED]
            if self._wanted.search(text) and not (self._ignored and self._ignored.search(text)):
                found.append(text)
        return found


def _any_of(patterns: Iterable[str]) -> re.Pattern[str] | None:
    joined = "|".join(f"(?:{pattern})" for pattern in patterns)
    return re.compile(joined, re.IGNORECASE) if joined else None


class LogProber:
    """Counts error lines in the files that `paths` names at each look; one that joins counts from then on."""

    dated_at_start = False

    def __init__(self, target: Target, probe: Probe, clock: Clock, paths: Paths) -> None:
        assert probe.log is not None  # noqa: S101  (its kind says so)
        self.name = probe.name
        self.signals = signals_of_probe(target, probe)
        self.timeout = probe.timeout_seconds
        self._patterns = Patterns(probe.log.patterns or target.smoke.error_patterns, probe.log.ignore)
        self._paths = paths
        self._clock = clock
        self._files: dict[Path, FollowedFile] = {}

    def look(self) -> list[Sample]:
        """Read what is new in every file."""
        try:
            paths = self._paths()
        except CanNotAsk as error:
            return unknown(self.signals, self._clock.now(), error.summary)
        if not paths:
            return unknown(self.signals, self._clock.now(), "no log file is known")
        for path in [known for known in self._files if known not in paths]:
            self._files.pop(path).close()
        errors: list[str] = []
        troubles: list[str] = []
        read = 0
        for path in paths:
            file = self._files.get(path)
            if file is None:
                file = self._files[path] = FollowedFile(path)
            try:
                new = file.read()
                errors += self._patterns.found(new.lines, self.timeout * SHARE_FOR_PATTERNS)
                read += 1
            except OSError as error:
                troubles.append(f"{path.name} can't be read: {error.strerror}")
            except TooSlow:
                troubles.append(f"the patterns took too long for the new lines of {path.name}")
            else:
                if new.skipped:
                    troubles.append(f"{new.skipped} bytes of {path.name} were too many to read")
        at = self._clock.now()
        (signal,) = self.signals
        counted = [sample(signal, at, float(len(errors)), errors[-1] if errors else "")] if read else []
        return [*counted, *(unknown(self.signals, at, "; ".join(troubles)) if troubles else [])]

    def close(self) -> None:
        """Let go of the files."""
        for file in list(self._files.values()):
            file.close()
