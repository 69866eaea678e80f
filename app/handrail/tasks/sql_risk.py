"""How far a migration's SQL can be taken back: pure, over sqlglot's parser.

additive < data < constraining < opaque < destructive. Only what is additive needs no way down: the old
code runs on the new schema. What can't be parsed is opaque, and never counts as harmless.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import sqlglot
from sqlglot import expressions as exp

# It reports each statement that it only half understands; the verdict `opaque` says the same.
logging.getLogger("sqlglot").setLevel(logging.CRITICAL)

SHOWN = 90
_MARK = re.compile(r"^\s*--[\s-]*(up|down)\s+migration", re.IGNORECASE | re.MULTILINE)
# Statements that sqlglot keeps as text, but that are known to add and nothing else.
_ADDITIVE_TEXT = re.compile(
    r"^(?:create\s+extension\b|alter\s+type\s+\S+\s+add\s+value\b|alter\s+sequence\s+\S+\s+owned\s+by\b)",
    re.IGNORECASE,
)
_CONSTRAINING_TEXT = re.compile(r"^alter\s+table\b.*\b(?:validate\s+constraint|enable\s+row)\b", re.I | re.S)


class Risk(IntEnum):
    """What becomes of the old code, and of the data, when the statement has run."""

    ADDITIVE = 0
    DATA = 1
    CONSTRAINING = 2
    OPAQUE = 3
    DESTRUCTIVE = 4


@dataclass(frozen=True, slots=True)
class Finding:
    """One statement with its risk; `statement` is its beginning on one line."""

    risk: Risk
    statement: str


def up_part(text: str) -> str:
    """The part of a SQL migration that goes up; all of it where the file marks no parts."""
    marks = list(_MARK.finditer(text))
    if not marks:
        return text
    parts = []
    for number, mark in enumerate(marks):
        end = marks[number + 1].start() if number + 1 < len(marks) else len(text)
        if mark[1].lower() == "up":
            parts.append(text[mark.end() : end])
    return "\n".join(parts)


def classify(sql: str) -> list[Finding]:
    """Each statement of `sql` with its risk; what can't be parsed as a whole is one opaque finding."""
    try:
        statements = sqlglot.parse(sql, read="postgres")
    except (sqlglot.errors.SqlglotError, RecursionError):
        return [Finding(Risk.OPAQUE, _short(sql))]
    return [
        Finding(_risk(s), _short(s.sql("postgres", comments=False)))
        if isinstance(s, exp.Expression)
        else Finding(Risk.OPAQUE, _short(str(s)))
        for s in statements
        if s is not None
    ]


def worst(findings: Sequence[Finding]) -> Risk:
    """The highest risk among them; additive where there is none."""
    return max((finding.risk for finding in findings), default=Risk.ADDITIVE)


def _short(sql: str) -> str:
    line = " ".join(sql.split())
    return line if len(line) <= SHOWN else f"{line[: SHOWN - 1]}…"


def _risk(statement: exp.Expression) -> Risk:
    risk = _own_risk(statement)
    # A CTE may hold what its query doesn't show: WITH gone AS (DELETE …) SELECT ….
    inner = [
        node for kind in (exp.Delete, exp.Update, exp.Insert, exp.Merge) for node in statement.find_all(kind)
    ]
    return max([risk, *(_own_risk(node) for node in inner if node is not statement)])


def _own_risk(statement: exp.Expression) -> Risk:
    match statement:
        case exp.Alter():
            return max(
                (_action_risk(action) for action in statement.args.get("actions") or []), default=Risk.OPAQUE
            )
        case exp.Create():
            return _create_risk(statement)
        case exp.Drop():
            return Risk.CONSTRAINING if statement.args.get("kind") == "INDEX" else Risk.DESTRUCTIVE
        case exp.Delete() | exp.TruncateTable() | exp.Merge():
            return Risk.DESTRUCTIVE
        case exp.Insert() | exp.Update():
            return Risk.DATA
        case exp.Comment() | exp.Grant() | exp.Set() | exp.Transaction() | exp.Commit():
            return Risk.ADDITIVE
        case exp.Command():
            return _text_risk(statement)
        case exp.Select() if not any(statement.find_all(exp.Anonymous, exp.Into)):
            return Risk.ADDITIVE
    return Risk.OPAQUE


def _text_risk(command: exp.Command) -> Risk:
    text = f"{command.this} {command.expression or ''}"
    text = " ".join(text.split())
    if _ADDITIVE_TEXT.match(text):
        return Risk.ADDITIVE
    return Risk.CONSTRAINING if _CONSTRAINING_TEXT.match(text) else Risk.OPAQUE


def _create_risk(statement: exp.Create) -> Risk:
    kind = statement.args.get("kind")
    if statement.args.get("replace") or kind in ("TRIGGER", "RULE", "POLICY"):
        # The old code gets another behaviour under the name that it knows.
        return Risk.CONSTRAINING
    if kind == "INDEX" and statement.args.get("unique"):
        return Risk.CONSTRAINING
    return Risk.ADDITIVE


def _action_risk(action: exp.Expression) -> Risk:
    match action:
        case exp.ColumnDef():
            return _column_risk(action)
        case exp.AddConstraint():
            return Risk.CONSTRAINING
        case exp.Drop():
            return Risk.CONSTRAINING if action.args.get("kind") == "CONSTRAINT" else Risk.DESTRUCTIVE
        case exp.RenameColumn() | exp.AlterRename():
            return Risk.DESTRUCTIVE
        case exp.AlterColumn():
            if action.args.get("dtype"):
                return Risk.DESTRUCTIVE
            # The old code wrote no such values, and may not read them: NOT NULL in either direction.
            tightens = action.args.get("allow_null") is not None or action.args.get("drop")
            return Risk.CONSTRAINING if tightens else Risk.ADDITIVE
    return Risk.OPAQUE


def _column_risk(column: exp.ColumnDef) -> Risk:
    kinds = [constraint.kind for constraint in column.args.get("constraints") or []]
    filled = any(
        isinstance(kind, exp.DefaultColumnConstraint | exp.GeneratedAsIdentityColumnConstraint)
        for kind in kinds
    )
    required = any(
        isinstance(kind, exp.NotNullColumnConstraint) and not kind.args.get("allow_null") for kind in kinds
    )
    serial = "serial" in str(column.args.get("kind")).lower()
    if required and not filled and not serial:
        return Risk.CONSTRAINING
    plain = (
        exp.NotNullColumnConstraint,
        exp.DefaultColumnConstraint,
        exp.GeneratedAsIdentityColumnConstraint,
    )
    return Risk.ADDITIVE if all(isinstance(kind, plain) for kind in kinds) else Risk.CONSTRAINING
