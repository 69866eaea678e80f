"""How a document's headings become sections and steps.

`##` headings are sections and `###` headings steps. A section with content and no steps is itself
one step, and a document without sections is one section, so that any document opens.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from handrail.problems import Problem, quote
from handrail.runbook.markdown import CodeFence, Document, Heading

SECTION_LEVEL = 2
STEP_LEVEL = 3
LONGEST_SLUG = 60


@dataclass(frozen=True, slots=True)
class OutlinedStep:
    """One step as the document has it: `block` is its step block, `fences` what a shell could run."""

    key: str
    title: str
    prose: str
    line: int
    block: CodeFence | None
    fences: tuple[CodeFence, ...]


@dataclass(frozen=True, slots=True)
class OutlinedSection:
    """One section with its steps."""

    title: str
    prose: str
    line: int
    steps: tuple[OutlinedStep, ...]


@dataclass(frozen=True, slots=True)
class Outline:
    """A document's title, what stands before its first section, and its sections."""

    title: str
    introduction: str
    sections: tuple[OutlinedSection, ...]


@dataclass(frozen=True, slots=True)
class _Part:
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
    keys: set[str] = set()
    sections: list[OutlinedSection] = []
    introduction, parts = _sections(document, first, title)
    for start, end in introduction:
        problems += _stray_blocks(document, file, start, end, "the introduction")
    for part in parts:
        section, found = _section(document, part, file, keys)
        problems += found
        if section.steps or section.prose:
            sections.append(section)
    shown = "\n\n".join(filter(None, (document.prose(start, end) for start, end in introduction)))
    return Outline(title, shown, tuple(sections)), problems


def _sections(
    document: Document, first: Heading | None, title: str
) -> tuple[list[tuple[int, int]], list[_Part]]:
    """The line ranges of the introduction, and the sections. A later `#` heading is a section too."""
    openers = [h for h in document.headings if h.level <= SECTION_LEVEL and h is not first]
    start = openers[0].line if openers else document.end
    body = first.end if first else document.start
    before = document.start, min(first.line if first else body, start)
    steps = [h for h in document.headings if h.level == STEP_LEVEL and h.line < start]
    introduction = [before] if first and first.line < start else []
    if first and first.line > start:
        # The title comes late: it opens a section like any other.
        openers = sorted([*openers, first], key=lambda h: h.line)
        body = document.start
    parts = [_Part(h.title or "Untitled", h.line, h.end, 0) for h in openers]
    if not openers or steps:
        # Steps, or a whole document, without a section: the title stands for it.
        line = first.line if first and first.line < start else document.start
        opening = _Part(title, line, steps[0].line if steps and openers else body, start)
        if steps and openers:
            introduction.append((body, steps[0].line))
        parts.insert(0, opening)
    else:
        introduction.append((body, start))
    ends = [part.line for part in parts[1:]] + [document.end]
    return introduction, [replace(part, end=end) for part, end in zip(parts, ends, strict=True)]


def _section(
    document: Document, part: _Part, file: Path, keys: set[str]
) -> tuple[OutlinedSection, list[Problem]]:
    headings = [h for h in document.headings if h.level == STEP_LEVEL and part.start <= h.line < part.end]
    if not headings:
        whole = replace(part, title=part.title)
        content = document.prose(part.start, part.end) or document.fences_between(part.start, part.end)
        alone = part.line <= document.start or not any(h.level > 1 for h in document.headings)
        steps, problems = (
            _steps(document, whole, part.title, file, keys)
            if content or (alone and document.headings)
            else ([], [])
        )
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
    document: Document, part: _Part, section: str, file: Path, keys: set[str]
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


def _unique(key: str, keys: set[str]) -> str:
    unique, number = key, 1
    while unique in keys:
        number += 1
        unique = f"{key}-{number}"
    keys.add(unique)
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
