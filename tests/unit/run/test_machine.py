"""What follows from commands and observations."""

from __future__ import annotations

from datetime import timedelta

import pytest

from handrail.project.model import Announce, Secret
from handrail.run import commands as c
from handrail.run import events as e
from handrail.run.deadlines import countdowns
from handrail.run.events import Purpose
from handrail.run.fold import fold
from handrail.run.machine import Rejected
from handrail.run.plan import PlannedCall, PlannedUndo, UndoKind, Usual
from handrail.run.state import Phase, StepStatus
from handrail.run.undo import undo_plan
from walk import OPERATOR, TARGET, WATCHER, Walk, attest, check, gate, smoke, task, undo, undo_runbook


def types(events: list[e.Event]) -> list[str]:
    return [event.type for event in events]


def test_a_run_of_passing_steps_finishes_and_measures_itself() -> None:
    walk = Walk(task("fetch"), check("look"), attest("agree"))
    walk.start("fetch")
    walk.clock.advance(timedelta(seconds=7))
    walk.end()
    walk.run("look")
    events = walk.do(c.Attest(step="agree"))
    assert types(events) == ["StepAttested", "DurationsMeasured", "RunFinished"]
    measured = events[1]
    assert isinstance(measured, e.DurationsMeasured)
    assert measured.steps["fetch"] == 7.0
    assert walk.state.phase is Phase.FINISHED


def test_what_a_gate_took_counts_with_its_step_once_however_often_it_was_asked() -> None:
    walk = Walk(task("a", gate=(gate("suite"), gate("window"))), task("b"))
    walk.start("a")
    walk.clock.advance(timedelta(seconds=50))
    walk.end(exit_code=1)
    walk.do(c.RetryStep(step="a", after_attempt=1))
    for seconds in (40, 2, 7):
        walk.clock.advance(timedelta(seconds=seconds))
        walk.end()
    walk.run("b")
    measured = next(event for event, _ in walk.history if isinstance(event, e.DurationsMeasured))
    assert measured.steps["a"] == 49.0


@pytest.mark.parametrize(
    ("verdict", "exit_code", "status"),
    [
        ("pass", 0, StepStatus.PASSED),
        ("pass", 1, StepStatus.FAILED),
        ("fail", 0, StepStatus.FAILED),
        ("unknown", 0, StepStatus.FAILED),
        (None, 0, StepStatus.FAILED),
        ("PASS", 0, StepStatus.FAILED),
    ],
)
def test_a_check_passes_only_by_its_word_and_its_exit(verdict, exit_code, status) -> None:
    walk = Walk(check("look"), task("next"))
    walk.start("look")
    walk.see(c.ObserveExit(attempt=1, exit_code=exit_code, verdict=verdict))
    assert walk.step("look").status is status


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (c.StartStep(step="b"), "not the next step"),
        (c.StartStep(step="nowhere"), "no step nowhere"),
        (c.RetryStep(step="a"), "nothing to retry"),
        (c.Attest(step="a"), "is run, not attested"),
        (c.SkipStep(step="a", reason="  "), "Say why"),
        (c.MarkDone(step="a", reason=""), "Say why"),
        (c.ResolveDoubt(step="a", done=True, reason="x"), "not in doubt"),
        (c.CancelStep(attempt=1), "Nothing is running"),
        (c.WaiveCheck(step="a", check="no.such", reason="x"), "no check of this step"),
        (c.RollBack(confirm="production"), "nothing to take back"),
        (c.CloseTrigger(trigger=1, reason="x"), "no such open trigger"),
        (c.AbortRun(reason=" "), "Say why"),
        (c.AddNote(text=" "), "empty note"),
        (c.RequestControl(), "You drive this run"),
        (c.GrantControl(), "Nobody has asked"),
        (c.TakeControl(reason="x"), "You drive this run"),
    ],
    ids=lambda value: getattr(value, "type", None),
)
def test_what_a_fresh_run_refuses_and_why(command, reason) -> None:
    walk = Walk(task("a"), task("b"))
    with pytest.raises(Rejected, match=reason):
        walk.do(command)


