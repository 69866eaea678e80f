"""Migrations as files and as rows, and how far those that are pending can be taken back; pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from handrail.tasks.sql_atomicity import CODE_WISH, nonatomic
from handrail.tasks.sql_risk import Finding, Risk, classify, down_part, parsed, up_part

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
    """Read the SQL of each pending migration: additive, or destructive with the reason.

    One whose SQL isn't known is opaque, and counts as destructive.
    """
    lines: list[str] = []
    serious: list[str] = []
    for file in pending:
        findings = _findings(file, from_dry_run)
        bad = sorted((f for f in findings if f.risk > Risk.ADDITIVE), key=lambda f: -f.risk)
        serious += [f"{file.name}: {finding.risk.name.lower()}: {finding.statement}" for finding in bad]
        lines.append(
            f"{file.name}: destructive ({_WHY[bad[0].risk]}: {bad[0].statement})"
            if bad
            else f"{file.name}: additive (it only adds: {len(findings)} statements)"
        )
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


_WHY = {
    Risk.DATA: "it writes data",
    Risk.CONSTRAINING: "the old code may not fit it",
    Risk.OPAQUE: "what it does can't be read",
    Risk.DESTRUCTIVE: "it removes or changes what is there",
}


def _findings(file: MigrationFile, from_dry_run: Mapping[str, str]) -> list[Finding]:
    text = up_part(file.sql) if file.sql is not None else from_dry_run.get(file.name)
    if text is None:
        return [Finding(Risk.OPAQUE, f"{file.path.name} is code, and no dry run shows its SQL")]
    return classify(text)


def destructive(pending: Sequence[MigrationFile], from_dry_run: Mapping[str, str]) -> list[MigrationFile]:
    """Those of the pending migrations that aren't purely additive."""
    return [file for file in pending if any(f.risk > Risk.ADDITIVE for f in _findings(file, from_dry_run))]


def reasons_against_atomicity(
    pending: Sequence[MigrationFile], from_dry_run: Mapping[str, str]
) -> dict[str, tuple[str, ...] | None]:
    """Why each isn't one transaction, nothing where it is; None where its SQL isn't known."""
    found: dict[str, tuple[str, ...] | None] = {}
    for file in pending:
        if file.sql is not None:
            found[file.name] = tuple(nonatomic(up_part(file.sql)))
        elif CODE_WISH in file.path.read_text(encoding="utf-8", errors="replace"):
            found[file.name] = (f"it calls pgm.{CODE_WISH}()",)
        else:
            text = from_dry_run.get(file.name)
            found[file.name] = None if text is None else tuple(_without_frame(nonatomic(text)))
    return found


def _without_frame(reasons: Sequence[str]) -> list[str]:
    # A dry run prints the transaction that the tool itself opens and ends around each migration.
    return [reason for reason in reasons if not reason.startswith("COMMIT:")]


def has_way_down(file: MigrationFile) -> bool:
    """Whether the file has a down part with at least one statement; code is taken at its word."""
    return file.sql is None or bool(parsed(down_part(file.sql)))


def digest(file: MigrationFile) -> str:
    """The SHA-256 of the whole file, its way down included: a changed file is another migration."""
    return hashlib.sha256(file.path.read_bytes()).hexdigest()
