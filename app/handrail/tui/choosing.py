"""What the choosing screen needs: runbooks, runs, and the ways into each; `cli` provides it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from msgspec import Struct

from handrail.clock import Instant
from handrail.journal.overview import Overview
from handrail.journal.session import RunSession
from handrail.project.model import Target
from handrail.run.actors import Actor
from handrail.tui.opening import Opening


class RunbookChoice(Struct, frozen=True):
    """A runbook that can be opened: by `path`, against the target that it would get.

    `target` is `None` where that isn't clear, `problem` says what is wrong with the file.
    """

    name: str
    path: Path
    title: str
    description: str = ""
    target: Target | None = None
    target_name: str = ""
    shipped: bool = False
    problem: str = ""


class Attached(Struct, frozen=True):
    """A run that was come to, and what is to be said of how; `told` where what it came to was shown."""

    session: RunSession
    may_act: bool
    said: tuple[str, ...] = ()
    told: bool = False


class Choosing(Protocol):
    """The project's runbooks and all runs of its journal. Every method may raise `HandrailError`."""

    project: str
    """The project's name; empty without one."""
    problem: str
    """Why there is no project; empty where there is one."""
    actor: Actor

    def now(self) -> Instant:
        """The present moment."""
        ...

    def runbooks(self) -> Sequence[RunbookChoice]:
        """All runbooks, the project's own first; may be called from a thread of its own."""
        ...

    def poll(self) -> bool:
        """Look at the journal; whether `overview` has changed."""
        ...

    @property
    def overview(self) -> Overview:
        """The runs as they were last seen."""
        ...

    def prepare(self, choice: RunbookChoice) -> Opening:
        """Load a runbook before its start screen; may be called from a thread of its own."""
        ...

    def start(self, opening: Opening) -> Opening:
        """The prepared opening, told where it will be journaled."""
        ...

    def attach(self, run: str, *, to_drive: bool) -> Attached:
        """Come to a run: to drive it where it is yours and its screen is gone, else to look on."""
        ...