@pytest.mark.parametrize(
    "command",
    [
        c.StartStep(step="a"),
        c.SkipStep(step="a", reason="x"),
        c.MarkDone(step="a", reason="x"),
        c.RollBack(confirm="production"),
        c.AbortRun(reason="x"),
        c.CancelStep(attempt=1),
        c.GrantControl(),
        c.WaiveCheck(step="a", check="db.up", reason="x"),
    ],
    ids=lambda value: value.type,
)
def test_a_watcher_can_not_act(command) -> None:
    walk = Walk(task("a", gate=(gate("db.up"),)), task("b"))
    with pytest.raises(Rejected, match="You are watching"):
        walk.do(command, WATCHER)


def test_nothing_is_run_twice_unasked() -> None:
    walk = Walk(task("migrate"), task("after"))
    walk.start("migrate")
    for again in (c.StartStep(step="migrate"), c.RetryStep(step="migrate", after_attempt=1)):
        with pytest.raises(Rejected, match="is running"):
            walk.do(again)
    walk.end()
    with pytest.raises(Rejected, match="passed already"):
        walk.start("migrate")
    assert walk.see(c.ObserveExit(attempt=1, exit_code=0)) == []
    assert len(walk.state.attempts) == 1


def test_one_key_for_a_retry_acts_once() -> None:
    walk = Walk(task("build"))
    walk.start("build")
    walk.end(1)
    walk.do(c.RetryStep(step="build", after_attempt=1))
    walk.end(1)
    with pytest.raises(Rejected, match="since you looked"):
        walk.do(c.RetryStep(step="build", after_attempt=1))


class TestGates:
    def test_each_check_runs_first_and_the_step_only_after_the_last(self) -> None:
        walk = Walk(task("migrate", gate=(gate("db.up"), gate("backup.taken"))))
        walk.start("migrate")
        seen = [walk.running_task()]
        walk.end()
        seen.append(walk.running_task())
        walk.end()
        seen.append(walk.running_task())
        assert seen == ["db.up", "backup.taken", "do.migrate"]
        assert walk.step("migrate").status is StepStatus.RUNNING

    @pytest.mark.parametrize("verdict", ["fail", "unknown", None])
    def test_a_check_that_does_not_pass_holds_the_step(self, verdict) -> None:
        walk = Walk(task("migrate", gate=(gate("db.up"),)))
        walk.start("migrate")
        walk.see(c.ObserveExit(attempt=1, exit_code=0, verdict=verdict, evidence="no answer on 5432"))
        step = walk.step("migrate")
        assert step.status is StepStatus.HELD
        assert "no answer on 5432" in step.why
        assert not step.may_have_acted
        assert all(attempt.purpose is Purpose.GATE for attempt in walk.state.attempts.values())

    def test_a_held_step_is_checked_anew_from_the_first_check(self) -> None:
        walk = Walk(task("migrate", gate=(gate("a.a"), gate("b.b"))))
        walk.start("migrate")
        walk.end()
        walk.end(1)
        walk.do(c.RetryStep(step="migrate", after_attempt=2))
        assert walk.running_task() == "a.a"

    def test_a_waiver_stands_in_for_its_check_alone(self) -> None:
        walk = Walk(task("migrate", gate=(gate("a.a"), gate("b.b"))))
        walk.do(c.WaiveCheck(step="migrate", check="a.a", reason="known to be slow"))
        walk.start("migrate")
        assert walk.running_task() == "b.b"
        assert "known to be slow" in walk.step("migrate").waived["a.a"]

    @pytest.mark.parametrize(
        ("name", "waivable", "reason"),
        [("a.a", False, "can't be waived"), ("window.open", True, "never waives")],
    )
    def test_what_may_not_be_waived(self, name, waivable, reason) -> None:
        walk = Walk(task("migrate", gate=(gate(name, waivable=waivable),)))
        with pytest.raises(Rejected, match=reason):
            walk.do(c.WaiveCheck(step="migrate", check=name, reason="in a hurry"))


