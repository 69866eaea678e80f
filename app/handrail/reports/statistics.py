"""How often, how fast and how well is deployed (deployment-workflow.md, Deployment Frequency): pure.

A deployment is a run that began to exchange what a target serves: one of its own steps restarted the
application, or it reported the commit that it checked out and ended. Rollbacks by a runbook of their
own, and rehearsals, are none. Numbers that too few deployments stand behind are `None`, and are said to be.
"""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

from msgspec import Struct, field

from handrail.run.state import Phase, RunState

RESTARTS = frozenset({"pm2.reload", "pm2.restart"})
NO_DEPLOYMENTS = ("rollback-", "staging-verify")
FEWEST_DAYS = 5
FEWEST_DEPLOYMENTS = 5
STAGING_A_DAY = 2.0
PRODUCTION_A_DAY = 1.0
MOST_EMERGENCIES = 0.01
WORKING_DAYS = 5


class Deployment(Struct, frozen=True):
    """One deployment as the statistics see it; times are aware."""

    run: str
    target: str
    production: bool
    opened: datetime
    closed: datetime | None
    outcome: str
    emergency: bool = False
    committed: datetime | None = None
    restored: timedelta | None = None
    triggers: tuple[tuple[str, bool], ...] = ()

    @property
    def succeeded(self) -> bool:
        """Whether it ended with the new release served."""
        return self.outcome == Phase.FINISHED.value

    @property
    def undone(self) -> bool:
        """Whether it was rolled back, or ended as it stood."""
        return self.outcome in (Phase.ROLLED_BACK.value, Phase.ABORTED.value)


class Goal(Struct, frozen=True):
    """A target of the workflow, and whether it was met; `met` is `None` where there is too little data."""

    name: str
    met: bool | None
    said: str


class RollbackCount(Struct, frozen=True):
    """The rollbacks of one trigger class; `on_time` of them kept the deadline."""

    trigger_class: str
    count: int
    on_time: int


class Environment(Struct, frozen=True):
    """The deployments of one target, or of all production targets, over the days looked at."""

    name: str
    production: bool
    by_day: tuple[tuple[date, int], ...]
    deployments: int
    finished: int
    emergencies: int
    undone: int
    repaired: int
    a_day: float | None
    lead_time: timedelta | None
    lead_times: int
    failure_rate: float | None
    time_to_restore: timedelta | None
    restores: int
    rollbacks: tuple[RollbackCount, ...]


class Statistics(Struct, frozen=True):
    """Everything that `handrail stats` shows."""

    since: date
    until: date
    environments: tuple[Environment, ...]
    goals: tuple[Goal, ...]
    deployments: tuple[Deployment, ...] = field(default=())


def deployment_of(state: RunState) -> Deployment | None:
    """The run as a deployment; `None` for one that is none, or hasn't come so far."""
    if state.plan.runbook.startswith(NO_DEPLOYMENTS):
        return None
    acted = [step for step in state.forward_steps if step.may_have_acted]
    restarted = any(step.planned.call and step.planned.call.task in RESTARTS for step in acted)
    if not restarted and not (state.phase is Phase.FINISHED and state.facts.get("commit")):
        return None
    rolled_back = state.phase is Phase.ROLLED_BACK
    restored = None
    if state.phase is Phase.ROLLED_BACK and state.closed is not None:
        began = min((t.evidence_from for t in state.triggers.values()), key=lambda at: at.wall, default=None)
        restored = state.closed.since(began or state.rollback_started or state.opened)
    elif state.plan.emergency is not None and state.phase is Phase.FINISHED and state.closed is not None:
        restored = state.closed.since(state.opened)
    triggers = [
        (trigger.trigger_class.value, not trigger.passed)
        for trigger in state.triggers.values()
        if rolled_back and trigger.closed == "rolled back"
    ]
    return Deployment(
        run=state.run,
        target=state.plan.target.name,
        production=state.plan.target.production,
        opened=state.opened.datetime(),
        closed=state.closed.datetime() if state.closed else None,
        outcome=state.phase.value,
        emergency=state.plan.emergency is not None,
        committed=_moment(state.facts.get("committed_at")),
        restored=restored,
        triggers=tuple(triggers) or ((("none", True),) if rolled_back else ()),
    )


def _moment(text: object) -> datetime | None:
    try:
        found = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return found if found is None or found.tzinfo is not None else found.replace(tzinfo=UTC)


