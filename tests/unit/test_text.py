"""Text from elsewhere, made fit for a terminal."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handrail.text import MASK, clean, clean_line, countdown, duration, mask


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("plain", "plain"),
        ("tab\tand\nline", "tab\tand\nline"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b[38;5;196mred\x1b[m", "red"),
        ("\x1b[2J", "␛[2J"),
        ("\x1b]52;c;aGk=\x07", "␛]52;c;aGk=␇"),
        ("\x1b\x1b[31m[2J", "␛[2J"),
        ("\x9b2J", "\ufffd2J"),
        ("back\x08space\r", "back␈space␍"),
        ("\x7f", "␡"),
        ("evil\u202etxt.exe", "evil\ufffdtxt.exe"),
        ("zero\u200bwidth", "zero\ufffdwidth"),
        ("\ud800", "\ufffd"),
    ],
)
def test_control_sequences_become_visible_and_colour_is_dropped(raw: str, shown: str) -> None:
    assert clean(raw) == shown


def test_colour_is_kept_where_asked_for_and_nothing_else_is() -> None:
    assert clean("\x1b[31mred\x1b[2J\x1b[0m", keep_colour=True) == "\x1b[31mred␛[2J\x1b[0m"


@given(st.text())
def test_nothing_that_could_harm_a_terminal_is_left(raw: str) -> None:
    shown = clean(raw)
    assert not any(ord(c) < 0x20 and c not in "\t\n" for c in shown)
    assert not any(0x7F <= ord(c) <= 0x9F for c in shown)
    assert clean(shown) == shown


def test_one_line_stays_one_line() -> None:
    assert clean_line("  a\n b\t\tc\x1b[2J ") == "a b c␛[2J"


def test_secrets_are_masked_longest_first_and_short_ones_left() -> None:
    assert mask("token abcdef and abc", ["abc", "abcdef"]) == f"token {MASK} and abc"


@pytest.mark.parametrize(
    ("seconds", "words", "face"),
    [
        (0, "0s", "0:00"),
        (4, "4s", "0:04"),
        (65, "1m 05s", "1:05"),
        (299.9, "5m 00s", "4:59"),
        (3600, "1h 00m", "1:00:00"),
        (7380, "2h 03m", "2:03:00"),
        (-12, "-12s", "-0:12"),
        (-300, "-5m 00s", "-5:00"),
    ],
)
def test_durations_and_countdowns(seconds: float, words: str, face: str) -> None:
    assert duration(timedelta(seconds=seconds)) == words
    assert countdown(timedelta(seconds=seconds)) == face
