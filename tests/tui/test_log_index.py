"""The window onto a log file: its size makes no difference, and it is never trusted."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from handrail.tui.log_index import CHUNK_BYTES, LONGEST_LINE_BYTES, LogIndex


def grown(path: Path) -> LogIndex:
    index = LogIndex(path)
    while index.grow():
        pass
    return index


def texts(index: LogIndex, first: int = 0, count: int = 1000) -> list[str]:
    return [line.data.decode() for line in index.lines(first, count)]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", []),
        (b"one", ["one"]),
        (b"one\n", ["one"]),
        (b"one\ntwo", ["one", "two"]),
        (b"\n\n", ["", ""]),
        (b"one\r\ntwo\r\n", ["one", "two"]),
        (b" 1%\r 50%\r100%\ndone\n", ["100%", "done"]),
        (b" 1%\r 50%\r", [" 50%"]),
        (b"x" * CHUNK_BYTES + b"\nafter\n", ["x" * LONGEST_LINE_BYTES, "after"]),
        (b"x" * (CHUNK_BYTES - 1) + b"\n" + b"y" * (CHUNK_BYTES - 1) + b"\nz", None),
    ],
)
def test_lines(tmp_path: Path, content: bytes, expected: list[str] | None) -> None:
    path = tmp_path / "log"
    path.write_bytes(content)
    if expected is None:
        expected = ["x" * LONGEST_LINE_BYTES, "y" * LONGEST_LINE_BYTES, "z"]
    index = grown(path)
    assert texts(index) == expected
    assert index.line_count == len(expected)


def test_every_window_agrees_with_reading_the_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "log"
    lines = [f"{n} " + "·" * (n * 37 % 3000) for n in range(1, 700)]
    path.write_text("\n".join(lines), encoding="utf-8")
    index = grown(path)
    for first in range(0, len(lines), 13):
        window = index.lines(first, 9)
        for line, text in zip(window, lines[first : first + 9], strict=True):
            data = text.encode()
            assert line.data == data[:LONGEST_LINE_BYTES]
            assert line.cut == max(len(data) - LONGEST_LINE_BYTES, 0)


def test_a_progress_line_of_megabytes_shows_its_last_state(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"".join(b"\rreceived %d bytes" % n for n in range(200_000)) + b"\nnext\n")
    assert texts(grown(path)) == ["received 199999 bytes", "next"]


def test_a_log_that_grows_is_followed_in_the_middle_of_a_line(tmp_path: Path) -> None:
    path = tmp_path / "log"
    index = LogIndex(path)
    assert not index.grow()
    assert index.line_count == 0
    with path.open("wb", buffering=0) as file:
        for piece, expected in [
            (b"a\nb", ["a", "b"]),
            (b"c", ["a", "bc"]),
            (b"\n", ["a", "bc"]),
            (b"d\n", ["a", "bc", "d"]),
        ]:
            file.write(piece)
            index.grow()
            assert texts(index) == expected


def test_a_truncated_and_a_replaced_log_are_read_anew(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("one\ntwo\nthree\n")
    index = grown(path)
    before = index.generation
    path.write_text("new\n")
    index.grow()
    assert texts(index) == ["new"]
    assert index.generation > before
    other = tmp_path / "other"
    other.write_text("a longer one\nthan before\n")
    other.replace(path)
    index.grow()
    assert texts(index) == ["a longer one", "than before"]
    path.unlink()
    assert index.lines(0, 5) == []


def test_a_million_lines_are_kept_in_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "log"
    with path.open("w") as file:
        for start in range(0, 1_000_000, 10_000):
            file.write(
                "".join(f"line {n} of a build that says a lot\n" for n in range(start, start + 10_000))
            )
    index = grown(path)
    assert index.line_count == 1_000_000
    assert texts(index, 765_432, 2) == [
        "line 765432 of a build that says a lot",
        "line 765433 of a build that says a lot",
    ]
    assert texts(index, 999_999, 5) == ["line 999999 of a build that says a lot"]
    assert sys.getsizeof(index.extent.ends_before) < 64 * 1024


def test_a_scan_stops_at_its_budget_and_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"line\n" * 200_000)
    index = LogIndex(path)
    rounds = 1
    while index.grow(budget_seconds=0.0):
        rounds += 1
    assert rounds > 10
    assert index.line_count == 200_000
