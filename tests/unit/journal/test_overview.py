"""All runs at a glance: what is read is bounded, and one damaged run hides no other."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from handrail.clock import ManualClock
from handrail.journal.memory import MemoryJournal
from handrail.journal.overview import MOST_CLOSED, RunsOverview
from handrail.journal.sqlite import SqliteJournal
from handrail.run import events as e
from handrail.run.events import write_event
from walk import OPERATOR, TARGET, plan, task


class Counting(MemoryJournal):
    """Counts what is read."""

    reads = 0

    def read(self, run, after=0, limit=None):
        self.reads += 1
        return super().read(run, after, limit)


def opened(journal, clock: ManualClock, run: str, target: str, ending: object = None) -> None:
    at = clock.advance(timedelta(minutes=10))
    made = plan(task("build"), target=TARGET.model_copy(update={"name": target}), title=f"Deploy {run}")
    journal.open_run(run, target, {}, "x", [write_event(e.RunOpened(plan=made, operator=OPERATOR))], at)
    if ending is not None:
        at = clock.advance(timedelta(minutes=2))
        journal.append(run, 0, 1, [write_event(ending)], at, release_lock=True)


@pytest.fixture
def journal(tmp_path: Path):
    journal = SqliteJournal(tmp_path / "journal.db")
    yield journal
    journal.close()


def test_three_hundred_runs_are_read_once_and_only_the_last_of_them() -> None:
    journal, clock = Counting(), ManualClock()
    for number in range(298):
        opened(journal, clock, f"run-{number:03}", "production", e.RunFinished())
    opened(journal, clock, "live-1", "production")
    opened(journal, clock, "live-2", "staging")
    runs = RunsOverview(journal)
    assert runs.poll()
    assert [run.run for run in runs.shown.live] == ["live-2", "live-1"]
    assert len(runs.shown.ended) <= MOST_CLOSED
    assert runs.shown.more
    assert runs.shown.ended[0].run == "run-297"
    assert journal.reads <= MOST_CLOSED + 2
    before = journal.reads
    assert not runs.poll(), "nothing was journaled since"
    assert journal.reads == before
    journal.append("live-2", 0, 1, [write_event(e.NoteAdded(by=OPERATOR, text="x"))], clock.now())
    assert runs.poll()
    assert journal.reads <= before + 2, "closed runs are not read again"


@pytest.mark.parametrize(
    ("ending", "how"),
    [
        (e.RunFinished(), "RunFinished"),
        (e.RunRolledBack(seconds=3), "RunRolledBack"),
        (e.RunAborted(by=OPERATOR, reason="x"), "RunAborted"),
    ],
)
def test_an_ended_run_says_how_when_and_whose(journal: SqliteJournal, ending, how) -> None:
    clock = ManualClock()
    opened(journal, clock, "run-1", "production", ending)
    after = [write_event(e.NoteAdded(by=OPERATOR, text="afterwards"))]
    journal.append("run-1", 0, 2, after, clock.advance(timedelta(hours=1)))
    runs = RunsOverview(journal)
    runs.poll()
    run = runs.shown.ended[0]
    assert (run.how, run.title, run.production) == (how, "Deploy run-1", True)
    assert run.operator == OPERATOR.name
    assert run.closed is not None
    assert run.closed.since(run.opened) == timedelta(minutes=2)


def test_a_damaged_run_hides_no_other(journal: SqliteJournal) -> None:
    clock = ManualClock()
    opened(journal, clock, "good", "production")
    opened(journal, clock, "bad", "staging")
    opened(journal, clock, "bad-and-over", "other", e.RunFinished())
    journal._db.execute("DROP TRIGGER events_are_not_changed")
    journal._db.execute("UPDATE events SET body = '{\"type\": 1' WHERE run LIKE 'bad%'")
    runs = RunsOverview(journal)
    runs.poll()
    assert {run.run: bool(run.damage) for run in runs.shown.live} == {"good": False, "bad": True}
    assert [run.run for run in runs.shown.ended] == ["bad-and-over"]


def test_a_run_whose_target_was_taken_over_says_so() -> None:
    journal, clock = MemoryJournal(), ManualClock()
    opened(journal, clock, "old", "production")
    journal.take_over_lock("production", "new", {}, "nobody drives it", clock.now())
    runs = RunsOverview(journal)
    runs.poll()
    assert [run.holds_lock for run in runs.shown.live] == [False]


def test_a_run_that_ends_moves_over() -> None:
    journal, clock = MemoryJournal(), ManualClock()
    opened(journal, clock, "run-1", "production")
    runs = RunsOverview(journal)
    runs.poll()
    assert len(runs.shown.live) == 1
    journal.append("run-1", 0, 1, [write_event(e.RunFinished())], clock.now(), release_lock=True)
    assert runs.poll()
    assert (len(runs.shown.live), len(runs.shown.ended)) == (0, 1)
