"""The terminal's title: written where it changes, and given back at the end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from handrail.text import clean_line

if TYPE_CHECKING:
    from textual.app import App

# XTWINOPS 22 and 23 (xterm, "Window operations"): the terminal keeps the title that it had.
KEEP, GIVE_BACK = "\x1b[22;0t", "\x1b[23;0t"
WITHOUT_TITLE = ("", "dumb", "linux", "unknown")


class TerminalTitle:
    """Says nothing to a terminal that has no title, nor where the person doesn't want it."""

    def __init__(self, environment: Mapping[str, str], *, wanted: bool) -> None:
        self._wanted = wanted and environment.get("TERM", "") not in WITHOUT_TITLE
        self._said = ""

    def say(self, title: str, app: App[Any]) -> None:
        """Make this the title, where it is another one than before."""
        driver = app._driver
        if not self._wanted or title == self._said or driver is None or app.is_headless:
            return
        first = "" if self._said else KEEP
        self._said = title
        driver.write(f"{first}\x1b]2;{clean_line(title)}\x07")
        driver.flush()

    def forget(self) -> None:
        """Begin anew: what was said meanwhile did not reach the terminal."""
        self._said = ""

    def give_back(self, app: App[Any]) -> None:
        """Give the terminal the title that it had before."""
        driver = app._driver
        if self._said and driver is not None:
            self._said = ""
            driver.write(GIVE_BACK)
            driver.flush()
