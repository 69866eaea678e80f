"""The journal in one SQLite file, shared by the engine, the screens and the command line.

Each change is one transaction that is on the disk when the method returns (`synchronous=FULL`). Reads
are short: all rows are fetched before any is parsed, so that a reader never holds up the writer.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

from handrail.clock import Instant
from handrail.errors import StorageFault
from handrail.journal.base import (
    AFTER_COMMIT,
    BEFORE_COMMIT,
    AnsweredAlready,
    CommandRow,
    FaultPoints,
    Fenced,
    JournalDamaged,
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
from handrail.journal.database_file import open_database, written_whole
from handrail.journal.faults import reported

_EVENT = "run, seq, epoch, wall, boot, boot_id, type, body, hash"


class SqliteJournal:
    """A journal in the file `path`, which is made (0600) where it is missing.

    With `read_only` nothing is ever written, not even a missing file. `patience` is how long to wait for
    another process's transaction. Raises `StorageFault` for a file that can't be used, was written by a
    newer handrail, or lies on a filesystem on the network. For one thread alone, as SQLite's connection is.
    """

    def __init__(
        self,
        path: Path,
        *,
        faults: FaultPoints | None = None,
        read_only: bool = False,
        patience: timedelta = timedelta(seconds=15),
    ) -> None:
        self.path = path
        self._faults = faults or NoFaults()
        self._read_before: dict[str, dict[int, tuple[str, str]]] = {}
        self._db, self.mode = open_database(path, read_only=read_only, patience=patience)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with reported(self.path), written_whole(self._db):
            yield
            self._faults.reach(BEFORE_COMMIT)
        self._faults.reach(AFTER_COMMIT)

    def _rows(self, query: str, values: Sequence[Any] = ()) -> list[Any]:
        with reported(self.path):
            return self._db.execute(query, values).fetchall()

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
        made = make_records(run, 0, 0, "", bodies, at)
        with self._transaction():
            if self._rows("SELECT 1 FROM runs WHERE run = ?", (run,)):
                raise RunExists(run)
            held = self._lock(target)
            if held is not None and held.run != run:
                raise LockHeld(held)
            self._put_lock(Lock(target, run, holder, what, at))
            self._db.execute(
                "INSERT INTO runs (run, target, wall, boot, boot_id, epoch, closed, last_seq, last_hash) "
                "VALUES (?, ?, ?, ?, ?, 0, 0, 0, '')",
                (run, target, *_columns(at)),
            )
            self._insert(run, made)
        return [record for record, _ in made]

    def claim_epoch(self, run: str, at: Instant, owner: dict[str, Any]) -> int:
        """See `Journal.claim_epoch`."""
        text = write_body(owner)
        with self._transaction():
            self._head(run)
            target, closed = self._rows("SELECT target, closed FROM runs WHERE run = ?", (run,))[0]
            lock = self._lock(target)
            if not closed and (lock is None or lock.run != run):
                raise LockLost(run, target, lock)
            return self._next_epoch(run, at, text)

    def epoch(self, run: str) -> int:
        """See `Journal.epoch`."""
        return self._head(run)[0]

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
        with self._transaction():
            current, last_seq, last_hash = self._head(run)
            if epoch != current:
                raise Fenced(run, epoch, current)
            if after_seq != last_seq:
                raise SequenceTaken(run, after_seq, last_seq)
            if damage := self._damage(run, last_seq, last_hash):
                raise JournalDamaged(run, damage)
            made = make_records(run, epoch, after_seq, last_hash, bodies, at)
            self._insert(run, made)
            if release_lock:
                self._close(run)
        return [record for record, _ in made]

    def close_without_lock(self, run: str, bodies: Sequence[dict[str, Any]], at: Instant) -> list[Record]:
        """See `Journal.close_without_lock`."""
        with self._transaction():
            _, last_seq, last_hash = self._head(run)
            target, closed = self._rows("SELECT target, closed FROM runs WHERE run = ?", (run,))[0]
            lock = self._lock(target)
            if closed or (lock is not None and lock.run == run):
                raise LockKept(run)
            epoch = self._next_epoch(run, at, write_body({"closed_without_lock": run}))
            # Rows that were written past the head, by hand, stand where the next ones belong.
            there = self._rows("SELECT coalesce(max(seq), 0) FROM events WHERE run = ?", (run,))[0][0]
            made = make_records(run, epoch, max(last_seq, there), last_hash, bodies, at)
            self._insert(run, made)
            self._close(run)
        return [record for record, _ in made]

    def _close(self, run: str) -> None:
        self._db.execute("UPDATE runs SET closed = 1 WHERE run = ?", (run,))
        self._db.execute("DELETE FROM locks WHERE run = ?", (run,))

    def read(self, run: str, after: int = 0, limit: int | None = None) -> list[Record]:
        """See `Journal.read`."""
        rows = self._rows(
            f"SELECT {_EVENT} FROM events WHERE run = ? AND seq > ? ORDER BY seq LIMIT ?",  # noqa: S608
            (run, after, -1 if limit is None else max(0, limit)),
        )
        return [self._record(row) for row in rows]

    def last_seq(self, run: str) -> int:
        """See `Journal.last_seq`."""
        rows = self._rows("SELECT last_seq FROM runs WHERE run = ?", (run,))
        return int(rows[0][0]) if rows else 0

    def runs(self, *, limit: int = 50, open_only: bool = False) -> list[RunHead]:
        """See `Journal.runs`."""
        rows = self._rows(
            "SELECT run, target, wall, boot, boot_id, closed, last_seq FROM runs WHERE closed <= ? "
            "ORDER BY number DESC LIMIT ?",
            (0 if open_only else 1, max(0, limit)),
        )
        return [RunHead(row[0], row[1], Instant(*row[2:5]), bool(row[5]), row[6]) for row in rows]

    def events_of_type(self, types: Sequence[str], *, limit: int) -> list[Record]:
        """See `Journal.events_of_type`."""
        marks = ", ".join("?" for _ in types)
        rows = self._rows(
            f"SELECT {_EVENT} FROM events WHERE type IN ({marks}) ORDER BY number DESC LIMIT ?",  # noqa: S608
            (*types, max(0, limit)),
        )
        return [self._record(row) for row in rows]

    def submit(self, run: str, issuer: dict[str, Any], body: dict[str, Any], at: Instant, token: str) -> int:
        """See `Journal.submit`."""
        values = (run, write_body(issuer), write_body(body), *_columns(at), token)
        with self._transaction():
            self._head(run)
            sent = self._rows("SELECT id FROM commands WHERE run = ? AND token = ?", (run, token))
            if sent:
                return int(sent[0][0])
            added = self._db.execute(
                "INSERT INTO commands (run, issuer, body, wall, boot, boot_id, token) "
                "VALUES (?, ?, ?, ?, ?, ?, ?)",
                values,
            )
            return int(added.lastrowid or 0)

    def commands(self, run: str, after_id: int) -> list[CommandRow]:
        """See `Journal.commands`."""
        # As bytes: text that is no UTF-8 would fail the whole query, and every row after it with it.
        rows = self._rows(
            "SELECT id, CAST(issuer AS BLOB), CAST(body AS BLOB), wall, boot, CAST(boot_id AS BLOB), "
            "CAST(token AS BLOB) FROM commands WHERE run = ? AND id > ? ORDER BY id",
            (run, after_id),
        )
        return [_command(run, row) for row in rows]

    def locks(self) -> list[Lock]:
        """See `Journal.locks`."""
        rows = self._rows("SELECT target, run, holder, what, wall, boot, boot_id FROM locks ORDER BY target")
        return [Lock(row[0], row[1], self._parsed(row[2]), row[3], Instant(*row[4:7])) for row in rows]

    def take_over_lock(self, target: str, run: str, holder: dict[str, Any], reason: str, at: Instant) -> Lock:
        """See `Journal.take_over_lock`."""
        lock = Lock(target, run, json.loads(write_body(holder)), f"taken over: {reason}", at)
        with self._transaction():
            held = self._lock(target)
            if held is not None and held.run == run:
                return held
            if held is not None:
                with suppress(UnknownRun):
                    owner = {"lock_taken_by": run, "holder": holder, "reason": reason}
                    self._next_epoch(held.run, at, write_body(owner))
            self._put_lock(lock)
        return lock

    def data_version(self) -> int:
        """See `Journal.data_version`."""
        # SQLite's own number leaves out what this connection changed itself.
        return int(self._rows("PRAGMA data_version")[0][0]) + self._db.total_changes

    def verify(self, run: str) -> list[str]:
        """See `Journal.verify`."""
        with reported(self.path):
            # One transaction, so that an append between the two reads is no false alarm.
            self._db.execute("BEGIN")
            try:
                _, last_seq, last_hash = self._head(run)
                return self._damage(run, last_seq, last_hash)
            finally:
                self._db.execute("ROLLBACK")

    def _damage(self, run: str, last_seq: int, last_hash: str) -> list[str]:
        rows = self._rows(
            "SELECT seq, epoch, wall, boot, CAST(boot_id AS BLOB), CAST(type AS BLOB), CAST(body AS BLOB), "
            "CAST(hash AS BLOB) FROM events WHERE run = ? ORDER BY seq",
            (run,),
        )
        chain = []
        for seq, epoch, wall, boot, *texts in rows:
            boot_id, kind, body, found = (text.decode(errors="replace") for text in texts)
            chain.append((seq, epoch, Instant(wall, boot, boot_id), kind, body, found))
        return check_chain(run, chain, last_seq, last_hash, self._read_before.setdefault(run, {}))

    def close(self) -> None:
        """See `Journal.close`."""
        self._db.close()

    def _head(self, run: str) -> tuple[int, int, str]:
        rows = self._rows("SELECT epoch, last_seq, last_hash FROM runs WHERE run = ?", (run,))
        if not rows:
            raise UnknownRun(run)
        return rows[0][0], rows[0][1], rows[0][2]

    def _next_epoch(self, run: str, at: Instant, owner: str) -> int:
        epoch = self._head(run)[0] + 1
        self._db.execute("UPDATE runs SET epoch = ? WHERE run = ?", (epoch, run))
        self._db.execute("INSERT INTO epochs VALUES (?, ?, ?, ?, ?, ?)", (run, epoch, owner, *_columns(at)))
        return epoch

    def _insert(self, run: str, made: Sequence[tuple[Record, str]]) -> None:
        for record, text in made:
            command_id = record.body.get("command_id")
            if command_id is not None and self._rows(
                "SELECT 1 FROM events WHERE run = ? AND command_id = ?", (run, command_id)
            ):
                raise AnsweredAlready(run, command_id)
            self._db.execute(
                "INSERT INTO events (run, seq, epoch, wall, boot, boot_id, type, body, command_id, hash) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    run,
                    record.seq,
                    record.epoch,
                    *_columns(record.at),
                    record.type,
                    text,
                    command_id,
                    record.hash,
                ),
            )
        if made:
            last = made[-1][0]
            self._db.execute(
                "UPDATE runs SET last_seq = ?, last_hash = ? WHERE run = ?", (last.seq, last.hash, run)
            )

    def _lock(self, target: str) -> Lock | None:
        return next((lock for lock in self.locks() if lock.target == target), None)

    def _put_lock(self, lock: Lock) -> None:
        self._db.execute(
            "INSERT OR REPLACE INTO locks VALUES (?, ?, ?, ?, ?, ?, ?)",
            (lock.target, lock.run, write_body(lock.holder), lock.what, *_columns(lock.since)),
        )

    def _record(self, row: Sequence[Any]) -> Record:
        at = Instant(row[3], row[4], row[5])
        return Record(row[0], row[1], row[2], at, row[6], self._parsed(row[7]), row[8])

    def _parsed(self, text: str) -> dict[str, Any]:
        try:
            parsed: dict[str, Any] = json.loads(text)
        except ValueError as error:
            raise StorageFault(
                f"The journal {self.path} holds a row that can't be read.",
                still_safe="it was not changed; nothing further was started.",
                next_step="`handrail doctor` names the damaged run; copy the file away before anything else.",
                evidence=text[:200],
            ) from error
        return parsed


def _command(run: str, row: Sequence[Any]) -> CommandRow:
    """A row of the commands, whatever somebody wrote into it by hand: it must be answered, never stuck at."""
    number, issuer, body, wall, boot, boot_id, token = row
    seconds = [each if isinstance(each, float) else 0.0 for each in (wall, boot)]
    at = Instant(seconds[0], seconds[1], _lenient(boot_id))
    try:
        return CommandRow(number, run, json.loads(issuer), json.loads(body), at, _lenient(token))
    except (ValueError, RecursionError, TypeError) as error:
        problem = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        return CommandRow(number, run, {}, {}, at, _lenient(token), problem)


def _lenient(text: bytes) -> str:
    return text.decode(errors="replace")


def _columns(at: Instant) -> tuple[float, float, str]:
    return at.wall, at.boot, at.boot_id
