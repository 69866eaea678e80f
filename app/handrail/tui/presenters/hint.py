"""The one line for newcomers, and what is wrong with a person's settings."""

from __future__ import annotations

from collections.abc import Sequence

from handrail.configuration.actions import Keys
from handrail.problems import Problem
from handrail.text import clean_line
from handrail.tui.presenters.line import Line, Tone, line, shortened


def hint_line(keys: Keys, width: int, *, on_run: bool = False) -> Line:
    """What a newcomer needs first: every key, that leaving harms nothing, and how to be rid of this line."""
    ending = line("  ", (keys.shown("hide_hint"), Tone.KEY), " hides this")
    monitor = line((keys.shown("monitor", "m"), Tone.KEY), " every signal, ") if on_run else ()
    full = _words(keys, monitor)
    words = full if _width(full) + _width(ending) <= width else _words(keys, ())
    if _width(words) + _width(ending) > width:
        words = line(" ", (keys.shown("help"), Tone.KEY), " every key")
    return (*words, *ending)


def _words(keys: Keys, monitor: Line) -> Line:
    return line(
        (" New here? ", Tone.STRONG),
        (keys.shown("help"), Tone.KEY),
        " every key, ",
        *monitor,
        ("ctrl+p", Tone.KEY),
        " every action; leaving stops no run.",
    )


def _width(words: Line) -> int:
    return sum(len(text) for text, _ in words)


def settings_line(problems: Sequence[Problem], keys: Keys, width: int) -> Line:
    """That something in the settings has no effect, and where it is said in full."""
    first = problems[0]
    count = f"{len(problems)} mistakes" if len(problems) > 1 else "a mistake"
    ending = line("  ", (keys.shown("hide_hint"), Tone.KEY), " hides")
    where = f"{first.file.name}:{first.line}"
    said = f" Your settings have {count}, without effect; `handrail config` says all. {where} {first.found}"
    return (*line((shortened(clean_line(said), width - sum(len(t) for t, _ in ending)), Tone.WARN)), *ending)
