"""What a journal is: events in one unbroken chain for each run, commands, and the targets' locks.

A journal knows nothing of what an event means: a body is a JSON object with a "type". The same
contract suite (`tests/contract/`) runs on every implementation.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Protocol

from msgspec import Struct

from handrail.clock import Instant
from handrail.errors import MachineFault, Refused, WrongUsage


class Record(Struct, frozen=True):
    """One journaled event; `hash` covers it and the hash of the event before it."""

    run: str
    seq: int
    epoch: int
    at: Instant
    type: str
    body: dict[str, Any]
    hash: str


class CommandRow(Struct, frozen=True):
    """One command that someone asked for; its answer is an event whose body names its id.

    `problem` says why a row can't be read; its issuer and body are empty then.
    """

    id: int
    run: str
    issuer: dict[str, Any]
    body: dict[str, Any]
    at: Instant
    token: str
    problem: str = ""


class Lock(Struct, frozen=True):
    """Who holds a target, for which run, for what and since when; it never expires by itself."""

    target: str
    run: str
    holder: dict[str, Any]
    what: str
    since: Instant


class RunHead(Struct, frozen=True):
    """One run as a list shows it; `closed` once its lock was released with its last event."""

    run: str
    target: str
    opened: Instant
    closed: bool
    last_seq: int


class LockHeld(Refused):
    """The target belongs to another run; `lock` says whose, for what and since when."""

    def __init__(self, lock: Lock) -> None:
        since = lock.since.datetime().strftime("%Y-%m-%d %H:%M:%S UTC")
        super().__init__(
            f"The target {lock.target} is locked by run {lock.run}: {lock.what}.",
            evidence=f"held by {describe_holder(lock.holder)}, since {since}",
            still_safe="nothing was started.",
            next_step=f"`handrail attach {lock.run}` to join that run; take the lock over, by name and with "
            "a reason, only if nobody drives it any more.",
        )
        self.lock = lock


class Fenced(Refused):
    """Another engine drives this run now (or another run took its target): this one must stop."""

    def __init__(self, run: str, epoch: int, current: int) -> None:
        super().__init__(
            f"The run {run} belongs to another engine now (epoch {current}, this one is {epoch}).",
            still_safe="the event was not journaled, so nothing was started.",
            next_step="stop this engine; `handrail attach` shows the one that drives the run.",
        )
        self.epoch = epoch
        self.current = current


class LockLost(Refused):
    """Another run has taken this open run's target over: nobody may go on with it."""

    def __init__(self, run: str, target: str, lock: Lock | None) -> None:
        by = f"run {lock.run} has it now ({lock.what})" if lock else "nobody has it now"
        super().__init__(
            f"The run {run} no longer holds the lock of {target}: {by}.",
            still_safe="nothing further was started in this run.",
            next_step=f"see what the other run did to the target, and go on there. `handrail abort {run} "
            "--reason REASON` closes this one, and changes nothing else.",
        )


class JournalDamaged(MachineFault):
    """A run's events are not those that its engines wrote: nobody may act by them."""

    def __init__(self, run: str, problems: Sequence[str]) -> None:
        problems = [problem.removeprefix(f"{run}: ") for problem in problems]
        super().__init__(
            f"The journal of run {run} was changed by hand, or is damaged: {problems[0]}.",
            evidence="\n".join(problems[1:6]),
            still_safe="what runs goes on; nothing further is started in this run, nor is a deadline told.",
            next_step="copy the journal away. See what is true of the target, and finish or go back by hand, "
            "by the runbook. A new run gets the target with --take-lock TARGET --reason REASON; then "
            f"`handrail abort {run} --reason REASON` closes this one.",
        )
        self.problems = tuple(problems)


class LockKept(Refused):
    """A run that holds its target is closed by its engine, not past it."""

    def __init__(self, run: str) -> None:
        super().__init__(
            f"The run {run} holds its target: its own engine closes it.",
            still_safe="it is unchanged.",
            next_step=f"`handrail abort {run} --reason REASON`.",
        )


class SequenceTaken(Refused):
    """Someone else appended first: read what is new, decide again, append after it."""

    def __init__(self, run: str, after_seq: int, last_seq: int) -> None:
        super().__init__(
            f"The run {run} has {last_seq} events, not {after_seq}: another writer was first.",
            still_safe="the event was not journaled, so nothing was started.",
            next_step="read the run again, then decide again.",
        )
        self.after_seq = after_seq
        self.last_seq = last_seq


class AnsweredAlready(Refused):
    """A command was answered before; it acts exactly once."""

    def __init__(self, run: str, command_id: int) -> None:
        super().__init__(
            f"The command {command_id} of run {run} was answered before.",
            still_safe="the second answer was not journaled, so nothing was started.",
            next_step="read the run again: its answer is among the events.",
        )
        self.command_id = command_id


