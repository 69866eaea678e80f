"""What in a migration can't be taken back by its transaction, said beforehand; pure, over sqlglot's parser.

"Database migrations must be atomic (single transaction)": deployment-workflow.md, "Common Issues".
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import expressions as exp

from handrail.tasks.sql_risk import has, parsed, short, words, words_of

# How a statement that PostgreSQL refuses in a transaction begins, and a word that it must have.
_OUTSIDE: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = (
    (("VACUUM",), ()),
    (("REINDEX",), ("CONCURRENTLY",)),
    (("REINDEX", "DATABASE"), ()),
    (("REINDEX", "SYSTEM"), ()),
    (("ALTER", "TABLE"), ("DETACH", "PARTITION")),
    (("ALTER", "SYSTEM"), ()),
    (("ALTER", "DATABASE"), ("SET", "TABLESPACE")),
    (("CREATE", "TABLESPACE"), ()),
    (("DROP", "TABLESPACE"), ()),
    (("CREATE", "SUBSCRIPTION"), ()),
    (("DROP", "SUBSCRIPTION"), ()),
    (("ALTER", "SUBSCRIPTION"), ()),
    (("PREPARE", "TRANSACTION"), ()),
    (("COMMIT", "PREPARED"), ()),
    (("ROLLBACK", "PREPARED"), ()),
)
_NEW_VALUE = "can't run in a transaction before PostgreSQL 12, and no way down removes the value"
_OUTSIDE_WHY = "PostgreSQL refuses it in a transaction"
# What migration tools take as the wish to run without one; node-pg-migrate's is a call in JavaScript.
_WISHES = (
    ("NO", "TRANSACTION"),
    ("NO", "-", "TRANSACTION"),
    ("TRANSACTION", ":", "FALSE"),
)
CODE_WISH = "noTransaction"


def nonatomic(sql: str) -> list[str]:
    """Why this SQL isn't one transaction, a sentence for each reason; empty where it is.

    What can't be parsed is judged as risk, not here: it may well be atomic.
    """
    found = [f"its comment asks for none: {line}" for line in _comments(sql) if _is_wish(line)]
    for statement in parsed(sql) or []:
        if reason := _reason(statement):
            found.append(f"{short(statement.sql('postgres', comments=False))}: {reason}")
    return found


def _reason(statement: exp.Expression) -> str:
    match statement:
        case exp.Create() | exp.Drop() if statement.args.get("concurrently"):
            return _OUTSIDE_WHY
        case exp.Create() | exp.Drop() if statement.args.get("kind") == "DATABASE":
            return _OUTSIDE_WHY
        case exp.Commit() | exp.Rollback():
            return "it ends the migration's own transaction"
        case exp.Command():
            said = words(statement)
            if said[:2] == ("ALTER", "TYPE") and has(said, ("ADD", "VALUE")):
                return _NEW_VALUE
            detach = has(said, ("DETACH", "PARTITION"))
            if detach and "CONCURRENTLY" not in said:
                return ""
            if any(_matches(said, start, then) for start, then in _OUTSIDE):
                return _OUTSIDE_WHY
        case exp.Alias() | exp.Column():
            # sqlglot reads CLUSTER and DISCARD as names.
            if words_of(statement.sql("postgres")) in (("CLUSTER",), ("DISCARD", "AS", "ALL")):
                return _OUTSIDE_WHY
    return ""


def _matches(said: Sequence[str], start: Sequence[str], then: Sequence[str]) -> bool:
    return tuple(said[: len(start)]) == tuple(start) and (not then or has(said[len(start) :], then))


def _comments(sql: str) -> list[str]:
    return [line.strip() for line in sql.splitlines() if line.lstrip().startswith("--")]


def _is_wish(comment: str) -> bool:
    said = words_of(comment.lstrip("- "))
    return any(has(said, wish) for wish in _WISHES)
