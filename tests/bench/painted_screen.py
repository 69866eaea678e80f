"""What a terminal shows after the bytes that it was sent, as far as full-screen programs go."""

from __future__ import annotations

import re
from codecs import getincrementaldecoder

from rich.cells import get_character_cell_size

_TOKEN = re.compile(
    r"\x1b\[(?P<numbers>[0-?]*)[ -/]*(?P<final>[@-~])"
    r"|\x1b[\]PX^_].*?(?:\x07|\x1b\\)"
    r"|\x1b[()#%*+]."
    r"|\x1b[^\[\]PX^_()#%*+]"
    r"|(?P<control>[\x00-\x1a\x1c-\x1f])"
    r"|(?P<text>[^\x00-\x1f]+)",
    re.DOTALL,
)


class PaintedScreen:
    """Rows of characters: places and text are followed, colours are not."""

    def __init__(self, columns: int, rows: int) -> None:
        self.columns, self.rows = columns, rows
        self._lines = [[" "] * columns for _ in range(rows)]
        self._x = self._y = 0
        self._decode = getincrementaldecoder("utf-8")("replace").decode
        self._rest = ""

    def resize(self, columns: int, rows: int) -> None:
        """Be another size; what stood there goes."""
        self.columns, self.rows = columns, rows
        self._clear()

    @property
    def text(self) -> str:
        """All rows, from top to bottom."""
        return "\n".join("".join(line) for line in self._lines)

    def feed(self, data: bytes) -> None:
        """Take in what the program wrote; a sequence in two halves too."""
        text = self._rest + self._decode(data)
        place = 0
        while (token := _TOKEN.match(text, place)) is not None:
            place = token.end()
            if token["text"] is not None:
                self._put(token["text"])
            elif token["control"] is not None:
                self._control(token["control"])
            elif token["final"] is not None:
                self._sequence(token["numbers"], token["final"])
        self._rest = text[place:]

    def _put(self, text: str) -> None:
        line = self._lines[self._y]
        if text.isascii():
            end = min(self._x + len(text), self.columns)
            line[self._x : end] = text[: end - self._x]
            self._x = end
            return
        for character in text:
            width = get_character_cell_size(character)
            if not width:
                continue
            if self._x + width <= self.columns:
                line[self._x : self._x + width] = [character, *[""] * (width - 1)]
            self._x = min(self._x + width, self.columns)

    def _control(self, control: str) -> None:
        if control == "\r":
            self._x = 0
        elif control == "\b":
            self._x = max(self._x - 1, 0)
        elif control == "\n" and self._y == self.rows - 1:
            self._lines = [*self._lines[1:], [" "] * self.columns]
        elif control == "\n":
            self._y += 1

    def _sequence(self, numbers: str, final: str) -> None:
        if final in "hl" and numbers == "?1049":
            self._clear()
            return
        values = [int(each) if each.isdigit() else 0 for each in numbers.split(";")]
        first = max(values[0], 1)
        if final in "Hf":
            self._go(values[1] - 1 if len(values) > 1 else 0, first - 1)
        elif final == "G":
            self._go(first - 1, self._y)
        elif final in "ABCD":
            right, down = {"A": (0, -1), "B": (0, 1), "C": (1, 0), "D": (-1, 0)}[final]
            self._go(self._x + right * first, self._y + down * first)
        elif final == "J" and values[0] == 2:
            self._clear()
        elif final == "K" and values[0] == 0:
            self._lines[self._y][self._x :] = [" "] * (self.columns - self._x)
        elif final == "X":
            end = min(self._x + first, self.columns)
            self._lines[self._y][self._x : end] = [" "] * (end - self._x)

    def _go(self, x: int, y: int) -> None:
        self._x = min(max(x, 0), self.columns - 1)
        self._y = min(max(y, 0), self.rows - 1)

    def _clear(self) -> None:
        self._lines = [[" "] * self.columns for _ in range(self.rows)]
        self._go(0, 0)
