"""Whether a run fits into its target's deployment window, in words for every screen.

A deployment that would end outside is warned of; only one that starts outside is held, by the check.
"""

from __future__ import annotations

import math
from datetime import timedelta

from msgspec import Struct

from handrail.clock import Instant
from handrail.policy.gate import Verdict
from handrail.policy.window import WindowVerdict, at_words, elapsed, judge, span_words, spare
from handrail.project.calendar import Calendar
from handrail.run.duration import PlanDuration, plan_duration, time_ahead
from handrail.run.plan import Plan
from handrail.run.state import Phase, RunState


class WindowOutlook(Struct, frozen=True):
    """The window as a run meets it: a sentence, a shorter one, and whether it is a warning."""

    words: str
    short: str
    warns: bool


def plan_outlook(plan: Plan, now: Instant, calendar: Calendar | None) -> WindowOutlook | None:
    """The window for a run that isn't opened yet; `None` where the target has no window, or none ends."""
    return _outlook(plan, now, calendar, plan_duration(plan), what="this deploy")


def run_outlook(state: RunState, now: Instant, calendar: Calendar | None) -> WindowOutlook | None:
    """The window for what is still ahead of a run; `None` once it rolls back or is over."""
    if state.phase is not Phase.RUNNING:
        return None
    begun = any(step.may_have_acted for step in state.forward_steps)
    what = "the rest" if begun else "this deploy"
    return _outlook(state.plan, now, calendar, time_ahead(state, now), what=what)


def window_words(plan: Plan, now: Instant, calendar: Calendar | None) -> str:
    """The window in a sentence, such as "Window closes 17:00 PST in 1h 12m; this deploy … fits"."""
    outlook = plan_outlook(plan, now, calendar)
    return outlook.words if outlook else ""


def _outlook(
    plan: Plan, now: Instant, calendar: Calendar | None, takes: PlanDuration, *, what: str
) -> WindowOutlook | None:
    window = plan.target.deployment_window
    if window is None or calendar is None:
        return None
    verdict = judge(window, now.datetime(), calendar)
    if verdict.verdict is Verdict.UNKNOWN:
        return WindowOutlook(f"Window not known: {verdict.why}", "window not known", True)
    if not verdict.is_open:
        return _closed(verdict)
    if verdict.until is None:
        return None
    local = now.datetime().astimezone(verdict.until.tzinfo)
    closes = f"closes {at_words(verdict.until, local)} in {span_words(verdict.closes_in)}"
    usually = "usually" if takes.measured else "about"
    with_rollback = " with rollback" if takes.rollback else ""
    ahead = f"{what} ({usually} {_rounded_up(takes.total)}{with_rollback})"
    left = spare(verdict, takes.total)
    if left >= timedelta():
        return WindowOutlook(f"Window {closes}; {ahead} fits", f"window {closes}", False)
    late = _rounded_up(-left)
    return WindowOutlook(
        f"Window {closes}; {ahead} would end {late} after it closes",
        f"window {closes}; may end {late} late",
        True,
    )


def _closed(verdict: WindowVerdict) -> WindowOutlook:
    if verdict.opens_next is None:
        return WindowOutlook(f"Window closed: {verdict.why}", "window closed", True)
    local = verdict.moment.astimezone(verdict.opens_next.tzinfo)
    opens = f"opens {at_words(verdict.opens_next, local)}"
    wait = span_words(elapsed(verdict.moment, verdict.opens_next))
    return WindowOutlook(f"Window closed: {verdict.why}; {opens}, in {wait}", f"window closed; {opens}", True)


def _rounded_up(span: timedelta) -> str:
    """A duration in words, never shorter than it is: to whole minutes from one minute on."""
    seconds = math.ceil(span.total_seconds())
    return span_words(timedelta(seconds=seconds if seconds < 60 else math.ceil(seconds / 60) * 60))
