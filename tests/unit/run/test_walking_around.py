"""What a frightened or hurried person, a double key or an odd runbook must not be able to walk around."""

from __future__ import annotations

from datetime import timedelta

import pytest

from handrail.project.model import Announce, Secret
from handrail.run import commands as c
from handrail.run import events as e
from handrail.run.deadlines import countdowns
from handrail.run.events import Purpose, Result
from handrail.run.machine import Rejected
from handrail.run.plan import PlannedCall, PlannedGate, PlannedUndo, UndoKind
from handrail.run.state import Phase, StepStatus
from handrail.run.undo import undo_plan
from handrail.runbook.model import StepKind
from handrail.values import TriggerClass
from walk import OPERATOR, TARGET, WATCHER, Walk, attest, check, gate, smoke, task, undo, undo_runbook

ANNOUNCING = TARGET.model_copy(update={"announce": Announce(webhook=Secret(value="http://127.0.0.1/x"))})


def types(events: list[e.Event]) -> list[str]:
    return [event.type for event in events]


class TestGates:
    def test_a_waiver_does_not_turn_a_doubt_into_a_fresh_step(self) -> None:
        walk = Walk(task("migrate", gate=(gate("db.up"),)))
        walk.start("migrate")
        walk.end()
        walk.see(c.ObserveDoubt(attempt=2, evidence="the shim was killed"))
        walk.do(c.WaiveCheck(step="migrate", check="db.up", reason="in a hurry"))
        assert walk.step("migrate").status is StepStatus.IN_DOUBT
        with pytest.raises(Rejected, match="not known what became"):
            walk.start("migrate")

    def test_a_waiver_does_not_turn_a_failure_into_a_fresh_step(self) -> None:
        walk = Walk(task("migrate", gate=(gate("db.up"),)))
        walk.start("migrate")
        walk.end()
        walk.end(1)
        walk.do(c.WaiveCheck(step="migrate", check="db.up", reason="in a hurry"))
        assert walk.step("migrate").status is StepStatus.FAILED

    @pytest.mark.parametrize(
        "ending",
        [
            {"exit_code": 1},
            {"never_started": True},
            {"cancelled": True, "exit_code": None},
        ],
    )
    def test_each_try_passes_its_gate_anew(self, ending) -> None:
        walk = Walk(task("migrate", gate=(gate("db.up"), gate("backup.taken"))))
        walk.start("migrate")
        walk.end()
        walk.end()
        walk.see(c.ObserveExit(attempt=3, **ending))
        if walk.step("migrate").status is StepStatus.FAILED:
            walk.do(c.RetryStep(step="migrate", after_attempt=3))
        else:
            walk.start("migrate")
        assert walk.running_task() == "db.up", "what held an hour ago may not hold now"

    def test_a_gate_cut_short_begins_anew(self) -> None:
        walk = Walk(task("migrate", gate=(gate("db.up"), gate("backup.taken"))))
        walk.start("migrate")
        walk.end()
        walk.see(c.ObserveDoubt(attempt=2, evidence="gone"))
        walk.start("migrate")
        assert walk.running_task() == "db.up"

    def test_the_same_check_with_other_arguments_is_another_check(self) -> None:
        first = PlannedGate(call=PlannedCall(task="http.ok", arguments={"url": "http://a"}))
        second = PlannedGate(
            call=PlannedCall(task="http.ok", arguments={"url": "http://b"}), name="http.ok (2)"
        )
        walk = Walk(task("migrate", gate=(first, second)))
        walk.start("migrate")
        walk.end()
        assert walk.state.running is not None
        assert walk.state.running.call.arguments == {"url": "http://b"}
        walk.end(1)
        assert "http.ok (2)" in walk.step("migrate").why
        walk.do(c.WaiveCheck(step="migrate", check="http.ok (2)", reason="known"))
        walk.start("migrate")
        walk.end()
        assert walk.running_task() == "do.migrate"

    def test_a_numbered_check_is_never_waived_either(self) -> None:
        named = PlannedGate(call=PlannedCall(task="window.open"), name="window.open (2)")
        walk = Walk(task("migrate", gate=(named,)))
        with pytest.raises(Rejected, match="never waives"):
            walk.do(c.WaiveCheck(step="migrate", check="window.open (2)", reason="in a hurry"))


