"""A field to type into, whose cursor stands still: to blink would repaint twice a second, over any link."""

from __future__ import annotations

from typing import Any

from textual.widgets import Input


class Field(Input):
    """One line of text."""

    def __init__(self, value: str | None = None, **arguments: Any) -> None:
        super().__init__(value, **arguments)
        self.cursor_blink = False
