"""How a document's headings become sections and steps.

`##` headings are sections and `###` headings steps. A section with content and no steps is itself
one step, and a document without sections is one section, so that any document opens.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from handrail.problems import Problem, quote
from handrail.runbook.markdown import CodeFence, Document

SECTION_LEVEL = 2
STEP_LEVEL = 3
LONGEST_SLUG = 60


class OutlinedStep(Struct, frozen=True):
    """One step as the document has it: `block` is its step block, `fences` what a shell could run."""

    key: str
    title: str
    prose: str
    line: int
    block: CodeFence | None
    fences: tuple[CodeFence, ...]


class OutlinedSection(Struct, frozen=True):
    """One section with its steps."""

    title: str
    prose: str
    line: int
    steps: tuple[OutlinedStep, ...]


class Outline(Struct, frozen=True):
    """A document's title, what stands before its first section, and its sections."""

    title: str
    introduction: str
    sections: tuple[OutlinedSection, ...]


class _Part(Struct, frozen=True):
    title: str
    line: int
    start: int
    end: int


def slug(title: str) -> str:
    """A title as a name: lower case, letters and digits of any script, hyphens between."""
    words = "".join(c if c.isalnum() else " " for c in unicodedata.normalize("NFKC", title).lower()).split()
    return "-".join(words)[:LONGEST_SLUG].strip("-") or "untitled"


def outline(document: Document, file: Path) -> tuple[Outline, list[Problem]]:
    """The sections and steps of `document`, with unique keys, and what is wrong with their shape."""
    problems: list[Problem] = []
    first = next((h for h in document.headings if h.level == 1), None)
    title = (first.title if first else "") or file.stem.replace("-", " ").replace("_", " ") or "Untitled"
    keys: dict[str, int] = {}
    sections: list[OutlinedSection] = []
    introduction, parts = _sections(document, title)
    for start, end in introduction:
        problems += _stray_blocks(document, file, start, end, "the introduction")
    for part in parts:
        # A heading and nothing else is still something to do; an empty file is not.
        alone = len(parts) == 1 and bool(document.headings)
        section, found = _section(document, part, file, keys, alone=alone)
        problems += found
        if section.steps or section.prose:
            sections.append(section)
    shown = "\n\n".join(filter(None, (document.prose(start, end) for start, end in introduction)))
    return Outline(title, shown, tuple(sections)), problems


def _sections(document: Document, title: str) -> tuple[list[tuple[int, int]], list[_Part]]:
    """The line ranges of the introduction, and the sections.

    Without a `##` heading every `#` heading is a section; beside them, the first is the title, and a
    later one is a section too.
    """
    openers = [h for h in document.headings if h.level <= SECTION_LEVEL]
    introduction = []
    line = body = document.start
    if openers and openers[0].level == 1 and any(h.level == SECTION_LEVEL for h in openers):
        introduction.append((body, openers[0].line))
        line, body = openers[0].line, openers[0].end
        openers = openers[1:]
    start = openers[0].line if openers else document.end
    parts = [_Part(h.title or "Untitled", h.line, h.end, 0) for h in openers]
    early = document.headings_between(body, start, STEP_LEVEL)
    if early or not openers:
        # Steps, or a whole document, without a section: the title stands for it.
        begin = early[0].line if early else body
        introduction.append((body, begin))
        parts.insert(0, _Part(title, line, begin, start))
    else:
        introduction.append((body, start))
    ends = [part.line for part in parts[1:]] + [document.end]
    return introduction, [replace(part, end=end) for part, end in zip(parts, ends, strict=True)]


def _section(
    document: Document, part: _Part, file: Path, keys: dict[str, int], *, alone: bool
) -> tuple[OutlinedSection, list[Problem]]:
    headings = document.headings_between(part.start, part.end, STEP_LEVEL)
    if not headings:
        content = document.prose(part.start, part.end) or document.fences_between(part.start, part.end)
        steps, problems = _steps(document, part, part.title, file, keys) if content or alone else ([], [])
        return OutlinedSection(part.title, "", part.line, tuple(steps)), problems
    problems = _stray_blocks(document, file, part.start, headings[0].line, "a section that has steps")
    found: list[OutlinedStep] = []
    ends = [h.line for h in headings[1:]] + [part.end]
    for heading, end in zip(headings, ends, strict=True):
        step = _Part(heading.title or "Untitled", heading.line, heading.end, end)
        made, wrong = _steps(document, step, part.title, file, keys)
        found += made
        problems += wrong
    prose = document.prose(part.start, headings[0].line)
    return OutlinedSection(part.title, prose, part.line, tuple(found)), problems


def _steps(
    document: Document, part: _Part, section: str, file: Path, keys: dict[str, int]
) -> tuple[list[OutlinedStep], list[Problem]]:
    fences = document.fences_between(part.start, part.end)
    blocks = [fence for fence in fences if fence.is_step]
    shells = tuple(fence for fence in fences if fence.is_shell)
    problems = list(_fence_problems(fences, file))
    problems += [
        Problem(
            file, extra.line, "", "a second step block", f"one in a step (the first: line {blocks[0].line})"
        )
        for extra in blocks[1:]
    ]

    def made(title: str, start: int, end: int, line: int, runs: tuple[CodeFence, ...]) -> OutlinedStep:
        key = _unique(f"{slug(section)}/{slug(title)}", keys)
        block = blocks[0] if blocks else None
        return OutlinedStep(key, title, document.prose(start, end), line, block, runs)

    if blocks or len(shells) < 2:
        return [made(part.title, part.start, part.end, part.line, shells)], problems
    steps = []
    start = part.start
    for number, fence in enumerate(shells, start=1):
        end = part.end if number == len(shells) else fence.end
        title = f"{part.title} ({number} of {len(shells)})"
        steps.append(made(title, start, end, part.line if number == 1 else fence.line, (fence,)))
        start = end
    return steps, problems


def _unique(key: str, keys: dict[str, int]) -> str:
    """`key`, or `key-2` and so on; `keys` has how often each was given."""
    unique = key
    while unique in keys:
        keys[key] += 1
        unique = f"{key}-{keys[key]}"
    keys[unique] = 1
    return unique


def _fence_problems(fences: tuple[CodeFence, ...], file: Path) -> Iterator[Problem]:
    for fence in fences:
        if not fence.closed and (fence.is_step or fence.is_shell):
            # It reaches to the end of the document, and would run or hide every later step.
            yield Problem(file, fence.line, "", "a fence that is never closed", "a line of ``` after it")
        words = fence.info.lower().split()
        if not fence.is_step and words[:1] in (["yaml"], ["yml"]) and "step" in " ".join(words[1:]):
            yield Problem(file, fence.line, "", f"a fence of {quote(fence.info)}", "a fence of 'yaml step'")


def _stray_blocks(document: Document, file: Path, start: int, end: int, place: str) -> list[Problem]:
    fences = document.fences_between(start, end)
    return [
        Problem(file, fence.line, "", f"a step block in {place}", "it under the heading of a step")
        for fence in fences
        if fence.is_step
    ]
