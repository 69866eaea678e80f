"""What a run survives: its engine, its shim and its screen may all be killed; no step is lost or repeated."""

from __future__ import annotations

import hashlib
import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack, closing
from datetime import timedelta
from pathlib import Path

import psutil
import pytest

from handrail.attempts.launch import ShimStarter
from handrail.clock import SystemClock
from handrail.engine import __main__ as program
from handrail.engine.engine import AFTER_EFFECT, BEFORE_EFFECT, Engine
from handrail.engine.launch import engine_alive, ensure_engine
from handrail.engine.processes import ProcessPerformer
from handrail.errors import MachineFault, StorageFault
from handrail.journal.base import BEFORE_COMMIT, Fenced
from handrail.journal.session import RunSession
from handrail.journal.sqlite import SqliteJournal
from handrail.paths import StateFolder
from handrail.processes import ProcessIdentity
from handrail.run import commands as c
from handrail.run import events as e
from handrail.run.actors import Actor
from handrail.run.events import Purpose, Result, write_event
from handrail.run.plan import Plan, PlannedCall, PlannedStep
from handrail.run.state import Phase, StepStatus
from handrail.values import TriggerClass
from waiting import wait_for
from walk import OPERATOR, TARGET, WATCHER, plan, smoke, task

pytestmark = pytest.mark.e2e


class Crash(Exception):
    """An engine's sudden end, as a test brings it about."""


class CrashAt:
    """Ends whoever reaches a named point, once."""

    def __init__(self, point: str) -> None:
        self.point: str | None = point

    def reach(self, point: str) -> None:
        if point == self.point:
            self.point = None
            raise Crash(point)


class FullDisk:
    """A journal's disk that is full for as long as `full` says so."""

    full = False

    def reach(self, point: str) -> None:
        if self.full and point == BEFORE_COMMIT:
            raise StorageFault("The journal can't grow: the disk is full.")


class House:
    """A state folder, and the engines and screens that a test puts on it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folder = StateFolder(root / "state").create()
        self.clock = SystemClock()
        self.run = "run-1"
        self.counter = root / "counter"
        self._journals = ExitStack()

    def journal(self, **fields) -> SqliteJournal:
        return self._journals.enter_context(closing(SqliteJournal(self.folder.journal, **fields)))

    def close(self) -> None:
        self._journals.close()

    def open(self, opened: Plan) -> RunSession:
        journal = self.journal()
        opening = write_event(e.RunOpened(plan=opened, operator=OPERATOR))
        holder = OPERATOR.model_dump(mode="json")
        journal.open_run(self.run, "production", holder, opened.title, [opening], self.clock.now())
        return self.screen()

    def screen(self, actor: Actor = OPERATOR) -> RunSession:
        return RunSession(self.journal(), self.run, actor, self.clock, lambda: None)

    def engine(self, **fields) -> Engine:
        performer = ProcessPerformer(self.folder, self.clock, ShimStarter())
        return Engine(self.journal(), self.run, self.clock, performer, **fields)

    def script(self, key: str, script: str, **fields) -> PlannedStep:
        return task(key, call=PlannedCall(task="shell.fence", arguments={"script": script}), **fields)

    def counting(self, key: str, then: str = "true", **fields) -> PlannedStep:
        """A step that leaves a line for each time that it is run."""
        return self.script(key, f"echo ran >> {self.counter}; {then}", **fields)

    def plan(self, *steps: PlannedStep, **fields) -> Plan:
        return plan(*steps, project_root=str(self.root), **fields)

    def times_run(self) -> int:
        return len(self.counter.read_text().splitlines()) if self.counter.exists() else 0

    def processes(self) -> list[psutil.Process]:
        """The engines, shims, tasks and their children that work in this test's folder."""
        found = []
        for process in psutil.process_iter(["cmdline"]):
            if any(str(self.root) in part for part in process.info["cmdline"] or []):
                found.append(process)
        return found

    def engine_process(self) -> ProcessIdentity:
        engines = [p for p in self.processes() if "handrail.engine" in (p.info["cmdline"] or [])]
        identity = ProcessIdentity.of(engines[0].pid)
        assert len(engines) == 1
        assert identity is not None
        return identity


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path)
    yield house
    for process in house.processes():
        if identity := ProcessIdentity.of(process.pid):
            identity.signal(signal.SIGKILL)
    house.close()


def follow(screen: RunSession, condition, what: str) -> None:
    def met() -> bool:
        screen.poll()
        return bool(condition(screen.state))

    wait_for(met, what)


def turn_until(engine: Engine, condition, what: str, seconds: float = 30.0) -> None:
    def met() -> bool:
        engine.turn()
        return bool(condition(engine.state))

    wait_for(met, what, seconds)


def status(key: str, expected: StepStatus):
    return lambda state: state.steps[key].status is expected


