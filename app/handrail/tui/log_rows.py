"""Where a view stands in a log whose long lines take several rows; only what is near is ever looked at."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

RowsOf = Callable[[int], int]


class Place(NamedTuple):
    """A row of a line, both from 0."""

    line: int
    row: int


START = Place(0, 0)


def one_row(line: int) -> int:
    """How many rows a line takes where lines are not wrapped."""
    return 1


def moved(place: Place, rows: int, count: int, rows_of: RowsOf) -> Place:
    """The place so many rows further down, or up where negative; the first and the last row are the ends."""
    if count <= 0:
        return START
    if rows_of is one_row:
        return Place(min(max(place.line + rows, 0), count - 1), 0)
    line, row = place.line, place.row + rows
    while row < 0 and line > 0:
        line -= 1
        row += rows_of(line)
    if row < 0:
        return START
    while row >= (here := rows_of(line)):
        if line + 1 >= count:
            return Place(line, here - 1)
        row -= here
        line += 1
    return Place(line, row)


def last_top(height: int, count: int, rows_of: RowsOf) -> Place:
    """The place of the first row where the last one stands at the bottom of a view of this height."""
    if count <= 0 or height <= 0:
        return START
    return moved(Place(count - 1, rows_of(count - 1) - 1), 1 - height, count, rows_of)
