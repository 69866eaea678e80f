"""The terminal's answers to where its cursor is, taken out of what is typed before a key is seen in it.

An answer that arrives in two halves would otherwise be keys, and one of its letters is that of an action.
"""

from __future__ import annotations

import re

_ANSWER = re.compile(r"\x1b\[\d{1,5};\d{1,5}R")
_BEGINNING = re.compile(r"\x1b\[(?:\d{1,5}(?:;(?:\d{1,5})?)?)?\Z")
_AFTER_ESCAPE = re.compile(r"\[\d{1,5};\d{1,5}R")
_BEGINNING_AFTER_ESCAPE = re.compile(r"\[(?:\d{1,5}(?:;(?:\d{1,5})?)?)?\Z")
_PASTE_BEGINS, _PASTE_ENDS = "\x1b[200~", "\x1b[201~"


class AnswerReader:
    """Divides what the terminal sends into answers that are waited for, and all else.

    The beginning of an answer is held back until its rest is there. A lone escape is not, since it is a key:
    what would complete it to an answer is taken out when it comes.
    """

    def __init__(self) -> None:
        self.expected = 0
        self._held = ""
        self._after_escape = False
        self._pasting = False

    def read(self, text: str) -> tuple[str, int]:
        """What is left of `text` for the keyboard's reader, and how many answers were in it."""
        text, self._held = self._held + text, ""
        after_escape, self._after_escape = self._after_escape, False
        if not self.expected or not text:
            self._follow_paste(text)
            return text, 0
        answers = 0
        if after_escape:
            if _BEGINNING_AFTER_ESCAPE.match(text):
                self._held, self._after_escape = text, True
                return "", 0
            if found := _AFTER_ESCAPE.match(text):
                text = text[found.end() :]
                answers = 1
        kept: list[str] = []
        position = 0
        for found in _ANSWER.finditer(text):
            self._follow_paste(text[position : found.start()])
            if self._pasting or answers >= self.expected:
                continue
            kept.append(text[position : found.start()])
            position = found.end()
            answers += 1
        rest = text[position:]
        self._follow_paste(rest)
        self.expected -= answers
        if not self._pasting and self.expected:
            if begun := _BEGINNING.search(rest):
                rest, self._held = rest[: begun.start()], begun.group()
            self._after_escape = rest.endswith("\x1b")
        return "".join(kept) + rest, answers

    def _follow_paste(self, text: str) -> None:
        begins, ends = text.rfind(_PASTE_BEGINS), text.rfind(_PASTE_ENDS)
        if begins != ends:
            self._pasting = begins > ends
