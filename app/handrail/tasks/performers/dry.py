"""The performer that only says what it would do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from handrail.probes.exchange import Answer, Request
from handrail.tasks.commands import Command, Outcome


class DryPerformer:
    """Collects the line of each command and request; executes nothing, and every answer is a good one."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def run(self, command: Command) -> Outcome:
        """Note the command."""
        self.lines.append(command.line())
        return Outcome(0)

    def read(self, command: Command, *, quiet: bool = False) -> Outcome:
        """Note the command, and give its dry output."""
        if not quiet:
            self.lines.append(command.line())
        return Outcome(0, command.dry_output)

    def request(self, request: Request, *, quiet: bool = False) -> Answer:
        """Note the request, and give its dry answer."""
        if not quiet:
            self.lines.append(request.line())
        return Answer(request.dry_status, request.dry_body, request.dry_headers)

    def ticks(self, duration: float, every: float) -> Iterator[float]:
        """One tick at the start and one at the end: the lines between would only repeat."""
        yield 0.0
        yield max(duration, every)

    def size(self, file: Path) -> int:
        """A size that a good file could have."""
        return 1

    def checksum(self, file: Path) -> str:
        """None: the file isn't written yet."""
        return ""

    def append(self, file: Path, line: str) -> None:
        """Nothing: nothing was done that could be noted."""

    def pause(self, seconds: float) -> None:
        """Nothing: nothing failed."""

    def say(self, line: str) -> None:
        """Nothing: what a task says follows from what it found."""

    def fact(self, name: str, value: object) -> None:
        """Nothing: nothing was found."""

    def verdict(self, word: str, evidence: str) -> None:
        """Nothing: nothing was looked at."""
