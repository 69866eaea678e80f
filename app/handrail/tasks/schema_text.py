"""A schema as pg_dump writes it, made comparable: before a migration, and after its way down; pure."""

from __future__ import annotations

import difflib

SHOWN_LINES = 20
_NO_SCHEMA = ("--", "SET ", "SELECT pg_catalog.set_config", "\\restrict", "\\unrestrict")


def normalised(text: str, *, ordered: bool = False) -> list[str]:
    """The lines that make the schema. The columns of a table are sorted, unless `ordered`.

    A column that is dropped and added again stands last: only `select *` could tell, so it is no difference.
    """
    lines: list[str] = []
    columns: list[str] | None = None
    for line in text.splitlines():
        if columns is not None:
            if line.startswith(")"):
                lines += [*(columns if ordered else sorted(columns)), line]
                columns = None
            else:
                columns.append(line.rstrip(","))
        elif line.strip() and not line.startswith(_NO_SCHEMA):
            lines.append(line)
            if line.startswith("CREATE TABLE ") and line.endswith("("):
                columns = []
    return lines + (columns or [])


def schema_differences(before: str, after: str) -> list[str]:
    """The lines that only one of the two has, with `-` for before and `+` for after; none where equal."""
    lines = difflib.unified_diff(normalised(before), normalised(after), lineterm="", n=0)
    return [line for line in lines if not line.startswith(("---", "+++", "@@"))]


def reordered(before: str, after: str) -> bool:
    """Whether equal schemas differ in the order of columns."""
    return normalised(before, ordered=True) != normalised(after, ordered=True)
