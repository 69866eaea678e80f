"""When lines were written, from the shim's notes."""

from __future__ import annotations

from pathlib import Path

import pytest

from handrail.tui.log_times import line_times, times_path


def test_the_notes_lie_beside_the_log() -> None:
    assert times_path(Path("/runs/1/attempts/0003/log")) == Path("/runs/1/attempts/0003/log.times")


@pytest.mark.parametrize(
    ("notes", "starts", "expected"),
    [
        ("", [0, 5], [None, None]),
        ("10 100.5\n", [0, 9, 10], [100.5, 100.5, None]),
        ("10 100.0\n20 101.0\n30 102.0\n", [0, 10, 19, 20, 29], [100.0, 101.0, 101.0, 102.0, 102.0]),
        ("10 100.0\n20 10", [0, 15], [100.0, None]),
        ("10 100.0\nnonsense\n30 102.0\n", [0, 15], [100.0, None]),
    ],
)
def test_lines_and_notes(tmp_path: Path, notes: str, starts: list[int], expected: list[float | None]) -> None:
    path = tmp_path / "log.times"
    path.write_text(notes)
    assert line_times(path, starts) == expected


def test_many_notes_are_searched(tmp_path: Path) -> None:
    path = tmp_path / "log.times"
    path.write_text("".join(f"{n * 100} {1e9 + n:.3f}\n" for n in range(1, 50_001)))
    for line in (0, 1, 99, 100, 12_345, 2_500_000, 4_999_999):
        assert line_times(path, [line]) == [1e9 + line // 100 + 1]
    assert line_times(path, [5_000_000]) == [None]


def test_without_notes_there_are_no_times(tmp_path: Path) -> None:
    assert line_times(tmp_path / "none", [0, 1]) == [None, None]
    assert line_times(tmp_path / "none", []) == []
