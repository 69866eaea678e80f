"""Opening the journal's file: made for its owner alone, in a mode in which SQLite loses nothing."""

from __future__ import annotations

import os
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

from handrail.errors import StorageFault
from handrail.journal.faults import reported
from handrail.journal.filesystem import refuse_network
from handrail.journal.schema import APPLICATION_ID, SCHEMA_VERSION, STATEMENTS, wal_is_sound


def open_database(path: Path, *, read_only: bool, patience: timedelta) -> tuple[sqlite3.Connection, str]:
    """A connection to the journal's file, and the journal mode that it is in.

    The file is made (0600), with its tables, where it is missing; with `read_only` nothing is ever
    written. Raises `StorageFault` for a file that can't be used, is another program's, was written by a newer
    handrail, or lies on a filesystem on the network.
    """
    refuse_network(path)
    with reported(path):
        if not read_only:
            _create_file(path)
        elif not path.exists():
            raise StorageFault(
                f"There is no journal at {path}.",
                still_safe="nothing was written.",
                next_step="start a run first, or name the state directory that holds the journal.",
            )
        database = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode={'ro' if read_only else 'rw'}",
            uri=True,
            timeout=patience.total_seconds(),
            isolation_level=None,
        )
    try:
        with reported(path):
            return database, _prepare(database, path, read_only)
    except BaseException:
        database.close()
        raise


@contextmanager
def written_whole(database: sqlite3.Connection) -> Iterator[None]:
    """One transaction: all or nothing."""
    database.execute("BEGIN IMMEDIATE")
    try:
        yield
        database.execute("COMMIT")
    except BaseException:
        # A failed write may have rolled back by itself: then there is nothing left to roll back.
        with suppress(sqlite3.Error):
            database.execute("ROLLBACK")
        raise


def _prepare(database: sqlite3.Connection, path: Path, read_only: bool) -> str:
    database.execute("PRAGMA synchronous=FULL")
    if sys.platform == "darwin":
        database.execute("PRAGMA fullfsync=ON")
    fresh = _pragma(database, "user_version") == 0
    if fresh and not read_only:
        _create_schema(database)
    _refuse_foreign(database, path)
    mode = str(_pragma(database, "journal_mode"))
    if read_only:
        return mode
    sound = wal_is_sound(sqlite3.sqlite_version_info)
    # An open journal keeps the mode it has, unless that mode is the defective one: changing it needs
    # a moment in which nobody else has the file open.
    if sound and (fresh or mode == "wal"):
        # Another process that opens the new file in this moment keeps it from changing its mode.
        with suppress(sqlite3.OperationalError):
            return str(database.execute("PRAGMA journal_mode=wal").fetchone()[0])
    return str(database.execute("PRAGMA journal_mode=truncate").fetchone()[0])


def _pragma(database: sqlite3.Connection, name: str) -> Any:
    return database.execute(f"PRAGMA {name}").fetchone()[0]


def _create_schema(database: sqlite3.Connection) -> None:
    with written_whole(database):
        if _pragma(database, "user_version") != 0:
            return
        if database.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            return
        for statement in STATEMENTS:
            database.execute(statement)
        database.execute(f"PRAGMA application_id={APPLICATION_ID}")
        database.execute(f"PRAGMA user_version={SCHEMA_VERSION}")


def _refuse_foreign(database: sqlite3.Connection, path: Path) -> None:
    found, version = _pragma(database, "application_id"), _pragma(database, "user_version")
    if found != APPLICATION_ID:
        raise StorageFault(
            f"The file {path} is a database of another program.",
            still_safe="it was not changed.",
            next_step="move it away if it is not needed, or name another state directory.",
        )
    if version > SCHEMA_VERSION:
        raise StorageFault(
            f"The journal {path} was written by a newer handrail (schema {version}, this one knows "
            f"{SCHEMA_VERSION}).",
            still_safe="it was not changed.",
            next_step="use the newer handrail, or name another state directory.",
        )


def _create_file(path: Path) -> None:
    """Make an empty file for its owner alone; SQLite's own companions take over its mode.

    An existing file is not opened here: closing it would drop the locks of this process's other
    connections (https://www.sqlite.org/howtocorrupt.html, section 2.2).
    """
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except FileExistsError:
        if path.stat().st_mode & 0o077 and path.stat().st_uid == os.geteuid():
            path.chmod(0o600)
