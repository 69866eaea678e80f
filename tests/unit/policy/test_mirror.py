"""Staging against production: every kind of difference, what is accepted, and what can't be told."""

from __future__ import annotations

from dataclasses import replace

import pytest

from handrail.policy.gate import Verdict
from handrail.policy.mirror import Limits, Surroundings, differences, is_credential, judge

SAME = Surroundings(
    database={"engine": "PostgreSQL", "version": "16.9", "extension plpgsql": "1.0"},
    environment={"PORT": "h1", "DATABASE_URL": "h2", "FEATURES": "h3"},
    rows={"public.orders": 1000, "public.users": 200},
    people={"users.email": frozenset({"p1", "p2"})},
)
ANONYMISED = replace(SAME, people={"users.email": frozenset({"s1"})})
LIMITS = Limits(anonymised=("users.email",), ratio=0.1, slack=50)


def names(staging: Surroundings, production: Surroundings = SAME, limits: Limits = LIMITS) -> list[str]:
    """The names of what differs."""
    return [finding.name for finding in differences(production, staging, limits)]


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, []),
        ({"database": {**(SAME.database or {}), "version": "16.8"}}, ["database version"]),
        ({"database": {**(SAME.database or {}), "engine": "CockroachDB"}}, ["database engine"]),
        ({"database": {**(SAME.database or {}), "extension pg_trgm": "1.6"}}, ["database extension pg_trgm"]),
        ({"environment": {"PORT": "h1", "DATABASE_URL": "h2"}}, ["environment FEATURES"]),
        ({"environment": {**(SAME.environment or {}), "EXTRA": "x"}}, ["environment EXTRA"]),
        ({"environment": {**(SAME.environment or {}), "PORT": "other"}}, ["environment PORT"]),
        ({"environment": {**(SAME.environment or {}), "DATABASE_URL": "other"}}, []),
        ({"rows": {"public.orders": 100, "public.users": 200}}, []),
        ({"rows": {"public.orders": 99, "public.users": 200}}, ["rows public.orders"]),
        ({"rows": {"public.orders": 10_000, "public.users": 200}}, []),
        ({"rows": {"public.orders": 10_001, "public.users": 200}}, ["rows public.orders"]),
        ({"rows": {"public.orders": 1000}}, ["rows public.users"]),
        ({"rows": {**(SAME.rows or {}), "public.gifts": 0}}, []),
        ({"people": {"users.email": frozenset({"p1", "s1"})}}, ["anonymised users.email"]),
        ({"people": {"users.email": frozenset()}}, []),
        ({"people": {"users.email": None}}, ["anonymised users.email"]),
        ({"people": {}}, ["anonymised users.email"]),
        ({"database": None}, ["database"]),
        ({"environment": None}, ["environment"]),
        ({"rows": None}, ["rows"]),
    ],
)
def test_differences(changed: dict[str, object], expected: list[str]) -> None:
    assert names(replace(ANONYMISED, **changed)) == expected  # type: ignore[arg-type]


def test_a_few_rows_are_no_difference() -> None:
    few = replace(SAME, rows={"public.orders": 50})
    none = replace(ANONYMISED, rows={"public.orders": 0})
    assert names(none, few) == []
    assert names(none, replace(SAME, rows={"public.orders": 51})) == ["rows public.orders"]


@pytest.mark.parametrize(
    ("changed", "accepted", "verdict"),
    [
        ({}, {}, Verdict.PASS),
        ({"environment": {**(SAME.environment or {}), "PORT": "x"}}, {}, Verdict.FAIL),
        (
            {"environment": {**(SAME.environment or {}), "PORT": "x"}},
            {"environment PORT": "  "},
            Verdict.FAIL,
        ),
        (
            {"environment": {**(SAME.environment or {}), "PORT": "x"}},
            {"environment PORT": "one host"},
            Verdict.PASS,
        ),
        (
            {"environment": {"PORT": "x", "DATABASE_URL": "h2"}},
            {"environment PORT": "one host"},
            Verdict.FAIL,
        ),
        ({"rows": None}, {}, Verdict.UNKNOWN),
        ({"rows": None}, {"rows": "too large to count"}, Verdict.UNKNOWN),
        ({"rows": None, "database": {}}, {}, Verdict.FAIL),
    ],
)
def test_verdicts(changed: dict[str, object], accepted: dict[str, str], verdict: Verdict) -> None:
    found = differences(SAME, replace(ANONYMISED, **changed), LIMITS)  # type: ignore[arg-type]
    judged = judge(found, accepted)
    assert judged.verdict is verdict, judged.evidence
    for reason in accepted.values():
        assert reason.strip() in judged.evidence or verdict is not Verdict.PASS


def test_no_hash_of_a_value_is_shown() -> None:
    other = replace(ANONYMISED, environment={"PORT": "hash-of-port", "DATABASE_URL": "x", "FEATURES": "h3"})
    evidence = judge(differences(SAME, other, LIMITS), {}).evidence
    assert "environment PORT: production has one value, staging has another (not accepted)" in evidence
    assert "hash-of-port" not in evidence
    assert "h1" not in evidence


@pytest.mark.parametrize(
    ("name", "credential"),
    [
        ("SESSION_SECRET", True),
        ("DATABASE_URL", True),
        ("ANALYTICS_DATABASE_URL", True),
        ("STRIPE_API_KEY", True),
        ("npm_token", True),
        ("SMTP_PASSWORD", True),
        ("PORT", False),
        ("NODE_ENV", False),
        ("PUBLIC_URL", False),
        ("KEYBOARD", False),
    ],
)
def test_credentials_are_recognised_by_name(name: str, credential: bool) -> None:
    assert is_credential(name) is credential
    assert is_credential("PUBLIC_URL", ["PUBLIC_*"])
