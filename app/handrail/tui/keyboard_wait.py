"""Waiting for a key: often while something may follow, and without end once nothing can."""

from __future__ import annotations

import os
import select

from handrail.tui.pasting import LOST_END_TICKS

LOOK_SECONDS = 0.1
QUIET_LOOKS = LOST_END_TICKS + 10
"""After so many looks at which nothing came, nothing is held back any more: not even half a paste."""


class KeyboardWait:
    """One thread waits; `wake` is for the others.

    To look ten times a second at a keyboard that nobody touches was a sixth of what a screen did at rest.
    """

    def __init__(self, fileno: int, *, quiet_looks: int = QUIET_LOOKS) -> None:
        self._fileno = fileno
        self._quiet_looks = quiet_looks
        self._quiet = 0
        self._wakes, self._wake = os.pipe()

    def is_readable(self) -> bool:
        """Whether something has come; `False` after a tenth of a second, or when it was woken."""
        limit = LOOK_SECONDS if self._quiet < self._quiet_looks else None
        ready, _, _ = select.select([self._fileno, self._wakes], [], [], limit)
        self._quiet = 0 if ready else self._quiet + 1
        if self._wakes in ready:
            os.read(self._wakes, 4096)
        return self._fileno in ready

    def wake(self) -> None:
        """Let who waits look around, and look often from then on."""
        os.write(self._wake, b"\0")

    def close(self) -> None:
        """Nobody waits any more."""
        os.close(self._wakes)
        os.close(self._wake)
