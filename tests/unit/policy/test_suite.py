"""What test runners say at their end, and what all the scripts say together."""

from __future__ import annotations

import pytest

from handrail.policy.gate import Verdict
from handrail.policy.suite import Counts, Ran, counts_in, judge

COMMIT = "a" * 40
PASS, FAIL, UNKNOWN = Verdict.PASS, Verdict.FAIL, Verdict.UNKNOWN
NODE_TAP = """\
TAP version 13
# Subtest: adds
ok 1 - adds
1..4
# tests 4
# suites 1
# pass 2
# fail 1
# cancelled 0
# skipped 1
# todo 0
# duration_ms 48.1
"""
NODE_SPEC = """\
\x1b[32m\u2714 adds \x1b[90m(0.6ms)\x1b[39m\x1b[39m
\x1b[34m\u2139 tests 2\x1b[39m
\x1b[34m\u2139 pass 2\x1b[39m
\x1b[34m\u2139 fail 0\x1b[39m
\x1b[34m\u2139 cancelled 0\x1b[39m
\x1b[34m\u2139 skipped 0\x1b[39m
\x1b[34m\u2139 todo 0\x1b[39m
"""


@pytest.mark.parametrize(
    ("output", "counts"),
    [
        (NODE_TAP, Counts(2, 1, 1)),
        (NODE_SPEC, Counts(2, 0, 0)),
        (NODE_SPEC + NODE_TAP, Counts(4, 1, 1)),
        (
            "Test Suites: 1 failed, 1 total\nTests:       1 failed, 2 skipped, 3 passed, 6 total\n",
            Counts(3, 1, 2),
        ),
        (" Test Files  1 passed (1)\n      Tests  2 passed | 1 skipped (3)\n", Counts(2, 0, 1)),
        ("  3 passing (12ms)\n  1 pending\n  2 failing\n", Counts(3, 2, 1)),
        ("Running 3 tests using 1 worker\n  1 failed\n  2 passed (4.5s)\n", Counts(2, 1, 0)),
        ("  2 tests passed\n  1 test failed\n", Counts(2, 1, 0)),
        ("===== 1 failed, 3 passed, 2 skipped in 0.12s =====\n", Counts(3, 1, 2)),
        ("3 passed in 0.12s\n", Counts(3, 0, 0)),
        ("# tests 0\n# pass 0\n# fail 0\n", Counts(0, 0, 0)),
        ("", None),
        ("Done in 3.2s.\n3 errors were mentioned\nTests are fun\n", None),
    ],
)
def test_the_closing_lines_of_known_runners(output: str, counts: Counts | None) -> None:
    assert counts_in(output) == counts


GOOD = Counts(3, 0, 1)


def all_of(**changes: Ran) -> list[Ran]:
    kinds = ("unit", "integration", "e2e")
    return [changes.get(kind, Ran(kind, f"test:{kind}", 0, GOOD)) for kind in kinds]


@pytest.mark.parametrize(
    ("case", "changed", "verdict"),
    [
        ("all pass", None, PASS),
        ("one fails", Ran("unit", "test:unit", 1, Counts(2, 1)), FAIL),
        ("one ends badly although it counts no failure", Ran("unit", "test:unit", 1, GOOD), FAIL),
        ("one ends badly and says nothing", Ran("unit", "test:unit", 1), FAIL),
        ("one is killed", Ran("unit", "test:unit", -9), FAIL),
        ("one hides its failures behind exit code 0", Ran("unit", "test:unit", 0, Counts(2, 1)), FAIL),
        ("one says nothing", Ran("unit", "test:unit", 0), UNKNOWN),
        ("one ran no test", Ran("unit", "test:unit", 0, Counts()), UNKNOWN),
        ("one skipped all of its tests", Ran("unit", "test:unit", 0, Counts(skipped=4)), UNKNOWN),
        ("one isn't there", Ran("unit", "test:unit", None, trouble="no such script"), UNKNOWN),
    ],
)
def test_all_scripts_together(case: str, changed: Ran | None, verdict: Verdict) -> None:
    assert judge(COMMIT, all_of(**({"unit": changed} if changed else {})), {}).verdict is verdict, case


def test_a_failure_weighs_more_than_a_doubt() -> None:
    ran = all_of(unit=Ran("unit", "test:unit", 0), e2e=Ran("e2e", "test:e2e", 1, GOOD))
    assert judge(COMMIT, ran, {}).verdict is FAIL


@pytest.mark.parametrize(
    ("without", "verdict"),
    [({}, UNKNOWN), ({"e2e": " "}, UNKNOWN), ({"e2e": "the CI has the only browser"}, PASS)],
)
def test_a_kind_may_be_missing_for_a_reason_alone(without: dict[str, str], verdict: Verdict) -> None:
    found = judge(COMMIT, all_of()[:2], without)
    assert found.verdict is verdict
    assert "e2e" in found.evidence


def test_reasons_alone_are_no_tests() -> None:
    assert judge(COMMIT, [], dict.fromkeys(("unit", "integration", "e2e"), "none yet")).verdict is UNKNOWN


def test_the_evidence_has_the_counts_of_each_script() -> None:
    assert "- unit (npm run test:unit): 3 passed, 0 failed, 1 skipped" in judge(COMMIT, all_of(), {}).evidence
