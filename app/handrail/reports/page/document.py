"""What a report is made of, before anybody writes it down: sections of a few kinds of block.

The content is decided once and written twice. Everything is a value, so that each text can be changed in
one place (`with_each_text`) before any writer sees it.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Any

from msgspec import Struct, structs


class Tone(StrEnum):
    """How something is to be taken. A writer shows it by a sign and a word; colour only repeats it."""

    GOOD = "good"
    WARNING = "warning"
    BAD = "bad"
    UNKNOWN = "unknown"
    PLAIN = "plain"


SIGNS = {Tone.GOOD: "✓", Tone.WARNING: "!", Tone.BAD: "✗", Tone.UNKNOWN: "?", Tone.PLAIN: "·"}


class Mark(Struct, frozen=True):
    """A word with its tone, such as a step's state or a verdict."""

    text: str
    tone: Tone = Tone.PLAIN


class Code(Struct, frozen=True):
    """A task, a name or a digest, as it is typed."""

    text: str


Cell = str | Mark | Code


class Paragraph(Struct, frozen=True):
    """One sentence or a few; with a tone other than plain it stands out."""

    text: str
    tone: Tone = Tone.PLAIN


class Points(Struct, frozen=True):
    """A list without an order of its own."""

    items: tuple[str, ...]


class Facts(Struct, frozen=True):
    """Names with their values."""

    rows: tuple[tuple[str, Cell], ...]


class Table(Struct, frozen=True):
    """Rows under the heads of their columns; `caption` says what it holds. `folded`: opened on demand."""

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    folded: bool = False


class Log(Struct, frozen=True):
    """The last lines of what an attempt wrote, each as it stands; `opened` for one to be seen at once."""

    title: str
    lines: tuple[str, ...]
    opened: bool = False


class Moment(Struct, frozen=True):
    """One moment in a picture: its letter there, what it was, its time of day, and its place in seconds."""

    letter: str
    name: str
    clock: str
    seconds: float


class Bar(Struct, frozen=True):
    """Something that lasted, in seconds from the picture's beginning."""

    name: str
    begin: float
    end: float
    tone: Tone = Tone.PLAIN


class DeadlinePicture(Struct, frozen=True):
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


class Curve(Struct, frozen=True):
    """Values over time: (seconds, value), `None` where nothing was seen."""

    name: str
    points: tuple[tuple[float, float | None], ...]


class Level(Struct, frozen=True):
    """A value that holds for the whole picture: a baseline, a threshold. `label` is the value in words."""

    name: str
    value: float
    label: str


class Chart(Struct, frozen=True):
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


class Section(Struct, frozen=True):
    """A heading with what stands under it. `mark` stands beside the heading."""

    title: str
    blocks: tuple[Block, ...] = ()
    sections: tuple[Section, ...] = ()
    mark: Mark | None = None


class Document(Struct, frozen=True):
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
    return structs.replace(changed, run=document.run)


def _changed(value: Any, line: Callable[[str], str], verbatim: Callable[[str], str]) -> Any:
    if isinstance(value, Log):
        return Log(line(value.title), tuple(verbatim(each) for each in value.lines), value.opened)
    if isinstance(value, StrEnum):
        return value
    if isinstance(value, str):
        return line(value)
    if isinstance(value, tuple):
        return tuple(_changed(each, line, verbatim) for each in value)
    if isinstance(value, Struct):
        fields = {name: _changed(getattr(value, name), line, verbatim) for name in value.__struct_fields__}
        return structs.replace(value, **fields)
    return value
