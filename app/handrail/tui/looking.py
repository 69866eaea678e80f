"""What a look at a plan's gates shows before the run is opened; `cli` provides the looking."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Protocol

from msgspec import Struct

from handrail.clock import Instant
from handrail.run.plan import Plan


class Look(StrEnum):
    """Where the look at one check stands."""

    WAITING = "waiting"
    LOOKING = "looking"
    SEEN = "seen"
    LEFT = "left"


class GateLook(Struct, frozen=True):
    """One check of a gate as it was seen: `verdict` is pass, fail or unknown once it is seen.

    `why` says why it is left for the step itself. `later` where steps that act come before its step, so that
    what fails now may well pass then.
    """

    step: str
    title: str
    check: str
    later: bool
    look: Look = Look.WAITING
    verdict: str = ""
    evidence: str = ""
    seen: Instant | None = None
    why: str = ""


class GateLooks(Protocol):
    """Looks in a process beside; nothing of it is journaled."""

    def begin(self, plan: Plan, *, again: bool) -> None:
        """Look at the plan's gates: at what was not seen yet, or, with `again`, at all anew."""
        ...

    def poll(self) -> bool:
        """Take in what was seen since; whether that is anything."""
        ...

    @property
    def findings(self) -> Sequence[GateLook]:
        """Each check of each gate of the plan, in its order."""
        ...

    def stop(self) -> None:
        """End the look, and all that it started."""
        ...
