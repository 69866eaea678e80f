"""Has this commit been on staging long enough, and did it pass there? (deployment-workflow.md, "Staging")"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from handrail.policy.gate import Verdict
from handrail.policy.judgement import Judgement

SHOWN = 12


@dataclass(frozen=True, slots=True)
class Staged:
    """What is known of staging: which commit it serves, and since when without interruption.

    `passed` and `failed` are the scenarios of the commit in question with their evidence. `recorded` says
    that handrail's own journal tells of them; without it, they are unknown.
    """

    served: str | None
    since: datetime | None
    source: str
    recorded: bool = True
    passed: Collection[str] = ()
    failed: Mapping[str, str] = field(default_factory=dict)


def judge_scenarios(
    commit: str, staged: Staged | None, *, scenarios: Collection[str], served_now: str | None = None
) -> Judgement:
    """Pass where staging serves `commit`, and every scenario passed with it.

    `served_now` is what staging's own address says at this moment, where it was asked: it overrules
    what was recorded, since somebody may have deployed past handrail.
    """
    if staged is None:
        return _nothing_known(commit)
    if (elsewhere := _elsewhere(commit, staged, served_now)) is not None:
        return elsewhere
    there = f"{commit[:SHOWN]} is on staging ({staged.source})"
    wrong = [f"{name} failed: {staged.failed[name]}" for name in scenarios if name in staged.failed]
    missing = [name for name in scenarios if name not in staged.failed and name not in staged.passed]
    if missing and staged.recorded:
        wrong.append(f"not tried with this commit: {', '.join(missing)}")
    if wrong:
        return Judgement(Verdict.FAIL, f"{there}; {'; '.join(wrong)}")
    if missing:
        return Judgement(
            Verdict.UNKNOWN, f"{there}; whether these passed there isn't recorded: {', '.join(missing)}"
        )
    tried = f"; passed there: {', '.join(scenarios)}" if scenarios else ""
    return Judgement(Verdict.PASS, f"{there}{tried}")


def judge_soak(
    commit: str, staged: Staged | None, *, soak: timedelta, now: datetime, served_now: str | None = None
) -> Judgement:
    """Pass where staging has served `commit` for `soak` without interruption; `served_now` as above."""
    if staged is None:
        return _nothing_known(commit)
    if (elsewhere := _elsewhere(commit, staged, served_now)) is not None:
        return elsewhere
    short = commit[:SHOWN]
    if staged.since is None:
        return Judgement(
            Verdict.UNKNOWN, f"staging serves {short}, but since when isn't known ({staged.source})"
        )
    age = now - staged.since
    if age < timedelta():
        return Judgement(
            Verdict.UNKNOWN,
            f"{short} came to staging at {_moment(staged.since)}, which is in the future: a clock was set",
        )
    held = f"{short} has been on staging for {_span(age)}, since {_moment(staged.since)} ({staged.source})"
    if age < soak:
        missing = f"{_span(soak - age)} of {_span(soak)} are missing"
        reached = f"reached at {_moment(staged.since + soak)}"
        return Judgement(Verdict.FAIL, f"{held}; {missing}, {reached}")
    return Judgement(Verdict.PASS, held)


def _nothing_known(commit: str) -> Judgement:
    return Judgement(Verdict.UNKNOWN, f"nothing is known of {commit[:SHOWN] or 'any commit'} on staging")


def _elsewhere(commit: str, staged: Staged, served_now: str | None) -> Judgement | None:
    """Why this commit's time on staging isn't running; `None` where staging serves it."""
    short = commit[:SHOWN]
    if not commit:
        return Judgement(Verdict.UNKNOWN, "it isn't known which commit is to be deployed")
    if not staged.served:
        return _nothing_known(commit)
    if served_now is not None and not same_commit(served_now, commit):
        return Judgement(
            Verdict.FAIL, f"staging serves {served_now[:SHOWN]} now, not {short}; its time there is over"
        )
    if not same_commit(staged.served, commit):
        return Judgement(
            Verdict.FAIL, f"staging serves {staged.served[:SHOWN]} ({staged.source}), not {short}"
        )
    return None


def same_commit(one: str, other: str) -> bool:
    """Whether two names mean one commit; a short name of at least seven digits counts."""
    short, long = sorted((one.lower(), other.lower()), key=len)
    return short == long or (len(short) >= 7 and long.startswith(short))


def _moment(when: datetime) -> str:
    return when.strftime("%Y-%m-%d %H:%M UTC")


def _span(duration: timedelta) -> str:
    """A duration in hours and minutes; what is missing is never rounded down to nothing."""
    seconds = int(duration.total_seconds())
    if seconds < 60:
        return f"{max(seconds, 1)} s" if duration else "0 s"
    hours, minutes = divmod(seconds // 60, 60)
    return " ".join(
        part for part in (f"{hours} h" if hours else "", f"{minutes} min" if minutes else "") if part
    )