def test_a_killed_engine_is_replaced_and_the_step_runs_once(house: House) -> None:
    gate = house.root / "go"
    waiting = f"while [ ! -e {gate} ]; do read -t 0.05 < <(:) || true; done; echo finished"
    screen = house.open(house.plan(house.counting("migrate", waiting), task("after")))
    assert ensure_engine(house.folder, house.run) is True
    screen.send(c.StartStep(step="migrate"))
    wait_for(lambda: house.times_run() == 1, "the task's first line")
    house.engine_process().signal(signal.SIGKILL)
    wait_for(lambda: not engine_alive(house.folder, house.run), "the engine's end")
    gate.touch()
    assert ensure_engine(house.folder, house.run) is True
    follow(screen, status("migrate", StepStatus.PASSED), "the adopted step's end")
    assert house.times_run() == 1
    assert screen.state.attempts[1].result is Result.PASSED
    assert "finished" in house.folder.attempt(house.run, 1).log.read_text()
    assert screen.journal.verify(house.run) == []


def test_a_command_sent_while_no_engine_lives_is_answered_once_by_the_next(house: House) -> None:
    screen = house.open(house.plan(house.counting("a"), task("b")))
    screen.send(c.StartStep(step="a"))
    engine = house.engine()
    engine.take_charge()
    turn_until(engine, status("a", StepStatus.PASSED), "the step's end")
    after = house.engine()
    after.take_charge()
    after.turn()
    screen.poll()
    assert [answer.accepted for answer in screen.answers] == [True]
    assert house.times_run() == 1


def test_an_engine_that_dies_before_the_shim_never_ran_the_step(house: House) -> None:
    screen = house.open(house.plan(house.counting("a"), task("b")))
    dying = house.engine(faults=CrashAt(BEFORE_EFFECT))
    dying.take_charge()
    screen.send(c.StartStep(step="a"))
    with pytest.raises(Crash):
        dying.turn()
    engine = house.engine()
    engine.take_charge()
    assert engine.state.attempts[1].result is Result.NEVER_STARTED
    assert engine.state.steps["a"].status is StepStatus.PENDING
    assert house.times_run() == 0
    screen.send(c.StartStep(step="a"))
    turn_until(engine, status("a", StepStatus.PASSED), "the second start")
    assert house.times_run() == 1


def test_an_engine_that_dies_after_the_shim_finds_its_step_again(house: House) -> None:
    screen = house.open(house.plan(house.counting("a"), task("b")))
    dying = house.engine(faults=CrashAt(AFTER_EFFECT))
    dying.take_charge()
    screen.send(c.StartStep(step="a"))
    with pytest.raises(Crash):
        dying.turn()
    engine = house.engine()
    engine.take_charge()
    turn_until(engine, status("a", StepStatus.PASSED), "the adopted step's end")
    assert house.times_run() == 1


def test_a_killed_shim_leaves_a_doubt_and_its_probe_looks(house: House) -> None:
    probe = PlannedCall(task="shell.fence", arguments={"script": f"cat {house.counter}"})
    screen = house.open(house.plan(house.counting("migrate", "sleep 600", probe=probe), task("after")))
    engine = house.engine()
    engine.take_charge()
    screen.send(c.StartStep(step="migrate"))
    turn_until(engine, lambda _: house.times_run() == 1, "the task's first line")
    for process in sorted(house.processes(), key=lambda p: "shim.py" not in str(p.info["cmdline"])):
        process.kill()
    for process in psutil.process_iter(["cmdline"]):
        if str(house.counter) in str(process.info["cmdline"]):
            process.kill()
    turn_until(
        engine,
        lambda state: (
            state.last_attempt("migrate", Purpose.PROBE)
            and state.last_attempt("migrate", Purpose.PROBE).result is Result.PASSED
        ),
        "the probe's end",
    )
    assert engine.state.steps["migrate"].status is StepStatus.IN_DOUBT
    assert house.times_run() == 1, "in doubt is never run again silently"
    screen.send(c.ResolveDoubt(step="migrate", done=True, reason="its line is in the file"))
    turn_until(engine, status("migrate", StepStatus.MARKED_DONE), "the operator's word")


def test_a_deadline_fires_with_no_screen_attached(house: House) -> None:
    target = TARGET.model_copy(update={"deadlines": {TriggerClass.IMMEDIATE: timedelta(seconds=1)}})
    failing = smoke("look", call=PlannedCall(task="shell.fence", arguments={"script": "exit 1"}))
    screen = house.open(house.plan(failing, target=target))
    ensure_engine(house.folder, house.run)
    screen.send(c.StartStep(step="look"))
    journal = house.journal()
    fired = wait_for(lambda: journal.events_of_type(["DeadlinePassed"], limit=1), "the deadline")
    assert fired[0].run == house.run
    screen.poll()
    assert screen.state.open_triggers[0].passed


