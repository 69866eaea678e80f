"""Of each repaint only what differs is written, and the terminal shows the same as if all of it were."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import pytest
from rich.ansi import AnsiDecoder
from rich.cells import get_character_cell_size
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from textual._compositor import ChopsUpdate, LayoutUpdate
from textual.geometry import Region
from textual.strip import Strip

from handrail.tui.shown_cells import CellsUpdate, ShownCells

RED, GREEN = Style(color="red"), Style(color="green", bold=True)
Grid = dict[tuple[int, int], tuple[str, Style | None]]


def strip(text: str, style: Style | None = None) -> Strip:
    return Strip([Segment(text, style)])


def layout(*rows: str | Sequence[Strip], style: Style | None = None) -> LayoutUpdate:
    lines = [[strip(row, style)] if isinstance(row, str) else list(row) for row in rows]
    width = max(sum(each.cell_length for each in line) for line in lines)
    return LayoutUpdate(lines, Region(0, 0, width, len(lines)))


def written(update: CellsUpdate | None) -> list[tuple[int, int, str]]:
    return [(y, x, piece.text) for y, x, piece in update.pieces] if update else []


def put(grid: Grid, y: int, x: int, piece: Strip) -> None:
    """Write as a terminal does: half of a wide character that is overwritten takes the other half with it."""
    for text, style, _ in piece:
        for character in text:
            width = get_character_cell_size(character)
            if width == 0:
                before, of = grid[y, x - 1]
                grid[y, x - 1] = (before + character, of)
                continue
            for column in (x, x + width - 1):
                if grid.get((y, column), ("", None))[0] == "right half":
                    grid[y, column - 1] = (" ", None)
                if grid.get((y, column + 1), ("", None))[0] == "right half":
                    grid[y, column + 1] = (" ", None)
            grid[y, x] = (character, style)
            if width == 2:
                grid[y, x + 1] = ("right half", style)
            x += width


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("unchanged", "unchanged", []),
        ("log 0001 compiled", "log 0002 compiled", [(0, 7, "2")]),
        # Two changes near each other are one piece: to go to another place costs more.
        ("12:34:56 left", "12:35:57 left", [(0, 4, "5:57")]),
        ("a" + "." * 20 + "b", "c" + "." * 20 + "d", [(0, 0, "c"), (0, 21, "d")]),
        ("short", "longer now", [(0, 0, "longer now")]),
        # What takes two cells may take another number elsewhere: the whole piece is written.
        ("wide 世 1", "wide 世 2", [(0, 0, "wide 世 2")]),
        ("wide 世 1", "wide 世 1", []),
        ("gone 世 1", "gone it 1", [(0, 0, "gone it 1")]),
        ("e\u0301 1", "e\u0301 2", [(0, 0, "e\u0301 2")]),
        ("👩\u200d👧 ⚠\ufe0f 1", "👩\u200d👧 ⚠\ufe0f 2", [(0, 0, "👩\u200d👧 ⚠\ufe0f 2")]),
        ("│ ✓ done 2s", "│ ✓ done 3s", [(0, 9, "3")]),
    ],
)
def test_only_what_differs_is_written(before: str, after: str, expected: list[tuple[int, int, str]]) -> None:
    shown = ShownCells()
    assert written(shown.changed(layout(before))) == [(0, 0, before)]
    assert written(shown.changed(layout(after))) == expected


def test_another_style_is_a_difference() -> None:
    shown = ShownCells()
    shown.changed(layout("same", style=RED))
    assert shown.changed(layout("same", style=Style(color="red"))) is None
    update = shown.changed(layout("same", style=GREEN))
    assert written(update) == [(0, 0, "same")]
    assert update is not None
    assert [segment.style for segment in update.pieces[0][2]] == [GREEN]


def test_what_is_forgotten_is_written_again() -> None:
    shown = ShownCells()
    shown.changed(layout("one", "two"))
    assert shown.changed(layout("one", "two")) is None
    shown.forget()
    assert written(shown.changed(layout("one", "two"))) == [(0, 0, "one"), (1, 0, "two")]


def test_a_part_of_the_screen_is_cut_where_it_ends() -> None:
    shown = ShownCells()
    shown.changed(layout("left right", "left right"))
    part = ChopsUpdate([{0: strip("LEFT "), 5: strip("RIGHT")}, {0: None}], [(0, 0, 7)], [[5, 10], [10]])
    assert written(shown.changed(part)) == [(0, 0, "LEFT"), (0, 5, "RI")]
    assert written(shown.changed(layout("LEFT RIGHT", "left right"))) == [(0, 7, "GHT")]


@pytest.mark.parametrize("seed", range(60))
def test_the_terminal_shows_what_a_repaint_of_all_would_show(seed: int) -> None:
    chance = random.Random(seed)
    alphabet = "ab  ..─│✓" if seed % 2 else "ab .世界é\u0301─🚀"
    width, height = 30, 4
    ours: Grid = {}
    whole: Grid = {}
    shown = ShownCells()

    def random_strip(cells: int) -> Strip:
        segments = []
        while cells:
            character = chance.choice([c for c in alphabet if get_character_cell_size(c) <= cells])
            cells -= get_character_cell_size(character)
            if not segments and not get_character_cell_size(character):
                character = "x" + character
                cells -= 1
            segments.append(Segment(character, chance.choice([None, RED, GREEN])))
        return Strip(segments)

    for _ in range(60):
        if chance.random() < 0.3:
            update = LayoutUpdate(
                [[random_strip(10), random_strip(width - 10)] for _ in range(height)],
                Region(0, 0, width, height),
            )
            for y, line in enumerate(update.strips):
                first, second = line
                put(whole, y, 0, first)
                put(whole, y, 10, second)
        else:
            y, column = chance.randrange(height), chance.choice([0, 10, 20])
            part = random_strip(10)
            chops = [{0: None, 10: None, 20: None} for _ in range(height)]
            chops[y][column] = part
            update = ChopsUpdate(chops, [(y, column, column + 10)], [[10, 20, 30]] * height)
            put(whole, y, column, part)
        changes = shown.changed(update)
        for piece in changes.pieces if changes else ():
            put(ours, *piece)
        assert ours == whole


def test_a_style_is_said_once_for_as_long_as_it_stays() -> None:
    console = Console(force_terminal=True, color_system="standard")
    update = CellsUpdate(
        [(0, 0, strip("a", RED)), (2, 5, Strip([Segment("b", RED), Segment("c", GREEN)])), (3, 0, strip("d"))]
    )
    assert update.render_segments(console) == ("\x1b[1;1H\x1b[31ma\x1b[3;6Hb\x1b[0;1;32mc\x1b[4;1H\x1b[0md")
    assert CellsUpdate([(0, 0, strip("a", RED))]).render_segments(console) == "\x1b[1;1H\x1b[31ma\x1b[0m"


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (Style(color="red", bgcolor="blue"), Style(color="green", bgcolor="blue"), "\x1b[32m"),
        (Style(color="red", bgcolor="blue"), Style(color="red", bgcolor="cyan"), "\x1b[46m"),
        (Style(color="red", bgcolor="blue"), Style(color="red"), "\x1b[0;31m"),
        (Style(color="red", bgcolor="blue"), Style(bgcolor="blue"), "\x1b[0;44m"),
        (Style(color="red"), Style(color="green", bgcolor="cyan"), "\x1b[32;46m"),
        (Style(color="red", bold=True), Style(color="green", bold=True), "\x1b[32m"),
        # Weight and lines have no end of their own in every terminal: all is said anew.
        (Style(color="red", bold=True), Style(color="red"), "\x1b[0;31m"),
        (Style(color="red"), Style(color="red", underline=True), "\x1b[0;4;31m"),
        (Style(bold=True), Style(), "\x1b[0m"),
        (Style(color="red"), Style(color="red"), ""),
    ],
)
def test_of_two_styles_the_difference_is_said(before: Style, after: Style, said: str) -> None:
    console = Console(force_terminal=True, color_system="standard")
    update = CellsUpdate([(0, 0, Strip([Segment("a", before), Segment("b", after)]))])
    _, _, rest = update.render_segments(console).partition("a")
    assert rest.partition("b")[0] == said


@pytest.mark.parametrize("colours", ["standard", "256", "truecolor"])
@pytest.mark.parametrize("seed", range(8))
def test_whatever_was_said_before_each_character_has_its_own_style(seed: int, colours: Any) -> None:
    chance = random.Random(seed)
    styles = [
        None,
        Style(),
        *(
            Style(
                color=chance.choice([None, "default", "red", "color(100)", "#102030"]),
                bgcolor=chance.choice([None, "default", "blue", "color(200)", "#405060"]),
                bold=chance.choice([None, False, True]),
                reverse=chance.choice([None, True]),
                underline=chance.choice([None, True]),
            )
            for _ in range(12)
        ),
    ]
    drawn = [chance.choice(styles) for _ in range(200)]
    console = Console(force_terminal=True, color_system=colours)
    update = CellsUpdate([(0, 0, Strip([Segment("x", style) for style in drawn]))])
    written = update.render_segments(console).removeprefix("\x1b[1;1H")
    alone = [
        CellsUpdate([(0, 0, strip("x", style))]).render_segments(console).removeprefix("\x1b[1;1H")
        for style in drawn
    ]
    assert _seen(written) == [seen for each in alone for seen in _seen(each)]
    assert len(written) <= sum(map(len, alone))


def _seen(written: str) -> list[str]:
    """Each character's style as something else than this project reads it."""
    [text] = AnsiDecoder().decode(written)
    found = []
    for segment in text.render(Console(force_terminal=True, color_system="truecolor")):
        style = segment.style or Style()
        colours = [None if each is None or each.is_default else each for each in (style.color, style.bgcolor)]
        found += [
            f"{colours} {bool(style.bold)} {bool(style.reverse)} {bool(style.underline)}"
            for _ in segment.text
        ]
    return found
