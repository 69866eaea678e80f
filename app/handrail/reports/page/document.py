"""What a report is made of, before anybody writes it down: sections of a few kinds of block.

The content is decided once and written twice. Everything is a value, so that each text can be changed in
one place (`with_each_text`) before any writer sees it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Tone(StrEnum):
    """How something is to be taken. A writer shows it by a sign and a word; colour only repeats it."""

    GOOD = "good"
    WARNING = "warning"
    BAD = "bad"
    UNKNOWN = "unknown"
    PLAIN = "plain"


SIGNS = {Tone.GOOD: "✓", Tone.WARNING: "!", Tone.BAD: "✗", Tone.UNKNOWN: "?", Tone.PLAIN: "·"}


@dataclass(frozen=True, slots=True)
class Mark:
    """A word with its tone, such as a step's state or a verdict."""

    text: str
    tone: Tone = Tone.PLAIN


@dataclass(frozen=True, slots=True)
class Code:
    """A task, a name or a digest, as it is typed."""

    text: str


Cell = str | Mark | Code


@dataclass(frozen=True, slots=True)
class Paragraph:
    """One sentence or a few; with a tone other than plain it stands out."""

    text: str
    tone: Tone = Tone.PLAIN


@dataclass(frozen=True, slots=True)
class Points:
    """A list without an order of its own."""

    items: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Facts:
    """Names with their values."""

    rows: tuple[tuple[str, Cell], ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under the heads of their columns; `caption` says what it holds. `folded`: opened on demand."""

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    folded: bool = False


@dataclass(frozen=True, slots=True)
class Log:
    """The last lines of what an attempt wrote, each as it stands; `opened` for one to be seen at once."""

    title: str
    lines: tuple[str, ...]
    opened: bool = False


@dataclass(frozen=True, slots=True)
class Moment:
    """One moment in a picture: its letter there, what it was, its time of day, and its place in seconds."""

    letter: str
    name: str
    clock: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Bar:
    """Something that lasted, in seconds from the picture's beginning."""

    name: str
    begin: float
    end: float
    tone: Tone = Tone.PLAIN


@dataclass(frozen=True, slots=True)
class DeadlinePicture:
    """What was done against a deadline: `bars` one under the other, `moments` across all of them.

    All in seconds from where the evidence began; `seconds` is the width.
    """

    title: str
    words: str
    seconds: float
    deadline: float
    last_safe: float | None
    bars: tuple[Bar, ...]
    moments: tuple[Moment, ...]


@dataclass(frozen=True, slots=True)
class Curve:
    """Values over time: (seconds, value), `None` where nothing was seen."""

    name: str
    points: tuple[tuple[float, float | None], ...]


@dataclass(frozen=True, slots=True)
class Level:
    """A value that holds for the whole picture: a baseline, a threshold. `label` is the value in words."""

    name: str
    value: float
    label: str


@dataclass(frozen=True, slots=True)
class Chart:
    """One signal over a run, from 0 to `seconds`, between the values `low` and `high`.

    `ticks` are (value, label) of the upright axis, `times` (seconds, time of day) of the level one. `spans`
    are whiles with a name ("baseline", "watch"), `blind` those in which nothing was known.
    """

    title: str
    words: str
    seconds: float
    low: float
    high: float
    curves: tuple[Curve, ...]
    levels: tuple[Level, ...]
    ticks: tuple[tuple[float, str], ...]
    times: tuple[tuple[float, str], ...]
    moments: tuple[Moment, ...]
    spans: tuple[Bar, ...]
    blind: tuple[Bar, ...]


Block = Paragraph | Points | Facts | Table | Log | DeadlinePicture | Chart


@dataclass(frozen=True, slots=True)
class Section:
    """A heading with what stands under it. `mark` stands beside the heading."""

    title: str
    blocks: tuple[Block, ...] = ()
    sections: tuple[Section, ...] = ()
    mark: Mark | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """The whole report. `run` is its id, for machines; `banner` names the target, `result` how it ended."""

    run: str
    title: str
    banner: Mark
    result: Mark
    sections: tuple[Section, ...]


def with_each_text(
    document: Document, line: Callable[[str], str], verbatim: Callable[[str], str]
) -> Document:
    """The document with every text changed: a log's lines by `verbatim`, each other one by `line`.

    The run's id alone stays as it is: handrail made it itself, and a file is recognised by it.
    """
    changed: Document = _changed(document, line, verbatim)
    return dataclasses.replace(changed, run=document.run)


def _changed(value: Any, line: Callable[[str], str], verbatim: Callable[[str], str]) -> Any:
    if isinstance(value, Log):
        return Log(line(value.title), tuple(verbatim(each) for each in value.lines), value.opened)
    if isinstance(value, StrEnum):
        return value
    if isinstance(value, str):
        return line(value)
    if isinstance(value, tuple):
        return tuple(_changed(each, line, verbatim) for each in value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {
            field.name: _changed(getattr(value, field.name), line, verbatim)
            for field in dataclasses.fields(value)
        }
        return dataclasses.replace(value, **fields)
    return value
