"""The machine and the application's processes on the run's screen: one calm line, or a pane of rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from handrail.project.signals import CPU, DISK_FREE, HOST_CPU, HOST_MEMORY, MEMORY, PROCESSES, RESTARTS
from handrail.reports.countdown import clock_time
from handrail.reports.signal_values import value_text
from handrail.reports.signals import VERDICT_SIGNS, VERDICT_WORDS
from handrail.reports.vitals import Vital
from handrail.signals.judgement import SignalVerdict
from handrail.tui.presenters.line import Line, Part, Tone, line, shortened, text_of
from handrail.tui.presenters.monitor import VERDICT_TONES

FEWEST_COLUMNS, FEWEST_ROWS, FEWEST_ROWS_COUNTING = 60, 24, 30
PANE_COLUMNS, PANE_ROWS = 120, 40
STEADY_POINTS = 2.0
STEADY_SHARE = 0.05
_HOST = (HOST_CPU, HOST_MEMORY, DISK_FREE)
_GIVES_WAY = (CPU, MEMORY, HOST_MEMORY, HOST_CPU)
"""What a narrow line leaves out first; what is marked always stands."""
_SHORT_NAMES = {HOST_CPU: "cpu", HOST_MEMORY: "memory", DISK_FREE: "disk", MEMORY: "memory", CPU: "cpu"}
_MARKED = (SignalVerdict.WARNING, SignalVerdict.BAD, SignalVerdict.UNKNOWN)


def steadied(before: Mapping[str, Vital], found: Sequence[Vital]) -> tuple[Vital, ...]:
    """What was found, with the value that is shown already where the new one differs by a trifle.

    A number that changes with each window costs a frame on the link, and draws the eye for nothing.
    """
    return tuple(_steady(before.get(each.name), each) for each in found)


def _steady(before: Vital | None, found: Vital) -> Vital:
    if before is None or before.value is None or found.value is None or found.name in (PROCESSES, RESTARTS):
        return found
    trifle = STEADY_POINTS if found.signal.unit == "%" else abs(before.value) * STEADY_SHARE
    if before.verdict is not found.verdict or abs(found.value - before.value) >= trifle:
        return found
    return Vital(found.signal, before.value, found.total, found.at, found.verdict)


def fits_line(columns: int, rows: int, *, counting: bool) -> bool:
    """Whether a terminal of this size has a row to spare for the line."""
    return columns >= FEWEST_COLUMNS and rows >= (FEWEST_ROWS_COUNTING if counting else FEWEST_ROWS)


def fits_pane(columns: int, rows: int) -> bool:
    """Whether it has room for the pane, which then stands for the line."""
    return columns >= PANE_COLUMNS and rows >= PANE_ROWS


def vitals_line(found: Sequence[Vital], width: int) -> Line:
    """One line: what is not good by a sign and a word; nothing at all where nothing was sampled."""
    groups = [
        _group("host", [each for each in found if each.name in _HOST]),
        _group("app", [each for each in found if each.name not in _HOST]),
    ]
    made = _joined(groups)
    for gives_way in _GIVES_WAY:
        if len(text_of(made)) < width:
            break
        groups = [[part for part in group if part[0] != gives_way] for group in groups]
        made = _joined(groups)
    return _cut(made, width - 1)


_Named = tuple[str, Part]
"""A part of the line with the signal that may be left out; empty where it may not."""


def _group(name: str, found: Sequence[Vital]) -> list[_Named]:
    sampled = [each for each in found if each.is_sampled]
    if not sampled:
        return []
    if all(each.verdict is SignalVerdict.UNKNOWN for each in sampled):
        return [("", (f"{VERDICT_SIGNS[SignalVerdict.UNKNOWN]} {name} {_unknown(sampled)}", Tone.WARN))]
    # Where pm2 keeps no process, nothing else of it can be known.
    none = [each for each in sampled if each.name == PROCESSES and each.value and not each.total]
    sampled = none or sampled
    parts: list[_Named] = [("", (name, Tone.QUIET))]
    for each in sampled:
        words, verdict = _short_words(each), each.verdict
        if words and verdict in _MARKED:
            said = "" if verdict is SignalVerdict.UNKNOWN else f" {VERDICT_WORDS[verdict]}:"
            parts.append(("", (f"{VERDICT_SIGNS[verdict]}{said} {words}", VERDICT_TONES[verdict])))
        elif words:
            parts.append((each.name, (words, Tone.QUIET)))
    return parts


def _short_words(each: Vital) -> str:
    if each.verdict is SignalVerdict.UNKNOWN:
        return f"{_SHORT_NAMES.get(each.name, each.name)} {_unknown([each])}"
    if each.name == PROCESSES:
        return _processes(each)
    if each.name == RESTARTS:
        return _restarts(each) if each.value else ""
    if each.name == MEMORY:
        return _rounded(each)
    free = " free" if each.name == DISK_FREE else ""
    return f"{_SHORT_NAMES[each.name]} {_rounded(each)}{free}"


def _unknown(found: Sequence[Vital]) -> str:
    """Since when nothing is known, by the newest moment at which anything was."""
    moments = [each.at for each in found if each.at is not None]
    if not moments:
        return "unknown"
    last = moments[0]
    for each in moments[1:]:
        last = each if each.since(last).total_seconds() > 0 else last
    return f"unknown since {clock_time(last)}"


def _processes(each: Vital) -> str:
    if not each.total:
        return "no process"
    return f"{each.total - round(each.value or 0)} of {each.total} online"


def _restarts(each: Vital) -> str:
    count = round(each.value or 0)
    return f"{count} restart{'' if count == 1 else 's'}" if count else "none"


def _rounded(each: Vital) -> str:
    """A share in whole points, but where the last few of them count."""
    value = each.value
    if value is not None and each.signal.unit == "%":
        value = round(value, 1) if value < 10 and each.name == DISK_FREE else float(round(value))
    return value_text(each.signal, value)


def _joined(groups: Sequence[Sequence[_Named]]) -> Line:
    parts: list[Part] = []
    for group in groups:
        for number, (_, part) in enumerate(group):
            gap = " " if not parts else "   " if number == 0 else " " if number == 1 else "  "
            parts += [(gap, Tone.QUIET), part]
    return tuple(parts)


def _cut(parts: Line, room: int) -> Line:
    kept: list[Part] = []
    for text, tone in parts:
        fitting = shortened(text, room)
        room -= len(fitting)
        if fitting:
            kept.append((fitting, tone))
    return tuple(kept)


def vitals_pane(found: Sequence[Vital]) -> tuple[Line, ...]:
    """A row for each: its verdict in a sign and a word, its name, its value, and of when an old one is."""
    if not any(each.is_sampled for each in found):
        return (line((" not sampled yet", Tone.QUIET)),)
    return tuple(_row(each) for each in found)


def _row(each: Vital) -> Line:
    verdict, value = each.verdict, _long_words(each) if each.at is not None else ""
    if verdict is None:
        sign, word, tone = "·", "sampled" if each.is_sampled else "no sample", Tone.QUIET
    else:
        sign, word, tone = VERDICT_SIGNS[verdict], VERDICT_WORDS[verdict], VERDICT_TONES[verdict]
    if verdict is SignalVerdict.UNKNOWN and each.at is not None:
        value = f"was {value} at {clock_time(each.at)}"
    strong = tone if verdict in _MARKED else Tone.PLAIN
    return line((f" {sign} {word:<10}", tone), f"{each.name:<12} ", (value, strong))


def _long_words(each: Vital) -> str:
    if each.name == PROCESSES:
        return _processes(each)
    return f"{_restarts(each)} in 1m" if each.name == RESTARTS else _rounded(each)
