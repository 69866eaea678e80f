"""The report as one HTML file: no script, no address elsewhere; for a desk, a phone, the dark, paper."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count

from handrail.reports.page.document import (
    SIGNS,
    Block,
    Cell,
    Chart,
    Code,
    DeadlinePicture,
    Document,
    Facts,
    Log,
    Mark,
    Paragraph,
    Points,
    Section,
    Table,
    Tone,
)
from handrail.reports.page.markup import Markup, element, joined
from handrail.reports.page.pictures import chart_figure, deadline_figure
from handrail.reports.page.report import RunReport, document
from handrail.reports.page.style import STYLE

POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
DEEPEST_HEADING = 6


def generator(run: str) -> str:
    """What a report says of its origin: by this it is known to be one, of that run."""
    return f"handrail report {run}"


def html(report: RunReport) -> str:
    """The whole page."""
    made = document(report)
    title = f"{made.title}, {made.banner.text}: {made.result.text}"
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=POLICY),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("meta", name="referrer", content="no-referrer"),
        element("meta", name="generator", content=generator(made.run)),
        element("title", title),
        element("style", Markup(STYLE)),
    )
    body = element("body", _header(made), element("main", *_sections(made.sections, 2, count(1), "part")))
    return f"<!doctype html>\n{element('html', head, body, lang='en')}\n"


def _header(made: Document) -> Markup:
    links = [
        element("li", element("a", section.title, href=f"#part-{n}"))
        for n, section in enumerate(made.sections, 1)
    ]
    return element(
        "header",
        element(
            "p", element("span", made.banner.text, class_=f"banner {made.banner.tone.value}"), class_="where"
        ),
        element("h1", made.title),
        element("p", _mark(made.result), class_="result"),
        element("nav", element("ul", *links), aria_label="Contents"),
    )


def _sections(
    sections: Sequence[Section], level: int, pictures: Iterator[int], place: str
) -> Iterator[Markup]:
    for number, section in enumerate(sections, 1):
        here = f"{place}-{number}"
        heading = element(
            f"h{min(level, DEEPEST_HEADING)}",
            section.title,
            joined(" ", _mark(section.mark)) if section.mark else None,
            id=here,
        )
        blocks = [_block(block, pictures) for block in section.blocks]
        inner = _sections(section.sections, level + 1, pictures, here)
        yield element("section", heading, *blocks, *inner, aria_labelledby=here, class_=f"level-{level}")


def _block(block: Block, pictures: Iterator[int]) -> Markup:
    match block:
        case Paragraph():
            return _paragraph(block)
        case Points():
            return element("ul", *(element("li", item) for item in block.items))
        case Facts():
            rows = [joined(element("dt", name), element("dd", _cell(value))) for name, value in block.rows]
            return element("dl", *rows)
        case Table():
            return _table(block)
        case Log():
            lines = element("pre", "\n".join(block.lines), tabindex="0")
            return element("details", element("summary", block.title), lines, class_="log", open=block.opened)
        case Chart():
            return chart_figure(block, next(pictures))
        case DeadlinePicture():
            return deadline_figure(block, next(pictures))


def _paragraph(block: Paragraph) -> Markup:
    if block.tone is Tone.PLAIN:
        return element("p", block.text)
    return element(
        "p", _sign(block.tone), " ", element("span", block.text), class_=f"note {block.tone.value}"
    )


def _table(block: Table) -> Markup:
    head = element("tr", *(element("th", name, scope="col") for name in block.columns))
    rows = [element("tr", *(element("td", _cell(cell)) for cell in row)) for row in block.rows]
    caption = None if block.folded else element("caption", block.caption)
    table = element("table", caption, element("thead", head), element("tbody", *rows))
    scroll = element("div", table, class_="scroll", role="region", aria_label=block.caption, tabindex="0")
    if not block.folded:
        return scroll
    return element("details", element("summary", block.caption), scroll)


def _cell(cell: Cell) -> str:
    if isinstance(cell, Mark):
        return _mark(cell)
    return element("code", cell.text) if isinstance(cell, Code) else cell


def _mark(mark: Mark) -> Markup:
    return element("span", _sign(mark.tone), " ", mark.text, class_=f"mark {mark.tone.value}")


def _sign(tone: Tone) -> Markup:
    return element("span", SIGNS[tone], class_="sign", aria_hidden="true")
