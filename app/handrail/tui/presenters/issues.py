"""The known issues of a failed step, in its detail pane."""

from __future__ import annotations

from collections.abc import Iterable

from handrail.issues.model import Found
from handrail.issues.telling import mended_by
from handrail.text import clean_line
from handrail.tui.presenters.line import Line, Tone, line
from handrail.tui.presenters.prose import prose_lines


def issue_lines(found: Iterable[Found]) -> tuple[Line, ...]:
    """Each issue with the line that shows it, its cause, what to do, and what mends it."""
    lines: list[Line] = []
    for each in found:
        lines.append(line(("Known issue: ", Tone.WARN), (clean_line(each.title), Tone.STRONG)))
        if each.evidence:
            lines.append(line(("  seen: ", Tone.QUIET), (clean_line(each.evidence), Tone.CODE)))
        lines += prose_lines(each.cause)
        lines.append(line(("What to do", Tone.STRONG)))
        lines += prose_lines(each.remedy)
        if mends := mended_by(each):
            lines.append(line(("Mended by: ", Tone.STRONG), clean_line(mends)))
        lines.append(())
    return tuple(lines)
