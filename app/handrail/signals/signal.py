"""What a signal is: one thing that is sampled again and again, and judged against its baseline."""

from enum import StrEnum

from handrail.values import Frozen


class SignalKind(StrEnum):
    """What the samples of a signal are, and so which judge is fit for them.

    `outcomes`: each sample went well or badly (a request, a look at a process). `latency`: each sample is a
    time in milliseconds. `level`: each sample is a level (percent, bytes, what a query gave). `count`: how
    often something happened (error lines, restarts of a process).
    """

    OUTCOMES = "outcomes"
    LATENCY = "latency"
    LEVEL = "level"
    COUNT = "count"


class Signal(Frozen):
    """One signal of a target, as the plan freezes it.

    `unit` is shown after values ("ms", "%", "bytes", or empty). `source` says where its samples come from,
    for people: an address without secrets, a file, `pm2`. A signal that is not `required` informs: its
    silence is no reason to hold the watch. `above` and `below` are fixed bounds of a level, beside any
    baseline. `every` is the pace of its samples in seconds. `any_is_bad` is for a count of which a single
    one is already bad, such as a process that restarts; `may_leak` for a level whose steady growth is,
    such as memory. `highest` is the level that none can exceed, as a share of a whole has.
    """

    name: str
    kind: SignalKind
    unit: str = ""
    source: str = ""
    required: bool = True
    above: float | None = None
    below: float | None = None
    every: float = 10.0
    any_is_bad: bool = False
    may_leak: bool = False
    highest: float | None = None