class TestDoubt:
    def walk(self, **fields) -> Walk:
        walk = Walk(task("migrate", **fields), task("after"))
        walk.start("migrate")
        walk.see(c.ObserveDoubt(attempt=1, evidence="the shim was killed"))
        return walk

    def test_a_step_in_doubt_is_not_run_again(self) -> None:
        walk = self.walk()
        for command in (
            c.StartStep(step="migrate"),
            c.RetryStep(step="migrate", after_attempt=1),
            c.StartStep(step="after"),
            c.SkipStep(step="migrate", reason="x"),
        ):
            with pytest.raises(Rejected):
                walk.do(command)
        assert len(walk.state.attempts) == 1

    def test_its_probe_looks_and_the_operator_says_done(self) -> None:
        walk = self.walk(probe=PlannedCall(task="database.applied"))
        assert walk.running_task() == "database.applied"
        with pytest.raises(Rejected, match="still looking"):
            walk.do(c.ResolveDoubt(step="migrate", done=True, reason="x"))
        walk.end(0, verdict="pass", evidence="all migrations are applied")
        assert walk.step("migrate").status is StepStatus.IN_DOUBT
        assert "all migrations are applied" in walk.step("migrate").probe_evidence
        walk.do(c.ResolveDoubt(step="migrate", done=True, reason="the probe says so"))
        assert walk.step("migrate").status is StepStatus.MARKED_DONE
        walk.run("after")
        assert walk.state.phase is Phase.FINISHED

    def test_not_done_leaves_it_to_be_retried(self) -> None:
        walk = self.walk()
        walk.do(c.ResolveDoubt(step="migrate", done=False, reason="no row in the table"))
        assert walk.step("migrate").status is StepStatus.FAILED
        walk.do(c.RetryStep(step="migrate", after_attempt=1))
        assert walk.step("migrate").status is StepStatus.RUNNING

    def test_it_can_be_rolled_back(self) -> None:
        walk = self.walk(undo=undo("migrate"))
        walk.roll_back()
        assert walk.running_task() == "undo.migrate"

    def test_an_idempotent_step_is_retried_once_and_not_for_ever(self) -> None:
        walk = self.walk(idempotent=True)
        assert walk.step("migrate").status is StepStatus.RUNNING
        walk.see(c.ObserveDoubt(attempt=2, evidence="again"))
        assert walk.step("migrate").status is StepStatus.IN_DOUBT

    def test_an_attempt_that_never_started_is_no_doubt(self) -> None:
        walk = Walk(task("migrate"))
        walk.start("migrate")
        walk.see(c.ObserveExit(attempt=1, never_started=True, evidence="the disk is full"))
        step = walk.step("migrate")
        assert (step.status, step.may_have_acted) == (StepStatus.PENDING, False)
        walk.start("migrate")
        assert walk.state.running is not None


