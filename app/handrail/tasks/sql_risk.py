"""How far a migration's SQL can be taken back: pure, over sqlglot's parser.

additive < data < constraining < opaque < destructive. Only what is additive needs no way down: the old
code runs on the new schema. What can't be parsed is opaque, and never counts as harmless.

sqlglot is the parser, and no second linter stands beside it: squawk warns of locks, passes TRUNCATE,
DELETE and UPDATE, and says of no statement that it only adds. What is asked here is the statement's kind.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import sqlglot
from sqlglot import expressions as exp
from sqlglot.tokens import TokenType  # type: ignore[attr-defined,unused-ignore]

# It reports each statement that it only half understands; the verdict `opaque` says the same.
logging.getLogger("sqlglot").setLevel(logging.CRITICAL)

SHOWN = 90
# node-pg-migrate's own mark of a section, which is no SQL.
_MARK = re.compile(r"^\s*--[\s-]*(up|down)\s+migration", re.IGNORECASE | re.MULTILINE)
# Statements that sqlglot keeps as text, but that are known to add and nothing else: how they begin, and
# what follows the name.
_ADDITIVE_TEXT = (
    (("CREATE", "EXTENSION"), ()),
    (("ALTER", "TYPE"), ("ADD", "VALUE")),
    (("ALTER", "SEQUENCE"), ("OWNED", "BY")),
    (("ANALYZE",), ()),
)
_CONSTRAINING_TEXT = (
    (("ALTER", "TABLE"), ("VALIDATE", "CONSTRAINT")),
    (("ALTER", "TABLE"), ("ENABLE", "ROW")),
    (("CREATE", "POLICY"), ()),
    (("CREATE", "RULE"), ()),
)


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
    return _part(text, "up") if _MARK.search(text) else text


def down_part(text: str) -> str:
    """The part of a SQL migration that goes down; empty where the file marks none."""
    return _part(text, "down")


def _part(text: str, wanted: str) -> str:
    marks = list(_MARK.finditer(text))
    parts = []
    for number, mark in enumerate(marks):
        end = marks[number + 1].start() if number + 1 < len(marks) else len(text)
        if mark[1].lower() == wanted:
            parts.append(text[mark.end() : end])
    return "\n".join(parts)


def parsed(sql: str) -> list[exp.Expression] | None:
    """The statements of `sql`; None where it can't be parsed as a whole."""
    try:
        return [each for each in sqlglot.parse(sql, read="postgres") if isinstance(each, exp.Expression)]
    except (sqlglot.errors.SqlglotError, RecursionError):
        return None


def classify(sql: str) -> list[Finding]:
    """Each statement of `sql` with its risk; what can't be parsed as a whole is one opaque finding."""
    statements = parsed(sql)
    if statements is None:
        return [Finding(Risk.OPAQUE, short(sql))]
    return [Finding(_risk(s), short(s.sql("postgres", comments=False))) for s in statements]


def worst(findings: Sequence[Finding]) -> Risk:
    """The highest risk among them; additive where there is none."""
    return max((finding.risk for finding in findings), default=Risk.ADDITIVE)


def short(sql: str) -> str:
    """The beginning of a statement, on one line."""
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
        case exp.Update():
            return Risk.DESTRUCTIVE
        case exp.Insert():
            conflict = statement.args.get("conflict")
            # ON CONFLICT DO UPDATE overwrites what was there.
            return Risk.DESTRUCTIVE if conflict and conflict.args.get("expressions") else Risk.DATA
        case exp.Comment() | exp.Grant() | exp.Set() | exp.Analyze() | exp.Transaction() | exp.Commit():
            return Risk.ADDITIVE
        case exp.Command():
            return _text_risk(statement)
        case exp.Select() if not any(statement.find_all(exp.Anonymous, exp.Into)):
            return Risk.ADDITIVE
    return Risk.OPAQUE


def words(command: exp.Command) -> tuple[str, ...]:
    """A statement that sqlglot keeps as text, as the tokenizer's words: no quoted text among them."""
    argument = command.expression
    text = argument.this if isinstance(argument, exp.Literal) else argument or ""
    return words_of(f"{command.this} {text}")


def words_of(sql: str) -> tuple[str, ...]:
    """The bare words of a text in SQL, in capitals; a quoted name or a string is an empty one."""
    try:
        tokens = sqlglot.tokenize(sql, read="postgres")
    except sqlglot.errors.SqlglotError:
        return ()
    if len(tokens) > 1 and tokens[0].token_type is TokenType.COMMAND:
        # The tokenizer takes all that follows such a word as one string.
        return (tokens[0].text.upper(), *words_of(tokens[1].text))
    quoted = (TokenType.IDENTIFIER, TokenType.STRING, TokenType.HEREDOC_STRING)
    return tuple("" if token.token_type in quoted else token.text.upper() for token in tokens)


def has(sequence: Sequence[str], part: Sequence[str]) -> bool:
    """Whether these words stand in it side by side."""
    return any(tuple(sequence[at : at + len(part)]) == tuple(part) for at in range(len(sequence)))


def _text_risk(command: exp.Command) -> Risk:
    said = words(command)
    for risk, shapes in ((Risk.ADDITIVE, _ADDITIVE_TEXT), (Risk.CONSTRAINING, _CONSTRAINING_TEXT)):
        for start, then in shapes:
            if said[: len(start)] == start and (not then or has(said[len(start) :], then)):
                return risk
    return Risk.OPAQUE


def _create_risk(statement: exp.Create) -> Risk:
    kind = statement.args.get("kind")
    if statement.args.get("replace") or kind in ("TRIGGER", "RULE", "POLICY"):
        # The old code gets another behaviour under the name that it knows.
        return Risk.CONSTRAINING
    if kind == "INDEX" and statement.args.get("unique"):
        return Risk.CONSTRAINING
    if isinstance(statement.expression, exp.Query) and kind == "TABLE":
        # CREATE TABLE … AS executes what it selects from, functions of any kind among it.
        return Risk.OPAQUE if statement.expression.find(exp.Anonymous) else Risk.ADDITIVE
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
