"""The journal in memory: for dry runs, drills and tests of what stands above it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from msgspec.structs import replace

from handrail.clock import Instant
from handrail.journal.base import (
    AFTER_COMMIT,
    BEFORE_COMMIT,
    AnsweredAlready,
    CommandRow,
    FaultPoints,
    Fenced,
    Lock,
    LockHeld,
    LockKept,
    LockLost,
    NoFaults,
    Record,
    RunExists,
    RunHead,
    SequenceTaken,
    UnknownRun,
)
from handrail.journal.chain import check_chain, make_records, write_body


@dataclass(slots=True)
class _Run:
    target: str
    opened: Instant
    epoch: int = 0
    closed: bool = False
    events: list[tuple[Record, str]] = field(default_factory=list)

    @property
    def last_hash(self) -> str:
        return self.events[-1][0].hash if self.events else ""


class MemoryJournal:
    """A journal that is gone with its process; every other rule is that of the stored one."""

    def __init__(self, faults: FaultPoints | None = None) -> None:
        self._faults = faults or NoFaults()
        self._runs: dict[str, _Run] = {}
        self._order: list[tuple[Record, str]] = []
        self._commands: list[CommandRow] = []
        self._locks: dict[str, Lock] = {}
        self._version = 0

    def open_run(
        self,
        run: str,
        target: str,
        holder: dict[str, Any],
        what: str,
        bodies: Sequence[dict[str, Any]],
        at: Instant,
    ) -> list[Record]:
        """See `Journal.open_run`."""
        if run in self._runs:
            raise RunExists(run)
        held = self._locks.get(target)
        if held is not None and held.run != run:
            raise LockHeld(held)
        lock = Lock(target, run, json.loads(write_body(holder)), what, at)
        made = make_records(run, 0, 0, "", bodies, at)
        self._refuse_second_answers(run, made)
        self._faults.reach(BEFORE_COMMIT)
        self._runs[run] = _Run(target, at)
        self._locks[target] = lock
        return self._keep(run, made)

    def claim_epoch(self, run: str, at: Instant, owner: dict[str, Any]) -> int:
        """See `Journal.claim_epoch`."""
        write_body(owner)
        found = self._found(run)
        lock = self._locks.get(found.target)
        if not found.closed and (lock is None or lock.run != run):
            raise LockLost(run, found.target, lock)
        self._faults.reach(BEFORE_COMMIT)
        found.epoch += 1
        self._committed()
        return found.epoch

    def epoch(self, run: str) -> int:
        """See `Journal.epoch`."""
        return self._found(run).epoch

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
        """See `Journal.append`."""
        found = self._found(run)
        if epoch != found.epoch:
            raise Fenced(run, epoch, found.epoch)
        if after_seq != len(found.events):
            raise SequenceTaken(run, after_seq, len(found.events))
        made = make_records(run, epoch, after_seq, found.last_hash, bodies, at)
        self._refuse_second_answers(run, made)
        self._faults.reach(BEFORE_COMMIT)
        if release_lock:
            found.closed = True
            self._locks = {target: lock for target, lock in self._locks.items() if lock.run != run}
        return self._keep(run, made)

    def close_without_lock(self, run: str, bodies: Sequence[dict[str, Any]], at: Instant) -> list[Record]:
        """See `Journal.close_without_lock`."""
        found = self._found(run)
        lock = self._locks.get(found.target)
        if found.closed or (lock is not None and lock.run == run):
            raise LockKept(run)
        made = make_records(run, found.epoch + 1, len(found.events), found.last_hash, bodies, at)
        self._refuse_second_answers(run, made)
        self._faults.reach(BEFORE_COMMIT)
        found.epoch += 1
        found.closed = True
        return self._keep(run, made)

    def read(self, run: str, after: int = 0, limit: int | None = None) -> list[Record]:
        """See `Journal.read`."""
        if run not in self._runs:
            return []
        start = max(0, after)
        stop = None if limit is None else start + max(0, limit)
        return [_copy(pair) for pair in self._runs[run].events[start:stop]]

    def last_seq(self, run: str) -> int:
        """See `Journal.last_seq`."""
        return len(self._runs[run].events) if run in self._runs else 0

    def runs(self, *, limit: int = 50, open_only: bool = False) -> list[RunHead]:
        """See `Journal.runs`."""
        heads = [
            RunHead(name, run.target, run.opened, run.closed, len(run.events))
            for name, run in reversed(self._runs.items())
            if not (open_only and run.closed)
        ]
        return heads[: max(0, limit)]

    def events_of_type(self, types: Sequence[str], *, limit: int) -> list[Record]:
        """See `Journal.events_of_type`."""
        found = [pair for pair in reversed(self._order) if pair[0].type in types]
        return [_copy(pair) for pair in found[: max(0, limit)]]

    def submit(self, run: str, issuer: dict[str, Any], body: dict[str, Any], at: Instant, token: str) -> int:
        """See `Journal.submit`."""
        self._found(run)
        for row in self._commands:
            if row.run == run and row.token == token:
                return row.id
        row = CommandRow(
            len(self._commands) + 1,
            run,
            json.loads(write_body(issuer)),
            json.loads(write_body(body)),
            at,
            token,
        )
        self._faults.reach(BEFORE_COMMIT)
        self._commands.append(row)
        self._committed()
        return row.id

    def commands(self, run: str, after_id: int) -> list[CommandRow]:
        """See `Journal.commands`."""
        return [row for row in self._commands if row.run == run and row.id > after_id]

    def locks(self) -> list[Lock]:
        """See `Journal.locks`."""
        return [self._locks[target] for target in sorted(self._locks)]

    def take_over_lock(self, target: str, run: str, holder: dict[str, Any], reason: str, at: Instant) -> Lock:
        """See `Journal.take_over_lock`."""
        held = self._locks.get(target)
        if held is not None and held.run == run:
            return held
        lock = Lock(target, run, json.loads(write_body(holder)), f"taken over: {reason}", at)
        self._faults.reach(BEFORE_COMMIT)
        if held is not None and held.run in self._runs:
            self._runs[held.run].epoch += 1
        self._locks[target] = lock
        self._committed()
        return lock

    def data_version(self) -> int:
        """See `Journal.data_version`."""
        return self._version

    def verify(self, run: str) -> list[str]:
        """See `Journal.verify`."""
        found = self._found(run)
        rows = [(r.seq, r.epoch, r.at, r.type, text, r.hash) for r, text in found.events]
        return check_chain(run, rows, len(found.events), found.last_hash)

    def close(self) -> None:
        """See `Journal.close`."""

    def _found(self, run: str) -> _Run:
        if run not in self._runs:
            raise UnknownRun(run)
        return self._runs[run]

    def _refuse_second_answers(self, run: str, made: Sequence[tuple[Record, str]]) -> None:
        before = self._runs[run].events if run in self._runs else []
        answered = {record.body["command_id"] for record, _ in before if record.body.get("command_id")}
        for record, _ in made:
            answer = record.body.get("command_id")
            if answer is None:
                continue
            if answer in answered:
                raise AnsweredAlready(run, answer)
            answered.add(answer)

    def _keep(self, run: str, made: list[tuple[Record, str]]) -> list[Record]:
        self._runs[run].events += made
        self._order += made
        self._committed()
        return [_copy(pair) for pair in made]

    def _committed(self) -> None:
        self._version += 1
        self._faults.reach(AFTER_COMMIT)


def _copy(pair: tuple[Record, str]) -> Record:
    record, text = pair
    return replace(record, body=json.loads(text))
