"""One line of a log as parts with styles: colour by a list of what is allowed, all else made visible."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rich.cells import cell_len
from rich.color import ColorSystem
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from handrail.text import MASK, SHORTEST_SECRET, clean, mask
from handrail.tui.log_index import LogLine, last_state

_SGR = re.compile(r"\x1b\[([0-9;:]{0,64})m")
_TAB = 8
_ATTRIBUTES = {1: "bold", 2: "dim", 3: "italic", 4: "underline", 7: "reverse", 9: "strike"}
_ATTRIBUTES_OFF = {
    22: ("bold", "dim"),
    23: ("italic",),
    24: ("underline",),
    27: ("reverse",),
    29: ("strike",),
}


def log_strip(line: LogLine, secrets: Sequence[str] = ()) -> Strip:
    """The line as a strip of its natural width. Hidden, blinking and unknown text stays plain."""
    text = mask(line.data.decode("utf-8", "replace"), secrets)
    if line.cut:
        text = _mask_end(text, secrets)
    segments: list[Segment] = []
    colours: dict[str, str] = {}
    column = 0
    end = 0
    for match in _SGR.finditer(text):
        column = _add(segments, text[end : match.start()], colours, column)
        _apply(colours, match.group(1))
        end = match.end()
    _add(segments, text[end:], colours, column)
    if line.cut:
        segments.append(Segment(f" …{line.cut:,} more bytes", Style(dim=True)))
    return Strip(segments)


def shown_text(line: LogLine, secrets: Sequence[str] = ()) -> str:
    """The line's last state in words, without its colours: what is searched, and what is copied."""
    return log_strip(LogLine(last_state(line.data), line.cut), secrets).text


def colour_text(line: LogLine, secrets: Sequence[str] = ()) -> str:
    """The same with its colours, for a program that shows them; no other control sequence is in it."""
    parts = log_strip(LogLine(last_state(line.data), line.cut), secrets)
    return "".join(
        style.render(text, color_system=ColorSystem.TRUECOLOR) if style else text for text, style, _ in parts
    )


def searchable(data: bytes, secrets: Sequence[str] = ()) -> str:
    """Many lines at once, nearly as they are shown: each state of a progress line is a line of its own."""
    text = data.decode("utf-8", "replace")
    if "\x1b" in text:
        text = _SGR.sub("", text)
    return mask(text.replace("\r", "\n"), secrets)


def marked(strip: Strip, spans: Sequence[tuple[int, int]], style: Style) -> Strip:
    """The strip with `style` over parts of it, which are given as positions in its text."""
    text = strip.text
    cuts = sorted({cell_len(text[:position]) for span in spans for position in span} | {strip.cell_length})
    wanted = [(cell_len(text[:start]), cell_len(text[:end])) for start, end in spans]
    segments: list[Segment] = []
    begin = 0
    for end, part in zip(cuts, strip.divide(cuts), strict=True):
        inside = any(start <= begin and end <= stop for start, stop in wanted)
        segments += Segment.apply_style(part, post_style=style if inside else None)
        begin = end
    return Strip(segments)


def _mask_end(text: str, secrets: Sequence[str]) -> str:
    """`text`, which was cut, without the beginning of a secret at its end."""
    for secret in secrets:
        for length in range(min(len(secret) - 1, len(text)), SHORTEST_SECRET - 1, -1):
            if text.endswith(secret[:length]):
                return text[:-length] + MASK
    return text


def _add(segments: list[Segment], text: str, colours: dict[str, str], column: int) -> int:
    if not text:
        return column
    parts = clean(text).replace("\n", "␊").split("\t")
    out = parts[0]
    for part in parts[1:]:
        out += " " * (_TAB - (column + len(out)) % _TAB) + part
    segments.append(Segment(out, _style(colours)))
    return column + len(out)


def _style(colours: dict[str, str]) -> Style | None:
    if not colours:
        return None
    colour = colours.get("color")
    if colour == "color(0)" and "bgcolor" not in colours:
        colour = "color(8)"  # black on the screen's own dark ground could not be read
    on = {name: True for name in _ATTRIBUTES.values() if name in colours}
    return Style(color=colour, bgcolor=colours.get("bgcolor"), **on)  # type: ignore[arg-type]


def _apply(colours: dict[str, str], sequence: str) -> None:
    codes = [int(code) if code.isdigit() else 0 for code in sequence.replace(":", ";").split(";")]
    position = 0
    while position < len(codes):
        code = codes[position]
        position += 1
        if code == 0:
            colours.clear()
        elif code in _ATTRIBUTES:
            colours[_ATTRIBUTES[code]] = "on"
        elif code in _ATTRIBUTES_OFF:
            for name in _ATTRIBUTES_OFF[code]:
                colours.pop(name, None)
        elif code in (38, 48):
            name = "color" if code == 38 else "bgcolor"
            position = _extended(colours, name, codes, position)
        elif code in (39, 49):
            colours.pop("color" if code == 39 else "bgcolor", None)
        elif 30 <= code <= 37 or 90 <= code <= 97:
            colours["color"] = f"color({code - 30 if code < 90 else code - 82})"
        elif 40 <= code <= 47 or 100 <= code <= 107:
            colours["bgcolor"] = f"color({code - 40 if code < 100 else code - 92})"


def _extended(colours: dict[str, str], name: str, codes: list[int], position: int) -> int:
    kind = codes[position] if position < len(codes) else None
    if kind == 5 and position + 1 < len(codes) and codes[position + 1] < 256:
        colours[name] = f"color({codes[position + 1]})"
        return position + 2
    if kind == 2 and position + 3 < len(codes) and all(c < 256 for c in codes[position + 1 : position + 4]):
        red, green, blue = codes[position + 1 : position + 4]
        colours[name] = f"rgb({red},{green},{blue})"
        return position + 4
    return len(codes)
