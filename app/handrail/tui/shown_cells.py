"""What stands on the terminal, cell by cell, so that of each repaint only what differs goes over the link.

Textual repaints whole regions: all of the screen three times while it comes up, and once more with each
dialogue. Over 16 KiB/s each of these holds up the next key by half a second.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import pairwise

from rich.cells import cell_len, get_character_cell_size
from rich.color import ColorSystem
from rich.console import Console
from rich.control import Control
from rich.segment import Segment
from rich.style import Style
from textual._compositor import ChopsUpdate, CompositorUpdate, LayoutUpdate
from textual.strip import Strip

from handrail.tui.blanks import Blanks, with_erased_blanks

# A cell is a character. Where one of a piece takes more or less than one cell, the piece is known as a whole,
# by a tuple in its first cell: a terminal may count it differently, and then no part of it can be addressed.
Cell = str | tuple[object, ...] | None
Piece = tuple[int, int, Strip]
"""Row, column, and what stands from there."""

# To go on over so many cells costs less than to go to another place, unless they have a style of their own.
_WORTH_A_JUMP = 7


class CellsUpdate(CompositorUpdate):
    """Pieces of rows, each written to its place."""

    def __init__(self, pieces: Sequence[Piece], blanks: Blanks = Blanks.WRITTEN) -> None:
        self.pieces = pieces
        self._blanks = blanks

    def render_segments(self, console: Console) -> str:
        """The pieces as what the terminal is sent; a style is said once, for as long as it stays."""
        colours = console._color_system or ColorSystem.TRUECOLOR
        written: list[str] = []
        said: Style | None = None
        for y, x, strip in self.pieces:
            written.append(Control.move_to(x, y).segment.text)
            erases = self._blanks is Blanks.ERASED and _takes_its_cells(strip.text)
            last = len(strip) - 1
            for number, (text, style, _) in enumerate(strip):
                written.append(_said_after(said, style, colours))
                said = style
                if erases:
                    text = with_erased_blanks(text, style, more_follows=number < last)  # noqa: PLW2901
                written.append(text)
        written.append(_said_after(said, None, colours))
        return "".join(written)


@lru_cache(4096)
def _said_after(before: Style | None, after: Style | None, colours: ColorSystem) -> str:
    """What turns one style into another: colours alone where nothing else differs, else all of it anew."""
    was, wanted = _codes(before, colours), _codes(after, colours)
    if was == wanted:
        return ""
    anew = f"\x1b[0;{wanted}m" if was and wanted else f"\x1b[{wanted or 0}m"
    one, other = before or Style.null(), after or Style.null()
    if _codes(one.without_color, colours) != _codes(other.without_color, colours):
        return anew
    changes: list[str] = []
    for old, new, foreground in ((one.color, other.color, True), (one.bgcolor, other.bgcolor, False)):
        if new is None and old is not None:
            return anew  # only saying nothing at all leaves it to the terminal
        if new is not None and old != new:
            changes += new.downgrade(colours).get_ansi_codes(foreground=foreground)
    return min(f"\x1b[{';'.join(changes)}m", anew, key=len)


def _codes(style: Style | None, colours: ColorSystem) -> str:
    return Strip.render_ansi(style, colours) if style is not None else ""


class ShownCells:
    """The cells that were written last. `forget` what may have been lost, and all is written again."""

    def __init__(self, blanks: Blanks = Blanks.WRITTEN) -> None:
        self._blanks = blanks
        self._rows: dict[int, tuple[list[Cell], list[Style | None]]] = {}

    def forget(self) -> None:
        """The terminal may show anything."""
        self._rows.clear()

    def changed(self, update: LayoutUpdate | ChopsUpdate) -> CellsUpdate | None:
        """What of an update the terminal doesn't show yet; `None` where it shows all of it."""
        found = [run for piece in _pieces(update) for run in self._changed(*piece)]
        return CellsUpdate(found, self._blanks) if found else None

    def _changed(self, y: int, x: int, strip: Strip) -> Iterator[Piece]:
        cells, styles = _cells_of(strip)
        end = x + len(cells)
        known_cells, known_styles = self._rows.setdefault(y, ([], []))
        if (missing := end - len(known_cells)) > 0:
            known_cells.extend([None] * missing)
            known_styles.extend([None] * missing)
        before, styled_before = known_cells[x:end], known_styles[x:end]
        if before == cells and styled_before == styles:
            return
        known_cells[x:end], known_styles[x:end] = cells, styles
        if any(isinstance(cell, tuple) for cell in cells) or any(isinstance(cell, tuple) for cell in before):
            yield y, x, strip
            return
        differs = [
            a != b or (c is not d and c != d)
            for a, b, c, d in zip(cells, before, styles, styled_before, strict=True)
        ]
        for first, last in _runs(differs, styles):
            yield y, x + first, _strip_of(cells[first:last], styles[first:last])


def _pieces(update: LayoutUpdate | ChopsUpdate) -> Iterator[Piece]:
    """The parts of an update, each with its place, as Textual would write them."""
    if isinstance(update, LayoutUpdate):
        for y, line in enumerate(update.strips, update.region.y):
            x = update.region.x
            for strip in line:
                yield y, x, strip
                x += strip.cell_length
        return
    for y, left, right in update.spans:
        for end, (x, part) in zip(update.chop_ends[y], update.chops[y].items(), strict=False):
            if part is None or x > right or end <= left:
                continue
            yield y, x, part if end <= right else part.crop(0, right - x)


def _cells_of(strip: Strip) -> tuple[list[Cell], list[Style | None]]:
    text = strip.text
    if _takes_its_cells(text):
        styles: list[Style | None] = []
        for part, style, _ in strip:
            styles.extend([style] * len(part))
        return list(text), styles
    whole = tuple((part, style) for part, style, _ in strip)
    cells: list[Cell] = [whole, *[()] * (strip.cell_length - 1)]
    return cells, [None] * len(cells)


def _takes_its_cells(text: str) -> bool:
    """Whether each character takes one cell, in any terminal."""
    return text.isascii() or _is_plain(text)


@lru_cache(1024)
def _is_plain(text: str) -> bool:
    return cell_len(text) == len(text) and all(get_character_cell_size(each) == 1 for each in text)


def _runs(differs: Sequence[bool], styles: Sequence[Style | None]) -> Iterator[tuple[int, int]]:
    """From where to where to write; what lies between two changes is written too, where that costs less."""
    first = last = -1
    for place, differing in enumerate(differs):
        if not differing:
            continue
        if first < 0:
            first = place
        elif place - last > _WORTH_A_JUMP or _changes(styles[last - 1 : place + 1]) > 1:
            yield first, last
            first = place
        last = place + 1
    if first >= 0:
        yield first, last


def _changes(styles: Sequence[Style | None]) -> int:
    """How often the style becomes another one."""
    return sum(one is not other for one, other in pairwise(styles))


def _strip_of(cells: Iterable[Cell], styles: Iterable[Style | None]) -> Strip:
    """The cells as segments, one for each stretch of a style."""
    segments: list[Segment] = []
    text: list[str] = []
    current: Style | None = None
    for cell, style in zip(cells, styles, strict=True):
        if text and style is not current:
            segments.append(Segment("".join(text), current))
            text = []
        current = style
        text.append(str(cell))
    segments.append(Segment("".join(text), current))
    return Strip(segments)
