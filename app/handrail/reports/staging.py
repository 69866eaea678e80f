"""What the journal tells of a staging target: which code it served since when, and what passed with it.

Pure, over the plain bodies of events, so that an event of another version is passed over where it says
nothing of this.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

SCENARIO_OF_TASK = {
    "staging.mirrors": "mirrors production",
    "smoke.flows": "happy path",
    "scenarios.errors": "error handling",
    "scenarios.load": "load",
    "staging.rehearsed": "rollback",
}
PROVES_SERVED = frozenset({"pm2.verify", "app.serves"})
# git changes files that nobody reads before they are installed, built or restarted.
TAKES_SCHEMA_BACK = "staging.take_schema_back"
HARMLESS = ("git.", "announce.", "app.", "smoke.", "monitor.", "maintenance.", "scenarios.", "staging.")
HARMLESS_TASKS = frozenset(
    {"pm2.status", "pm2.verify", "database.reachable", "database.pending", "database.applied"}
    | {"database.backup", "database.backed_up"}
)


@dataclass(frozen=True, slots=True)
class Told:
    """One journaled event: when, its type, and its body."""

    run: str
    at: datetime
    type: str
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Tried:
    """The last word on one scenario with one commit."""

    passed: bool
    evidence: str
    at: datetime


@dataclass(slots=True)
class History:
    """Staging's past: `served` is `None` while nobody can be sure, as in the midst of a deployment."""

    served: str | None = None
    since: datetime | None = None
    tried: dict[str, dict[str, Tried]] = field(default_factory=dict)

    def of(self, commit: str) -> dict[str, Tried]:
        """What was tried with a commit, by scenario."""
        return self.tried.get(commit, {})


@dataclass(slots=True)
class _Run:
    code: str | None = None
    proved: bool = False
    calls: dict[int, str] = field(default_factory=dict)


def staging_history(events: Iterable[Told]) -> History:
    """Fold the events of every run on the target, oldest first.

    A commit counts as served from the end of a run that proved it (`pm2.verify`, `app.serves`), and no
    longer once a run with other code does more than look. A proven rehearsal of the rollback is such an
    interruption: the time counts anew from its end. Other code that comes and goes unproven leaves
    staging unknown.
    """
    history = History()
    runs: dict[str, _Run] = {}
    for told in events:
        run = runs.setdefault(told.run, _Run())
        match told.type:
            case "AttemptStarted":
                _started(history, run, told)
            case "AttemptEnded":
                _ended(history, run, told)
            case "RunFinished" | "RunRolledBack":
                if run.code is not None and run.proved and history.served != run.code:
                    history.served, history.since = run.code, told.at
    return history


def _started(history: History, run: _Run, told: Told) -> None:
    task = str((told.body.get("call") or {}).get("task", ""))
    run.calls[int(told.body.get("attempt", 0))] = task
    looks = task.startswith(HARMLESS) or task in HARMLESS_TASKS
    other_code = not looks and run.code is not None and run.code != history.served
    if other_code or task == TAKES_SCHEMA_BACK:
        history.served, history.since = None, None


def _ended(history: History, run: _Run, told: Told) -> None:
    body = told.body
    task = run.calls.get(int(body.get("attempt", 0)), "")
    commit = (body.get("facts") or {}).get("commit")
    if isinstance(commit, str) and commit and commit != run.code:
        run.code, run.proved = commit, False
    verdict = body.get("verdict")
    if run.code is None or verdict is None:
        return
    good = verdict == "pass" and body.get("result") == "passed"
    if task in PROVES_SERVED:
        run.proved = good
    if scenario := SCENARIO_OF_TASK.get(task):
        tried = history.tried.setdefault(run.code, {})
        tried[scenario] = Tried(good, str(body.get("evidence", "")), told.at)
