"""A step's prose as lines: Markdown for people, rendered without its marks."""

from __future__ import annotations

import functools

from markdown_it import MarkdownIt
from markdown_it.token import Token

from handrail.text import clean
from handrail.tui.presenters.line import Line, Part, Tone, line

_PARSER = MarkdownIt("commonmark", {"html": False}).enable("table")
_LONGEST = 64 * 1024


@functools.lru_cache(maxsize=64)
def prose_lines(markdown: str) -> tuple[Line, ...]:
    """The lines of a piece of Markdown; paragraphs are not wrapped yet."""
    lines: list[Line] = []
    lists: list[int | None] = []
    bullet = ""
    heading = False
    for token in _PARSER.parse(clean(markdown[:_LONGEST])):
        match token.type:
            case "bullet_list_open":
                lists.append(None)
            case "ordered_list_open":
                lists.append(int(token.attrs.get("start", 1)))
            case "bullet_list_close" | "ordered_list_close":
                lists.pop()
                if not lists:
                    lines.append(())
            case "list_item_open":
                bullet = _bullet(lists)
            case "heading_open":
                heading = True
            case "heading_close":
                heading = False
            case "inline":
                indent = "  " * max(len(lists) - 1, 0)
                lead = indent + (bullet or ("  " if lists else ""))
                bullet = ""
                lines += _inline(token, lead, heading)
            case "paragraph_close" if not lists:
                lines.append(())
            case "fence" | "code_block":
                lines += [line(("  " + text, Tone.CODE)) for text in token.content.splitlines()]
                lines.append(())
            case _:
                pass
    while lines and not lines[-1]:
        lines.pop()
    return tuple(lines)


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
