"""A step's prose as lines: Markdown for people, rendered without its marks."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from handrail.text import clean
from handrail.tui.presenters.line import Line, Part, Tone, line

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

_LONGEST = 64 * 1024


@functools.lru_cache(maxsize=64)
def prose_lines(markdown: str) -> tuple[Line, ...]:
    """The lines of a piece of Markdown; paragraphs are not wrapped yet."""
    if not markdown:
        return ()
    page = _Page()
    for token in _parser().parse(clean(markdown[:_LONGEST])):
        page.take(token)
    while page.lines and not page.lines[-1]:
        page.lines.pop()
    return tuple(page.lines)


@functools.cache
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt  # noqa: PLC0415  (25 ms: only for a step that has prose)

    return MarkdownIt("commonmark", {"html": False}).enable("table")


class _Page:
    """The lines so far, and where in lists and headings the reading stands."""

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self._lists: list[int | None] = []
        self._bullet = ""
        self._heading = False

    def take(self, token: Token) -> None:
        match token.type:
            case "bullet_list_open":
                self._lists.append(None)
            case "ordered_list_open":
                self._lists.append(int(token.attrs.get("start", 1)))
            case "bullet_list_close" | "ordered_list_close":
                self._lists.pop()
                if not self._lists:
                    self.lines.append(())
            case "list_item_open":
                self._bullet = _bullet(self._lists)
            case "heading_open" | "heading_close":
                self._heading = token.type == "heading_open"
            case "inline":
                lead = "  " * max(len(self._lists) - 1, 0) + (self._bullet or ("  " if self._lists else ""))
                self._bullet = ""
                self.lines += _inline(token, lead, self._heading)
            case "paragraph_close" if not self._lists:
                self.lines.append(())
            case "fence" | "code_block":
                self.lines += [line(("  " + text, Tone.CODE)) for text in token.content.splitlines()]
                self.lines.append(())
            case _:
                pass


def _bullet(lists: list[int | None]) -> str:
    number = lists[-1] if lists else None
    if number is None:
        return "• "
    lists[-1] = number + 1
    return f"{number}. "


def _inline(token: Token, lead: str, heading: bool) -> list[Line]:
    lines: list[Line] = []
    parts: list[Part] = [(lead, Tone.PLAIN)] if lead else []
    tone = Tone.STRONG if heading else Tone.PLAIN
    depth = 0
    for child in token.children or []:
        match child.type:
            case "strong_open" | "em_open":
                depth += 1
            case "strong_close" | "em_close":
                depth -= 1
            case "softbreak":
                parts.append((" ", Tone.PLAIN))
            case "hardbreak":
                lines.append(tuple(parts))
                parts = []
            case "code_inline":
                parts.append((child.content, Tone.CODE))
            case "link_close" | "link_open":
                href = str(child.attrs.get("href", ""))
                if href and not href.startswith("#"):
                    parts.append((f"({href}) ", Tone.QUIET))
            case _:
                if child.content:
                    parts.append((child.content, Tone.STRONG if depth else tone))
    return [*lines, tuple(parts)]
