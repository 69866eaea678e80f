"""The calendar of a target's deployment window, read once, beside the screen that shows it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from handrail.project.calendar import Calendar, calendar_of
from handrail.project.model import Target


class CalendarRead:
    """Holds up nothing: the library of holidays takes a second to load; a later painting shows the window."""

    def __init__(self, target: Target, in_thread: Callable[[Callable[[], None]], Any]) -> None:
        self._window = target.deployment_window
        self._in_thread = in_thread
        self._is_asked = False
        self._calendar: Calendar | None = None

    def now(self) -> Calendar | None:
        """The calendar, or `None` until it is read and where the target has no window."""
        if self._window is not None and not self._is_asked:
            self._is_asked = True
            self._in_thread(self._read)
        return self._calendar

    def _read(self) -> None:
        assert self._window is not None  # noqa: S101  (it is not asked for without one)
        self._calendar = calendar_of(self._window)
