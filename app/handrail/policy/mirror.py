"""Does staging mirror production? (deployment-workflow.md, "Staging Environment Testing")

What is compared here carries no secret: a value of the environment arrives as a keyed hash, whose key
lives for one comparison.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from handrail.policy.gate import Verdict
from handrail.policy.judgement import Judgement

CREDENTIAL_PATTERNS = (
    "*SECRET*",
    "*PASSWORD*",
    "*PASSWD*",
    "*PASSPHRASE*",
    "*TOKEN*",
    "*CREDENTIAL*",
    "*API_KEY*",
    "*APIKEY*",
    "*PRIVATE_KEY*",
    "*ACCESS_KEY*",
    "*_KEY",
    "*_PWD",
    "*_DSN",
    "DATABASE_URL",
    "*_DATABASE_URL",
    "REDIS_URL",
    "*WEBHOOK*",
)
SHOWN_DIFFERENCES = 20


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What an environment is made of, as far as it could be read.

    `database` maps what describes the server (engine, version, encoding, each extension) to its value,
    `environment` names to keyed hashes of values, `rows` tables to row counts, and `people` the named
    columns to keyed hashes of their values; `None` stands for a part that couldn't be read.
    """

    database: Mapping[str, str] | None
    environment: Mapping[str, str] | None
    rows: Mapping[str, int] | None
    people: Mapping[str, frozenset[str] | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Limits:
    """What the target allows; `credentials` are names (or patterns) beside the known ones."""

    credentials: Collection[str] = ()
    anonymised: Collection[str] = ()
    ratio: float = 0.1
    slack: int = 50


class Difference(StrEnum):
    """What kind of difference it is."""

    DIFFERS = "differs"
    NOT_KNOWN = "not known"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the table of differences; `name` is what an acceptance names."""

    name: str
    production: str
    staging: str
    kind: Difference = Difference.DIFFERS


def is_credential(name: str, named: Collection[str] = ()) -> bool:
    """Whether the value of this environment variable is a credential, and so may and should differ."""
    return any(fnmatch.fnmatchcase(name.upper(), p.upper()) for p in (*CREDENTIAL_PATTERNS, *named))


def differences(production: Surroundings, staging: Surroundings, limits: Limits) -> list[Finding]:
    """Every difference that counts, and everything that couldn't be compared."""
    return [
        *_database(production.database, staging.database),
        *_environment(production.environment, staging.environment, limits.credentials),
        *_rows(production.rows, staging.rows, limits),
        *_people(production, staging, limits.anonymised),
    ]


def judge(found: list[Finding], accepted: Mapping[str, str]) -> Judgement:
    """Pass where every difference is accepted by its name, with a reason; unknown parts never are."""
    lines: list[str] = []
    open_ones = 0
    for finding in found:
        reason = accepted.get(finding.name, "").strip()
        taken = bool(reason) and finding.kind is Difference.DIFFERS
        open_ones += not taken
        said = f"accepted: {reason}" if taken else "not accepted"
        if finding.kind is Difference.NOT_KNOWN:
            said = "not known"
        lines.append(f"{finding.name}: production {finding.production}, staging {finding.staging} ({said})")
    shown = "\n".join(lines[:SHOWN_DIFFERENCES])
    if len(lines) > SHOWN_DIFFERENCES:
        shown += f"\n… and {len(lines) - SHOWN_DIFFERENCES} more"
    if not found:
        return Judgement(
            Verdict.PASS, "staging mirrors production: no difference in database, environment and data"
        )
    if not open_ones:
        return Judgement(
            Verdict.PASS, f"staging mirrors production but for {len(found)} accepted difference(s):\n{shown}"
        )
    certain = any(f.kind is Difference.DIFFERS and not accepted.get(f.name, "").strip() for f in found)
    if not certain:
        return Judgement(Verdict.UNKNOWN, f"it can't be told whether staging mirrors production:\n{shown}")
    return Judgement(
        Verdict.FAIL,
        f"staging differs from production in {open_ones} thing(s) that nobody accepted:\n{shown}",
    )


def _database(production: Mapping[str, str] | None, staging: Mapping[str, str] | None) -> Iterator[Finding]:
    if production is None or staging is None:
        yield _unread("database", production, staging)
        return
    for name in sorted(production.keys() | staging.keys()):
        one, other = production.get(name, "none"), staging.get(name, "none")
        if one != other:
            yield Finding(f"database {name}", one, other)


def _environment(
    production: Mapping[str, str] | None, staging: Mapping[str, str] | None, credentials: Collection[str]
) -> Iterator[Finding]:
    if production is None or staging is None:
        yield _unread("environment", production, staging)
        return
    for name in sorted(production.keys() | staging.keys()):
        if name not in production or name not in staging:
            has = {True: "has it", False: "hasn't"}
            yield Finding(f"environment {name}", has[name in production], has[name in staging])
        elif not is_credential(name, credentials) and production[name] != staging[name]:
            yield Finding(f"environment {name}", "has one value", "has another")


def _rows(
    production: Mapping[str, int] | None, staging: Mapping[str, int] | None, limits: Limits
) -> Iterator[Finding]:
    if production is None or staging is None:
        yield _unread("rows", production, staging)
        return
    for table in sorted(production.keys() | staging.keys()):
        one, other = production.get(table), staging.get(table)
        if one is None:
            # A table that a release on staging adds is no reason to doubt its data.
            continue
        if other is None:
            yield Finding(f"rows {table}", f"{one} rows", "no such table")
        elif abs(one - other) > limits.slack and min(one, other) < limits.ratio * max(one, other):
            yield Finding(f"rows {table}", f"{one} rows", f"{other} rows")


def _people(production: Surroundings, staging: Surroundings, columns: Collection[str]) -> Iterator[Finding]:
    for column in columns:
        real, shown = production.people.get(column), staging.people.get(column)
        if real is None or shown is None:
            yield _unread(f"anonymised {column}", real, shown)
        elif same := len(real & shown):
            yield Finding(
                f"anonymised {column}",
                f"{len(real)} distinct values",
                f"{same} of them as they are, among {len(shown)}",
            )


def _unread(name: str, production: object, staging: object) -> Finding:
    said = {True: "couldn't be read", False: "was read"}
    return Finding(name, said[production is None], said[staging is None], Difference.NOT_KNOWN)
