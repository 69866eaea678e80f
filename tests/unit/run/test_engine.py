"""The engine's loop on a journal in memory: killed at any line, it loses nothing and repeats nothing."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from handrail.clock import Instant, ManualClock
from handrail.engine.engine import AFTER_EFFECT, BEFORE_EFFECT, Engine
from handrail.errors import StorageFault
from handrail.journal.base import AFTER_COMMIT, BEFORE_COMMIT, LockLost, SequenceTaken
from handrail.project.model import Announce, Secret
from handrail.run import commands as c
from handrail.run import events as e
from handrail.run.events import UnreadableEvent, write_event
from handrail.run.state import Phase, StepStatus
from scripted import House, Killed, ScriptedPerformer
from walk import OPERATOR, TARGET, attest, smoke, task, undo

ANNOUNCING = TARGET.model_copy(update={"announce": Announce(webhook=Secret(value="http://127.0.0.1/x"))})


def test_a_cancel_that_was_journaled_is_carried_out_by_the_next_engine() -> None:
    house = House(task("build"), task("b"))
    engine = house.engine()
    house.screen.send(c.StartStep(step="build"))
    engine.turn()
    house.screen.send(c.CancelStep(attempt=1))
    house.faults.arm(AFTER_COMMIT)
    with pytest.raises(Killed):
        engine.turn()
    assert house.world.asked_to_end == []
    engine = house.engine()
    engine.turn()
    engine.turn()
    assert house.world.asked_to_end == [1]
    assert engine.state.steps["build"].status is StepStatus.FAILED


def test_a_cancel_is_asked_again_while_the_attempt_goes_on() -> None:
    house = House(task("build"), task("b"))
    engine = house.engine()
    house.screen.send(c.StartStep(step="build"))
    engine.turn()
    world = house.world
    world.begun.remove(1)
    house.screen.send(c.CancelStep(attempt=1))
    engine.turn()
    engine.turn()
    assert world.asked_to_end == [1]
    world.begun.append(1)
    house.clock.advance(timedelta(seconds=1))
    engine.turn()
    assert world.asked_to_end == [1, 1]


def test_a_command_met_by_a_busy_journal_is_answered_by_the_next_turn() -> None:
    house = House(task("a"), task("b"))
    engine = house.engine()
    engine.turn()
    house.screen.send(c.StartStep(step="a"))
    house.faults.arm(BEFORE_COMMIT, StorageFault("The journal is held by another process."))
    with pytest.raises(StorageFault):
        engine.turn()
    assert house.world.begun == []
    engine.turn()
    assert house.world.begun == [1]


@pytest.mark.parametrize(
    "command",
    [
        c.StartStep(step="b"),
        c.RollBack(confirm="production"),
    ],
)
def test_a_command_that_can_not_be_decided_is_refused_and_fells_nobody(command, monkeypatch) -> None:
    house = House(task("a", undo=undo("a")), task("b"))
    engine = house.engine()

    def broken(*arguments: object) -> None:
        raise KeyError("a defect")

    monkeypatch.setattr("handrail.engine.engine.decide", broken)
    house.screen.send(command)
    assert engine.turn()
    assert not house.seen().answers[0].accepted
    assert "Nothing was done" in house.screen.answers[0].reason


@pytest.mark.parametrize("body", [[], "StartStep", 7, None, {"type": ["x"]}])
def test_a_row_of_any_shape_is_answered(body) -> None:
    house = House(task("a"))
    engine = house.engine()
    house.journal.submit("run-1", body, body, house.clock.now(), "by hand")
    assert engine.turn()
    assert house.types()[-1] == "CommandRejected"


def test_an_attempt_whose_files_can_not_be_read_keeps_nobody_from_the_rest() -> None:
    house = House(task("a"), smoke(), target=ANNOUNCING)
    engine = house.engine()
    house.screen.send(c.StartStep(step="a"))
    engine.turn()
    house.world.end(1)
    engine.turn()
    house.screen.send(c.StartStep(step="smoke"))
    engine.turn()
    house.world.end(2, exit_code=1, verdict="fail")
    engine.turn()
    house.clock.advance(timedelta(minutes=5))
    engine.turn()
    assert house.types().count("DeadlinePassed") == 1
    house.world.unreadable.add(3)
    engine = house.engine()
    house.screen.send(c.RollBack(confirm="production"))
    with pytest.raises(StorageFault):
        engine.turn()
    assert engine.state.phase is Phase.ROLLED_BACK
    house.world.unreadable.clear()
    for number in house.world.running:
        house.world.end(number)
    while engine.turn():
        pass


def test_a_deadline_that_passed_while_no_engine_lived_is_journaled_at_once() -> None:
    house = House(task("a"), smoke(), task("b"))
    engine = house.engine()
    for key, number, exit_code in (("a", 1, 0), ("smoke", 2, 1)):
        house.screen.send(c.StartStep(step=key))
        engine.turn()
        house.world.end(number, exit_code=exit_code, verdict="pass" if exit_code == 0 else "fail")
        engine.turn()
    now = house.clock.now()
    after_reboot = Instant(wall=now.wall + 301, boot=20.0, boot_id="the next boot")
    house.clock = ManualClock(after_reboot)
    house.screen.clock = house.clock
    house.engine().turn()
    types = house.types()
    assert "DeadlinePassed" in types
    assert types[types.index("ClockJumped") - 1] == "EngineStarted"


def test_a_wall_clock_set_while_no_engine_lived_is_told() -> None:
    house = House(task("a"))
    house.engine()
    house.clock.set_wall_clock(timedelta(hours=-1))
    house.engine()
    jumps = [r.body["seconds"] for r in house.journal.read("run-1") if r.type == "ClockJumped"]
    assert jumps == [-3600.0]


def test_a_command_sent_as_the_run_ends_is_answered_all_the_same() -> None:
    house = House(task("a"))
    engine = house.engine()
    house.screen.send(c.AbortRun(reason="enough"))
    while engine.turn():
        pass
    house.screen.send(c.StartStep(step="a"))
    house.screen.send(c.AddNote(text="see the incident"))
    for _ in range(3):
        house.screen.poll()
    assert not house.screen.waits_for_answer
    assert house.kept == 1
    assert [answer.accepted for answer in house.screen.answers] == [True, False, True]


def test_an_engine_ends_only_when_the_last_command_is_answered() -> None:
    house = House(task("a"))
    engine = house.engine()
    house.screen.send(c.AbortRun(reason="enough"))

    append = house.journal.append

    def append_then_hear_more(*arguments: Any, release_lock: bool = False) -> Any:
        made = append(*arguments, release_lock=release_lock)
        if release_lock:
            house.screen.send(c.AddNote(text="late"))
        return made

    house.journal.append = append_then_hear_more  # type: ignore[method-assign]
    assert engine.turn() is True
    assert engine.turn() is False
    assert [answer.accepted for answer in house.seen().answers] == [True, True]


def test_a_run_that_lost_its_lock_is_not_driven_on() -> None:
    house = House(task("a"))
    house.engine()
    house.journal.take_over_lock("production", "run-2", {"name": "someone"}, "stale", house.clock.now())
    with pytest.raises(LockLost):
        house.engine()


def test_an_event_of_a_newer_version_stops_engine_and_screen_with_words_and_swallows_nothing() -> None:
    house = House(task("a"))
    engine = house.engine()
    house.screen.poll()
    house.screen.send(c.AddNote(text="first"))
    engine.turn()
    last = house.journal.last_seq("run-1")
    epoch = engine.state.epoch
    house.journal.append("run-1", epoch, last, [{"type": "StepDreamed"}], house.clock.now())
    with pytest.raises(UnreadableEvent, match="StepDreamed"):
        house.engine()
    before = house.screen.state
    with pytest.raises(UnreadableEvent):
        house.screen.poll()
    assert house.screen.state == before


def test_what_felled_an_engine_is_told_to_the_people() -> None:
    house = House(task("a"))
    engine = Engine(house.journal, "run-1", house.clock, ScriptedPerformer(house.world))
    engine.take_charge(after="KeyError: 'x'")
    assert "KeyError" in house.seen().state.notes[-1].text


@pytest.mark.parametrize("point", [BEFORE_COMMIT, AFTER_COMMIT, BEFORE_EFFECT, AFTER_EFFECT])
@pytest.mark.parametrize("skip", range(6))
def test_a_rollback_survives_a_kill_at_every_point(point, skip) -> None:
    house = House(task("a", undo=undo("a")), task("b", undo=undo("b")), attest("c"), target=ANNOUNCING)
    moves = {
        "a": c.StartStep(step="a"),
        "b": c.StartStep(step="b"),
        "c": c.RollBack(confirm="production"),
    }
    engine = house.engine()
    for _ in range(60):
        state = house.seen().state
        if not state.phase.is_open:
            break
        if not house.screen.waits_for_answer and state.running is None and state.current is not None:
            key = state.current.key
            command = moves.get(key, c.StartStep(step=key))
            if house.screen.why_not(command) is None:
                if isinstance(command, c.RollBack):
                    house.faults.arm(point, skip=skip + (point == BEFORE_COMMIT) + (point == AFTER_COMMIT))
                house.screen.send(command)
        try:
            engine.turn()
            for number in house.world.running:
                house.world.end(number)
        except Killed:
            engine = house.engine()
    state = house.seen().state
    assert state.phase is Phase.ROLLED_BACK
    ran = [house.world.tasks[number] for number in house.world.begun]
    for name in ("do.a", "do.b", "undo.b", "undo.a"):
        assert ran.count(name) == 1, ran


def test_what_somebody_else_wrote_is_named_and_nothing_goes_forward_on_it() -> None:
    house = House(task("a", undo=undo("a")), task("b"))
    engine = house.engine()
    house.screen.send(c.StartStep(step="a"))
    engine.turn()
    house.world.end(1, exit_code=0)
    engine.turn()
    forged = write_event(e.StepSkipped(step="b", by=OPERATOR, reason="by hand"))
    seq = engine.state.seq
    house.journal.append("run-1", engine.state.epoch, seq, [forged], house.clock.now())
    house.screen.send(c.StartStep(step="b"))
    with pytest.raises(SequenceTaken):
        engine.turn()
    engine = house.engine()
    assert engine.state.foreign_events == (seq + 1, seq + 1)
    engine.turn()
    assert engine.state.phase is Phase.RUNNING, "a forged last step does not finish it"
    assert "written into the journal by hand" in house.seen().answers[-1].reason
    assert house.world.begun == [1]
    house.screen.send(c.RollBack(confirm="production"))
    engine.turn()
    assert house.world.tasks[2] == "undo.a", "the way back stays open"


def test_what_a_disk_took_after_all_is_not_taken_for_somebody_elses() -> None:
    house = House(task("a"), task("b"))
    engine = house.engine()
    house.screen.send(c.StartStep(step="a"))
    house.faults.arm(AFTER_COMMIT, StorageFault("the disk reports an error"))
    with pytest.raises(StorageFault):
        engine.turn()
    with pytest.raises(SequenceTaken):
        engine.turn()
    engine = house.engine()
    assert engine.state.foreign_events is None


def test_a_changed_file_that_was_put_back_is_noticed_without_a_command() -> None:
    house = House(task("a"), task("b"))
    engine = house.engine()
    house.world.changed = [("deploy.md", "-a")]
    house.screen.send(c.StartStep(step="a"))
    engine.turn()
    assert engine.state.changed_files
    house.world.changed = []
    engine.turn()
    assert engine.state.changed_files, "looked at once a second"
    house.clock.advance(timedelta(seconds=1))
    engine.turn()
    assert engine.state.changed_files == ()
