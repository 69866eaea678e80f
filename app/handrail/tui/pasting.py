"""What is pasted, divided from what is typed before a key is seen in it: no letter of a paste is a key.

A terminal that marks a paste says so itself (xterm, "Bracketed Paste Mode"). Some don't, and tools that type
for people never do; what arrives at once and is longer than anybody types ahead counts as pasted, too.
"""

from __future__ import annotations

import re

from msgspec import Struct

BEGINS, ENDS = "\x1b[200~", "\x1b[201~"
NOBODY_TYPES = 64
"""So many characters at once were not typed. A stalled link hands over some seconds of typing at once."""
NOBODY_HOLDS = 1024
"""So many were not even typed by a key that was held down, which repeats some thirty times a second."""
KEPT_CHARACTERS = 8192
"""No field takes more than 4000; what is beyond is dropped as it comes, be it megabytes."""
QUIET_TICKS = 3
LOST_END_TICKS = 50
_FEW_KEYS = 3
_SEQUENCE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]?|[P\]X^_][^\x07\x1b]*(?:\x07|\x1b\\)?|O.|.)?", re.DOTALL)


class Typed(Struct, frozen=True):
    """Keys, as the terminal sends them."""

    text: str


class Pasted(Struct, frozen=True):
    """A text that is nobody's keys; its first 8192 characters."""

    text: str


class PasteReader:
    """Divides what a terminal sends. `quiet` is to be called whenever nothing came for a tenth of a second.

    A paste without marks ends when it has been quiet for three of these; one whose end never came ends after
    five seconds, so that a broken terminal doesn't take the keyboard away.
    """

    def __init__(self) -> None:
        self._marked = self._burst = self._after_escape = False
        self._held = ""
        self._kept: list[str] = []
        self._kept_characters = 0
        self._quiet_ticks = 0

    def read(self, text: str) -> list[Typed | Pasted]:
        """What came, in its order. Raises nothing, whatever it is."""
        self._quiet_ticks = 0
        if self._after_escape and text.startswith(BEGINS[1:]):
            # The escape before it was taken for the key, which it could have been.
            text = "\x1b" + text
        self._after_escape = False
        text, self._held = self._held + text, ""
        found: list[Typed | Pasted] = []
        while text:
            mark = ENDS if self._marked else BEGINS
            before, marked, after = text.partition(mark)
            if not marked:
                before, self._held = _without_beginning(before, mark, at_least=1 if self._marked else 2)
            if self._marked:
                self._keep(before)
            elif before:
                found += self._unmarked(before)
            if marked:
                found += self._finish()
                self._marked = mark == BEGINS
            text = after
        return found

    def quiet(self) -> list[Typed | Pasted]:
        """What is now known to be complete, since nothing follows."""
        self._quiet_ticks += 1
        if self._marked:
            return self._finish() if self._quiet_ticks >= LOST_END_TICKS else []
        found: list[Typed | Pasted] = []
        if self._held:
            found += self._unmarked(self._held)
            self._held = ""
        if self._burst and self._quiet_ticks >= QUIET_TICKS:
            found += self._finish()
        return found

    def _unmarked(self, text: str) -> list[Typed | Pasted]:
        if not self._burst:
            plain = _SEQUENCE.sub("", text)
            many = len(plain) >= NOBODY_TYPES and len(set(plain)) > _FEW_KEYS
            self._burst = many or len(plain) >= NOBODY_HOLDS
        if self._burst:
            # What follows at once belongs to it, however little it is.
            self._keep(_SEQUENCE.sub("", text))
            return []
        self._after_escape = text.endswith("\x1b")
        return [Typed(text)]

    def _keep(self, text: str) -> None:
        room = KEPT_CHARACTERS - self._kept_characters
        if text and room > 0:
            self._kept.append(text[:room])
            self._kept_characters += len(self._kept[-1])

    def _finish(self) -> list[Typed | Pasted]:
        if self._marked:
            self._keep(self._held)
            self._held = ""
        text = "".join(self._kept).replace("\x00", "")
        self._kept.clear()
        self._kept_characters = 0
        self._marked = self._burst = False
        return [Pasted(text)] if text else []


def _without_beginning(text: str, mark: str, *, at_least: int) -> tuple[str, str]:
    """A text, and what at its end may be the beginning of a mark."""
    for length in range(len(mark) - 1, at_least - 1, -1):
        if text.endswith(mark[:length]):
            return text[:-length], text[-length:]
    return text, ""
