"""Blanks that are erased instead of written: what is empty of a row costs ten bytes, however long it is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum

from rich.style import Style

_TERMINALS = (
    "alacritty", "contour", "foot", "ghostty", "gnome", "iterm", "kitty", "konsole", "linux", "mintty",
    "putty", "rxvt", "st-", "tmux", "vte", "wezterm", "xterm",
)  # fmt: skip
"""What erases a number of characters (ECMA-48, ECH), and leaves the colour behind them that is set then."""

_FEWEST = 12
_BLANKS = re.compile(rf"( {{{_FEWEST},}})")


class Blanks(Enum):
    """What is done for many blanks side by side."""

    WRITTEN = "written"
    ERASED = "erased"


def blanks_of(environment: Mapping[str, str]) -> Blanks:
    """What the terminal of this environment understands; GNU screen erases without any colour."""
    return Blanks.ERASED if environment.get("TERM", "").startswith(_TERMINALS) else Blanks.WRITTEN


def with_erased_blanks(text: str, style: Style | None, *, more_follows: bool) -> str:
    """The text with its long blanks erased; each character takes one cell, and the style has been set.

    Nothing is drawn through or under a cell that is erased: where the style would, the text stays as it is.
    """
    if style is not None and (
        style.reverse or style.underline or style.underline2 or style.strike or style.overline
    ):
        return text
    *parts, last = _BLANKS.split(text)
    if not parts:
        return text
    written: list[str] = []
    for number, part in enumerate(parts):
        is_blank = number % 2 == 1
        goes_on = more_follows or bool(last) or number < len(parts) - 1
        written.append(_erased(len(part), goes_on=goes_on) if is_blank else part)
    return "".join([*written, last])


def _erased(cells: int, *, goes_on: bool) -> str:
    return f"\x1b[{cells}X\x1b[{cells}C" if goes_on else f"\x1b[{cells}X"