class RunExists(Refused):
    """A run with this id was opened before."""

    def __init__(self, run: str) -> None:
        super().__init__(
            f"The run {run} was opened before.",
            still_safe="it is unchanged.",
            next_step=f"`handrail attach {run}` to join it.",
        )


class UnknownRun(WrongUsage):
    """No run has this id."""

    def __init__(self, run: str) -> None:
        super().__init__(f"No run has the id {run!r}.", next_step="`handrail runs` lists them.")


class FaultPoints(Protocol):
    """Named places in the code at which a test can end the process or raise."""

    def reach(self, point: str) -> None:
        """Called at `point`; returns at once outside of tests."""
        ...


class NoFaults:
    """The fault points of production: nothing happens."""

    def reach(self, point: str) -> None:
        """Go on."""


BEFORE_COMMIT = "before_commit"
AFTER_COMMIT = "after_commit"


class Journal(Protocol):
    """The only channel between engine and screens; one object for each thread.

    Every method may raise `StorageFault`: what can't be journaled is not done.
    """

    def open_run(
        self,
        run: str,
        target: str,
        holder: dict[str, Any],
        what: str,
        bodies: Sequence[dict[str, Any]],
        at: Instant,
    ) -> list[Record]:
        """Take the target's lock and append the first events, epoch 0, in one transaction.

        A lock that this very run took over before is its own. Raises `LockHeld`, `RunExists`.
        """
        ...

    def claim_epoch(self, run: str, at: Instant, owner: dict[str, Any]) -> int:
        """Make the caller the run's only writer, fencing off the engine before it.

        Raises `UnknownRun`, and `LockLost` for an open run whose target another run has taken over.
        """
        ...

    def epoch(self, run: str) -> int:
        """The epoch that may write now; another one is fenced off. Raises `UnknownRun`."""
        ...

    def append(
        self,
        run: str,
        epoch: int,
        after_seq: int,
        bodies: Sequence[dict[str, Any]],
        at: Instant,
        *,
        release_lock: bool = False,
    ) -> list[Record]:
        """Append all of `bodies` or none; with `release_lock` the run is closed by them.

        Raises `Fenced`, `SequenceTaken`, `AnsweredAlready` and `UnknownRun`, and `JournalDamaged` where the
        run's chain is broken.
        """
        ...

    def close_without_lock(self, run: str, bodies: Sequence[dict[str, Any]], at: Instant) -> list[Record]:
        """Close an open run whose target another run has taken over, with these last events.

        No engine may drive such a run; a former one is fenced off. What is wrong with the run's chain stays
        visible. Raises `LockKept` for a run that holds its target or is closed, and `UnknownRun`.
        """
        ...

    def read(self, run: str, after: int = 0, limit: int | None = None) -> list[Record]:
        """The run's events with a seq above `after`, oldest first; none for an unknown run."""
        ...

    def last_seq(self, run: str) -> int:
        """The seq of the run's newest event, 0 for an unknown run."""
        ...

    def runs(self, *, limit: int = 50, open_only: bool = False) -> list[RunHead]:
        """The runs, newest first."""
        ...

    def events_of_type(self, types: Sequence[str], *, limit: int) -> list[Record]:
        """Events of these types across all runs, newest first."""
        ...

    def submit(self, run: str, issuer: dict[str, Any], body: dict[str, Any], at: Instant, token: str) -> int:
        """Ask for something; the same token again gives the first id. Raises `UnknownRun`."""
        ...

    def commands(self, run: str, after_id: int) -> list[CommandRow]:
        """The run's commands with an id above `after_id`, oldest first."""
        ...

    def locks(self) -> list[Lock]:
        """All locks, by target."""
        ...

    def take_over_lock(self, target: str, run: str, holder: dict[str, Any], reason: str, at: Instant) -> Lock:
        """Give the target to `run`, which may yet have to be opened, and fence off the run that had it."""
        ...

    def data_version(self) -> int:
        """A number that changes whenever anything was journaled; cheap enough to poll."""
        ...

    def verify(self, run: str) -> list[str]:
        """What is wrong with the run's chain of hashes; nothing if it is whole."""
        ...

    def close(self) -> None:
        """Let go of the storage."""
        ...


def describe_holder(holder: dict[str, Any]) -> str:
    """Who holds a lock, in words."""
    for key in ("name", "operator", "user"):
        if holder.get(key):
            host = holder.get("host")
            return f"{holder[key]} on {host}" if host else str(holder[key])
    return json.dumps(holder, sort_keys=True, default=str)