def test_the_operator_is_not_the_second_pair_of_eyes_by_marking_done() -> None:
    walk = Walk(attest("review", by="someone-else"), task("b"))
    with pytest.raises(Rejected, match="Someone other than the operator"):
        walk.do(c.MarkDone(step="review", reason="I looked myself"))
    walk.do(c.SkipStep(step="review", reason="emergency, post-mortem follows"))
    assert walk.step("review").status is StepStatus.SKIPPED


def test_control_goes_to_the_one_whom_the_operator_saw_asking() -> None:
    third = WATCHER.model_copy(update={"session": "screen-3", "user": "third"})
    walk = Walk(task("a"))
    walk.do(c.RequestControl(), WATCHER)
    walk.do(c.RequestControl(), third)
    with pytest.raises(Rejected, match="third@web-1 has asked since"):
        walk.do(c.GrantControl(to=WATCHER.session))
    walk.do(c.GrantControl(to=third.session))
    assert walk.state.operator == third


class TestDoubtAndTriggers:
    @pytest.mark.parametrize("kind", [StepKind.CHECK, StepKind.WATCH])
    def test_a_smoke_check_in_doubt_starts_the_clock_since_unknown_never_passes(self, kind) -> None:
        walk = Walk(task("a"), task("smoke", kind=kind, on_failure=TriggerClass.IMMEDIATE))
        walk.run("a")
        walk.start("smoke")
        walk.see(c.ObserveDoubt(attempt=2, evidence="the shim was killed"))
        assert "the shim was killed" in walk.state.open_triggers[0].because

    def test_a_step_in_doubt_that_was_not_done_starts_the_clock(self) -> None:
        walk = Walk(task("a"), task("restart", on_failure=TriggerClass.FAST), task("b"))
        walk.run("a")
        walk.start("restart")
        walk.see(c.ObserveDoubt(attempt=2, evidence="gone"))
        assert not walk.state.triggers
        walk.do(c.ResolveDoubt(step="restart", done=False, reason="old pids"))
        assert walk.state.open_triggers[0].trigger_class is TriggerClass.FAST

    def test_what_an_operator_cancelled_is_not_run_again_by_itself(self) -> None:
        walk = Walk(task("build", idempotent=True), task("b"))
        walk.start("build")
        walk.do(c.CancelStep(attempt=1))
        walk.see(c.ObserveDoubt(attempt=1, evidence="its shim was dead"))
        assert walk.state.running is None
        assert walk.step("build").status is StepStatus.IN_DOUBT

    def test_an_end_that_comes_after_the_doubt_changes_nothing(self) -> None:
        walk = Walk(task("build", idempotent=True), task("b"))
        walk.start("build")
        walk.see(c.ObserveDoubt(attempt=1, evidence="gone"))
        walk.end()
        assert walk.see(c.ObserveExit(attempt=1, exit_code=1)) == []
        assert walk.step("build").status is StepStatus.PASSED

    def test_a_watch_that_goes_bad_late_leaves_its_whole_time_to_roll_back(self) -> None:
        walk = Walk(task("a"), task("watch", kind=StepKind.WATCH, on_failure=TriggerClass.FAST))
        walk.run("a")
        walk.start("watch")
        walk.wait(1500)
        walk.end(1)
        assert countdowns(walk.state, walk.clock.now())[0].to_deadline == timedelta(minutes=15)

    def test_a_target_that_names_some_deadlines_keeps_the_rest(self) -> None:
        some = TARGET.model_copy(update={"deadlines": {TriggerClass.IMMEDIATE: timedelta(minutes=4)}})
        walk = Walk(task("a", on_failure=TriggerClass.CONSIDERED), target=some)
        walk.start("a")
        walk.end(1)
        assert countdowns(walk.state, walk.clock.now())[0].to_deadline == timedelta(minutes=30)

    def test_the_earliest_deadline_is_first_although_the_wall_clock_was_set(self) -> None:
        walk = Walk(
            task("a", on_failure=TriggerClass.FAST),
            task("b", on_failure=TriggerClass.FAST),
        )
        walk.start("a")
        walk.end(1)
        walk.do(c.MarkDone(step="a", reason="by hand"))
        first = walk.state.open_triggers[0]
        walk.clock.set_wall_clock(timedelta(hours=-1))
        later = e.TriggerRaised(
            trigger=2,
            trigger_class=TriggerClass.FAST,
            because="x",
            step="b",
            evidence_from=walk.clock.now(),
            deadline=walk.clock.now().plus(timedelta(minutes=20)),
        )
        walk._take([later])
        assert walk.state.open_triggers[0].number == first.number


