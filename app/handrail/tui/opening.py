"""What the start screen needs to know before a run exists; `cli` provides it."""

from __future__ import annotations

from typing import Protocol

from handrail.clock import Instant
from handrail.journal.session import RunSession
from handrail.project.model import Target
from handrail.run.plan import Plan
from handrail.runbook.model import Runbook
from handrail.tui.earlier import LastRun, UsualRun
from handrail.tui.looking import GateLooks


class Opening(Protocol):
    """A run that may be opened: a runbook, a target, and the values given so far."""

    runbook: Runbook
    target: Target
    given: dict[str, str]

    def now(self) -> Instant:
        """The present moment."""
        ...

    def problems(self, values: dict[str, str]) -> dict[str, str]:
        """What is wrong with the values, by parameter name; empty where all can be used."""
        ...

    def preview(self, values: dict[str, str]) -> Plan:
        """The plan that a run with these values would have. Raises `HandrailError`."""
        ...

    def commands(self, plan: Plan) -> dict[str, list[str]]:
        """The exact command lines of each step, by step key."""
        ...

    def gates(self) -> GateLooks | None:
        """What looks at the gates before the run; `None` where nothing can."""
        ...

    def last_run(self, plan: Plan) -> LastRun | None:
        """The last run of this runbook, and what was changed since."""
        ...

    def usual_run(self, plan: Plan) -> UsualRun | None:
        """What whole runs of this runbook took."""
        ...

    def open(self, values: dict[str, str]) -> RunSession:
        """Open the run and start its engine. Raises `HandrailError`, such as `LockHeld`."""
        ...
