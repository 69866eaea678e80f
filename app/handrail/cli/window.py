"""The deployment window of a plan or a run, as lines for standard output."""

from __future__ import annotations

from handrail.clock import Instant
from handrail.project.calendar import Calendar, calendar_of
from handrail.project.model import Target
from handrail.run.plan import Plan
from handrail.run.state import RunState
from handrail.run.window import run_outlook, window_words


def plan_window(plan: Plan, now: Instant) -> str:
    """The window for a run that would be opened now; nothing where the target has none."""
    return window_words(plan, now, _calendar(plan.target))


def run_window(state: RunState, now: Instant) -> list[str]:
    """The window for what is ahead of a run, on one line or none."""
    if not state.phase.is_open:
        return []
    outlook = run_outlook(state, now, _calendar(state.plan.target))
    return [outlook.words] if outlook else []


def _calendar(target: Target) -> Calendar | None:
    window = target.deployment_window
    return calendar_of(window) if window is not None else None
