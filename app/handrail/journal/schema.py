"""The journal's tables, and the modes in which SQLite keeps them safe."""

from __future__ import annotations

from collections.abc import Sequence

APPLICATION_ID = 0x68616E64
"""Says that a SQLite file is a journal of handrail ("hand" in ASCII)."""

SCHEMA_VERSION = 1

STATEMENTS = (
    """CREATE TABLE runs (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        run TEXT NOT NULL UNIQUE,
        target TEXT NOT NULL,
        wall REAL NOT NULL, boot REAL NOT NULL, boot_id TEXT NOT NULL,
        epoch INTEGER NOT NULL,
        closed INTEGER NOT NULL,
        last_seq INTEGER NOT NULL,
        last_hash TEXT NOT NULL
    )""",
    """CREATE TABLE events (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        run TEXT NOT NULL,
        seq INTEGER NOT NULL,
        epoch INTEGER NOT NULL,
        wall REAL NOT NULL, boot REAL NOT NULL, boot_id TEXT NOT NULL,
        type TEXT NOT NULL,
        body TEXT NOT NULL,
        command_id INTEGER,
        hash TEXT NOT NULL,
        UNIQUE (run, seq)
    )""",
    "CREATE INDEX events_by_type ON events (type, number)",
    "CREATE UNIQUE INDEX one_answer ON events (run, command_id) WHERE command_id IS NOT NULL",
    """CREATE TABLE epochs (
        run TEXT NOT NULL,
        epoch INTEGER NOT NULL,
        owner TEXT NOT NULL,
        wall REAL NOT NULL, boot REAL NOT NULL, boot_id TEXT NOT NULL,
        PRIMARY KEY (run, epoch)
    )""",
    """CREATE TABLE commands (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        run TEXT NOT NULL,
        issuer TEXT NOT NULL,
        body TEXT NOT NULL,
        wall REAL NOT NULL, boot REAL NOT NULL, boot_id TEXT NOT NULL,
        token TEXT NOT NULL,
        UNIQUE (run, token)
    )""",
    """CREATE TABLE locks (
        target TEXT PRIMARY KEY,
        run TEXT NOT NULL,
        holder TEXT NOT NULL,
        what TEXT NOT NULL,
        wall REAL NOT NULL, boot REAL NOT NULL, boot_id TEXT NOT NULL
    )""",
    # A row is never replaced: INSERT OR REPLACE fires no delete trigger, but it does fire this one.
    """CREATE TRIGGER events_are_appended BEFORE INSERT ON events
        WHEN NEW.seq != 1 + (SELECT coalesce(max(seq), 0) FROM events WHERE run = NEW.run)
          OR EXISTS (SELECT 1 FROM events WHERE number = NEW.number)
        BEGIN SELECT RAISE(ABORT, 'events are only appended'); END""",
    """CREATE TRIGGER events_are_not_changed BEFORE UPDATE ON events
        BEGIN SELECT RAISE(ABORT, 'events are never changed'); END""",
    """CREATE TRIGGER events_are_not_removed BEFORE DELETE ON events
        BEGIN SELECT RAISE(ABORT, 'events are never removed'); END""",
    """CREATE TRIGGER commands_are_appended BEFORE INSERT ON commands
        WHEN EXISTS (SELECT 1 FROM commands WHERE id = NEW.id OR (run = NEW.run AND token = NEW.token))
        BEGIN SELECT RAISE(ABORT, 'commands are only appended'); END""",
    """CREATE TRIGGER commands_are_not_changed BEFORE UPDATE ON commands
        BEGIN SELECT RAISE(ABORT, 'commands are never changed'); END""",
    """CREATE TRIGGER commands_are_not_removed BEFORE DELETE ON commands
        BEGIN SELECT RAISE(ABORT, 'commands are never removed'); END""",
)


def wal_is_sound(version: Sequence[int]) -> bool:
    """Whether this version of SQLite is free of the WAL-reset defect (https://www.sqlite.org/wal.html).

    Mended in 3.51.3, and in the lines 3.50 (from 3.50.7) and 3.44 (from 3.44.6).
    """
    major, minor, patch = (*version, 0, 0, 0)[:3]
    if (major, minor) in ((3, 44), (3, 50)):
        return patch >= {44: 6, 50: 7}[minor]
    return (major, minor, patch) >= (3, 51, 3)
