"""When what is bad began: the change point of a series, by a cumulative sum that forgets."""

from __future__ import annotations

from collections.abc import Iterable

LONGEST_MEMORY = 20.0
"""The cumulative sum stops here (in natural logarithms of likelihood), so that an earlier trouble which has
passed is forgotten after as much evidence to the contrary."""


def began_at(increments: Iterable[float]) -> int | None:
    """The index at which the present rise of the cumulative sum began; `None` where there is none.

    `increments` are log-likelihood ratios, one a window, oldest first: positive where the window speaks for
    the change. The sum starts anew whenever it falls to zero (Page's CUSUM).
    """
    total = 0.0
    first: int | None = None
    for index, increment in enumerate(increments):
        total = min(LONGEST_MEMORY, total + increment)
        if total <= 0.0:
            total, first = 0.0, None
        elif first is None:
            first = index
    return first
