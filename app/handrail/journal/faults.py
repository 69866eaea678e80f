"""SQLite's errors in the words of the person who has to mend the machine."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from handrail.errors import StorageFault

_SAFE = "what was journaled before is unchanged; nothing further was started."
_MOVED = sqlite3.SQLITE_READONLY_DBMOVED
_MEANINGS: dict[int, tuple[str, str]] = {
    sqlite3.SQLITE_FULL: ("can't grow: the disk is full", "free space on its disk, then try again."),
    sqlite3.SQLITE_READONLY: (
        "can't be written",
        "make the file, its folder and its filesystem writable for this account.",
    ),
    sqlite3.SQLITE_PERM: ("may not be opened", "give this account the right to read and write it."),
    sqlite3.SQLITE_CANTOPEN: (
        "can't be opened",
        "see that its folder exists and that this account may write in it.",
    ),
    sqlite3.SQLITE_IOERR: (
        "can't be read or written: the disk reports an error",
        "look at the disk (free space, quota, `dmesg`), then try again.",
    ),
    sqlite3.SQLITE_NOTADB: (
        "is not a journal: the file holds something else",
        "move the file away if it is not needed, or name another state directory.",
    ),
    sqlite3.SQLITE_CORRUPT: (
        "is damaged",
        "copy the file away, then save what can be read with `sqlite3 FILE .recover`.",
    ),
    sqlite3.SQLITE_BUSY: (
        "is held by another process for too long",
        "find who holds it (`fuser -v FILE`): a stopped process, a backup, an open `sqlite3` shell.",
    ),
}


def storage_fault(path: Path, error: sqlite3.Error) -> StorageFault:
    """What an error of SQLite means for the journal at `path`."""
    code: int = getattr(error, "sqlite_errorcode", 0) or 0
    if code == _MOVED:
        what, mend = "was moved or deleted while in use", "put the file back in its place."
    else:
        what, mend = _MEANINGS.get(code & 0xFF, ("can't be used", "see the evidence above."))
    name = getattr(error, "sqlite_errorname", type(error).__name__)
    return StorageFault(
        f"The journal {path} {what}.",
        still_safe=_SAFE,
        next_step=mend.replace("FILE", str(path)),
        evidence=f"{name}: {error}",
    )


@contextmanager
def reported(path: Path) -> Iterator[None]:
    """Turn SQLite's and the system's errors into `StorageFault`; mistakes of the caller pass as they are."""
    try:
        yield
    except (sqlite3.ProgrammingError, sqlite3.InterfaceError):
        raise
    except sqlite3.Error as error:
        raise storage_fault(path, error) from error
    except OSError as error:
        raise StorageFault(
            f"The journal {path} can't be opened: {error.strerror}.",
            still_safe=_SAFE,
            next_step="see that its folder exists and that this account may write in it.",
        ) from error
