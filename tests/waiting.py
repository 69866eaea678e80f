"""The one way in which tests wait: for a condition, by name, and not for ever."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")


SHORTEST_PAUSE_SECONDS = 0.02
LONGEST_PAUSE_SECONDS = 0.5
LOOKS_SHARE = 0.2
"""So much of the waiting is spent on looking at most: what is waited for wants the processor, too."""


def wait_for(condition: Callable[[], Found], what: str, seconds: float = 60.0) -> Found:
    """Return the first true answer of `condition`; fail, saying `what`, when none came in `seconds`."""
    began = time.monotonic()
    while True:
        looked = time.monotonic()
        if found := condition():
            return found
        now = time.monotonic()
        if now - began > seconds:
            raise AssertionError(f"waited {seconds:g} s in vain for {what}")
        pause = (now - looked) * (1 / LOOKS_SHARE - 1)
        time.sleep(min(max(pause, SHORTEST_PAUSE_SECONDS), LONGEST_PAUSE_SECONDS))
