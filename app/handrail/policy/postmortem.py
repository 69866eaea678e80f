"""When an emergency's post-mortem is due, and whether the next ordinary deployment must wait for it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from handrail.policy.gate import Verdict

DUE_AFTER = timedelta(hours=24)
"""deployment-workflow.md, Emergency Deployments: "Post-mortem required within 24 hours"."""


@dataclass(frozen=True, slots=True)
class Owed:
    """The post-mortem of one emergency. `done` is `None` where its file can't be read.

    `unwritten` are the sections for people that nobody has written yet.
    """

    run: str
    incident: str
    closed: datetime
    file: str = ""
    done: bool | None = False
    unwritten: tuple[str, ...] = ()

    @property
    def due(self) -> datetime:
        """The moment from which on it is overdue."""
        return self.closed + DUE_AFTER

    def is_settled(self) -> bool:
        """Whether it is marked as done, with every section written."""
        return self.done is True and not self.unwritten

    def is_overdue(self, now: datetime) -> bool:
        """Whether its time is over and it isn't done."""
        return not self.is_settled() and now >= self.due


def verdict_of_owed(owed: Iterable[Owed] | None, now: datetime) -> tuple[Verdict, str]:
    """Whether no post-mortem is overdue; `None` is that it couldn't be found out."""
    if owed is None:
        return Verdict.UNKNOWN, "it can't be found out which post-mortems are due"
    everything = list(owed)
    late = [each for each in everything if each.is_overdue(now)]
    if any(each.done is None for each in late):
        named = "; ".join(said(each, now) for each in late if each.done is None)
        return Verdict.UNKNOWN, named
    if late:
        return Verdict.FAIL, "; ".join(said(each, now) for each in late)
    waiting = [each for each in everything if not each.is_settled()]
    if waiting:
        return Verdict.PASS, "none is overdue; " + "; ".join(said(each, now) for each in waiting)
    return Verdict.PASS, f"none is overdue ({len(everything)} written)" if everything else "none was ever due"


def said(each: Owed, now: datetime) -> str:
    """One post-mortem in words: whose, until when, and what is missing."""
    until = each.due.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
    when = f"overdue since {until}" if now >= each.due else f"due by {until}"
    if each.is_settled():
        return f"{each.incident}: done"
    if each.done is None:
        missing = "its file can't be read"
    elif not each.file:
        missing = "it isn't begun"
    elif each.unwritten:
        missing = f"still to be written: {', '.join(each.unwritten)}"
    else:
        missing = "not marked `status: done`"
    where = f" in {each.file}" if each.file else ""
    return f"{each.incident} (run {each.run}) is {when}: {missing}{where}"
