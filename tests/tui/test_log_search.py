"""Searching a log: what is shown is what is found, both ways, over the ends, in files of any kind."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handrail.tui.log_index import CHUNK_BYTES, LONGEST_LINE_BYTES, SEARCHED_LINE_BYTES, LogIndex
from handrail.tui.log_search import LogHunt, Pattern, read_pattern, trouble_pattern


def grown(path: Path) -> LogIndex:
    index = LogIndex(path)
    while index.grow():
        pass
    return index


def hunted(
    index: LogIndex, pattern: Pattern, start: int = -1, *, forward: bool = True, secrets: tuple[str, ...] = ()
) -> tuple[int | None, bool]:
    hunt = LogHunt(index, pattern, start, forward=forward, secrets=secrets)
    while hunt.go_on(0.0):
        pass
    return hunt.found, hunt.wrapped


@pytest.mark.parametrize(
    ("words", "regular", "line", "found"),
    [
        ("error", False, "An ERROR came", True),
        ("Error", False, "An ERROR came", False),
        ("a.c", False, "abc", False),
        ("a.c", True, "abc", True),
        ("^two$", True, "two", True),
        (r"\Sx", True, "AX", True),
        ("X", True, "x", False),
        ("straße", False, "STRASSE", False),
        ("größe", False, "GRÖSSE größe", True),
        (r"\d{3}", True, "x 404", True),
        (r"\Aon", True, "one", True),
    ],
)
def test_what_is_in_a_line(words: str, regular: bool, line: str, found: bool) -> None:
    pattern = read_pattern(words, regular=regular)
    assert pattern.is_in(line) is found
    assert bool(pattern.spans(line)) is found
    assert pattern.may_be_in(f"before\n{line}\nafter") or not found


@pytest.mark.parametrize("words", ["", "x" * 1001])
def test_what_can_not_be_looked_for(words: str) -> None:
    with pytest.raises(ValueError, match=r"nothing to look for|longer than"):
        read_pattern(words, regular=False)


@pytest.mark.parametrize(
    ("words", "why"),
    [("(", "unclosed group"), ("(?=a)", "look-around"), ("a{1000}{1000}", "size limit"), ("[b-a]", "range")],
)
def test_what_is_wrong_with_an_expression_is_said(words: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        read_pattern(words, regular=True)


def test_an_expression_that_would_backtrack_for_ever_is_answered() -> None:
    pattern = read_pattern("(a+)+$", regular=True)
    assert not pattern.is_in("a" * LONGEST_LINE_BYTES + "b")


@pytest.mark.parametrize(
    ("content", "words", "expected"),
    [
        (b"", "x", None),
        (b"x", "x", 0),
        (b"a\nx", "x", 1),
        (b"a\nx\n", "x", 1),
        (b"a\r\nneedle\r\n", "needle$", 1),
        (b" 1% needle\r 2% hay\nneedle\n", "needle", 1),
        (b"\xff\xfe bad\n\xffneedle\xc3\n", "needle", 1),
        (b"\x1b[31mnee\x1b[0mdle\n", "needle", 0),
        (b"y" * (CHUNK_BYTES - 3) + b"needle\nafter\n", "needle", 0),
        (b"y" * (CHUNK_BYTES - 1) + b"\nneedle\n", "needle", 1),
        (b"y" * CHUNK_BYTES + b"\nneedle", "needle", 1),
        (b"y" * (3 * CHUNK_BYTES) + b"needle\n", "needle", 0),
        (b"a\n" + b"y" * SEARCHED_LINE_BYTES * 2 + b"\nneedle\n", "needle", 2),
    ],
)
def test_in_files_of_every_kind(tmp_path: Path, content: bytes, words: str, expected: int | None) -> None:
    path = tmp_path / "log"
    path.write_bytes(content)
    index = grown(path)
    for forward in (True, False):
        start = -1 if forward else index.line_count
        assert hunted(index, read_pattern(words, regular=True), start, forward=forward) == (expected, False)


def test_forward_and_back_and_over_the_ends(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("".join(f"line {n}{' needle' if n % 1000 == 7 else ''}\n" for n in range(30_000)))
    index, needle = grown(path), read_pattern("needle", regular=False)
    assert hunted(index, needle, 7) == (1007, False)
    assert hunted(index, needle, 1007, forward=False) == (7, False)
    assert hunted(index, needle, 29_007) == (7, True)
    assert hunted(index, needle, 7, forward=False) == (29_007, True)
    only = read_pattern("line 555 *$", regular=True)
    assert hunted(index, only, 555) == (555, True)
    assert hunted(index, only, 555, forward=False) == (555, True)
    assert hunted(index, read_pattern("nowhere", regular=False), 5) == (None, False)


@given(
    lines=st.lists(st.sampled_from(["", "a", "needle", "x" * 30_000, "needle" + "y" * 70_000]), max_size=12),
    start=st.integers(-1, 12),
    forward=st.booleans(),
)
def test_it_finds_what_reading_the_whole_file_finds(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str], start: int, forward: bool
) -> None:
    path = tmp_path_factory.mktemp("log") / "log"
    path.write_text("".join(f"{line}\n" for line in lines))
    hits = [number for number, line in enumerate(lines) if "needle" in line]
    ahead = [n for n in hits if (n > start if forward else n < start)]
    rest = [n for n in hits if n not in ahead]
    order = [(n, False) for n in sorted(ahead, reverse=not forward)]
    order += [(n, True) for n in sorted(rest, reverse=not forward)]
    found = hunted(grown(path), read_pattern("needle", regular=False), start, forward=forward)
    assert found == (order[0] if order else (None, False))


def test_a_secret_is_not_found_by_its_text(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("token hunter22\n")
    needle = read_pattern("hunter2", regular=False)
    assert hunted(grown(path), needle, secrets=("hunter22",)) == (None, False)


def test_errors_are_the_target_s_own_and_warnings() -> None:
    pattern = trouble_pattern(("error", "exception", "broken ("))
    for line in ("npm ERROR x", "WARNING: old", "npm warn deprecated", "TypeException", "is broken (again"):
        assert pattern.is_in(line), line
    for line in ("all is well", "warnock was here"):
        assert not pattern.is_in(line), line


def test_a_log_that_vanishes_or_is_cut_ends_the_hunt(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"line\n" * 100_000 + b"needle\n")
    index = grown(path)
    hunt = LogHunt(index, read_pattern("needle", regular=False), -1, forward=True)
    assert hunt.go_on(0.0)
    path.write_bytes(b"cut\n")
    while hunt.go_on(0.0):
        pass
    assert hunt.found is None
    path.unlink()
    assert hunted(index, read_pattern("needle", regular=False)) == (None, False)
