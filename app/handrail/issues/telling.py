"""A found issue in lines for a terminal."""

from __future__ import annotations

from collections.abc import Iterable

from handrail.issues.model import Found


def issue_lines(found: Iterable[Found]) -> list[str]:
    """Each issue with its evidence, cause, what to do, and what mends it."""
    lines: list[str] = []
    for each in found:
        lines.append(f"KNOWN ISSUE: {each.title}")
        if each.evidence:
            lines.append(f"  Seen: {each.evidence}")
        lines += _paragraphs("Cause", each.cause)
        lines += _paragraphs("Do", each.remedy)
        if mends := mended_by(each):
            lines.append(f"  Mended by: {mends}")
    return lines


def mended_by(found: Found) -> str:
    """The runbook or the step that mends it, in words; empty where the entry names none."""
    ways = [f"the runbook {found.runbook}"] if found.runbook else []
    ways += [found.step] if found.step else []
    return "; ".join(ways)


def _paragraphs(name: str, text: str) -> list[str]:
    """The text with each paragraph on one line; lists keep their lines."""
    lines: list[str] = []
    fresh = True
    for line in text.splitlines():
        word = line.strip()
        if not word:
            fresh = True
            continue
        begins_item = word.split(" ")[0].rstrip(".").isdigit() or word.startswith(("- ", "* "))
        if fresh or begins_item or not lines:
            lines.append(word)
        else:
            lines[-1] += f" {word}"
        fresh = False
    return [f"  {name}: {line}" if number == 0 else f"    {line}" for number, line in enumerate(lines)]
