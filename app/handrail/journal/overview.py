"""All runs at a glance, kept up by the journal: open ones folded, closed ones by their first and last words.

What is read is bounded: a closed run is read once, and of it only the event that opened and the one that
closed it, so that a journal of hundreds of runs is as quick as one of ten.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from msgspec import Struct

from handrail.clock import Instant
from handrail.errors import HandrailError
from handrail.journal.base import Journal, Record, RunHead
from handrail.journal.session import RunFollower
from handrail.run.state import RunState

MOST_CLOSED = 50
MOST_OPEN = 200
TAIL = 12
"""After its end a run can only have notes and answers; its closing event is looked for among so many."""
CLOSING_TYPES = ("RunFinished", "RunRolledBack", "RunAborted")


class LiveRun(Struct, frozen=True):
    """A run that is open. `state` is `None` where nothing of it can be trusted; `damage` says why.

    `holds_lock` is False once another run has taken its target over.
    """

    run: str
    target: str
    opened: Instant
    state: RunState | None
    damage: str = ""
    holds_lock: bool = True


class EndedRun(Struct, frozen=True):
    """A run that is over: `how` is the type of its closing event, empty where that can't be read.

    The words are as they stand in the journal, not held against its chain: who opens the run sees that done.
    """

    run: str
    target: str
    title: str
    production: bool
    operator: str
    opened: Instant
    how: str
    closed: Instant | None


class Overview(Struct, frozen=True):
    """The open runs in the order of their opening, and the last of those that are over, newest first."""

    live: tuple[LiveRun, ...] = ()
    ended: tuple[EndedRun, ...] = ()
    more: bool = False


@dataclass(slots=True)
class RunsOverview:
    """Looks at the journal when asked. `Overview` changes only where the journal did."""

    journal: Journal
    _version: int | None = None
    _followers: dict[str, RunFollower] = field(default_factory=dict)
    _ended: dict[str, EndedRun] = field(default_factory=dict)
    shown: Overview = field(default_factory=Overview)

    def poll(self) -> bool:
        """Look whether anything was journaled since, and take it in. Raises `StorageFault`."""
        version = self.journal.data_version()
        if version == self._version:
            return False
        heads = self.journal.runs(limit=MOST_CLOSED + 1)
        open_heads = self.journal.runs(limit=MOST_OPEN, open_only=True)
        holding = {lock.run for lock in self.journal.locks()}
        live = tuple(self._live(head, head.run in holding) for head in open_heads)
        closed = [head for head in heads if head.closed]
        self._read_closed([head for head in closed if head.run not in self._ended])
        self._followers = {run.run: self._followers[run.run] for run in live if run.run in self._followers}
        ended = tuple(self._ended[head.run] for head in closed[:MOST_CLOSED])
        self.shown = Overview(live, ended, more=len(heads) > MOST_CLOSED)
        self._version = version
        return True

    def _live(self, head: RunHead, holds_lock: bool) -> LiveRun:
        try:
            follower = self._followers.get(head.run)
            if follower is None:
                follower = self._followers[head.run] = RunFollower(self.journal, head.run)
            else:
                follower.poll()
        except (HandrailError, ValueError) as error:
            # One damaged run hides no other.
            why = error.summary if isinstance(error, HandrailError) else str(error)
            return LiveRun(head.run, head.target, head.opened, None, why, holds_lock)
        return LiveRun(head.run, head.target, head.opened, follower.state, follower.damage, holds_lock)

    def _read_closed(self, heads: Sequence[RunHead]) -> None:
        if not heads:
            return
        endings: dict[str, Record] = {}
        try:
            for record in self.journal.events_of_type(CLOSING_TYPES, limit=MOST_CLOSED * 2):
                endings.setdefault(record.run, record)
        except HandrailError:
            # A row that can't be read: each run's own end is looked for instead.
            endings = {}
        for head in heads:
            self._ended[head.run] = self._closed(head, endings.get(head.run))

    def _closed(self, head: RunHead, ending: Record | None) -> EndedRun:
        try:
            opening = self.journal.read(head.run, limit=1)
            if ending is None:
                tail = self.journal.read(head.run, after=max(head.last_seq - TAIL, 0))
                ending = next((each for each in reversed(tail) if each.type in CLOSING_TYPES), None)
        except HandrailError:
            opening = []
        body = opening[0].body if opening else {}
        plan, operator = _mapping(body.get("plan")), _mapping(body.get("operator"))
        target = _mapping(plan.get("target"))
        return EndedRun(
            run=head.run,
            target=head.target,
            title=str(plan.get("title") or ""),
            production=target.get("production") is True,
            operator=f"{operator.get('user', '?')}@{operator.get('host', '?')}" if operator else "",
            opened=head.opened,
            how=ending.type if ending else "",
            closed=ending.at if ending else None,
        )


def _mapping(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}
