"""What is seen of each cell of a terminal: its character, and what of its style shows."""

from __future__ import annotations

from io import StringIO

from rich.ansi import AnsiDecoder
from rich.console import Console
from rich.style import Style

Cell = tuple[str, str]
"""A character and its style; that of a blank has no letter's colour or weight."""


def seen_cells(coloured: str) -> list[list[Cell]]:
    """The cells of each row, from text with the sequences of its colours."""
    console = Console(file=StringIO(), force_terminal=True, color_system="truecolor")
    found = []
    for row in AnsiDecoder().decode(coloured):
        seen: list[Cell] = []
        for text, style, _ in row.render(console):
            shades = style or Style()
            blank = Style(bgcolor=shades.bgcolor, underline=shades.underline, reverse=shades.reverse)
            # Reversed, the letter's colour is the one behind it.
            shade = blank + Style(color=shades.color) if shades.reverse else blank
            seen += [(each, str(shade if each == " " else shades)) for each in text]
        found.append(seen)
    return found


def other_styles(before: list[list[Cell]], after: list[list[Cell]]) -> list[tuple[int, int, Cell, Cell]]:
    """Row, column and both cells where a style differs, in rows whose text is the same."""
    return [
        (y, x, one, other)
        for y, (row, now) in enumerate(zip(before, after, strict=True))
        if [character for character, _ in row] == [character for character, _ in now]
        for x, (one, other) in enumerate(zip(row, now, strict=True))
        if one != other
    ]
