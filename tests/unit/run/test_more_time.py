"""How much more time a person asks for: a misread number would move a deadline."""

from __future__ import annotations

import pytest

from handrail.run.more_time import MoreTime, read_more_time


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10 because the fix is being restarted", MoreTime(600, "the fix is being restarted")),
        (" 5m, the fix works ", MoreTime(300, "the fix works")),
        ("5 minutes: it restarts", MoreTime(300, "it restarts")),
        ("15 min 2 instances are left", MoreTime(900, "2 instances are left")),
        ("1440 overnight", MoreTime(86_400, "overnight")),
        ("1\nwhy\nnot", MoreTime(60, "why\nnot")),
    ],
)
def test_minutes_and_a_reason(text: str, expected: MoreTime) -> None:
    assert read_more_time(text, needs_reason=True) == expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "whole minutes and why"),
        ("because it restarts", "whole minutes and why"),
        ("0 nothing", "whole minutes and why"),
        ("-5 less", "whole minutes and why"),
        ("1.5 half", "whole minutes and why"),
        ("1e3 much", "whole minutes and why"),
        ("10h long", "whole minutes and why"),
        ("10because", "whole minutes and why"),
        ("٣ three", "whole minutes and why"),
        ("10", "Say why, too"),
        ("10 because ", "Say why, too"),
        ("1441 a day", "more than a day"),
        ("99999 months", "more than a day"),
        ("999999 years", "whole minutes and why"),
    ],
)
def test_anything_else_says_what_was_expected(text: str, said: str) -> None:
    answer = read_more_time(text, needs_reason=True)
    assert isinstance(answer, str)
    assert said in answer


def test_a_watch_is_stretched_without_a_reason_too() -> None:
    assert read_more_time("10", needs_reason=False) == MoreTime(600, "")
    assert read_more_time("10 low traffic", needs_reason=False) == MoreTime(600, "low traffic")
    assert isinstance(read_more_time("low traffic", needs_reason=False), str)