class TestRollbackAndTime:
    def test_a_deadline_that_passed_during_the_last_undo_is_journaled_and_told(self) -> None:
        walk = Walk(task("a", undo=undo("a")), smoke(), target=ANNOUNCING)
        walk.run("a")
        walk.start("smoke")
        walk.end(1)
        walk.roll_back()
        walk.clock.advance(timedelta(minutes=5))
        told = types(walk.end())
        assert told.index("DeadlinePassed") < told.index("RunRolledBack")
        assert walk.state.deadlines_met is False
        assert any("deadline missed" in str(a.call.arguments) for a in walk.state.attempts.values())

    def test_a_notice_in_doubt_ends_after_the_run_did(self) -> None:
        walk = Walk(task("a", undo=undo("a")), task("b"), target=ANNOUNCING)
        walk.run("a")
        walk.roll_back()
        walk.end()
        assert walk.state.phase is Phase.ROLLED_BACK
        under_way = [a.number for a in walk.state.attempts.values() if a.is_running]
        assert under_way
        for number in under_way:
            walk.see(c.ObserveDoubt(attempt=number, evidence="the shim was killed"))
        assert not any(a.is_running for a in walk.state.attempts.values())

    def test_a_rollback_with_nothing_to_undo_is_over_at_once(self) -> None:
        walk = Walk(check("look"), task("b"))
        walk.run("look")
        assert types(walk.roll_back())[-1] == "RunRolledBack"

    def test_a_step_skipped_after_it_failed_is_undone(self) -> None:
        walk = Walk(task("a", undo=undo("a")), task("b"))
        walk.start("a")
        walk.end(1)
        walk.do(c.SkipStep(step="a", reason="x"))
        assert [step.key for step in undo_plan(walk.state).steps] == ["undo/a"]

    def test_a_check_before_an_undo_that_never_started_is_begun_anew_once(self) -> None:
        back = task("back", gate=(gate("db.up"),))
        walk = Walk(task("a", undo=undo_runbook("way-back")), task("b"), undo_runbooks={"way-back": (back,)})
        walk.run("a")
        walk.roll_back()
        walk.see(c.ObserveExit(attempt=2, never_started=True, evidence="the engine was killed"))
        assert walk.running_task() == "db.up"

    def test_an_undo_goes_by_what_was_so_when_the_rollback_began(self) -> None:
        def back(name: str) -> PlannedUndo:
            call = PlannedCall(task=f"undo.{name}", arguments={"to": "${facts.before}"})
            return PlannedUndo(kind=UndoKind.TASK, call=call)

        walk = Walk(task("a", undo=back("a")), task("b", undo=back("b")), task("c"))
        walk.start("a")
        walk.end(0, facts={"before": "a ${facts.x} b"})
        walk.run("b")
        walk.roll_back()
        walk.end(0, facts={"before": "something else"})
        assert walk.state.running is not None
        assert walk.state.running.call.arguments == {"to": "a ${facts.x} b"}

    def test_an_undo_runbook_tells_what_it_was_given_from_what_it_finds(self) -> None:
        steps = (
            task("checkout", arguments={"ref": "${param.release}"}),
            task("verify", arguments={"version": "${param.release}", "commit": "${facts.commit}"}),
        )
        back = PlannedUndo(
            kind=UndoKind.RUNBOOK, runbook="way-back", arguments={"release": "${facts.previous}"}
        )
        walk = Walk(task("a", undo=back), task("b"), undo_runbooks={"way-back": steps})
        walk.start("a")
        walk.end(0, facts={"previous": "v1", "commit": "new"})
        walk.roll_back()
        assert walk.state.running is not None
        assert walk.state.running.call.arguments == {"ref": "v1"}
        walk.end(0, facts={"previous": "v2", "commit": "old"})
        assert walk.state.running is not None
        assert walk.state.running.call.arguments == {"version": "v1", "commit": "old"}

    def test_an_undo_never_takes_the_place_of_another_step(self) -> None:
        walk = Walk(
            task("a", undo=undo_runbook("back")),
            task("back/x", undo=undo("inner")),
            task("undo/back/x"),
            task("last"),
            undo_runbooks={"back": (task("x"),)},
        )
        walk.run("a", "back/x", "undo/back/x")
        walk.roll_back()
        assert len(walk.state.undo_steps) == 2
        assert len(walk.state.forward_steps) == 4
        ran = []
        while walk.state.phase is Phase.ROLLING_BACK:
            ran.append(walk.running_task())
            walk.end()
        assert ran == ["undo.inner", "do.x"]


