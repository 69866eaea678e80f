"""The thresholds of the judges, which belong to the target; the defaults are the workflow's."""

from datetime import timedelta

from pydantic import Field

from handrail.values import Duration, Frozen


class Limits(Frozen):
    """When a signal is bad (deployment-workflow.md, Step 5 and Rollback Timeline).

    `error_ratio` times the baseline's error rate is class *fast*; it takes `fewest_errors` at least. Latency
    `latency_warning` times the baseline is a warning, `latency_considered` times is class *considered*. A
    level (CPU, memory) is a warning above `level_warning` times, and class *considered* above
    `level_considered` times its baseline, or where it grows steadily by `leak_growth` of it within the watch.
    `blind_after` without a single known sample of a required signal is a trigger of its own.
    """

    error_ratio: float = Field(default=5.0, gt=1)
    fewest_errors: int = Field(default=4, ge=2)
    latency_warning: float = Field(default=1.10, gt=1)
    latency_considered: float = Field(default=1.20, gt=1)
    level_warning: float = Field(default=1.25, gt=1)
    level_considered: float = Field(default=1.5, gt=1)
    leak_growth: float = Field(default=0.10, gt=0)
    false_alarms: float = Field(
        default=0.01,
        gt=0,
        lt=1,
        description="The accepted probability of a false alarm of the watch as a whole",
    )
    blind_after: Duration = timedelta(minutes=2)
