"""What a judge says of one signal: good, a warning, bad, or unknown, with its evidence."""

from enum import StrEnum

from handrail.clock import Instant
from handrail.values import Frozen, TriggerClass


class SignalVerdict(StrEnum):
    """Bad, unknown and good are three things; a warning is good enough to go on, and worth a look."""

    GOOD = "good"
    WARNING = "warning"
    BAD = "bad"
    UNKNOWN = "unknown"


class Judgement(Frozen):
    """The verdict on one signal at one moment.

    `now`, `baseline` and `threshold` are values in the signal's unit, as they are shown (an error rate is a
    share from 0 to 1; a count is per minute). `effect` says how far it is from the baseline, in words
    ("8.2 times the baseline"). `p` is the probability of as much by chance where nothing has changed, already
    corrected for looking again and again. `because` is one sentence with all of it. `evidence_from` is when
    what is bad began, not when it was noticed.
    """

    signal: str
    verdict: SignalVerdict
    because: str
    trigger_class: TriggerClass | None = None
    effect: str = ""
    p: float | None = None
    samples: int = 0
    baseline_samples: int = 0
    now: float | None = None
    baseline: float | None = None
    threshold: float | None = None
    evidence_from: Instant | None = None
