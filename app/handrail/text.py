"""Text that came from elsewhere, made fit for a terminal.

Logs, facts, notes and names are data. A control sequence in them could move the cursor, write the
clipboard or hide what happened, so each one is made visible and harmless here; colour alone is dropped,
or kept where asked for.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import timedelta

_SGR = re.compile(r"\x1b\[[0-9;:]{0,64}m")
# C0 but tab and newline, DEL, C1, line separators, bidi controls, zero-width, tags, interlinear marks.
_HARMFUL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e0fff]"
)
MASK = "••••••"
SHORTEST_SECRET = 4


def _visible(match: re.Match[str]) -> str:
    code = ord(match.group())
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "\u2421"
    return "\ufffd"


def clean(text: str, *, keep_colour: bool = False) -> str:
    """`text` with every control character made visible; tab and newline stay.

    SGR sequences (ECMA-48 8.3.117) hide nothing that could harm: they are dropped, or, with
    `keep_colour`, pass unchanged.
    """
    parts: list[str] = []
    end = 0
    for match in _SGR.finditer(text):
        parts.append(_HARMFUL.sub(_visible, text[end : match.start()]))
        if keep_colour:
            parts.append(match.group())
        end = match.end()
    parts.append(_HARMFUL.sub(_visible, text[end:]))
    return "".join(parts)


def clean_line(text: str) -> str:
    """`text` on one line: cleaned, with line breaks and tabs as single spaces."""
    return clean(" ".join(text.split()))


def mask(text: str, secrets: Iterable[str]) -> str:
    """`text` with each secret replaced; ones shorter than four characters would mask everything."""
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= SHORTEST_SECRET:
            text = text.replace(secret, MASK)
    return text


def duration(value: timedelta) -> str:
    """A duration for people: `4s`, `1m 05s`, `2h 03m`; negative ones with a minus sign."""
    seconds = round(value.total_seconds())
    sign, seconds = ("-", -seconds) if seconds < 0 else ("", seconds)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{sign}{hours}h {minutes:02d}m"
    if minutes:
        return f"{sign}{minutes}m {seconds:02d}s"
    return f"{sign}{seconds}s"


def countdown(value: timedelta) -> str:
    """A countdown's clock face: `4:05`, `-0:12` once it has passed, `1:02:03` from an hour on."""
    seconds = int(value.total_seconds())
    sign, seconds = ("-", -seconds) if seconds < 0 else ("", seconds)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    face = f"{minutes}:{seconds:02d}" if not hours else f"{hours}:{minutes:02d}:{seconds:02d}"
    return sign + face
