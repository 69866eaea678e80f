"""What a task wants run, as data.

Pure functions build commands (and `probes.exchange.Request`s); a performer executes them. So a dry
run prints exactly what a real run would execute, by exchanging the performer and nothing else.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Command:
    """One program with its arguments, never a shell line.

    `environment` is added to what the performer gives each child; where `inherits` names variables
    (`LC_*` is a pattern), only those are taken over from the caller.
    `dry_output` is what a read gives in a dry run.
    """

    argv: tuple[str, ...]
    cwd: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    reads_only: bool = False
    dry_output: str = ""
    inherits: frozenset[str] | None = None

    def line(self) -> str:
        """The command as a person would type it, quoted for a shell."""
        return f"$ {shlex.join(self.argv)}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a command ended: a negative `code` is the signal that ended it; output only where captured."""

    code: int
    output: str = ""
    errors: str = ""
