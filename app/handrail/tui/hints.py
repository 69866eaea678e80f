"""Whether newcomers' hints were dismissed for good; `cli` keeps it."""

from __future__ import annotations

from typing import Protocol


class Hints(Protocol):
    """What is remembered of hints, apart from all settings and all runs."""

    @property
    def dismissed(self) -> bool:
        """Whether hints were dismissed before."""
        ...

    def dismiss(self) -> str:
        """Never show them again. Returns why that could not be kept; empty where it was."""
        ...


class NoHints:
    """Hints that nobody sees."""

    dismissed = True

    def dismiss(self) -> str:
        """Nothing is to be kept."""
        return ""
