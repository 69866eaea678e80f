"""How much is measured: in full, or as little as shows that it works."""

from __future__ import annotations

from dataclasses import dataclass

from bench.relay import Link

FLOOD_LINES_A_SECOND = 100_000
# What a measurement may write: 200,000,000 bytes of log at most, which is emptied right after.
MOST_FLOOD_SECONDS = 20.0
FIRST_LINK, SECOND_LINK = Link(64 * 1024, 0.15), Link(16 * 1024, 0.3)
PAINTED = "Detach"
# With it the run stays open when what is measured is over: a closed run shows its summary over the log.
LEFT_TO_DO = {"title": "Leave", "task": "began", "with": {"mark": "unused"}}


@dataclass(frozen=True)
class Size:
    """How much is measured: in full, or as little as shows that it works.

    `patience` is how long a key in a peer's pane is waited for over a slow link, in seconds.
    """

    starts: int
    lines: tuple[int, ...]
    bursts: int
    keys: int
    rest_seconds: float
    steps: int
    events: int
    slow_keys: int
    links: tuple[tuple[Link, float], ...]
    patience: float


FULL = Size(5, (200_000, 2_000_000), 7, 100, 20.0, 7, 500, 25, ((FIRST_LINK, 150), (SECOND_LINK, 400)), 20.0)
SHORT = Size(1, (200_000,), 1, 4, 2.0, 1, 20, 2, ((FIRST_LINK, 150),), 2.0)
