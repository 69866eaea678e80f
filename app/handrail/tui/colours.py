"""Colours as the terminal gets them: two themes of our own, no colour at all, and sixteen colours alone."""

from __future__ import annotations

import functools

from rich.color import Color as RichColor
from rich.color import ColorSystem
from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.filter import LineFilter
from textual.theme import Theme

from handrail.configuration.model import HIGH_CONTRAST, PLAIN_16

STANDS_OUT = 70
"""From this distance in one of red, green and blue on, a background means something and is not a shade."""

_TEXTS = ("primary", "secondary", "warning", "error", "success", "accent")


def _theme(name: str, colours: dict[str, str], **fields: str) -> Theme:
    # What Textual would mix for text from these is mixed for looks, not for contrast.
    variables = {f"text-{each}": colours.get(f"text-{each}", colours[each]) for each in _TEXTS}
    variables |= {
        "block-cursor-text-style": "bold",
        "input-cursor-background": "#ffffff",
        "input-cursor-foreground": "#000000",
        "border-blurred": fields["panel"],
    }
    named = {each: colours[each] for each in _TEXTS}
    return Theme(name=name, dark=True, variables=variables, **named, **fields)  # type: ignore[arg-type]


OWN_THEMES = (
    _theme(
        HIGH_CONTRAST,
        {
            "primary": "#4da6ff",
            "secondary": "#4da6ff",
            "warning": "#ffd700",
            "error": "#d0002a",
            "text-error": "#ff8080",
            "success": "#4dff88",
            "accent": "#5ce1ff",
        },
        foreground="#ffffff",
        background="#000000",
        surface="#000000",
        panel="#2a2a2a",
    ),
    # The values of the sixteen colours themselves, so that each is taken for exactly the one that is meant.
    _theme(
        PLAIN_16,
        {
            # Mixed with the background, as for the chosen row, it still stands out from it.
            "primary": "#5555ff",
            "text-primary": "#55ffff",
            "secondary": "#00aaaa",
            "warning": "#ffff55",
            "error": "#aa0000",
            "text-error": "#ff5555",
            "success": "#55ff55",
            "accent": "#55ffff",
        },
        foreground="#ffffff",
        background="#000000",
        surface="#000000",
        panel="#0000aa",
    ),
)


class StyleFilter(LineFilter):
    """Changes the style of all that is shown, and nothing of what controls the terminal."""

    def restyled(self, style: Style | None) -> Style | None:
        """What a style becomes."""
        raise NotImplementedError

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """The segments in their new styles."""
        return [
            segment if segment.control else Segment(segment.text, self.restyled(segment.style))
            for segment in segments
        ]


class NoColour(StyleFilter):
    """No colour reaches the terminal (https://no-color.org); what stood out by its background is reversed.

    Textual's own filter still sends greys.
    """

    def restyled(self, style: Style | None) -> Style | None:
        """The style without its colours."""
        return _without_colour(style)


@functools.lru_cache(maxsize=2048)
def _without_colour(style: Style | None) -> Style | None:
    if style is None:
        return None
    ground = style.bgcolor
    stands_out = ground is not None and not ground.is_default and max(ground.get_truecolor()) >= STANDS_OUT
    return Style(
        bold=style.bold,
        dim=style.dim,
        italic=style.italic,
        underline=style.underline,
        strike=style.strike,
        reverse=True if stands_out else style.reverse,
    )


class SixteenColours(StyleFilter):
    """Only the terminal's own sixteen colours are sent: half the bytes, and the operator's palette."""

    def restyled(self, style: Style | None) -> Style | None:
        """The style with the nearest of the sixteen."""
        return _in_sixteen(style)


@functools.lru_cache(maxsize=2048)
def _in_sixteen(style: Style | None) -> Style | None:
    if style is None:
        return None
    front, ground = _nearest(style.color), _nearest(style.bgcolor)
    if front is not None and ground is not None and front.number == ground.number:
        # Shades that become one and the same would hide the text.
        light = ground.number in (7, 10, 11, 14, 15)
        front = RichColor.from_ansi(0 if light else 15)
    return style.without_color + Style(color=front, bgcolor=ground)


def _nearest(colour: RichColor | None) -> RichColor | None:
    if colour is None or colour.is_default:
        return colour
    return colour.downgrade(ColorSystem.STANDARD)
