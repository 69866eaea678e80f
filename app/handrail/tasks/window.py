"""The deployment window (deployment-workflow.md, Pre-Deployment 3), asked when a step is about to start."""

from __future__ import annotations

from invoke.context import Context
from invoke.tasks import task

from handrail.clock import SystemClock
from handrail.policy.gate import Verdict
from handrail.policy.window import judge
from handrail.tasks.workplace import workplace


@task(name="open")
def is_open(context: Context) -> None:
    """Check that the target's deployment window is open now."""
    from handrail.project.calendar import Calendar, calendar_of  # noqa: PLC0415  (needed where there is one)

    place = workplace(context)
    window = place.target.deployment_window
    calendar = calendar_of(window) if window is not None else Calendar(None, lambda day: None)
    verdict = judge(window, SystemClock().now().datetime(), calendar)
    if verdict.verdict is Verdict.UNKNOWN:
        raise place.unknown(
            verdict.evidence,
            next_step=f"install the Python packages tzdata and holidays beside handrail, or correct"
            f" [targets.{place.site.name}.window] in handrail.toml.",
        )
    place.conclude(
        verdict.is_open,
        verdict.evidence,
        next_step="start this step when it opens; what can't wait is an emergency (handrail hotfix).",
    )