def test_an_engine_that_was_replaced_performs_nothing(house: House) -> None:
    screen = house.open(house.plan(house.counting("a"), task("b")))
    old, new = house.engine(), house.engine()
    old.take_charge()
    new.take_charge()
    screen.send(c.StartStep(step="a"))
    with pytest.raises(Fenced):
        old.turn()
    assert not house.folder.attempt(house.run, 1).folder.exists()
    turn_until(new, status("a", StepStatus.PASSED), "the step under the new engine")
    assert house.times_run() == 1


def test_what_can_not_be_journaled_is_not_done(house: House) -> None:
    disk = FullDisk()
    screen = house.open(house.plan(house.counting("a"), task("b")))
    performer = ProcessPerformer(house.folder, house.clock, ShimStarter())
    engine = Engine(house.journal(faults=disk), house.run, house.clock, performer)
    engine.take_charge()
    screen.send(c.StartStep(step="a"))
    disk.full = True
    with pytest.raises(StorageFault):
        engine.turn()
    assert not house.folder.attempt(house.run, 1).folder.exists()
    disk.full = False
    turn_until(engine, status("a", StepStatus.PASSED), "the same command, once there is space")
    assert house.times_run() == 1


def test_only_one_of_two_engines_drives(house: House) -> None:
    house.open(house.plan(task("a")))
    assert ensure_engine(house.folder, house.run) is True
    first = house.engine_process()
    assert ensure_engine(house.folder, house.run) is False
    assert house.engine_process() == first


@pytest.mark.parametrize(
    "body",
    [
        {"type": "ObserveExit", "attempt": 1, "exit_code": 0},
        {"type": "StepPassed", "step": "a"},
        {"type": "StartStep", "step": "a", "force": True},
        {},
    ],
)
def test_a_hand_written_row_walks_around_no_rule(house: House, body) -> None:
    screen = house.open(house.plan(house.counting("a"), task("b")))
    engine = house.engine()
    engine.take_charge()
    issuer = OPERATOR.model_dump(mode="json")
    screen.journal.submit(house.run, issuer, body, house.clock.now(), token="by hand")
    engine.turn()
    screen.poll()
    assert screen.state.steps["a"].status is StepStatus.PENDING
    rejected = [r for r in screen.journal.read(house.run) if r.type == "CommandRejected"]
    assert len(rejected) == 1


def test_a_note_reaches_a_run_that_is_over(house: House) -> None:
    screen = house.open(house.plan(task("a")))
    engine = house.engine()
    engine.take_charge()
    screen.send(c.AbortRun(reason="enough"))
    turn_until(engine, lambda state: state.phase is Phase.ABORTED, "the abort")
    assert screen.journal.locks() == []
    house.screen(WATCHER).send(c.AddNote(text="see the incident"))
    ensure_engine(house.folder, house.run)
    follow(screen, lambda state: state.notes, "the note")


def test_cancelling_ends_the_task_and_its_children(house: House) -> None:
    screen = house.open(house.plan(house.counting("a", "sleep 600 & wait"), task("b")))
    engine = house.engine()
    engine.take_charge()
    screen.send(c.StartStep(step="a"))
    turn_until(engine, lambda _: house.times_run() == 1, "the task's first line")
    screen.send(c.CancelStep(attempt=1))
    turn_until(engine, status("a", StepStatus.FAILED), "the cancelled step's end")
    assert engine.state.attempts[1].result is Result.CANCELLED
    # The record stands before its shim has ended.
    wait_for(lambda: not house.processes(), "the end of the task, its children and its shim")


def test_a_cancel_outlives_the_engine_that_was_told(house: House) -> None:
    screen = house.open(house.plan(house.counting("a", "sleep 600 & wait"), task("b")))
    dying = house.engine()
    dying.take_charge()
    screen.send(c.StartStep(step="a"))
    turn_until(dying, lambda _: house.times_run() == 1, "the task's first line")
    cancelled = e.CancelRequested(attempt=1, by=OPERATOR)
    dying._journal.append(
        house.run, dying.state.epoch, dying.state.seq, [write_event(cancelled)], house.clock.now()
    )
    engine = house.engine()
    engine.take_charge()
    turn_until(engine, status("a", StepStatus.FAILED), "the cancelled step's end")
    assert engine.state.attempts[1].result is Result.CANCELLED


def test_an_engine_that_can_not_read_the_run_says_why_and_does_not_stay(house: House) -> None:
    screen = house.open(house.plan(task("a")))
    at = house.clock.now()
    screen.journal.append(house.run, 0, 1, [{"type": "StepDreamed"}], at)
    with pytest.raises(MachineFault, match="StepDreamed"):
        ensure_engine(house.folder, house.run)
    assert not engine_alive(house.folder, house.run)


