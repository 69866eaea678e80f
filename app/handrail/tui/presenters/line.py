"""A line of text with the tone of each part; the words alone must carry the meaning."""

from __future__ import annotations

from enum import StrEnum


class Tone(StrEnum):
    """How a part of a line is meant; widgets choose colours for it."""

    PLAIN = "plain"
    QUIET = "quiet"
    STRONG = "strong"
    CODE = "code"
    GOOD = "good"
    BUSY = "busy"
    WARN = "warn"
    BAD = "bad"
    ALARM = "alarm"
    PRODUCTION = "production"
    KEY = "key"


Part = tuple[str, Tone]
Line = tuple[Part, ...]


def line(*parts: str | Part) -> Line:
    """A line of parts; bare text is plain."""
    return tuple((part, Tone.PLAIN) if isinstance(part, str) else part for part in parts)


def text_of(parts: Line) -> str:
    """The words of a line."""
    return "".join(text for text, _ in parts)


def shortened(text: str, width: int) -> str:
    """`text` in at most `width` characters, with an ellipsis where something was cut."""
    if len(text) <= width:
        return text
    return text[: max(width - 1, 0)] + "…" if width > 0 else ""


def spread(left: Line, right: Line, width: int) -> Line:
    """`left` and `right` at the two ends of a line; what stands left gives way where both don't fit."""
    right_width = len(text_of(right))
    if right_width + 2 > width:
        right, right_width = (), 0
    room = width - right_width - (1 if right else 0)
    kept: list[Part] = []
    for text, tone in left:
        part = shortened(text, room)
        room -= len(part)
        kept.append((part, tone))
        if part != text:
            break
    return (*kept, (" " * (room + (1 if right else 0)), Tone.PLAIN), *right)
