"""A runbook's title, description and target for a list, without reading its steps."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from handrail.runbook.markdown import front_block
from handrail.runbook.yaml import read_tree
from handrail.sources import Unreadable, read_source

_HEADING = re.compile(r"^#[ \t]+(.+?)[ \t]*#*[ \t]*$", re.MULTILINE)
LONGEST = 300


@dataclass(frozen=True, slots=True)
class Front:
    """What stands at a runbook's top; `problem` says why that can't be read."""

    title: str = ""
    description: str = ""
    target: str = ""
    problem: str = ""


def read_front(path: Path) -> Front:
    """The words at a runbook's top. Whether the rest is right is said once it is opened."""
    try:
        source = read_source(path)
    except Unreadable as error:
        return Front(problem=f"found {error.problems[0].found}; expected {error.problems[0].expected}")
    lines = tuple(source.text.split("\n"))
    front = front_block(lines)
    below = "\n".join(lines[front.end - 1 :]) if front else source.text
    heading = _HEADING.search(below)
    title = heading[1] if heading else ""
    if front is None:
        return Front(title=title[:LONGEST])
    tree, problems = read_tree(front.text, file=path, first_line=front.line)
    if tree is None or problems or not front.closed:
        first = problems[0] if problems else None
        said = f"line {first.line}: found {first.found}" if first else "its front matter is never closed"
        return Front(title=title[:LONGEST], problem=said)
    words = {name: tree.data.get(name) for name in ("title", "description", "target")}
    found = {name: value[:LONGEST] for name, value in words.items() if isinstance(value, str)}
    return Front(
        title=found.get("title") or title[:LONGEST],
        description=found.get("description", ""),
        target=found.get("target", ""),
    )