class TestTriggers:
    def failed(self, **fields) -> Walk:
        walk = Walk(task("restart", undo=undo("restart")), smoke(**fields), task("after"))
        walk.run("restart")
        walk.start("smoke")
        walk.clock.advance(timedelta(seconds=8))
        walk.end(1, evidence="the checkout page answers 500")
        return walk

    def test_the_deadline_counts_from_where_the_evidence_began(self) -> None:
        walk = self.failed()
        countdown = countdowns(walk.state, walk.clock.now())[0]
        assert countdown.to_deadline == timedelta(minutes=5) - timedelta(seconds=8)
        assert countdown.to_last_safe == countdown.to_deadline - timedelta(seconds=10)
        assert not countdown.rollback.measured
        assert "500" in countdown.trigger.because

    def test_a_measured_rollback_moves_the_last_safe_moment(self) -> None:
        walk = Walk(
            task("restart", undo=undo("restart")),
            smoke(),
            usual={"undo/restart": Usual(median=20, high=42, count=3)},
        )
        walk.run("restart")
        walk.start("smoke")
        walk.end(1)
        countdown = countdowns(walk.state, walk.clock.now())[0]
        assert (countdown.rollback.expected, countdown.rollback.measured) == (timedelta(seconds=42), True)

    def test_nothing_goes_forward_until_it_is_closed_with_a_reason(self) -> None:
        walk = self.failed()
        walk.do(c.SkipStep(step="smoke", reason="known flake"))
        with pytest.raises(Rejected, match="trigger is open"):
            walk.start("after")
        with pytest.raises(Rejected, match="Say why"):
            walk.do(c.CloseTrigger(trigger=1, reason=""))
        walk.do(c.CloseTrigger(trigger=1, reason="the page is behind a flag"))
        walk.run("after")
        assert walk.state.phase is Phase.FINISHED

    def test_a_retry_that_passes_does_not_forget_the_trigger(self) -> None:
        walk = self.failed()
        walk.do(c.RetryStep(step="smoke", after_attempt=2))
        walk.end()
        assert len(walk.state.open_triggers) == 1

    def test_a_run_with_an_open_trigger_does_not_finish_by_itself(self) -> None:
        walk = Walk(task("a"), smoke())
        walk.run("a")
        walk.start("smoke")
        walk.end(1)
        walk.do(c.SkipStep(step="smoke", reason="x"))
        assert walk.state.phase is Phase.RUNNING
        walk.do(c.CloseTrigger(trigger=1, reason="x"))
        assert walk.state.phase is Phase.FINISHED

    def test_a_second_failure_of_the_same_step_raises_no_second_trigger(self) -> None:
        walk = self.failed()
        walk.do(c.RetryStep(step="smoke", after_attempt=2))
        walk.end(1)
        assert len(walk.state.triggers) == 1

    def test_a_denied_attestation_raises_it_too(self) -> None:
        walk = Walk(task("a"), attest("dashboards", on_failure="immediate"))
        walk.run("a")
        walk.do(c.Attest(step="dashboards", holds=False, note="p95 doubled"))
        assert "p95 doubled" in walk.state.open_triggers[0].because

    def test_a_deadline_passes_once_and_is_told(self) -> None:
        target = TARGET.model_copy(update={"announce": Announce(webhook=Secret(value="http://127.0.0.1/x"))})
        walk = Walk(task("a", undo=undo("a")), smoke(), target=target)
        walk.run("a")
        walk.start("smoke")
        walk.end(1)
        assert walk.wait(299) == []
        assert types(walk.wait(1)) == ["DeadlinePassed", "AttemptStarted"]
        notice = walk.state.attempts[3]
        assert (notice.purpose, notice.call.task) == (Purpose.NOTICE, "announce.post")
        assert walk.wait(60) == []
        assert walk.state.running is None, "a notice is never in the way of a step"

    def test_the_wall_clock_does_not_move_a_deadline(self) -> None:
        walk = self.failed()
        before = countdowns(walk.state, walk.clock.now())[0].to_deadline
        walk.clock.set_wall_clock(timedelta(hours=-1))
        assert countdowns(walk.state, walk.clock.now())[0].to_deadline == before

    def test_a_cancelled_step_raises_nothing(self) -> None:
        walk = Walk(task("a"), smoke())
        walk.run("a")
        walk.start("smoke")
        walk.do(c.CancelStep(attempt=2))
        walk.end(1, cancelled=True)
        assert walk.step("smoke").status is StepStatus.FAILED
        assert walk.state.triggers == {}


