"""What can carry out a task's commands and requests: the real performer, and the dry one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from handrail.probes.exchange import Answer, Request
from handrail.tasks.commands import Command, Outcome


class Performer(Protocol):
    """Carries out what tasks ask for, and reports what they found."""

    def run(self, command: Command) -> Outcome:
        """Execute a command, its output going straight to the log.

        Raises `MachineFault` where its program or folder is missing.
        """
        ...

    def read(self, command: Command, *, quiet: bool = False) -> Outcome:
        """Execute a command whose output is small, and give that output; `quiet` prints no line."""
        ...

    def request(self, request: Request, *, quiet: bool = False) -> Answer:
        """Send one HTTP request on a new connection; `quiet` prints no line. Raises `NoAnswer`."""
        ...

    def ticks(self, duration: float, every: float) -> Iterator[float]:
        """The seconds since the start, at once and then at each tick, until `duration` is over."""
        ...

    def size(self, file: Path) -> int:
        """The size of a file in bytes; 0 where there is none."""
        ...

    def checksum(self, file: Path) -> str:
        """The SHA-256 of a file, in hexadecimal."""
        ...

    def append(self, file: Path, line: str) -> None:
        """Add one line to a file that only its owner reads, and be sure that it is on the disk.

        Raises `MachineFault` where it can't be written.
        """
        ...

    def pause(self, seconds: float) -> None:
        """Let time pass before something is tried again."""
        ...

    def say(self, line: str) -> None:
        """Print one line to the log."""
        ...

    def fact(self, name: str, value: object) -> None:
        """Report a fact for later steps."""
        ...

    def verdict(self, word: str, evidence: str) -> None:
        """Report a check's verdict: pass, fail or unknown."""
        ...
