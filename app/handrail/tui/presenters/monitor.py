"""The monitor's page: how far the watch is, a row for each signal, and the one that is looked at in full."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap

from msgspec import Struct

from handrail.reports.signal_values import offsets, series, value_text
from handrail.reports.signals import (
    SignalSeen,
    because_of,
    evidence_words,
    progress,
    standing,
)
from handrail.run.state import RunState
from handrail.signals.judgement import SignalVerdict
from handrail.signals.window import SignalWindow
from handrail.text import clean_line
from handrail.tui.presenters.chart import small_chart
from handrail.tui.presenters.line import Line, Part, Tone, line, shortened

VERDICT_TONES = {
    SignalVerdict.GOOD: Tone.GOOD,
    SignalVerdict.WARNING: Tone.WARN,
    SignalVerdict.BAD: Tone.BAD,
    SignalVerdict.UNKNOWN: Tone.WARN,
}
NARROW, TIGHT, ROOMY = 60, 70, 100
VALUE_WIDTH = 10
VERDICT_WIDTH = 12
BAR_WIDTH = 20
FEWEST_ROWS = 3


class Columns(Struct, frozen=True):
    """How wide the columns of the table are; a column that has no room is 0."""

    name: int
    values: int
    chart: int


def columns_of(width: int) -> Columns:
    """The columns for a width: a narrow screen has the verdict and the present value alone."""
    if width < NARROW:
        return Columns(max(width - 2 - VERDICT_WIDTH - VALUE_WIDTH, 6), 1, 0)
    name = 16 if width < TIGHT else 20 if width < ROOMY else 32
    rest = width - 2 - name - VERDICT_WIDTH - 3 * VALUE_WIDTH - 2
    return Columns(name, 3, max(rest, 0))


class SignalRow(Struct, frozen=True):
    """One row of the table, fitted to its width when it is painted."""

    key: str
    sign: str
    word: str
    tone: Tone
    name: str
    values: tuple[str, str, str]
    chart: Line


def signal_rows(state: RunState, table: Sequence[SignalSeen], width: int) -> tuple[SignalRow, ...]:
    """A row for each signal; its chart is over the watch, or over all that was sampled before one."""
    columns = columns_of(width)
    watch = state.watch
    windows = watch.since_start if watch.started is not None else watch.windows
    begins = offsets(windows, windows[0].start) if windows else []
    return tuple(
        SignalRow(
            key=seen.signal.name,
            sign=seen.sign,
            word=seen.word,
            tone=tone_of(seen),
            name=clean_line(seen.signal.name),
            values=(
                value_text(seen.signal, seen.now),
                value_text(seen.signal, seen.baseline),
                seen.threshold_text,
            ),
            chart=_chart(seen, windows, begins, columns.chart),
        )
        for seen in table
    )


def _chart(seen: SignalSeen, windows: Sequence[SignalWindow], begins: Sequence[float], columns: int) -> Line:
    if columns < 1 or not windows:
        return ()
    first, last = windows[0].start, windows[-1].end
    return small_chart(seen, series(seen.signal, windows, first, last, columns, begins))


def tone_of(seen: SignalSeen) -> Tone:
    """The tone of a signal's verdict."""
    return VERDICT_TONES[seen.judgement.verdict] if seen.judgement else Tone.QUIET


def heading_line(
    state: RunState,
    width: int,
    out_of_view: tuple[Sequence[SignalRow], Sequence[SignalRow]] = ((), ()),
) -> Line:
    """The names of the columns, and what is bad among the rows above and below the ones that are seen."""
    columns = columns_of(width)
    chart = "over the watch" if state.watch.started is not None else "so far"
    names = ("now", "baseline", "threshold")[: columns.values]
    values = "".join(f"{name:>{VALUE_WIDTH}}" for name in names)
    words = f"  {'verdict':<{VERDICT_WIDTH}}{'signal':<{columns.name}}{values}  "
    if columns.chart >= len(chart):
        words += chart
    hidden = _bad_out_of_view(*out_of_view)
    room = max(width - len(hidden), 0)
    return line((f"{words[:room]:<{room}}" if hidden else words[:width], Tone.QUIET), (hidden, Tone.BAD))


def _bad_out_of_view(above: Sequence[SignalRow], below: Sequence[SignalRow]) -> str:
    counted = [
        f"{sign} {count} bad {where}"
        for sign, rows, where in (("▲", above, "above"), ("▼", below, "below"))
        if (count := sum(row.tone is Tone.BAD for row in rows))
    ]
    return f" {', '.join(counted)} " if counted else ""


def signal_line(row: SignalRow, width: int, *, selected: bool = False) -> Line:
    """A row: verdict in a sign and a word, the name, the values, the chart."""
    columns = columns_of(width)
    values = "".join(
        f"{shortened(value, VALUE_WIDTH - 1):>{VALUE_WIDTH}}" for value in row.values[: columns.values]
    )
    strong = row.tone if row.tone in (Tone.BAD, Tone.WARN) else Tone.PLAIN
    parts: list[Part] = [
        (">" if selected else " ", Tone.STRONG),
        (f" {row.sign} {row.word:<{VERDICT_WIDTH - 2}}", row.tone),
        (f"{shortened(row.name, columns.name - 1):<{columns.name}}", Tone.PLAIN),
        (values, strong),
    ]
    if columns.chart:
        parts += [("  ", Tone.PLAIN), *row.chart]
    return line(*parts)


def standing_line(state: RunState, width: int) -> Line:
    """How far the watch or the baseline is, with a bar where there is room."""
    words, share = progress(state)
    said = clean_line(standing(state))
    tone = Tone.WARN if state.open_triggers or "waits" in said else Tone.STRONG
    if not words or width < NARROW:
        return line((f" {shortened(said, width - 2)}", tone))
    filled = round(share * BAR_WIDTH)
    bar = "█" * filled + "░" * (BAR_WIDTH - filled)
    return line((f" {bar} ", Tone.BUSY), (shortened(said, width - BAR_WIDTH - 3), tone))


def signal_title(seen: SignalSeen) -> Line:
    """The signal that is looked at: its verdict, its name, and where its samples come from."""
    class_ = seen.judgement.trigger_class if seen.judgement else None
    asks = f", {class_.value} rollback" if class_ is not None else ""
    aside = "" if seen.signal.required else "  informs only"
    source = clean_line(seen.signal.source)
    return line(
        (f"{seen.sign} {seen.word}{asks}  ", tone_of(seen)),
        (clean_line(seen.signal.name), Tone.STRONG),
        (f"{aside}  {source}" if source else aside, Tone.QUIET),
    )


def signal_words(seen: SignalSeen, width: int, rows: int) -> tuple[Line, ...]:
    """Why the verdict is what it is, and what it rests on, in at most `rows` wrapped lines."""
    because = wrap(because_of(seen), max(width, 10)) or [""]
    evidence = wrap(evidence_words(seen), max(width, 10))
    if rows < FEWEST_ROWS and seen.blind_since is None:
        evidence = []
    room = max(rows - len(evidence), 1)
    if len(because) > room:
        because = [*because[: room - 1], shortened(" ".join(because[room - 1 :]), width)]
    blind = Tone.WARN if seen.blind_since is not None else Tone.QUIET
    lines = [line((text, Tone.PLAIN)) for text in because] + [line((text, blind)) for text in evidence]
    return tuple(lines[: max(rows, 1)])
