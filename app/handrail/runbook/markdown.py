"""The structure of a Markdown document: headings, fences and prose, each with its lines.

CommonMark, by markdown-it-py. Only block structure is parsed, and headings' own text; everything
else stays as the lines that the author wrote.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from markdown_it import MarkdownIt

LONGEST_HEADING = 1_000
SHELLS = frozenset({"bash", "sh", "shell"})


class Heading(Struct, frozen=True):
    """A heading of the document itself, not one inside a quotation or a list.

    Lines count from 1; `end` is the first line after it.
    """

    level: int
    title: str
    line: int
    end: int


class CodeFence(Struct, frozen=True):
    """A fenced code block; `line` is its opening line, `end` the first line after it."""

    info: str
    text: str
    line: int
    end: int
    closed: bool

    @property
    def language(self) -> str:
        """The first word after the fence's sign, in lower case."""
        return next(iter(self.info.split()), "").lower()

    @property
    def is_step(self) -> bool:
        """Whether this is the block that a machine acts on."""
        return self.info.split() == ["yaml", "step"]

    @property
    def is_shell(self) -> bool:
        """Whether an operator would run this in a shell."""
        return self.language in SHELLS


class FrontBlock(Struct, frozen=True):
    """The YAML at the very top; `line` is the first of its text, `end` the first line after it."""

    text: str
    line: int
    end: int
    closed: bool


class Document(Struct, frozen=True):
    """A document's lines, and what stands where."""

    lines: tuple[str, ...]
    front: FrontBlock | None
    headings: tuple[Heading, ...]
    fences: tuple[CodeFence, ...]

    @property
    def start(self) -> int:
        """The first line after the front matter."""
        return self.front.end if self.front else 1

    @property
    def end(self) -> int:
        """The line after the last."""
        return len(self.lines) + 1

    def fences_between(self, line: int, end: int) -> tuple[CodeFence, ...]:
        """The fences that open on lines `line` to `end` (exclusive)."""
        first = bisect_left(self.fences, line, key=_line)
        return self.fences[first : bisect_left(self.fences, end, first, key=_line)]

    def headings_between(self, line: int, end: int, level: int) -> tuple[Heading, ...]:
        """The headings of that level on lines `line` to `end` (exclusive)."""
        first = bisect_left(self.headings, line, key=_line)
        last = bisect_left(self.headings, end, first, key=_line)
        return tuple(heading for heading in self.headings[first:last] if heading.level == level)

    def prose(self, line: int, end: int) -> str:
        """The lines from `line` to `end` (exclusive) without step blocks, trimmed of empty ones."""
        hidden = {
            number
            for fence in self.fences_between(line, end)
            if fence.is_step
            for number in range(fence.line, fence.end)
        }
        kept = [self.lines[number - 1] for number in range(line, end) if number not in hidden]
        while kept and not kept[0].strip():
            kept.pop(0)
        while kept and not kept[-1].strip():
            kept.pop()
        return "\n".join(kept)


def _line(placed: Heading | CodeFence) -> int:
    return placed.line


def parse(text: str) -> Document:
    """The structure of `text`, whose newlines are `\\n`. Any text is a document."""
    from markdown_it import MarkdownIt  # noqa: PLC0415

    lines = tuple(text.split("\n"))
    if lines[-1] == "":
        lines = lines[:-1]
    front = front_block(lines)
    body = "\n".join(("",) * (front.end - 1) + lines[front.end - 1 :]) if front else text
    # Inline markup isn't wanted, and is where a small text can cost the most time.
    blocks = MarkdownIt("commonmark").disable("inline")
    inline = MarkdownIt("commonmark")
    headings: list[Heading] = []
    fences: list[CodeFence] = []
    tokens = blocks.parse(body)
    for index, token in enumerate(tokens):
        if token.map is None:
            continue
        start, end = token.map
        if token.type == "heading_open" and token.level == 0:
            title = _plain(inline, tokens[index + 1].content)
            headings.append(Heading(int(token.tag[1]), title, start + 1, end + 1))
        elif token.type == "fence":
            written = token.content.count("\n")
            closed = end - start - 1 > written
            fences.append(CodeFence(token.info.strip(), token.content, start + 1, end + 1, closed))
    return Document(lines, front, tuple(headings), tuple(fences))


def _plain(inline: MarkdownIt, content: str) -> str:
    parts: list[str] = []
    for token in inline.parseInline(content[:LONGEST_HEADING]):
        for child in token.children or []:
            if child.type in ("softbreak", "hardbreak"):
                parts.append(" ")
            elif child.type in ("text", "code_inline", "image"):
                parts.append(child.content)
    return "".join(parts).strip()


def front_block(lines: tuple[str, ...]) -> FrontBlock | None:
    """The YAML block at the very top, where there is one."""
    if not lines or lines[0].rstrip() != "---":
        return None
    for number, line in enumerate(lines[1:], start=2):
        if line.rstrip() in ("---", "..."):
            return FrontBlock("\n".join((*lines[1 : number - 1], "")), 2, number + 1, closed=True)
    return FrontBlock("", 2, 2, closed=False)