class TestRollback:
    def deploy(self) -> Walk:
        back = undo_runbook("rollback-code")
        return Walk(
            task("announce", undo=PlannedUndo(kind=UndoKind.NOTHING, reason="it was said")),
            task("maintenance", undo=undo("maintenance")),
            task("checkout", undo=back),
            task("build", undo=back),
            task("migrate", undo=undo("migrate", when="${facts.destructive}", unless_needed="additive")),
            task("restart", undo=back),
            smoke(),
            task("off", undo=undo("off")),
            task("mail", irreversible="a mail can't be called back"),
            undo_runbooks={"rollback-code": (task("checkout-old"), task("restart-old"), check("served"))},
        )

    def to_smoke(self, destructive: bool) -> Walk:
        walk = self.deploy()
        walk.run("announce", "maintenance", "checkout", "build")
        walk.start("migrate")
        walk.end(0, facts={"destructive": destructive})
        walk.run("restart")
        walk.start("smoke")
        walk.end(1)
        return walk

    @pytest.mark.parametrize(
        ("destructive", "expected"),
        [
            (False, ["rollback-code/checkout-old", "rollback-code/restart-old", "rollback-code/served"]),
            (
                True,
                [
                    "migrate",
                    "rollback-code/checkout-old",
                    "rollback-code/restart-old",
                    "rollback-code/served",
                ],
            ),
        ],
    )
    def test_what_ran_is_undone_newest_first_a_runbook_once(self, destructive, expected) -> None:
        plan = undo_plan(self.to_smoke(destructive).state)
        assert [step.key for step in plan.steps] == [f"undo/{key}" for key in [*expected, "maintenance"]]
        assert ("Announce", "it was said") in plan.needless
        assert (("Migrate", "additive") in plan.needless) is not destructive
        assert plan.irreversible == ()

    def test_whether_a_migration_was_destructive_is_not_guessed(self) -> None:
        walk = self.deploy()
        walk.run("announce", "maintenance", "checkout", "build", "migrate")
        assert "undo/migrate" in [step.key for step in undo_plan(walk.state).steps]

    def test_it_runs_by_itself_once_confirmed(self) -> None:
        walk = self.to_smoke(destructive=False)
        with pytest.raises(Rejected, match="Type the target's name"):
            walk.do(c.RollBack(confirm="prod"))
        walk.roll_back()
        ran = []
        while walk.state.phase is Phase.ROLLING_BACK:
            ran.append(walk.running_task())
            walk.clock.advance(timedelta(seconds=3))
            walk.end()
        assert ran == ["do.checkout-old", "do.restart-old", "do.served", "undo.maintenance"]
        assert walk.state.phase is Phase.ROLLED_BACK
        assert walk.state.deadlines_met is True
        assert not walk.state.open_triggers

    def test_a_rollback_after_the_deadline_says_so(self) -> None:
        walk = self.to_smoke(destructive=False)
        walk.wait(400)
        walk.roll_back()
        while walk.state.phase is Phase.ROLLING_BACK:
            walk.end()
        assert walk.state.deadlines_met is False

    def test_an_undo_that_fails_stops_and_offers_the_same_choices(self) -> None:
        walk = self.to_smoke(destructive=False)
        walk.roll_back()
        walk.end(1)
        assert walk.state.running is None
        assert walk.state.current is not None
        assert walk.state.current.key == "undo/rollback-code/checkout-old"
        last = walk.state.current.attempts[-1]
        walk.do(c.RetryStep(step="undo/rollback-code/checkout-old", after_attempt=last))
        walk.end()
        walk.end(1)
        walk.do(c.SkipStep(step="undo/rollback-code/restart-old", reason="restarted by hand"))
        assert walk.running_task() == "do.served", "the rollback goes on by itself"
        assert len(walk.state.open_triggers) == 1, "the deadline goes on counting"

    def test_an_undo_whose_fact_is_missing_is_held(self) -> None:
        back = PlannedUndo(
            kind=UndoKind.TASK, call=PlannedCall(task="git.checkout", arguments={"ref": "${facts.previous}"})
        )
        walk = Walk(task("checkout", undo=back), task("b"))
        walk.start("checkout")
        walk.end(1)
        walk.roll_back()
        assert walk.step("undo/checkout").status is StepStatus.HELD
        assert "facts.previous" in walk.step("undo/checkout").why

    def test_a_step_that_never_ran_is_not_undone_and_a_skipped_one_neither(self) -> None:
        walk = Walk(task("a", undo=undo("a")), task("b", undo=undo("b")), task("d", undo=undo("d")))
        walk.run("a")
        walk.do(c.SkipStep(step="b", reason="x"))
        assert [step.key for step in undo_plan(walk.state).steps] == ["undo/a"]

    def test_a_step_marked_done_by_other_means_is_undone(self) -> None:
        walk = Walk(task("a", undo=undo("a")), task("b"))
        walk.do(c.MarkDone(step="a", reason="by hand"))
        assert [step.key for step in undo_plan(walk.state).steps] == ["undo/a"]

    @pytest.mark.parametrize(
        ("facts", "expected"),
        [({"lossy": True}, True), ({"lossy": False}, False), ({"lossy": "no"}, False), ({}, True)],
    )
    def test_irreversible_is_said_where_it_is_so_or_unknown(self, facts, expected) -> None:
        walk = Walk(
            task("a", irreversible="rows are gone", irreversible_when="${facts.lossy}", undo=undo("a")),
            task("b"),
        )
        walk.start("a")
        walk.end(0, facts=facts)
        assert bool(undo_plan(walk.state).irreversible) is expected

    def test_a_step_without_undo_is_said_to_be_irreversible(self) -> None:
        walk = Walk(task("a"), task("b"))
        walk.run("a")
        assert undo_plan(walk.state).irreversible == (("A", "the runbook names no undo for it"),)

    def test_one_false_start_of_an_undo_is_begun_anew_but_not_for_ever(self) -> None:
        walk = self.to_smoke(destructive=False)
        walk.roll_back()
        for _ in range(2):
            running = walk.state.running
            assert running is not None
            walk.see(c.ObserveExit(attempt=running.number, never_started=True, evidence="full disk"))
        assert walk.state.running is None
        assert walk.state.current is not None
        walk.start(walk.state.current.key)
        assert walk.state.running is not None


