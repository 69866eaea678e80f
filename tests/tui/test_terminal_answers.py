"""An answer of the terminal is never a key, however it arrives; keys and pastes stay what they are."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handrail.tui.terminal_answers import AnswerReader
from handrail.tui.terminal_link import answers_for_its_terminal, wants_mouse


def read(pieces: list[str], expected: int) -> tuple[str, int]:
    reader = AnswerReader()
    reader.expected = expected
    text, answers = "", 0
    for piece in pieces:
        kept, found = reader.read(piece)
        text += kept
        answers += found
    return text, answers


@pytest.mark.parametrize("cut", list(itertools.combinations(range(1, 8), 2)))
def test_an_answer_in_pieces_is_no_key(cut: tuple[int, int]) -> None:
    answer = "\x1b[12;34R"
    pieces = [answer[: cut[0]], answer[cut[0] : cut[1]], answer[cut[1] :], "q"]
    text, answers = read(pieces, 1)
    assert answers == 1
    # A lone escape can't be told from the key, and is not kept from it.
    assert text in ("q", "\x1bq")


@given(
    before=st.sampled_from(["", "j", "\x1b[A", "\x1b[1;5C", "\x1b[<0;3;4M", "ü", "\x1b"]),
    after=st.sampled_from(["", "k", "\x1b[B", "[", "R", "\x1b[5~"]),
    count=st.integers(1, 4),
    cuts=st.lists(st.integers(0, 60), max_size=6),
)
def test_keys_around_answers_stay(before: str, after: str, count: int, cuts: list[int]) -> None:
    stream = before + "\x1b[5;1R" * count + after
    places = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    pieces = [stream[start:end] for start, end in itertools.pairwise(places)]
    text, answers = read(pieces, count)
    assert answers == count
    assert text.replace("\x1b", "") == (before + after).replace("\x1b", "")


def test_what_was_not_asked_for_is_a_key() -> None:
    assert read(["\x1b[1;2R"], 0) == ("\x1b[1;2R", 0)
    assert read(["\x1b[5;1R", "\x1b[1;2R"], 1) == ("\x1b[1;2R", 1)


def test_a_pasted_answer_is_pasted() -> None:
    paste = "\x1b[200~evil \x1b[5;1R\x1b[201~"
    assert read([paste, "\x1b[7;7R"], 1) == (paste, 1)
    assert read([paste[:9], paste[9:], "\x1b[7;7R"], 1) == (paste, 1)


def test_the_beginning_of_another_sequence_goes_on() -> None:
    assert read(["\x1b[1;5", "C", "x"], 1) == ("\x1b[1;5Cx", 0)
    assert read(["\x1b", "[A"], 1) == ("\x1b[A", 0)


@pytest.mark.parametrize(
    ("environment", "near"),
    [
        ({"TERM": "xterm-256color"}, False),
        ({"TERM": "tmux-256color", "TMUX": "/tmp/tmux,1,0"}, True),
        ({"TERM": "screen", "STY": "1.pts"}, True),
        # A tmux on the person's own side, over SSH: its answers have gone over the link.
        ({"TERM": "tmux-256color"}, False),
    ],
)
def test_who_answers_from_this_side_of_the_link(environment: dict[str, str], near: bool) -> None:
    assert answers_for_its_terminal(environment) is near


@pytest.mark.parametrize(
    ("value", "wanted"), [(None, True), ("", True), ("on", True), ("off", False), ("0", False)]
)
def test_the_mouse_can_be_turned_off(value: str | None, wanted: bool) -> None:
    assert wants_mouse({} if value is None else {"HANDRAIL_MOUSE": value}) is wanted


@pytest.mark.parametrize(
    ("environment", "wanted"),
    [
        ({"STY": "1.pts", "TERM": "screen.xterm-256color"}, False),
        ({"STY": "1.pts", "TERM": "screen", "HANDRAIL_MOUSE": "on"}, True),
        ({"STY": "1.pts", "TERM": "tmux-256color", "TMUX": "/tmp/tmux,1,0"}, True),
        ({"TERM": "screen", "TMUX": "/tmp/tmux,1,0"}, True),
    ],
)
def test_gnu_screen_would_keep_an_escape_back(environment: dict[str, str], wanted: bool) -> None:
    assert wants_mouse(environment) is wanted
