"""Searching a log: what is looked for, and the hunt through the file, a piece of it at a time.

What is searched is what is shown: without colours, with secrets masked, and of a progress line its last
state. A pattern is matched by pydantic's engine, whose time grows with the text alone (no backtracking): a
slip in a pattern, typed in an incident, must not freeze the screen that shows the countdown.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from typing import Protocol

from msgspec import Struct
from pydantic_core import SchemaError, SchemaValidator, core_schema

from handrail.tui.log_index import CHUNK_BYTES, LogIndex
from handrail.tui.log_text import searchable, shown_text

LONGEST_PATTERN = 1000
WARNINGS = r"\bwarn(?:ing)?s?\b"
ERR = r"\berr\b"
"""How npm begins each line of an error (`npm ERR!`), whatever the target's own patterns are."""
_ANCHORS = ("\\A", "\\z", "\\Z")


class Pattern(Protocol):
    """What is looked for."""

    @property
    def words(self) -> str:
        """What a person calls it."""
        ...

    def may_be_in(self, lines: str) -> bool:
        """Whether it can be in one of these lines; false only where it surely is in none."""
        ...

    def is_in(self, line: str) -> bool:
        """Whether it is in this line."""
        ...

    def spans(self, line: str) -> list[tuple[int, int]]:
        """Where it is in this line; the whole line where that can't be told."""
        ...


class Literal(Struct, frozen=True):
    """Words as they stand; large and small letters are the same unless a large one is among them."""

    words: str

    @property
    def _exact(self) -> bool:
        return self.words != self.words.lower()

    def may_be_in(self, lines: str) -> bool:
        """Whether the words are in one of these lines."""
        return self.words in (lines if self._exact else lines.lower())

    def is_in(self, line: str) -> bool:
        """Whether the words are in this line."""
        return self.may_be_in(line)

    def spans(self, line: str) -> list[tuple[int, int]]:
        """Where the words are in this line."""
        flags = re.NOFLAG if self._exact else re.IGNORECASE
        return [match.span() for match in re.finditer(re.escape(self.words), line, flags)]


class Expression:
    """A regular expression, without look-around and references back.

    Raises `ValueError` with what is wrong with it.
    """

    def __init__(self, words: str, expression: str | None = None) -> None:
        self.words = words
        pattern = words if expression is None else expression
        exact = expression is None and re.sub(r"\\.", "", pattern).lower() != re.sub(r"\\.", "", pattern)
        flags = "" if exact else "i"
        self._of_line = _validator(f"(?{flags})(?:{pattern})" if flags else pattern)
        anchored = any(anchor in pattern for anchor in _ANCHORS)
        self._of_lines = None if anchored else _validator(f"(?{flags}m)(?:{pattern})")

    def may_be_in(self, lines: str) -> bool:
        """Whether the expression can match one of these lines."""
        return self._of_lines is None or self._of_lines.isinstance_python(lines)

    def is_in(self, line: str) -> bool:
        """Whether the expression matches somewhere in this line."""
        return self._of_line.isinstance_python(line)

    def spans(self, line: str) -> list[tuple[int, int]]:
        """The whole line, where it matches."""
        return [(0, len(line))] if line and self.is_in(line) else []


def _validator(pattern: str) -> SchemaValidator:
    try:
        return SchemaValidator(core_schema.str_schema(pattern=pattern, regex_engine="rust-regex"))
    except SchemaError as error:
        said = str(error).strip().splitlines()[-1].strip().removeprefix("error: ")
        raise ValueError(said.removeprefix("SchemaError: ").rstrip(".")) from error


def read_pattern(words: str, *, regular: bool) -> Pattern:
    """What a person typed. Raises `ValueError` with what is wrong with it."""
    if not words:
        raise ValueError("there is nothing to look for")
    if len(words) > LONGEST_PATTERN:
        raise ValueError(f"it is longer than {LONGEST_PATTERN:,} characters")
    return Expression(words) if regular else Literal(words)


def trouble_pattern(patterns: Sequence[str]) -> Pattern:
    """Errors as `error_pattern` has them, and warnings."""
    return Expression("errors and warnings", "|".join([*_readable(patterns), ERR, WARNINGS]))


def error_pattern(patterns: Sequence[str]) -> Pattern:
    """Errors by the target's own patterns (`smoke.error_patterns`).

    One that this engine can't read counts as the words that it is.
    """
    return Expression("errors", "|".join([*_readable(patterns), ERR]))


def _readable(patterns: Sequence[str]) -> list[str]:
    parts: list[str] = []
    for pattern in patterns:
        try:
            Expression(pattern)
        except ValueError:
            pattern = re.escape(pattern)  # noqa: PLW2901
        parts.append(f"(?:{pattern})")
    return parts


class LogHunt:
    """The way to the next line with a pattern, from a line on, with the lines before it at the end.

    `found` is its number, `wrapped` says whether the hunt went over the end (or the beginning) to it.
    """

    def __init__(
        self, index: LogIndex, pattern: Pattern, start: int, *, forward: bool, secrets: Sequence[str] = ()
    ) -> None:
        self.pattern = pattern
        self.forward = forward
        self.found: int | None = None
        self.wrapped = False
        self.searched_bytes = 0
        self._index = index
        self._extent = index.extent
        self._start = start
        self._secrets = tuple(secrets)
        self._way = self._hunt()

    @property
    def line_count(self) -> int:
        """How many lines the log had when the hunt began."""
        return self._extent.line_count

    @property
    def part(self) -> float:
        """How much of the log has been looked at, from 0 to 1."""
        return min(self.searched_bytes / max(self._extent.scanned, 1), 1.0)

    def go_on(self, budget_seconds: float) -> bool:
        """Look further for about `budget_seconds`. Returns whether there is more to look at."""
        until = time.monotonic() + budget_seconds
        return any(time.monotonic() >= until for _ in self._way)

    def _hunt(self) -> Iterator[None]:
        here, last = self._extent.chunk_of(max(self._start, 0)), self._extent.last_chunk
        there: list[tuple[range, bool]]
        if self.forward:
            there = [(range(here, last + 1), False), (range(here + 1), True)]
        else:
            there = [(range(here, -1, -1), False), (range(last, here - 1, -1), True)]
        for chunks, wrapped in there:
            for chunk in chunks:
                if (found := self._look_at(chunk, wrapped=wrapped)) is not None:
                    self.found, self.wrapped = found, wrapped
                    return
                self.searched_bytes += CHUNK_BYTES
                yield

    def _look_at(self, chunk: int, *, wrapped: bool) -> int | None:
        read = self._index.read_chunk(self._extent, chunk)
        if read is None or not self.pattern.may_be_in(searchable(read[2], self._secrets)):
            return None
        found = [
            number
            for number, line in self._index.lines_of_chunk(self._extent, chunk)
            if self._is_wanted(number, wrapped=wrapped)
            and self.pattern.is_in(shown_text(line, self._secrets))
        ]
        if not found:
            return None
        return found[0] if self.forward else found[-1]

    def _is_wanted(self, number: int, *, wrapped: bool) -> bool:
        ahead = number > self._start if self.forward else number < self._start
        return ahead != wrapped
