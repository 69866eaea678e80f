"""What visitors get against what the application gives; and whether a flag is on."""

from __future__ import annotations

import pytest

from handrail.policy.gate import Verdict
from handrail.policy.visibility import Copy, judge_copies, judge_flag, mark_of, together, told_by

OWN = Copy(200, "new")
OLD = Copy(200, "old", told="age: 340, x-cache: HIT")


@pytest.mark.parametrize(
    ("seen", "own", "verdict", "said"),
    [
        ([OWN], [OWN], Verdict.PASS, "visitors get what the application gives"),
        ([Copy(200, "new", told="age: 3")], [OWN], Verdict.PASS, "gives (age: 3)"),
        ([OLD], [OWN, OWN], Verdict.FAIL, "visitors get another one, old (age: 340, x-cache: HIT)"),
        ([OWN, OLD, OWN], [OWN, OWN], Verdict.FAIL, "1 of 3 answers are another one, old"),
        ([Copy(404, "x")], [OWN, OWN], Verdict.FAIL, "visitors get status 404"),
        ([OLD], [OWN, Copy(200, "newer")], Verdict.UNKNOWN, "differs from request to request"),
        ([OLD], [OWN, Copy(trouble="no answer")], Verdict.UNKNOWN, "no answer"),
        ([Copy(trouble="it is down")], [OWN], Verdict.UNKNOWN, "it is down"),
        ([Copy(trouble="the maintenance page is up")], [OWN], Verdict.UNKNOWN, "maintenance"),
        (
            [Copy(500, "x")],
            [Copy(500, "x")],
            Verdict.UNKNOWN,
            "the application itself answers with status 500",
        ),
        ([Copy(404, "x")], [Copy(404, "x")], Verdict.UNKNOWN, "status 404"),
        ([Copy(200, "")], [OWN, OWN], Verdict.UNKNOWN, "lacks the header"),
        ([Copy(200, "")], [Copy(200, "")], Verdict.UNKNOWN, "lacks the header"),
        ([OWN], [Copy(200, "")], Verdict.UNKNOWN, "lacks the header"),
    ],
)
def test_what_visitors_get(seen, own, verdict, said) -> None:
    found, line = judge_copies("/page", seen, own)
    assert (found, line.startswith("/page: ")) == (verdict, True)
    assert said in line


@pytest.mark.parametrize(
    ("said", "contains", "equals", "verdict"),
    [
        (["on"], None, None, Verdict.PASS),
        ([""], None, None, Verdict.PASS),
        ([None], None, None, Verdict.FAIL),
        (["on", None], None, None, Verdict.FAIL),
        (["on\n"], None, "on", Verdict.PASS),
        (["only"], None, "on", Verdict.FAIL),
        (["on", "off"], None, "on", Verdict.FAIL),
        (["this is on"], "on", None, Verdict.PASS),
        (["off"], "on", None, Verdict.FAIL),
        ([None], "on", None, Verdict.FAIL),
        ([], "on", None, Verdict.UNKNOWN),
        ([], None, None, Verdict.UNKNOWN),
    ],
)
def test_whether_a_flag_is_on(said, contains, equals, verdict) -> None:
    found, line = judge_flag("x", "there", said, contains=contains, equals=equals, shown=True)
    assert found is verdict
    assert "feature flag x is o" in line


def test_the_value_of_a_variable_is_never_shown() -> None:
    _, hidden = judge_flag("x", "there", ["s3cret"], contains=None, equals="on", shown=False)
    _, shown = judge_flag("x", "there", ["off  today"], contains=None, equals="on", shown=True)
    assert "s3cret" not in hidden
    assert "it is 'off today'" in shown


def test_one_failure_decides_then_one_doubt() -> None:
    passed, failed, unsure = ((verdict, verdict.value) for verdict in Verdict)
    assert together("x", [passed, unsure, failed]).verdict is Verdict.FAIL
    assert together("x", [passed, unsure]).verdict is Verdict.UNKNOWN
    assert together("x", [passed]).evidence == "x: as deployed\n- pass"


def test_by_what_an_answer_is_recognised() -> None:
    headers = {"etag": '"a"', "x-cache": "HIT", "age": "12", "server": "x"}
    assert mark_of("body", headers, "ETag") == '"a"'
    assert mark_of("body", headers, "x-release") == ""
    assert mark_of("body", {}, None) == mark_of("body", headers, None) != mark_of("body ", {}, None)
    assert told_by(headers) == 'age: 12, x-cache: HIT, etag: "a"'