class TestControl:
    def test_asked_and_granted(self) -> None:
        walk = Walk(task("a"))
        walk.do(c.RequestControl(), WATCHER)
        walk.do(c.GrantControl())
        assert walk.state.operator == WATCHER
        with pytest.raises(Rejected, match="You are watching"):
            walk.do(c.StartStep(step="a"), OPERATOR)
        walk.do(c.StartStep(step="a"), WATCHER)

    def test_forced_only_with_a_reason(self) -> None:
        walk = Walk(task("a"))
        with pytest.raises(Rejected, match="Say why"):
            walk.do(c.TakeControl(reason=""), WATCHER)
        walk.do(c.TakeControl(reason="the operator's link is down"), WATCHER)
        assert walk.state.operator == WATCHER

    def test_four_eyes_are_two_people(self) -> None:
        walk = Walk(attest("review", by="someone-else"))
        with pytest.raises(Rejected, match="Someone other than the operator"):
            walk.do(c.Attest(step="review"))
        same_person = OPERATOR.model_copy(update={"session": "screen-9"})
        with pytest.raises(Rejected, match="Someone other than the operator"):
            walk.do(c.Attest(step="review"), same_person)
        walk.do(c.Attest(step="review"), WATCHER)
        assert walk.step("review").by == "colleague@web-1"

    def test_anyone_may_note_even_after_the_end(self) -> None:
        walk = Walk(task("a"))
        walk.do(c.AddNote(text="users report errors"), WATCHER)
        walk.do(c.AbortRun(reason="enough"))
        walk.do(c.AddNote(text="see the incident"), WATCHER)
        assert [note.text for note in walk.state.notes] == ["users report errors", "see the incident"]


def test_a_missing_fact_holds_the_step_that_needs_it() -> None:
    walk = Walk(task("restore", arguments={"path": "${facts.backup}"}), task("b"))
    walk.start("restore")
    assert walk.step("restore").status is StepStatus.HELD
    assert walk.state.attempts == {}


def test_facts_reach_later_steps_with_their_types() -> None:
    walk = Walk(task("backup"), task("restore", arguments={"n": "${facts.size}", "t": "x ${facts.size}"}))
    walk.start("backup")
    walk.end(0, facts={"size": 7})
    walk.start("restore")
    assert walk.state.running is not None
    assert walk.state.running.call.arguments == {"n": 7, "t": "x 7"}


def test_the_journal_alone_leads_to_the_same_state() -> None:
    walk = TestRollback().to_smoke(destructive=True)
    walk.roll_back()
    walk.end()
    assert fold("run-1", walk.history) == walk.state
