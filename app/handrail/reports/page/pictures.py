"""Pictures of a report as inline SVG: a signal over the run, and a rollback against its deadline.

The drawing stretches with the page, so it holds no text: what is to be read stands beside it in HTML, at the
same places, as large on a phone as on a desk. Lines differ by their dashes, not by their colour alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from handrail.reports.page.document import Bar, Chart, Curve, DeadlinePicture, Moment
from handrail.reports.page.markup import Markup, element, joined

WIDTH, HEIGHT = 1000.0, 100.0
LANES = 3
LANE_PIXELS = 18
CLOSE = 0.055
"""Letters that are nearer to each other than this share of the width stand one above the other."""
ROW_PIXELS = 34
BAR_TOP, BAR_HEIGHT = 20, 9
CURVES = ("first", "second")


def chart_figure(chart: Chart, number: int) -> Markup:
    """A signal's values over the run, with its levels, whiles and moments."""
    drawn = joined(
        *(_band(bar, chart, f"span {bar.name}") for bar in chart.spans),
        *(_band(bar, chart, "blind") for bar in chart.blind),
        *(_across(_y(value, chart), "grid") for value, _ in chart.ticks),
        *(_across(_y(level.value, chart), _level_class(level.name)) for level in chart.levels),
        *(_upright(moment.seconds / chart.seconds) for moment in chart.moments),
        *(_curve(curve, chart, CURVES[n % 2]) for n, curve in enumerate(chart.curves)),
    )
    labels = [element("span", label, style=f"top:{_y(value, chart):.2f}%") for value, label in chart.ticks]
    times = [
        element("span", label, style=f"left:{100 * at / chart.seconds:.2f}%") for at, label in chart.times
    ]
    return element(
        "figure",
        element("figcaption", chart.title),
        element(
            "div",
            element("div", *labels, class_="values", aria_hidden="true"),
            element(
                "div",
                _letters(chart.moments, chart.seconds),
                _svg(drawn, chart.title, chart.words, number, HEIGHT, class_="field"),
                *(_span_label(bar, chart.seconds) for bar in chart.spans),
                class_="plot",
            ),
            element("div", *times, class_="times", aria_hidden="true"),
            class_="chart",
        ),
        _legend(chart),
    )


def _svg(drawn: Markup, title: str, words: str, number: int, height: float, class_: str) -> Markup:
    return element(
        "svg",
        element("title", title, id=f"picture-{number}-title"),
        element("desc", words, id=f"picture-{number}-words"),
        drawn,
        class_=class_,
        viewBox=f"0 0 {WIDTH:.0f} {height:.0f}",
        preserveAspectRatio="none",
        role="img",
        aria_labelledby=f"picture-{number}-title picture-{number}-words",
    )


def _y(value: float, chart: Chart) -> float:
    share = (value - chart.low) / (chart.high - chart.low)
    return HEIGHT * (1 - min(1.0, max(0.0, share)))


def _x(seconds: float, width: float) -> float:
    return WIDTH * min(1.0, max(0.0, seconds / width))


def _across(y: float, class_: str) -> Markup:
    return element("line", x1=0.0, x2=WIDTH, y1=y, y2=y, class_=class_)


def _upright(share: float, height: float = HEIGHT, class_: str = "moment") -> Markup:
    x = WIDTH * min(1.0, max(0.0, share))
    return element("line", x1=x, x2=x, y1=0.0, y2=height, class_=class_)


def _band(bar: Bar, chart: Chart, class_: str) -> Markup:
    begin, end = _x(bar.begin, chart.seconds), _x(bar.end, chart.seconds)
    return element("rect", x=begin, y=0.0, width=max(0.0, end - begin), height=HEIGHT, class_=class_)


def _level_class(name: str) -> str:
    return "level baseline" if name.startswith("baseline") else "level threshold"


def _curve(curve: Curve, chart: Chart, class_: str) -> Markup:
    parts = []
    for piece in _unbroken(curve):
        places = [(_x(at, chart.seconds), _y(value, chart)) for at, value in piece]
        if len(places) == 1:
            # A point alone is a line without a length, whose round ends are seen.
            places.append(places[0])
        written = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        parts.append(element("polyline", points=written, class_=f"curve {class_}"))
    return joined(*parts)


