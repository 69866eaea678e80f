"""How much more time a person asks for, and why: read strictly, since a misread number moves a deadline."""

from __future__ import annotations

import re

from msgspec import Struct

MOST_MINUTES = 24 * 60
_FORM = re.compile(r"([1-9][0-9]{0,4})(?:\s*(?:min|minutes|m))?(?:[\s:,]+(.*))?", re.DOTALL)


class MoreTime(Struct, frozen=True):
    """So many seconds more, and the reason."""

    seconds: float
    reason: str


def read_more_time(text: str, *, needs_reason: bool) -> MoreTime | str:
    """`10 because the fix is being restarted`, in whole minutes; for anything else, what was expected."""
    example = "10 because the fix is being restarted"
    match = _FORM.fullmatch(text.strip())
    if match is None:
        asked = "whole minutes and why" if needs_reason else "whole minutes, and perhaps why"
        return f"Say {asked}, such as: {example}."
    minutes = int(match[1])
    if minutes > MOST_MINUTES:
        return f"{minutes} minutes are more than a day: say 1 to {MOST_MINUTES} minutes."
    reason = re.sub(r"^because(?:\s+|$)", "", (match[2] or "").strip())
    if needs_reason and not reason:
        return f"Say why, too: it will stand in the journal. Such as: {example}."
    return MoreTime(minutes * 60.0, reason)
