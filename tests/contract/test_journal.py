"""What every journal keeps to: the stored one and the one in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from handrail.clock import Instant
from handrail.errors import ExitCode, Refused, WrongUsage
from handrail.journal.base import (
    AnsweredAlready,
    Fenced,
    Journal,
    LockHeld,
    LockKept,
    LockLost,
    RunExists,
    SequenceTaken,
    UnknownRun,
)
from handrail.journal.chain import breaks_chain
from handrail.journal.memory import MemoryJournal
from handrail.journal.sqlite import SqliteJournal

NOW = Instant(wall=1_700_000_000.125, boot=1_000.5, boot_id="one")
OPERATOR = {"name": "operator", "host": "bastion"}
OPENED = {"type": "RunOpened", "plan": "abc"}


class Faults:
    """Raises at one named point."""

    def __init__(self) -> None:
        self.armed = ""

    def reach(self, point: str) -> None:
        if point == self.armed:
            raise RuntimeError(point)


@pytest.fixture
def faults() -> Faults:
    return Faults()


@pytest.fixture(params=["memory", "sqlite"])
def journal(request: pytest.FixtureRequest, tmp_path: Path, faults: Faults) -> Iterator[Journal]:
    made: Journal
    made = (
        MemoryJournal(faults)
        if request.param == "memory"
        else SqliteJournal(tmp_path / "j.db", faults=faults)
    )
    yield made
    made.close()


def opened(journal: Journal, run: str = "r1", target: str = "production") -> Journal:
    journal.open_run(run, target, OPERATOR, "a deploy", [OPENED], NOW)
    return journal


def later(seconds: float) -> Instant:
    return NOW.plus(timedelta(seconds=seconds))


def event(kind: str = "Noted", **more: Any) -> dict[str, Any]:
    return {"type": kind, **more}


def test_opening_a_run_takes_the_lock_and_writes_the_first_events(journal: Journal) -> None:
    records = journal.open_run("r1", "production", OPERATOR, "a deploy", [OPENED, event(text="é\ud800")], NOW)

    assert [(r.seq, r.epoch, r.type, r.at) for r in records] == [
        (1, 0, "RunOpened", NOW),
        (2, 0, "Noted", NOW),
    ]
    assert journal.read("r1") == records
    assert journal.last_seq("r1") == 2
    (lock,) = journal.locks()
    assert (lock.target, lock.run, lock.holder, lock.what, lock.since) == (
        "production",
        "r1",
        OPERATOR,
        "a deploy",
        NOW,
    )
    (head,) = journal.runs()
    assert (head.run, head.target, head.opened, head.closed, head.last_seq) == (
        "r1",
        "production",
        NOW,
        False,
        2,
    )


def test_a_locked_target_is_refused_and_nothing_is_written(journal: Journal) -> None:
    opened(journal)
    with pytest.raises(LockHeld) as refused:
        journal.open_run("r2", "production", OPERATOR, "another", [OPENED], later(1))

    assert refused.value.lock.run == "r1"
    assert refused.value.exit_code is ExitCode.REFUSED
    assert "operator on bastion" in str(refused.value)
    assert journal.read("r2") == []
    assert [head.run for head in journal.runs()] == ["r1"]


def test_another_target_is_free(journal: Journal) -> None:
    opened(journal)
    opened(journal, "r2", "staging")
    assert [lock.target for lock in journal.locks()] == ["production", "staging"]
    assert [head.run for head in journal.runs()] == ["r2", "r1"]
    assert [head.run for head in journal.runs(limit=1)] == ["r2"]


def test_a_run_is_opened_once(journal: Journal) -> None:
    opened(journal)
    with pytest.raises(RunExists):
        journal.open_run("r1", "staging", OPERATOR, "again", [OPENED], NOW)
    assert [lock.target for lock in journal.locks()] == ["production"]


def test_a_new_engine_fences_off_the_one_before(journal: Journal) -> None:
    opened(journal)
    first = journal.claim_epoch("r1", NOW, {"pid": 1})
    second = journal.claim_epoch("r1", NOW, {"pid": 2})
    assert (first, second) == (1, 2)
    with pytest.raises(Fenced) as fenced:
        journal.append("r1", first, 1, [event()], NOW)
    assert (fenced.value.epoch, fenced.value.current) == (1, 2)
    assert journal.append("r1", second, 1, [event()], NOW)[0].epoch == 2


def test_an_append_is_refused_when_someone_else_was_first(journal: Journal) -> None:
    opened(journal)
    journal.append("r1", 0, 1, [event()], NOW)
    for after in (0, 1, 3):
        with pytest.raises(SequenceTaken) as taken:
            journal.append("r1", 0, after, [event()], NOW)
        assert taken.value.last_seq == 2
    assert journal.last_seq("r1") == 2


def test_all_of_an_append_or_none(journal: Journal) -> None:
    opened(journal)
    with pytest.raises((TypeError, ValueError)):
        journal.append("r1", 0, 1, [event(), event(value=float("nan"))], NOW)
    with pytest.raises(ValueError, match="type"):
        journal.append("r1", 0, 1, [event(), {"no": "type"}], NOW)
    with pytest.raises(AnsweredAlready):
        journal.append("r1", 0, 1, [event(command_id=1), event(command_id=1)], NOW)
    assert journal.last_seq("r1") == 1
    assert len(journal.append("r1", 0, 1, [event(command_id=1)], NOW)) == 1
    assert journal.verify("r1") == []


def test_a_command_is_answered_once_in_its_run(journal: Journal) -> None:
    opened(journal)
    opened(journal, "r2", "staging")
    journal.append("r1", 0, 1, [event(command_id=7)], NOW)
    with pytest.raises(AnsweredAlready):
        journal.append("r1", 0, 2, [event(command_id=7)], NOW)
    journal.append("r2", 0, 1, [event(command_id=7), event(command_id=None), event(command_id=None)], NOW)
    assert journal.last_seq("r1") == 2


def test_closing_releases_the_lock_with_the_last_event(journal: Journal) -> None:
    opened(journal)
    journal.append("r1", 0, 1, [event("RunClosed")], NOW, release_lock=True)
    assert journal.locks() == []
    assert journal.runs()[0].closed
    assert journal.runs(open_only=True) == []
    opened(journal, "r2")
    assert [head.run for head in journal.runs(open_only=True)] == ["r2"]


def test_reading_on_from_what_was_seen(journal: Journal) -> None:
    opened(journal)
    journal.append("r1", 0, 1, [event(n=n) for n in range(2, 6)], NOW)
    assert [r.seq for r in journal.read("r1", 2)] == [3, 4, 5]
    assert [r.seq for r in journal.read("r1", 2, 2)] == [3, 4]
    assert journal.read("r1", 5) == []
    assert journal.read("unknown") == []
    assert journal.last_seq("unknown") == 0


def test_events_of_a_type_across_runs_newest_first(journal: Journal) -> None:
    opened(journal)
    opened(journal, "r2", "staging")
    journal.append("r1", 0, 1, [event("Ended", n=1), event("Other")], NOW)
    journal.append("r2", 0, 1, [event("Ended", n=2), event("Undone", n=3)], NOW)
    found = journal.events_of_type(["Ended", "Undone"], limit=2)
    assert [(r.run, r.body["n"]) for r in found] == [("r2", 3), ("r2", 2)]
    assert journal.events_of_type([], limit=5) == []


def test_a_command_sent_twice_acts_once(journal: Journal) -> None:
    opened(journal)
    opened(journal, "r2", "staging")
    first = journal.submit("r1", OPERATOR, {"type": "StartStep"}, NOW, "token-1")
    assert journal.submit("r1", OPERATOR, {"type": "StartStep"}, later(1), "token-1") == first
    second = journal.submit("r1", OPERATOR, {"type": "Abort"}, later(2), "token-2")
    other = journal.submit("r2", OPERATOR, {"type": "Abort"}, later(2), "token-1")
    assert first < second < other
    assert [(row.id, row.body["type"], row.at) for row in journal.commands("r1", 0)] == [
        (first, "StartStep", NOW),
        (second, "Abort", later(2)),
    ]
    assert [row.id for row in journal.commands("r1", first)] == [second]
    assert journal.commands("r1", second) == []


@pytest.mark.parametrize(
    "call",
    [
        lambda j: j.append("none", 0, 0, [event()], NOW),
        lambda j: j.claim_epoch("none", NOW, {}),
        lambda j: j.submit("none", {}, {}, NOW, "t"),
        lambda j: j.verify("none"),
    ],
    ids=["append", "claim_epoch", "submit", "verify"],
)
def test_an_unknown_run_is_named(journal: Journal, call: Callable[[Journal], Any]) -> None:
    with pytest.raises(UnknownRun, match="none") as unknown:
        call(journal)
    assert isinstance(unknown.value, WrongUsage)


def test_taking_over_a_lock_fences_off_the_run_that_had_it(journal: Journal) -> None:
    opened(journal)
    epoch = journal.claim_epoch("r1", NOW, {"pid": 1})
    lock = journal.take_over_lock("production", "r2", {"name": "second"}, "the first is asleep", later(9))

    assert (lock.run, lock.holder, lock.since) == ("r2", {"name": "second"}, later(9))
    assert "the first is asleep" in lock.what
    assert journal.locks() == [lock]
    with pytest.raises(Fenced):
        journal.append("r1", epoch, 1, [event()], NOW)
    journal.open_run("r2", "production", {"name": "second"}, "a deploy", [OPENED], later(10))
    assert journal.locks()[0].what == "a deploy"


def test_nobody_goes_on_with_an_open_run_whose_target_was_taken_over(journal: Journal) -> None:
    opened(journal)
    journal.take_over_lock("production", "r2", OPERATOR, "stale", NOW)
    with pytest.raises(LockLost, match="run r2 has it now"):
        journal.claim_epoch("r1", NOW, {})
    assert [lock.run for lock in journal.locks()] == ["r2"]


def test_a_closed_run_may_be_claimed_for_its_late_notes(journal: Journal) -> None:
    opened(journal)
    journal.append("r1", 0, 1, [event("RunClosed")], NOW, release_lock=True)
    epoch = journal.claim_epoch("r1", NOW, {})
    journal.append("r1", epoch, 2, [event()], NOW)


def test_the_data_version_moves_with_every_change_and_only_then(journal: Journal) -> None:
    seen = [journal.data_version()]
    opened(journal)
    seen.append(journal.data_version())
    journal.append("r1", 0, 1, [event()], NOW)
    seen.append(journal.data_version())
    journal.submit("r1", {}, {}, NOW, "t")
    seen.append(journal.data_version())
    journal.claim_epoch("r1", NOW, {})
    seen.append(journal.data_version())
    assert len(set(seen)) == len(seen)
    journal.read("r1"), journal.locks(), journal.verify("r1"), journal.runs()
    assert journal.data_version() == seen[-1]


@pytest.mark.parametrize(("point", "kept"), [("before_commit", 1), ("after_commit", 2)])
def test_a_crash_at_the_commit_leaves_all_or_nothing(
    journal: Journal, faults: Faults, point: str, kept: int
) -> None:
    opened(journal)
    faults.armed = point
    with pytest.raises(RuntimeError, match=point):
        journal.append("r1", 0, 1, [event("RunClosed")], NOW, release_lock=True)
    faults.armed = ""
    assert journal.last_seq("r1") == kept
    assert len(journal.locks()) == 2 - kept
    assert journal.verify("r1") == []


def test_a_body_given_or_read_can_be_changed_without_changing_the_journal(journal: Journal) -> None:
    body = event(items=[1])
    opened(journal)
    (record,) = journal.append("r1", 0, 1, [body], NOW)
    body["items"].append(2)
    record.body["items"].append(3)
    journal.read("r1")[1].body["items"].append(4)
    assert journal.read("r1")[1].body == event(items=[1])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)
BODIES = st.lists(
    st.builds(lambda kind, value: {"type": kind, "value": value}, st.sampled_from("ABC"), JSON), max_size=4
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=st.lists(BODIES, min_size=1, max_size=4), wall=st.floats(0, 1e10), boot=st.floats(0, 1e9))
def test_both_journals_say_the_same(
    tmp_path_factory: pytest.TempPathFactory, batches: list[list[dict[str, Any]]], wall: float, boot: float
) -> None:
    at = Instant(wall, boot, "boot")
    stored = SqliteJournal(tmp_path_factory.mktemp("journal") / "j.db")
    try:
        answers = []
        for journal in (stored, MemoryJournal()):
            journal.open_run("r", "t", {}, "w", [OPENED], at)
            seq, returned = 1, []
            for batch in batches:
                returned += journal.append("r", 0, seq, batch, at)
                seq += len(batch)
            assert journal.verify("r") == []
            assert journal.read("r", 1) == returned
            assert [r.body for r in returned] == [body for batch in batches for body in batch]
            answers.append((journal.read("r"), journal.runs(), journal.events_of_type(["A", "B"], limit=9)))
        assert answers[0] == answers[1]
    finally:
        stored.close()


def test_the_errors_are_refusals() -> None:
    assert all(issubclass(error, Refused) for error in (LockHeld, Fenced, SequenceTaken, AnsweredAlready))


def test_a_run_that_lost_its_target_is_closed_without_it(journal: Journal) -> None:
    journal.open_run("r1", "production", OPERATOR, "deploy", [OPENED], NOW)
    with pytest.raises(LockKept):
        journal.close_without_lock("r1", [{"type": "RunAborted"}], NOW)
    journal.take_over_lock("production", "r2", OPERATOR, "stale", NOW)
    [closed] = journal.close_without_lock("r1", [{"type": "RunAborted"}], NOW)
    assert (closed.seq, closed.type) == (2, "RunAborted")
    assert [head.run for head in journal.runs(open_only=True)] == []
    assert [lock.run for lock in journal.locks()] == ["r2"]
    assert journal.verify("r1") == []
    assert journal.epoch("r1") == 2
    with pytest.raises(Fenced):
        journal.append("r1", 1, 2, [OPENED], NOW)
    with pytest.raises(LockKept):
        journal.close_without_lock("r1", [{"type": "RunAborted"}], NOW)
    with pytest.raises(UnknownRun):
        journal.close_without_lock("none", [], NOW)


def test_a_reader_can_hold_each_record_against_the_one_before(journal: Journal) -> None:
    journal.open_run("r1", "production", OPERATOR, "deploy", [OPENED, {"type": "N", "x": 0.1}], NOW)
    first, second = journal.read("r1")
    assert breaks_chain(first, 0, "") is None
    assert breaks_chain(second, 1, first.hash) is None
    assert breaks_chain(second, 0, "") == "event 1 is missing (the next one is 2)"
    for changed in (
        replace(second, body={"type": "N", "x": 0.2}),
        replace(second, epoch=1),
        replace(second, type="M"),
        replace(second, hash=first.hash),
    ):
        assert (
            breaks_chain(changed, 1, first.hash)
            == "event 2 or the one before it was changed after it was written"
        )
