"""What can go wrong, split by what the person at the keyboard should do next.

Each error says what happened and to what, what is still safe, and what to do now. A traceback is
for the log: the screen shows `HandrailError.lines()`.
"""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """The exit codes of the command line; scripts may rely on them."""

    FINISHED = 0
    FAILED_OR_ROLLED_BACK = 1
    WRONG_USAGE = 2
    DETACHED = 3
    REFUSED = 4
    IN_DOUBT = 5


class HandrailError(Exception):
    """Something that an operator must know: `summary` in one sentence, then what holds and what to do.

    `still_safe` says what was not harmed, `next_step` what to do now, `evidence` what was seen.
    """

    exit_code = ExitCode.FAILED_OR_ROLLED_BACK

    def __init__(
        self, summary: str, *, still_safe: str = "", next_step: str = "", evidence: str = ""
    ) -> None:
        super().__init__(summary)
        self.summary = summary
        self.still_safe = still_safe
        self.next_step = next_step
        self.evidence = evidence

    def lines(self) -> list[str]:
        """The message, a line for each part that has something to say."""
        lines = [self.summary]
        if self.evidence:
            lines += [f"  {line}" for line in self.evidence.splitlines()]
        if self.still_safe:
            lines.append(f"Still safe: {self.still_safe}")
        if self.next_step:
            lines.append(f"Do now: {self.next_step}")
        return lines

    def __str__(self) -> str:
        return "\n".join(self.lines())


class WrongUsage(HandrailError):
    """The call, the runbook or the project file must be corrected, then tried again."""

    exit_code = ExitCode.WRONG_USAGE


class Refused(HandrailError):
    """A rule, a lock or a gate forbids it now; the message says whose or which."""

    exit_code = ExitCode.REFUSED


class MachineFault(HandrailError):
    """The machine must be mended first: a program is missing, a disk is full, a port is taken."""


class StorageFault(MachineFault):
    """The journal or an attempt's files can't be written or read; nothing further is started."""


class InDoubt(HandrailError):
    """What became of something is not known; a person must look before anything is repeated."""

    exit_code = ExitCode.IN_DOUBT
