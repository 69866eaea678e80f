"""What is known of the terminal by the environment alone."""

from __future__ import annotations

from collections.abc import Mapping

_MORE_COLOURS = ("256color", "kitty")
"""The ends of `TERM` by which Rich sends more than the sixteen colours (`rich.console._TERM_COLORS`)."""


def in_gnu_screen(environment: Mapping[str, str]) -> bool:
    """Whether this is a window of GNU screen, and not of a tmux within one."""
    return bool(environment.get("STY")) and environment.get("TERM", "").startswith("screen")


def believes_colorterm(environment: Mapping[str, str]) -> bool:
    """Whether `COLORTERM` speaks of this terminal.

    In GNU screen it is what the terminal around it has said. screen itself has no 24-bit colours before 5.0,
    nor unasked in it, and takes their codes for others: dim text in its background's colour (seen with 4.9).
    """
    return not in_gnu_screen(environment)


def shows_sixteen_colours(environment: Mapping[str, str]) -> bool:
    """Whether the terminal is sent its own sixteen colours alone; nothing is said of one without a name."""
    term = environment.get("TERM", "").strip().lower()
    colours = environment.get("COLORTERM", "").strip().lower()
    if not term or (colours in ("truecolor", "24bit") and believes_colorterm(environment)):
        return False
    return term.rpartition("-")[2] not in _MORE_COLOURS
