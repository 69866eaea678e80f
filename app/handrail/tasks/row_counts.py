"""The rows of every table: as the shipped scripts count them, as they differ, as they would be lost; pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

SHOWN_TABLES = 10


@dataclass(frozen=True, slots=True)
class RowCounts:
    """Rows by table; `snapshot` and `written` (rows that it doesn't see) only where they were asked for."""

    rows: Mapping[str, int]
    snapshot: str = ""
    written: Mapping[str, int] | None = None

    @property
    def total(self) -> int:
        """All rows of all tables."""
        return sum(self.rows.values())

    def told(self) -> str:
        """How much that is, in words."""
        return f"{len(self.rows)} tables, {self.total} rows"


def read_counts(text: str) -> RowCounts:
    """The counts in a script's answer. Raises `ValueError` for a line that is none."""
    snapshot = ""
    rows: dict[str, int] = {}
    written: dict[str, int] = {}
    for line in text.splitlines():
        if not line.strip():
            continue
        match json.loads(line):
            case ["snapshot", str(found)]:
                snapshot = found
            case ["rows", str(table), int(count)]:
                rows[table] = count
            case ["rows", str(table), int(count), int(new)]:
                rows[table], written[table] = count, new
            case _:
                raise ValueError(f"no count: {line!r}")
    return RowCounts(rows, snapshot, written or None)


def differences(expected: Mapping[str, int], found: Mapping[str, int]) -> list[str]:
    """What differs, a sentence for each table; nothing where all is equal."""
    said = [f"the table {table} is missing" for table in expected if table not in found]
    said += [f"the table {table} is one too many" for table in found if table not in expected]
    said += [
        f"{table} has {found[table]} rows instead of {count}"
        for table, count in expected.items()
        if table in found and found[table] != count
    ]
    return said


def lost_rows(before: Mapping[str, int], after: Mapping[str, int]) -> list[str]:
    """Tables that are gone or have fewer rows than before; more rows are traffic's."""
    return [
        f"{table} had {count} rows, and has {after.get(table, 0)}"
        for table, count in before.items()
        if after.get(table, 0) < count or table not in after
    ]


@dataclass(frozen=True, slots=True)
class Loss:
    """What restoring a backup would take from one table.

    `written` rows came or were changed since the backup; `gone` rows of the backup were changed or deleted
    since, and would come back as they were. None where the table wasn't in the backup, or is gone.
    """

    table: str
    written: int
    gone: int
    then: int | None
    now: int | None

    def __str__(self) -> str:
        if self.then is None:
            return f"{self.table}: the whole table ({self.now} rows), which is newer than the backup"
        if self.now is None:
            return f"{self.table}: nothing; it is gone now, and would come back with {self.then} rows"
        back = f"; {self.gone} changed or deleted since would be as they were" if self.gone else ""
        rows = "row" if self.written == 1 else "rows"
        return f"{self.table}: {self.written} {rows} written since{back} ({self.then} then, {self.now} now)"


def losses(backup: RowCounts, now: RowCounts, without: Sequence[str] = ()) -> list[Loss]:
    """What restoring would take, by table; a table in which nothing was written has no entry.

    A statement that rewrites a table (such as a change of a column's type) makes all its rows look written:
    the numbers are never too small.
    """
    found = []
    for table in sorted({*backup.rows, *now.rows} - set(without)):
        then, count = backup.rows.get(table), now.rows.get(table)
        written = (now.written or {}).get(table, 0)
        gone = max(0, (then or 0) - ((count or 0) - written))
        if written or gone or then is None or count is None:
            found.append(Loss(table, written if then is not None else count or 0, gone, then, count))
    return found