@pytest.mark.parametrize("value", [{"x": 1}, [1, 2]])
def test_a_fact_of_the_wrong_shape_holds_the_step_instead_of_felling_the_engine(value) -> None:
    walk = Walk(
        task("a", undo=undo("a", when="is ${facts.shape}")),
        task("b", arguments={"text": "shape ${facts.shape}"}, probe=None),
        task("c"),
    )
    walk.start("a")
    walk.end(0, facts={"shape": value})
    walk.start("b")
    assert walk.step("b").status is StepStatus.HELD
    assert "\n" not in walk.step("b").why
    assert [step.key for step in undo_plan(walk.state).steps] == ["undo/a"]


def test_only_what_ended_well_is_measured() -> None:
    walk = Walk(task("a"), task("b"))
    walk.start("a")
    walk.clock.advance(timedelta(seconds=100))
    walk.end(1)
    walk.do(c.RetryStep(step="a", after_attempt=1))
    walk.clock.advance(timedelta(seconds=3))
    walk.end()
    walk.start("b")
    walk.end(1)
    events = walk.do(c.SkipStep(step="b", reason="x"))
    measured = next(event for event in events if isinstance(event, e.DurationsMeasured))
    assert measured.steps == {"a": 3.0}


def test_a_cancelled_gate_holds_the_step() -> None:
    walk = Walk(task("a", gate=(gate("db.up"),)))
    walk.start("a")
    walk.do(c.CancelStep(attempt=1))
    walk.see(c.ObserveExit(attempt=1, cancelled=True, signal=15))
    assert walk.step("a").status is StepStatus.HELD
    assert walk.state.attempts[1].result is Result.CANCELLED
    assert walk.state.last_attempt("a", Purpose.STEP) is None


def test_a_late_row_of_the_former_operator_is_refused() -> None:
    walk = Walk(task("a"))
    walk.do(c.TakeControl(reason="the link is down"), WATCHER)
    with pytest.raises(Rejected, match="You are watching"):
        walk.do(c.StartStep(step="a"), OPERATOR)
