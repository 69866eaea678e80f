"""Migrations as files and as rows, and how far those that are pending can be taken back; pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from handrail.tasks.sql_risk import Finding, Risk, classify, up_part, worst

SQL = ".sql"
CODE = (".js", ".cjs", ".mjs", ".ts", ".cts", ".mts")
SHOWN_FINDINGS = 5
# What node-pg-migrate prints before each migration of a dry run.
_DRY_HEADER = re.compile(r"^#{2,}\s*MIGRATION\s+(?P<name>.+?)\s+\(UP\)\s*#{2,}\s*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class MigrationFile:
    """One migration of the checkout; `name` is what its row is called, `sql` is None where code makes it."""

    name: str
    path: Path
    sql: str | None


def files_in(folder: Path) -> tuple[MigrationFile, ...]:
    """The migration files of a folder in their order; an absent folder has none."""
    found: dict[str, Path] = {}
    for path in sorted(folder.glob("*")) if folder.is_dir() else []:
        known = path.suffix in (SQL, *CODE) and not path.name.endswith(".d.ts")
        if known and path.is_file() and not path.name.startswith("."):
            found[path.stem] = path
    return tuple(
        MigrationFile(
            name, path, path.read_text(encoding="utf-8", errors="replace") if path.suffix == SQL else None
        )
        for name, path in sorted(found.items(), key=lambda item: _order(item[0]))
    )


def _order(name: str) -> tuple[int, str]:
    digits = re.match(r"\d+", name)
    return (int(digits[0]) if digits else 0, name)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Files against rows: `pending` have no row yet, `foreign` rows have no file in this checkout."""

    pending: tuple[str, ...]
    foreign: tuple[str, ...]
    last: str


def compare(files: Sequence[MigrationFile], rows: Sequence[str]) -> Comparison:
    """What is pending, and which rows this checkout doesn't know. "Nothing to do" alone would hide both."""
    names = [file.name for file in files]
    return Comparison(
        pending=tuple(name for name in names if name not in set(rows)),
        foreign=tuple(row for row in rows if row not in set(names)),
        last=rows[-1] if rows else "",
    )


def later_than(rows: Sequence[str], schema: str) -> tuple[str, ...] | None:
    """The rows applied after `schema` (empty: before the first); None where there is no such row."""
    if not schema:
        return tuple(rows)
    return tuple(rows[list(rows).index(schema) + 1 :]) if schema in rows else None


def dry_run_sql(text: str) -> dict[str, str]:
    """The SQL that a dry run printed, by migration."""
    headers = list(_DRY_HEADER.finditer(text))
    found = {}
    for number, header in enumerate(headers):
        end = headers[number + 1].start() if number + 1 < len(headers) else len(text)
        found[header["name"]] = text[header.end() : end]
    return found


@dataclass(frozen=True, slots=True)
class Judgement:
    """How far the pending migrations can be taken back. `needs_undo` is False only for additive ones."""

    needs_undo: bool
    why: str
    lines: tuple[str, ...]


def judge(pending: Sequence[MigrationFile], from_dry_run: Mapping[str, str]) -> Judgement:
    """Read the SQL of each pending migration; one whose SQL isn't known is opaque."""
    lines: list[str] = []
    serious: list[str] = []
    for file in pending:
        text = up_part(file.sql) if file.sql is not None else from_dry_run.get(file.name)
        findings = (
            classify(text)
            if text is not None
            else [Finding(Risk.OPAQUE, f"{file.path.name} is code, and no dry run shows its SQL")]
        )
        lines.append(f"{file.name}: {worst(findings).name.lower()}")
        serious += [
            f"{file.name}: {finding.risk.name.lower()}: {finding.statement}"
            for finding in sorted(findings, key=lambda f: -f.risk)
            if finding.risk > Risk.ADDITIVE
        ]
    if serious:
        more = len(serious) - SHOWN_FINDINGS
        why = "; ".join(serious[:SHOWN_FINDINGS]) + (f"; and {more} more" if more > 0 else "")
    else:
        why = (
            "all pending migrations only add: the old code runs on the new schema"
            if pending
            else "none pending"
        )
    return Judgement(bool(serious), why, tuple(lines))
