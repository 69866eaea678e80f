"""What has happened to a run's watch: samples, baselines, verdicts, and what people made of deadlines."""

from typing import Literal

from pydantic import Field

from handrail.clock import Instant
from handrail.run.actors import Actor
from handrail.signals.baseline import Baseline, KeptBaseline
from handrail.signals.judgement import Judgement, SignalVerdict
from handrail.signals.window import SignalWindow
from handrail.values import Frozen


class SignalsSampled(Frozen):
    """The target's signals were sampled: compact windows, oldest first, each after those before it."""

    type: Literal["SignalsSampled"] = "SignalsSampled"
    windows: tuple[SignalWindow, ...]


class BaselineStarted(Frozen):
    """The run waits until its signals were sampled for `seconds` in all, before its first change."""

    type: Literal["BaselineStarted"] = "BaselineStarted"
    step: str
    seconds: float


class BaselineTaken(Frozen):
    """What was usual before the deployment, sampled for `seconds`.

    `step` is `None` where no step asked for it, and the first change ended the calm while.
    """

    type: Literal["BaselineTaken"] = "BaselineTaken"
    step: str | None
    seconds: float
    signals: Baseline = Field(default_factory=dict)


class WatchStarted(Frozen):
    """The release is watched until `seconds` were clean, each signal against its own baseline."""

    type: Literal["WatchStarted"] = "WatchStarted"
    step: str
    seconds: float
    baseline: Baseline = Field(default_factory=dict)


class SignalJudged(Frozen):
    """The verdict on a signal has changed; `before` is what it was, `None` where there was none."""

    type: Literal["SignalJudged"] = "SignalJudged"
    judgement: Judgement
    before: SignalVerdict | None = None


class WatchStretched(Frozen):
    """The watch lasts `seconds` in all from now on, which is longer than before."""

    type: Literal["WatchStretched"] = "WatchStretched"
    step: str
    seconds: float
    by: Actor
    reason: str = ""


class WatchEnded(Frozen):
    """The watch is over: all of its time was clean, or it was ended before (`clean` is false)."""

    type: Literal["WatchEnded"] = "WatchEnded"
    step: str
    clean: bool
    evidence: str


class BaselineKept(Frozen):
    """What the watch of this good run saw, as a baseline for later runs at the same hour."""

    type: Literal["BaselineKept"] = "BaselineKept"
    kept: KeptBaseline


class TroubleReported(Frozen):
    """Somebody passed on what users report."""

    type: Literal["TroubleReported"] = "TroubleReported"
    by: Actor
    text: str


class DeadlineExtended(Frozen):
    """A person gave a trigger more time."""

    type: Literal["DeadlineExtended"] = "DeadlineExtended"
    trigger: int
    deadline: Instant
    by: Actor
    reason: str


class RollbackForetold(Frozen):
    """Unless somebody says that the release stays, the run rolls back by itself `at` that moment.

    Where it can't, `why_not` says why, and a person has to.
    """

    type: Literal["RollbackForetold"] = "RollbackForetold"
    trigger: int
    at: Instant
    why_not: str = ""


class ReleaseKept(Frozen):
    """A person confirmed that the release stays: nothing is rolled back by itself for this trigger."""

    type: Literal["ReleaseKept"] = "ReleaseKept"
    trigger: int
    by: Actor
    reason: str


WATCH_EVENTS = (
    SignalsSampled
    | BaselineStarted
    | BaselineTaken
    | WatchStarted
    | SignalJudged
    | WatchStretched
    | WatchEnded
    | BaselineKept
    | TroubleReported
    | DeadlineExtended
    | RollbackForetold
    | ReleaseKept
)
