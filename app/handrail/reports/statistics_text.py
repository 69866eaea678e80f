"""The statistics as a table with small charts, as plain values, and as rows: every number also in words."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from handrail.reports.statistics import Environment, Goal, Statistics
from handrail.text import clean_line, duration

BARS = "▁▂▃▄▅▆▇█"
NO_BAR = "·"
BAR_WIDTH = 20
MOST_DAYS_IN_CHART = 60
COLUMNS = (
    *("run", "target", "production", "emergency", "opened", "closed", "outcome", "committed"),
    *("lead_time_seconds", "time_to_restore_seconds", "trigger_classes", "deadlines_met"),
)


def sparkline(counts: Sequence[int]) -> str:
    """A bar for each count; `·` is none at all."""
    most = max(counts, default=0)
    return "".join(BARS[max(0, -(-count * len(BARS) // most) - 1)] if count else NO_BAR for count in counts)


def bar(share: float) -> str:
    """A share from 0 to 1 as a bar of fixed width."""
    full = round(max(0.0, min(1.0, share)) * BAR_WIDTH)
    return "[" + "#" * full + "-" * (BAR_WIDTH - full) + "]"


def lines(found: Statistics) -> list[str]:
    """The statistics for a terminal, without colour."""
    days = (found.until - found.since).days + 1
    out = [f"Deployments from {found.since} to {found.until} ({days} day{'s' if days != 1 else ''})"]
    if not found.environments:
        return [*out, "", "Too little data: nothing was deployed in these days."]
    for environment in found.environments:
        out += ["", *_environment(environment)]
    out += ["", "The workflow's targets"]
    return out + [_goal(goal) for goal in found.goals]


def _environment(each: Environment) -> list[str]:
    chart = each.by_day[-MOST_DAYS_IN_CHART:]
    counts = [count for _, count in chart]
    days = f"{chart[0][0]:%m-%d} to {chart[-1][0]:%m-%d}"
    mark = " (PRODUCTION)" if each.production else ""
    rate = "too little data" if each.a_day is None else f"{each.a_day:.1f} a day"
    out = [
        f"{clean_line(each.name)}{mark}: {each.deployments} deployments, {rate}",
        _row("by day", f"{sparkline(counts)}  {days}, most in a day {max(counts)}"),
        _row("finished", f"{bar(each.finished / each.deployments)} {each.finished} of {each.deployments}"),
        _row("emergencies", f"{bar(each.emergencies / each.deployments)} {each.emergencies}"),
        _row("lead time", _median(each.lead_time, each.lead_times, "commit to finished")),
        _row("change failures", _failures(each)),
        _row("time to restore", _median(each.time_to_restore, each.restores, "evidence to restored")),
    ]
    if not each.rollbacks:
        out.append(_row("rollbacks", "none"))
    for rollback in each.rollbacks:
        name = "without a trigger" if rollback.trigger_class == "none" else rollback.trigger_class
        late = rollback.count - rollback.on_time
        kept = (
            "no deadline" if rollback.trigger_class == "none" else f"{rollback.on_time} on time, {late} late"
        )
        out.append(_row("rollbacks", f"{name}: {rollback.count} ({kept})"))
    return out


def _row(name: str, value: str) -> str:
    return f"  {name:<17} {value}"


def _failures(each: Environment) -> str:
    counted = f"{each.undone} undone, {each.repaired} repaired by an emergency"
    if each.failure_rate is None:
        return f"too little data ({counted})"
    return f"{bar(each.failure_rate)} {each.failure_rate * 100:.0f} % ({counted})"


def _median(value: timedelta | None, count: int, what: str) -> str:
    if value is None:
        return f"too little data (none from {what})"
    return f"median {long_duration(value)} ({what}, {count} measured)"


def long_duration(value: timedelta) -> str:
    """A duration that may be days: `3d 4h`."""
    hours = round(value.total_seconds() / 3600)
    return f"{hours // 24}d {hours % 24}h" if hours >= 48 else duration(value)


def _goal(goal: Goal) -> str:
    word = {True: "met", False: "NOT MET", None: "unknown"}[goal.met]
    return f"  {word:<8} {clean_line(goal.name)}: {goal.said}"


def _seconds(value: timedelta | None) -> float | None:
    return None if value is None else round(value.total_seconds(), 3)


def as_values(found: Statistics) -> dict[str, Any]:
    """The statistics as plain values; durations in seconds, `null` where there is too little data."""
    return {
        "since": found.since.isoformat(),
        "until": found.until.isoformat(),
        "environments": [
            {
                "name": each.name,
                "production": each.production,
                "by_day": {day.isoformat(): count for day, count in each.by_day},
                "deployments": each.deployments,
                "finished": each.finished,
                "emergencies": each.emergencies,
                "undone": each.undone,
                "repaired_by_emergency": each.repaired,
                "deployments_a_day": each.a_day,
                "lead_time_median_seconds": _seconds(each.lead_time),
                "lead_times_measured": each.lead_times,
                "change_failure_rate": each.failure_rate,
                "time_to_restore_median_seconds": _seconds(each.time_to_restore),
                "restores_measured": each.restores,
                "rollbacks": [
                    {"trigger_class": r.trigger_class, "count": r.count, "deadline_met": r.on_time}
                    for r in each.rollbacks
                ],
            }
            for each in found.environments
        ],
        "goals": [{"name": goal.name, "met": goal.met, "said": goal.said} for goal in found.goals],
    }


def as_csv(found: Statistics) -> str:
    """One row for each deployment, with a header row (RFC 4180)."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    for each in found.deployments:
        lead = each.closed - each.committed if each.succeeded and each.closed and each.committed else None
        classes = [name for name, _ in each.triggers if name != "none"]
        met = [str(met).lower() for name, met in each.triggers if name != "none"]
        row = (
            *(_harmless(each.run), _harmless(each.target), str(each.production).lower()),
            *(str(each.emergency).lower(), each.opened.isoformat()),
            *(each.closed.isoformat() if each.closed else "", each.outcome),
            *(each.committed.isoformat() if each.committed else "", _seconds(lead), _seconds(each.restored)),
            *(" ".join(classes), " ".join(met)),
        )
        writer.writerow(row)
    return out.getvalue()


def _harmless(text: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    text = clean_line(text)
    return f"'{text}" if text.startswith(("=", "+", "-", "@")) else text
