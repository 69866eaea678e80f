"""What `handrail.toml` says of the watch after a deployment (deployment-workflow.md, Step 5)."""

from datetime import timedelta
from typing import Literal

from pydantic import Field

from handrail.project.probes import MOST_PROBES, HostName, Probe
from handrail.signals.limits import Limits
from handrail.values import Duration, Frozen, TriggerClass


class Monitor(Frozen):
    """How the release is watched: how long, at which pace, against what, and what follows from it.

    `baseline` is how long the application is sampled before the first change. `baseline_from` says whether
    that comes first (`run`), or the last good runs at the same hour (`history`); the other stands in where
    there is too little. `reports` is the class of what users report. Without `probes`, what can be looked at
    without a side effect is (`signals.probes_of`). `hosts` may be asked beside the target's own.
    """

    duration: Duration = Field(default="30m", validate_default=True)
    every: Duration = Field(default="10s", validate_default=True)
    baseline: Duration = Field(default="5m", validate_default=True)
    baseline_from: Literal["run", "history"] = "run"
    window: Duration = timedelta(seconds=5)
    limits: Limits = Field(default_factory=Limits)
    reports: TriggerClass = TriggerClass.FAST
    blind: TriggerClass = TriggerClass.CONSIDERED
    probes: tuple[Probe, ...] = Field(default=(), max_length=MOST_PROBES)
    hosts: tuple[HostName, ...] = ()
