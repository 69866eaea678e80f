"""Moving through lines that take several rows."""

from __future__ import annotations

import itertools

import pytest

from handrail.tui.log_rows import START, Place, last_top, moved, one_row

HEIGHTS = (1, 3, 2, 1, 4)
ROWS = [Place(line, row) for line, height in enumerate(HEIGHTS) for row in range(height)]


@pytest.mark.parametrize("rows", range(-14, 15))
def test_each_row_is_reached_from_each(rows: int) -> None:
    for number, place in enumerate(ROWS):
        expected = ROWS[min(max(number + rows, 0), len(ROWS) - 1)]
        assert moved(place, rows, len(HEIGHTS), HEIGHTS.__getitem__) == expected


@pytest.mark.parametrize("height", range(1, 15))
def test_the_end_stands_at_the_bottom(height: int) -> None:
    expected = ROWS[max(len(ROWS) - height, 0)]
    assert last_top(height, len(HEIGHTS), HEIGHTS.__getitem__) == expected


def test_unwrapped_lines_are_rows() -> None:
    assert moved(Place(5, 0), 1_000_000_000, 2_000_000, one_row) == Place(1_999_999, 0)
    assert moved(Place(5, 0), -6, 2_000_000, one_row) == START
    assert last_top(24, 2_000_000, one_row) == Place(1_999_976, 0)


def test_nothing_has_no_rows() -> None:
    for height, count in itertools.product((0, 5), (0,)):
        assert last_top(height, count, one_row) == START
    assert moved(Place(3, 0), 5, 0, one_row) == START
