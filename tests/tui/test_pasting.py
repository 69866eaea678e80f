"""No letter of a paste is a key, marked or not, however it is cut on its way; keys stay what they are."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handrail.tui.pasting import (
    BEGINS,
    ENDS,
    KEPT_CHARACTERS,
    LOST_END_TICKS,
    NOBODY_TYPES,
    QUIET_TICKS,
    Pasted,
    PasteReader,
    Typed,
)

EVIL = "a line\rb\rproduction\r\x1bq\x1b[31mred\x1b[0m\x03y\r"
LONG = EVIL + "what somebody had copied from a log " * 3


def read(pieces: list[str], reader: PasteReader | None = None, *, quiet: int = 0) -> tuple[str, list[str]]:
    """All that was typed, and each paste."""
    reader = reader or PasteReader()
    found = [each for piece in pieces for each in reader.read(piece)]
    for _ in range(quiet):
        found += reader.quiet()
    typed = "".join(each.text for each in found if isinstance(each, Typed))
    return typed, [each.text for each in found if isinstance(each, Pasted)]


@given(
    before=st.sampled_from(["", "j", "\x1b[A", "\x1b[<0;3;4M", "ü"]),
    after=st.sampled_from(["", "k", "\x1b[B", "[", "\x1b[5~"]),
    pasted=st.sampled_from([EVIL, "x", LONG, "\x1b[200~", "\x1b[20"]),
    cuts=st.lists(st.integers(0, 200), max_size=8),
)
def test_a_marked_paste_is_one_however_it_is_cut(
    before: str, after: str, pasted: str, cuts: list[int]
) -> None:
    stream = before + BEGINS + pasted + ENDS + after
    places = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    pieces = [stream[start:end] for start, end in itertools.pairwise(places)]
    typed, pastes = read(pieces, quiet=1)
    assert pastes == [pasted]
    # A lone escape can't be told from the key, and is not kept from it.
    assert typed.replace("\x1b", "") == (before + after).replace("\x1b", "")


@pytest.mark.parametrize("size", [100, 1000, 4096])
def test_what_nobody_types_is_pasted_without_marks(size: int) -> None:
    stream = LONG * 100
    pieces = [stream[start : start + size] for start in range(0, len(stream), size)]
    typed, pastes = read(pieces, quiet=QUIET_TICKS)
    assert typed == ""
    assert len(pastes) == 1
    assert len(pastes[0]) == KEPT_CHARACTERS
    assert "\x1b" not in pastes[0]


def test_its_last_piece_belongs_to_it_until_it_has_been_quiet() -> None:
    reader = PasteReader()
    assert read([LONG, "b\r", "production\r"], reader, quiet=QUIET_TICKS - 1) == ("", [])
    assert read(["a\r"], reader, quiet=QUIET_TICKS)[1][0].endswith("production\ra\r")
    assert read(["j"], reader) == ("j", [])


@pytest.mark.parametrize(
    "typed",
    [
        "sbecause the payment provider is down for now\r",
        "j" * 500,
        "jk" * 100,
        "\x1b[B" * 400,
        "\x1b[<35;10;11M" * 100,
        "\x1b]11;rgb:ffff/ffff/ffff\x07" + "\x1bP>|" + "a terminal of a long name " * 4 + "\x1b\\",
        "x" * (NOBODY_TYPES - 1),
        "\x1b",
        "\x1b[2",
    ],
)
def test_what_a_person_or_a_terminal_sends_stays_keys(typed: str) -> None:
    assert read([typed], quiet=1) == (typed, [])


def test_an_end_that_never_comes_gives_the_keyboard_back() -> None:
    reader = PasteReader()
    assert read([BEGINS, "lost"], reader, quiet=LOST_END_TICKS - 1) == ("", [])
    assert read([], reader, quiet=1) == ("", ["lost"])
    assert read(["q"], reader) == ("q", [])


def test_megabytes_are_not_kept() -> None:
    reader = PasteReader()
    found = [each for number in range(2000) for each in reader.read(BEGINS * (number == 0) + "x" * 4096)]
    assert found == []
    assert read([ENDS], reader) == ("", ["x" * KEPT_CHARACTERS])