def statistics_of(
    deployments: Iterable[Deployment],
    *,
    now: datetime,
    days: int,
    local: Callable[[datetime], datetime] = lambda moment: moment,
) -> Statistics:
    """The statistics of the last `days` days, today included; `local` puts a moment into a time zone."""
    today = local(now).date()
    since = today - timedelta(days=days - 1)
    within = [
        each
        for each in sorted(deployments, key=lambda each: each.opened)
        if since <= local(each.opened).date() <= today
    ]
    targets = sorted({(not each.production, each.target) for each in within})
    span = [since + timedelta(days=number) for number in range(days)]
    environments = tuple(
        _environment(name, [each for each in within if each.target == name], span, local)
        for _, name in targets
    )
    return Statistics(since, today, environments, _goals(environments), tuple(within))


def _environment(
    name: str,
    found: Sequence[Deployment],
    span: Sequence[date],
    local: Callable[[datetime], datetime],
) -> Environment:
    by_day = Counter(local(each.opened).date() for each in found)
    production = found[0].production
    # Before its first deployment there is nothing to judge, and a team doesn't deploy on every day off.
    seen = [day for day in span if day >= min(by_day)]
    counted = [day for day in seen if not production or day.weekday() < WORKING_DAYS or by_day[day]]
    finished = [each for each in found if each.succeeded]
    leads = [
        each.closed - each.committed
        for each in finished
        if each.closed is not None and each.committed is not None
    ]
    over = [each for each in found if each.closed is not None]
    undone = sum(each.undone for each in over)
    repaired = _repaired(over)
    restores = [each.restored for each in found if each.restored is not None]
    classes = Counter(trigger for each in found for trigger, _ in each.triggers)
    on_time = Counter(trigger for each in found for trigger, met in each.triggers if met)
    return Environment(
        name=name,
        production=production,
        by_day=tuple((day, by_day[day]) for day in span),
        deployments=len(found),
        finished=len(finished),
        emergencies=sum(each.emergency for each in found),
        undone=undone,
        repaired=repaired,
        a_day=len(found) / len(counted) if len(counted) >= FEWEST_DAYS else None,
        lead_time=_median(leads),
        lead_times=len(leads),
        failure_rate=(undone + repaired) / len(over) if len(over) >= FEWEST_DEPLOYMENTS else None,
        time_to_restore=_median(restores),
        restores=len(restores),
        rollbacks=tuple(RollbackCount(name, classes[name], on_time[name]) for name in sorted(classes)),
    )


def _median(durations: Sequence[timedelta]) -> timedelta | None:
    if not durations:
        return None
    return timedelta(seconds=statistics.median(each.total_seconds() for each in durations))


def _repaired(found: Sequence[Deployment]) -> int:
    """How many deployments that seemed good had to be repaired by an emergency right after them."""
    count = 0
    for before, after in pairwise(found):
        count += after.emergency and before.succeeded and not before.emergency
    return count


def _goals(environments: Sequence[Environment]) -> tuple[Goal, ...]:
    production = [each for each in environments if each.production]
    staging = [each for each in environments if not each.production]
    goals = [_frequency(each, STAGING_A_DAY, "several times a day") for each in staging]
    goals += [_frequency(each, PRODUCTION_A_DAY, "daily on working days") for each in production]
    total = sum(each.deployments for each in production)
    if total:
        goals.append(_few_emergencies(sum(each.emergencies for each in production), total))
    return tuple(goals)


def _frequency(environment: Environment, wanted: float, words: str) -> Goal:
    name = f"{environment.name}: {words}"
    if environment.a_day is None:
        return Goal(name, None, f"too little data: fewer than {FEWEST_DAYS} days since the first deployment")
    return Goal(name, environment.a_day >= wanted, f"{environment.a_day:.1f} a day")


def _few_emergencies(emergencies: int, total: int) -> Goal:
    name = "emergencies: under 1 % of production's deployments"
    share = emergencies / total
    said = f"{emergencies} of {total} ({share * 100:.1f} %)"
    if total * MOST_EMERGENCIES < 1 and emergencies <= 1:
        # One emergency among fewer than a hundred is more than 1 %, and none proves nothing yet.
        return Goal(name, None, f"too little data: {said}; it takes 100 deployments to tell")
    return Goal(name, share < MOST_EMERGENCIES, said)
