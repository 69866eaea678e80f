"""The report as Markdown: the same content, with text standing in for pictures."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from handrail.reports.page.document import (
    SIGNS,
    Bar,
    Block,
    Cell,
    Chart,
    Code,
    Curve,
    DeadlinePicture,
    Facts,
    Log,
    Mark,
    Paragraph,
    Points,
    Section,
    Table,
    Tone,
)
from handrail.reports.page.html import generator
from handrail.reports.page.report import RunReport, document

SPARKS = "▁▂▃▄▅▆▇█"
SPARK_COLUMNS = 60
BAR_COLUMNS = 60
DEEPEST_HEADING = 6
# What Markdown would take for markup, wherever it stands; underscores inside of words are none.
_SPECIAL = re.compile(r"[\\`*\[\]|~]|(?<![0-9A-Za-z])_|_(?![0-9A-Za-z])")
_LEADING = re.compile(r"^(\s*)(#+|[-+>=]|\d+[.)])")


def markdown(report: RunReport) -> str:
    """The whole document."""
    made = document(report)
    head = [
        f"<!-- {generator(made.run)} -->",
        f"# {_inline(made.title)}",
        "",
        f"**{_inline(made.banner.text)}** {_mark(made.result)}",
        "",
    ]
    lines = [*head, *_sections(made.sections, 2)]
    return "\n".join(lines).rstrip() + "\n"


def _sections(sections: Sequence[Section], level: int) -> Iterator[str]:
    for section in sections:
        mark = f" ({_mark(section.mark)})" if section.mark else ""
        yield f"{'#' * min(level, DEEPEST_HEADING)} {_inline(section.title)}{mark}"
        yield ""
        for block in section.blocks:
            yield from _block(block)
            yield ""
        yield from _sections(section.sections, level + 1)


def _block(block: Block) -> list[str]:
    match block:
        case Paragraph():
            sign = "" if block.tone is Tone.PLAIN else f"{SIGNS[block.tone]} "
            return [f"{sign}{_inline(block.text, begins=not sign)}"]
        case Points():
            return [f"- {_inline(item, begins=True)}" for item in block.items]
        case Facts():
            return [f"- **{_inline(name)}:** {_cell(value)}" for name, value in block.rows]
        case Table():
            return _table(block)
        case Log():
            return [f"{_inline(block.title, begins=True)}:", "", *_fenced(block.lines)]
        case Chart():
            return _chart(block)
        case DeadlinePicture():
            return _bars(block)


def _table(block: Table) -> list[str]:
    if not block.rows:
        return [f"{_inline(block.caption, begins=True)}: none."]
    lines = [f"{_inline(block.caption, begins=True)}:", ""]
    lines.append(f"| {' | '.join(_inline(name) or ' ' for name in block.columns)} |")
    lines.append(f"|{' --- |' * len(block.columns)}")
    lines += [f"| {' | '.join(_cell(cell) for cell in row)} |" for row in block.rows]
    return lines


def _cell(cell: Cell) -> str:
    if isinstance(cell, Mark):
        return _mark(cell)
    return _code(cell.text) if isinstance(cell, Code) else _inline(cell)


def _mark(mark: Mark) -> str:
    return f"{SIGNS[mark.tone]} {_inline(mark.text)}"


def _inline(text: str, *, begins: bool = False) -> str:
    """A text that stays text: no markup, no end of a table's cell; `begins` where it begins a line."""
    safe = _SPECIAL.sub(lambda match: f"\\{match.group()}", text)
    safe = re.sub(r"&(?=#?\w+;)", "&amp;", safe).replace("<", "&lt;").replace(">", "&gt;")
    if begins:
        safe = _LEADING.sub(lambda match: match.group(1) + _led(match.group(2)), safe)
    return safe


def _led(mark: str) -> str:
    return f"{mark[:-1]}\\{mark[-1]}" if mark[0].isdigit() else f"\\{mark}"


def _code(text: str) -> str:
    """A code span. Even in one, a pipe ends a table's cell unless it is escaped."""
    if not text.strip():
        return ""
    ticks = "`" * (_longest_run(text) + 1)
    padded = f" {text} " if text.startswith("`") or text.endswith("`") else text
    return f"{ticks}{padded}{ticks}".replace("|", "\\|")


def _longest_run(text: str) -> int:
    return max((len(run) for run in re.findall(r"`+", text)), default=0)


def _fenced(lines: Sequence[str]) -> list[str]:
    fence = "`" * max(3, *(_longest_run(line) + 1 for line in lines)) if lines else "```"
    return [f"{fence}text", *lines, fence]


def _chart(chart: Chart) -> list[str]:
    width = max(len(curve.name) for curve in chart.curves)
    begin, end = (chart.times[0][1], chart.times[-1][1]) if chart.times else ("", "")
    marks = _mark_line(chart)
    lines = [f"{curve.name:<{width}}  {_spark(curve, chart)}" for curve in chart.curves]
    lines += [f"{'':<{width}}  {marks}"] if marks.strip() else []
    low, high = (chart.ticks[0][1], chart.ticks[-1][1]) if chart.ticks else ("", "")
    scale = f"From {low} (▁) to {high} (█); marks of time at {begin} to {end} UTC." if begin else ""
    return [f"{_inline(chart.words, begins=True)} {_inline(scale)}", "", *_fenced(lines)]


def _spark(curve: Curve, chart: Chart) -> str:
    """A curve as one line of blocks, each the mean of its while; a space where nothing is known."""
    sums: list[list[float]] = [[] for _ in range(SPARK_COLUMNS)]
    for at, value in curve.points:
        if value is not None:
            place = min(SPARK_COLUMNS - 1, max(0, int(at / chart.seconds * SPARK_COLUMNS)))
            sums[place].append(value)
    found = [sum(values) / len(values) if values else None for values in sums]
    return "".join(_block_of(value, chart) for value in found)


def _block_of(value: float | None, chart: Chart) -> str:
    if value is None:
        return " "
    share = (value - chart.low) / (chart.high - chart.low)
    return SPARKS[min(len(SPARKS) - 1, max(0, int(share * len(SPARKS))))]


def _mark_line(chart: Chart) -> str:
    places = [" "] * SPARK_COLUMNS
    for moment in chart.moments:
        at = min(SPARK_COLUMNS - 1, int(moment.seconds / chart.seconds * SPARK_COLUMNS))
        free = next((n for n in range(at, SPARK_COLUMNS) if places[n] == " "), None)
        if free is not None:
            places[free] = moment.letter
    return "".join(places).rstrip()


def _bars(picture: DeadlinePicture) -> list[str]:
    due = _column(picture.deadline, picture)
    lines = [f"{'deadline':>{due + 1}}" if due > 8 else f"{'':<{due}}deadline"]
    lines += [f"{_bar(bar, picture, due)}  {bar.name}" for bar in picture.bars]
    return [f"{_inline(picture.title)}; the upright line is the deadline:", "", *_fenced(lines)]


def _column(seconds: float, picture: DeadlinePicture) -> int:
    return min(BAR_COLUMNS - 1, max(0, int(seconds / picture.seconds * BAR_COLUMNS)))


def _bar(bar: Bar, picture: DeadlinePicture, due: int) -> str:
    begin, end = _column(bar.begin, picture), _column(bar.end, picture)
    drawn = ["█" if begin <= n <= end else "·" for n in range(BAR_COLUMNS)]
    drawn[due] = "┃"
    return "".join(drawn)
