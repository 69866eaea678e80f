"""From lines to what Textual paints: the one place through which all text that came from elsewhere goes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.segment import Segment
from textual.color import Color
from textual.content import Content
from textual.filter import LineFilter

from handrail.text import clean, clean_line, mask
from handrail.tui.presenters.line import Line, Tone

STYLES = {
    Tone.PLAIN: "",
    Tone.QUIET: "$foreground 65%",
    Tone.STRONG: "bold",
    Tone.CODE: "$text-accent",
    Tone.GOOD: "$text-success",
    Tone.BUSY: "bold $text-primary",
    Tone.WARN: "bold $text-warning",
    Tone.BAD: "bold $text-error",
    Tone.ALARM: "bold $foreground on $error",
    Tone.PRODUCTION: "bold white on #a00000",
    Tone.KEY: "bold $accent",
}


def paint(line: Line) -> Content:
    """One line; control characters are made visible, and no markup is parsed."""
    return Content.assemble(*((clean(text).replace("\n", " "), STYLES[tone]) for text, tone in line))


def paint_all(lines: Iterable[Line]) -> Content:
    """Several lines."""
    return Content("\n").join(paint(line) for line in lines)


def plain(text: str) -> Content:
    """Plain words on one line."""
    return Content(clean_line(text))


class Backstop(LineFilter):
    """Behind all cleaning: no control character of any widget's text reaches the terminal."""

    def __init__(self, secrets: Sequence[str] = ()) -> None:
        super().__init__()
        self._secrets = tuple(secrets)

    @property
    def secrets(self) -> tuple[str, ...]:
        """What is masked wherever it is shown."""
        return self._secrets

    def also_mask(self, secrets: Sequence[str]) -> None:
        """Mask these, too: another target has others."""
        self._secrets = tuple(dict.fromkeys((*self._secrets, *secrets)))

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """The segments, with anything harmful made visible and secrets masked."""
        return [self._safe(segment) for segment in segments]

    def _safe(self, segment: Segment) -> Segment:
        text, style, control = segment
        if control or (text.isascii() and text.isprintable() and not self._secrets):
            return segment
        safe = mask(clean(text).replace("\n", " ").replace("\t", " "), self._secrets)
        return segment if safe == text else Segment(safe, style)