def _unbroken(curve: Curve) -> Iterator[list[tuple[float, float]]]:
    piece: list[tuple[float, float]] = []
    for at, value in curve.points:
        if value is None:
            if piece:
                yield piece
            piece = []
        else:
            piece.append((at, value))
    if piece:
        yield piece


def _letters(moments: Sequence[Moment], seconds: float) -> Markup:
    """A letter above each moment's line; those too near to each other in lanes."""
    ends = [-1.0] * LANES
    placed: list[tuple[int, float, str]] = []
    for moment in moments:
        share = min(1.0, max(0.0, moment.seconds / seconds))
        lane = next((n for n in range(LANES) if share - ends[n] >= CLOSE), 0)
        ends[lane] = share
        placed.append((lane, share, moment.letter))
    lanes = max((lane for lane, _, _ in placed), default=-1) + 1
    spans = [
        element(
            "span",
            letter,
            style=f"left:{100 * share:.2f}%;bottom:{lane * LANE_PIXELS}px",
        )
        for lane, share, letter in placed
    ]
    style = f"height:{lanes * LANE_PIXELS}px"
    return element("div", *spans, class_="letters", style=style, aria_hidden="true")


def _span_label(bar: Bar, seconds: float) -> Markup | None:
    begin, width = 100 * bar.begin / seconds, 100 * (bar.end - bar.begin) / seconds
    if width < 8:
        return None
    style = f"left:{begin:.2f}%;max-width:{width:.2f}%"
    return element("span", bar.name, class_="span-label", style=style, aria_hidden="true")


def _legend(chart: Chart) -> Markup:
    keys = [_key(curve.name, f"curve {CURVES[n % 2]}") for n, curve in enumerate(chart.curves)]
    keys += [_key(f"{level.name} {level.label}", _level_class(level.name)) for level in chart.levels]
    keys += [_box(bar.name, f"span {bar.name}") for bar in chart.spans]
    if chart.blind:
        keys.append(_box("nothing known", "blind"))
    return element("ul", *keys, class_="legend")


def _key(name: str, class_: str) -> Markup:
    line = element("line", x1=0.0, x2=30.0, y1=5.0, y2=5.0, class_=class_)
    return element("li", element("svg", line, viewBox="0 0 30 10", class_="key", aria_hidden="true"), name)


def _box(name: str, class_: str) -> Markup:
    box = element("rect", x=0.0, y=0.0, width=30.0, height=10.0, class_=class_)
    return element("li", element("svg", box, viewBox="0 0 30 10", class_="key", aria_hidden="true"), name)


def deadline_figure(picture: DeadlinePicture, number: int) -> Markup:
    """What was done, one bar under the other, against the deadline."""
    height = float(ROW_PIXELS * max(1, len(picture.bars)) + 6)
    late = _x(picture.deadline, picture.seconds)
    drawn = joined(
        element("rect", x=late, y=0.0, width=WIDTH - late, height=height, class_="late"),
        *(_upright(m.seconds / picture.seconds, height) for m in picture.moments),
        *(_deadline_bar(bar, picture, n) for n, bar in enumerate(picture.bars)),
        _upright(picture.deadline / picture.seconds, height, "deadline"),
    )
    labels = [
        element(
            "span",
            bar.name,
            class_="bar-label",
            style=f"top:{n * ROW_PIXELS + 1}px;left:{min(42.0, 100 * bar.begin / picture.seconds):.2f}%",
        )
        for n, bar in enumerate(picture.bars)
    ]
    return element(
        "figure",
        element("figcaption", picture.title),
        _letters(picture.moments, picture.seconds),
        element(
            "div",
            _svg(drawn, picture.title, picture.words, number, height, class_="bars"),
            *labels,
            class_="rows",
            style=f"height:{height:.0f}px",
        ),
        element("ul", _box("after the deadline", "late"), class_="legend"),
    )


def _deadline_bar(bar: Bar, picture: DeadlinePicture, row: int) -> Markup:
    begin, end = _x(bar.begin, picture.seconds), _x(bar.end, picture.seconds)
    return element(
        "rect",
        x=begin,
        y=float(row * ROW_PIXELS + BAR_TOP),
        width=max(2.0, end - begin),
        height=float(BAR_HEIGHT),
        class_=f"bar {bar.tone.value}",
    )