def test_a_run_whose_target_was_taken_over_gets_no_engine(house: House) -> None:
    screen = house.open(house.plan(task("a")))
    holder = WATCHER.model_dump(mode="json")
    screen.journal.take_over_lock("production", "run-2", holder, "stale", house.clock.now())
    with pytest.raises(MachineFault, match="run-2 has it now"):
        ensure_engine(house.folder, house.run)


def test_facts_that_no_environment_can_carry_keep_no_later_step_from_starting(house: House) -> None:
    report = "\n".join(
        f'echo \'{{"fact": "f{n}", "value": "\'$(printf "%030000d" 0)\'"}}\' >> "$HANDRAIL_REPORT"'
        for n in range(20)
    )
    odd = 'echo \'{"fact": "odd", "value": "\\ud800"}\' >> "$HANDRAIL_REPORT"'
    screen = house.open(house.plan(house.script("a", f"{report}\n{odd}"), house.counting("b"), task("c")))
    engine = house.engine()
    engine.take_charge()
    for key in ("a", "b"):
        screen.send(c.StartStep(step=key))
        turn_until(engine, status(key, StepStatus.PASSED), f"the end of {key}")
    assert len(engine.state.facts) == 21
    assert house.times_run() == 1


def test_an_engine_begins_anew_after_a_defect_and_still_fires_the_deadline(house: House, monkeypatch) -> None:
    target = TARGET.model_copy(update={"deadlines": {TriggerClass.IMMEDIATE: timedelta(seconds=1)}})
    screen = house.open(house.plan(smoke("look"), task("b"), target=target))
    raised = e.TriggerRaised(
        trigger=1,
        trigger_class=TriggerClass.IMMEDIATE,
        because="x",
        step="look",
        evidence_from=house.clock.now(),
        deadline=house.clock.now(),
    )
    screen.journal.append(house.run, 0, 1, [write_event(raised)], house.clock.now())
    real, fell = Engine.turn, []

    def falls_once(engine: Engine) -> bool:
        if not fell:
            fell.append(True)
            raise KeyError("a defect")
        if engine.state.triggers[1].passed:
            screen.send(c.AbortRun(reason="enough"))
        return real(engine)

    monkeypatch.setattr(Engine, "turn", falls_once)
    monkeypatch.setattr(program, "MENDING_SECONDS", 0.01)
    with closing(ShimStarter()) as shims:
        assert program.own(house.run, house.folder, program._Readiness(), None, shims) == 0
    screen.poll()
    assert screen.state.triggers[1].passed
    assert "KeyError" in screen.state.notes[0].text


def test_an_engine_goes_on_when_its_starter_lost_patience() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    ready = program._Readiness(writer)
    ready.say()
    ready.say()


def test_an_engine_killed_while_it_ends_an_orphan_leaves_the_rest_to_the_next(house: House) -> None:
    stubborn = house.counting(
        "a", "trap '' TERM; while :; do read -t 0.2 < <(:) || sleep 0.2; done", idempotent=True
    )
    screen = house.open(house.plan(stubborn, task("b")))
    engine = house.engine()
    engine.take_charge()
    screen.send(c.StartStep(step="a"))
    turn_until(engine, lambda _: house.times_run() == 1, "the task's first line")
    for process in house.processes():
        if "shim.py" in str(process.info["cmdline"]):
            process.kill()
    screen.send(c.CancelStep(attempt=1))
    turn_until(engine, lambda state: state.attempts[1].cancelling, "the cancel in the journal")
    after = house.engine()
    after.take_charge()
    turn_until(after, status("a", StepStatus.IN_DOUBT), "the orphan's end", seconds=40)
    assert house.times_run() == 1, "what was cancelled is not run again, idempotent or not"


def test_an_edited_runbook_is_refused_by_every_start_until_it_is_put_back(house: House) -> None:
    book = house.root / "book.md"
    book.write_text("as planned\n")
    digest = hashlib.sha256(book.read_bytes()).hexdigest()
    plan_of = house.plan(
        house.counting("a"), task("b"), digests={str(book): digest}, sources={str(book): "as planned\n"}
    )
    screen = house.open(plan_of)
    engine = house.engine()
    engine.take_charge()
    book.write_text("without its gate\n")
    screen.send(c.StartStep(step="a"))
    screen.journal.submit(
        house.run,
        OPERATOR.model_dump(mode="json"),
        {"type": "StartStep", "step": "a"},
        house.clock.now(),
        token="by hand",
    )
    engine.turn()
    screen.poll()
    assert [answer.accepted for answer in screen.answers] == [False]
    assert "+without its gate" in screen.state.changed_files[0].difference
    assert screen.state.attempts == {}
    book.write_text("as planned\n")
    screen.send(c.StartStep(step="a"))
    turn_until(engine, status("a", StepStatus.PASSED), "the step, once the file is back")
    assert house.times_run() == 1
