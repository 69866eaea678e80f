"""Staging's past, told by events: what was served since when, and what passed with it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from handrail.reports.staging import History, Told, staging_history

START = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
A, B = "a" * 40, "b" * 40


class Journal:
    """Events of runs on one staging target, an hour between runs."""

    def __init__(self) -> None:
        self.told: list[Told] = []
        self.now = START
        self.runs = self.attempts = 0

    def run(self, *calls: tuple[str, dict[str, Any]], end: str = "RunFinished") -> datetime:
        """One run of tasks, each with what its attempt ended with; returns when it ended."""
        self.now += timedelta(hours=1)
        self.runs += 1
        for task, ended in calls:
            self.attempts += 1
            self._tell("AttemptStarted", attempt=self.attempts, call={"task": task, "arguments": {}})
            self.now += timedelta(seconds=5)
            self._tell("AttemptEnded", **{"attempt": self.attempts, "result": "passed", "facts": {}, **ended})
        if end:
            self._tell(end)
        return self.now

    def deploy(self, commit: str, *, proved: bool = True, end: str = "RunFinished") -> datetime:
        """A deployment, up to its proof."""
        steps = [checkout(commit), ("node.install", {}), ("pm2.reload", {})]
        return self.run(*steps, ("pm2.verify", {"verdict": "pass" if proved else "fail"}), end=end)

    def history(self) -> History:
        """What it comes to."""
        return staging_history(self.told)

    def _tell(self, kind: str, **body: Any) -> None:
        self.told.append(Told(f"run-{self.runs}", self.now, kind, {"type": kind, **body}))


def checkout(commit: str) -> tuple[str, dict[str, Any]]:
    """An attempt that checked a commit out."""
    return "git.checkout", {"facts": {"commit": commit}}


def verdict(task: str, word: str = "pass", result: str = "passed") -> tuple[str, dict[str, Any]]:
    """An attempt of a check."""
    return task, {"verdict": word, "result": result, "evidence": f"{task} said {word}"}


def test_nothing_is_known_of_no_runs() -> None:
    assert staging_history([]) == History()


def test_a_proven_deployment_counts_from_its_end() -> None:
    journal = Journal()
    ended = journal.deploy(A)
    assert (journal.history().served, journal.history().since) == (A, ended)


def test_an_unproven_one_doesnt_count() -> None:
    for how in ({"proved": False}, {"end": "RunAborted"}, {"end": ""}):
        journal = Journal()
        journal.deploy(A, **how)  # type: ignore[arg-type]
        assert journal.history().served is None, how


def test_the_same_commit_again_doesnt_restart_the_clock() -> None:
    journal = Journal()
    first = journal.deploy(A)
    journal.deploy(A)
    journal.deploy(A, proved=False, end="RunAborted")
    assert (journal.history().served, journal.history().since) == (A, first)


def test_other_code_restarts_the_clock_even_where_it_is_taken_back() -> None:
    journal = Journal()
    journal.deploy(A)
    journal.deploy(B)
    again = journal.deploy(A)
    assert (journal.history().served, journal.history().since) == (A, again)
    journal.run(checkout(B), ("node.install", {}), end="RunAborted")
    assert journal.history().served is None
    rolled_back = journal.run(
        checkout(B),
        ("node.install", {}),
        checkout(A),
        ("node.install", {}),
        verdict("pm2.verify"),
        end="RunRolledBack",
    )
    assert (journal.history().served, journal.history().since) == (A, rolled_back)


def test_files_that_are_only_checked_out_interrupt_nothing() -> None:
    journal = Journal()
    first = journal.deploy(A)
    journal.run(
        checkout(B), ("git.pull", {"facts": {"commit": B}}), ("database.pending", {}), end="RunAborted"
    )
    assert (journal.history().served, journal.history().since) == (A, first)
    # A branch that was behind: checked out at old code, pulled up, and the same commit in the end.
    journal.run(
        checkout(B), ("git.pull", {"facts": {"commit": A}}), ("node.install", {}), verdict("pm2.verify")
    )
    assert (journal.history().served, journal.history().since) == (A, first)


def test_looking_with_other_code_at_hand_interrupts_nothing_but_migrating_does() -> None:
    journal = Journal()
    journal.deploy(A)
    journal.run(checkout(B), ("database.migrate", {}), end="RunAborted")
    assert journal.history().served is None


def test_scenarios_belong_to_the_commit_that_is_served() -> None:
    journal = Journal()
    journal.deploy(A)
    ended = journal.run(
        ("staging.serving", {"facts": {"commit": A}, "verdict": "pass"}),
        verdict("staging.mirrors", "fail", "failed"),
        verdict("smoke.flows"),
        verdict("scenarios.errors"),
        verdict("scenarios.load", "unknown", "failed"),
        ("staging.count_rows", {}),
        checkout(B),
        ("node.install", {}),
        ("pm2.reload", {}),
        verdict("pm2.verify"),
        verdict("smoke.flows", "fail", "failed"),
        checkout(A),
        ("node.install", {}),
        verdict("pm2.verify"),
        verdict("staging.rehearsed"),
    )
    history = journal.history()
    tried = {name: each.passed for name, each in history.of(A).items()}
    assert tried == {
        "mirrors production": False,
        "happy path": True,
        "error handling": True,
        "load": False,
        "rollback": True,
    }
    assert {name: each.passed for name, each in history.of(B).items()} == {"happy path": False}
    assert history.of(A)["load"].evidence == "scenarios.load said unknown"
    assert (history.served, history.since) == (A, ended), "the rehearsal served other code for a moment"
    journal.run(
        ("staging.serving", {"facts": {"commit": A}, "verdict": "pass"}),
        verdict("staging.mirrors"),
        verdict("scenarios.load"),
        verdict("smoke.flows", "pass", "timed out"),
        end="RunAborted",
    )
    tried = {name: each.passed for name, each in journal.history().of(A).items()}
    assert [name for name, good in tried.items() if not good] == ["happy path"], "the last word counts"
    assert (journal.history().served, journal.history().since) == (A, ended)


def test_taking_the_schema_back_interrupts_even_the_same_code() -> None:
    journal = Journal()
    journal.deploy(A)
    serving = ("staging.serving", {"facts": {"commit": A}, "verdict": "pass"})
    journal.run(serving, ("staging.take_schema_back", {}), end="RunAborted")
    assert journal.history().served is None
