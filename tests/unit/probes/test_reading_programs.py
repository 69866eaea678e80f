"""What programs said: pm2's restarts, psql's one number, a task's report."""

import pytest

from handrail.probes.pm2 import restarts_since
from handrail.probes.pm2_list import Instance
from handrail.probes.sql import one_number
from handrail.probes.task import Reported, judged, level, reported


def instance(number: int, restarts: int) -> Instance:
    return Instance("shop", number, 10 + number, "online", restarts, 0.0, 1024, "1", None, None)


@pytest.mark.parametrize(
    ("before", "found", "count"),
    [
        ({0: 2, 1: 3}, [instance(0, 2), instance(1, 3)], 0),
        ({0: 2, 1: 3}, [instance(0, 3), instance(1, 5)], 3),
        ({0: 7}, [instance(0, 0)], 0),
        ({0: 7}, [instance(0, 2)], 2),
        ({0: 7}, [instance(1, 0)], 0),
        ({0: 7}, [instance(1, 4)], 4),
        ({0: 7}, [], 0),
    ],
)
def test_restarts_are_increases_and_never_negative(
    before: dict[int, int], found: list[Instance], count: int
) -> None:
    assert restarts_since(before, found) == count


@pytest.mark.parametrize(
    ("output", "number", "said"),
    [
        ("3\n", 3, ""),
        ("-1.5e3\n", -1500, ""),
        ("", None, "no row"),
        ("\n", None, "null"),
        ("1\n2\n", None, "2 rows"),
        ("1|2\n", None, "several columns"),
        ("t\n", None, "'t', which is no number"),
        ("NaN\n", None, "gives NaN"),
        ("Infinity\n", None, "gives Infinity"),
    ],
)
def test_one_number_of_psql_or_why_there_is_none(output: str, number: float | None, said: str) -> None:
    found, why = one_number(output)
    assert found == number
    assert said in why


def test_a_report_is_read_as_far_as_it_is_whole() -> None:
    text = (
        '{"fact": "size", "value": 3}\n{"verdict": "fail", "evidence": "a"}\n[1]\n'
        '{"verdict": "pass", "evidence": "b"}\n{"failure": "c"}\n{"fact": "torn", "val'
    )
    assert reported(text) == Reported({"size": 3}, "pass", "b", "c")


@pytest.mark.parametrize(
    ("report", "code", "value", "said"),
    [
        (Reported(verdict="pass"), 0, 0.0, ""),
        (Reported(verdict="pass"), 1, None, "exit code 1"),
        (Reported(verdict="fail", evidence="cold"), 1, 1.0, "cold"),
        (Reported(verdict="unknown", evidence="no answer"), 1, None, "no answer"),
        (Reported(verdict="perhaps"), 0, None, "perhaps"),
        (Reported(), 0, 0.0, ""),
        (Reported(failure="it broke"), 1, 1.0, "it broke"),
        (Reported(failure="no such task"), 2, None, "no such task"),
        (Reported(), -9, None, "exit code -9"),
    ],
)
def test_a_tasks_outcome(report: Reported, code: int, value: float | None, said: str) -> None:
    found, why = judged(report, code)
    assert found == value
    assert said in why


@pytest.mark.parametrize(
    ("facts", "value", "said"),
    [
        ({"size": 3}, 3, ""),
        ({"size": "4.5"}, 4.5, ""),
        ({"size": "large"}, None, "no number"),
        ({"size": None}, None, "no number"),
        ({"size": "nan"}, None, "is nan"),
        ({}, None, "no fact size"),
    ],
)
def test_a_tasks_fact_as_a_level(facts: dict[str, object], value: float | None, said: str) -> None:
    found, why = level(Reported(facts), "size", 0)
    assert found == value
    assert said in why
