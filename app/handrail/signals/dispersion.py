"""How much more a signal's windows differ from each other than independent samples would."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from statistics import median

from handrail.signals.latency_ranks import UNIFORM_VARIANCE, Ranks

WINDOWS_A_BLOCK = 3
FEWEST_BLOCKS = 4
PRIOR_BLOCKS = 6.0
"""A few blocks say little about their own variance: this many that are as independent samples are added."""
MOST = 25.0
_MEDIAN_OF_CHI_SQUARED = 0.455


def error_dispersion(bad: Sequence[int], exposure: Sequence[float]) -> float:
    """The dispersion of counts, window by window: Pearson's statistic of blocks, at least 1.

    Blocks are long enough for one expected error each; below four blocks, nothing is known and it is 1.
    """
    total, all_exposure = sum(bad), sum(exposure)
    size = max(WINDOWS_A_BLOCK, -(-len(bad) // max(1, total)))
    blocks = len(bad) // size
    if blocks < FEWEST_BLOCKS or all_exposure <= 0:
        return 1.0
    rate = total / all_exposure
    squares = 0.0
    for block in range(blocks):
        begin, end = block * size, (block + 1) * size
        expected = rate * sum(exposure[begin:end])
        if expected > 0:
            squares += (sum(bad[begin:end]) - expected) ** 2 / expected
    return _with_prior(squares / (blocks - 1), blocks - 1)


def latency_dispersion(windows: Sequence[Mapping[int, int]]) -> float:
    """The dispersion of ranks, block by block; robust against a single spike, and at least 1."""
    blocks: list[Counter[int]] = []
    everything: Counter[int] = Counter()
    for begin in range(0, len(windows), WINDOWS_A_BLOCK):
        block: Counter[int] = Counter()
        for window in windows[begin : begin + WINDOWS_A_BLOCK]:
            block.update(window)
        if block:
            blocks.append(block)
            everything.update(block)
    if len(blocks) < FEWEST_BLOCKS:
        return 1.0
    table = Ranks(everything)
    ranks = [table.total(block) / block.total() for block in blocks]
    # Around their median: a spike must not make the calm blocks look as if they wandered.
    middle = median(ranks)
    squares = [
        block.total() * (rank - middle) ** 2 / UNIFORM_VARIANCE
        for block, rank in zip(blocks, ranks, strict=True)
    ]
    robust = median(squares) / _MEDIAN_OF_CHI_SQUARED
    return _with_prior(robust, len(blocks))


def _with_prior(dispersion: float, blocks: int) -> float:
    return min(MOST, max(1.0, (dispersion * blocks + PRIOR_BLOCKS) / (blocks + PRIOR_BLOCKS)))
