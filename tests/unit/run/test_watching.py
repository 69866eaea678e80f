"""The watch in the pure machine: half an hour of a manual clock, window by window."""

from __future__ import annotations

from datetime import timedelta

import pytest

import quiet_traffic
from handrail.clock import Instant
from handrail.project.model import Announce, Secret
from handrail.run import commands as c
from handrail.run import events as e
from handrail.run import watch_events as w
from handrail.run.clean_time import clean_seconds, time_to_watch, undecided
from handrail.run.fold import fold
from handrail.run.machine import Rejected
from handrail.run.state import Phase, StepStatus
from handrail.runbook.model import StepKind
from handrail.signals.window import Tally
from handrail.values import TriggerClass
from walk import OPERATOR, WATCHER, task, undo
from watched import BAD, IMMEDIATE, WatchedWalk, baseline_step, watch_step

UNKNOWN = Tally(unknown=5, why="the access log can't be read")
RESTARTED = Tally(n=1, bad=1, why="shop 0 was restarted", first_bad=2.0)


def types(events: list[e.Event]) -> list[str]:
    return [event.type for event in events]


def test_a_quiet_half_hour_ends_the_run_by_itself() -> None:
    announce = task("tell", kind=StepKind.ANNOUNCE)
    walk = WatchedWalk(baseline_step(), task("deploy", undo=undo("deploy")), watch_step(), announce)
    target = walk.state.plan.target.model_copy(
        update={"announce": Announce(webhook=Secret(value="http://127.0.0.1/x"))}
    )
    walk = WatchedWalk(
        baseline_step(),
        task("deploy", undo=undo("deploy")),
        watch_step(),
        announce,
        monitor=target.monitor,
    )
    walk.deployed()
    walk.minutes(29.9)
    assert walk.state.phase is Phase.RUNNING
    assert walk.state.triggers == {}
    walk.windows(2)
    assert walk.step("watch").status is StepStatus.PASSED
    # Telling the team is all that is left; this target has no channel, so that it waits for a person.
    assert walk.step("tell").status is StepStatus.HELD
    assert "30m 00s clean: 2 of 2 signals good" in walk.step("watch").why


@pytest.mark.parametrize("seed", range(3))
def test_half_an_hour_of_a_day_as_any_other_raises_nothing(seed: int) -> None:
    walk = WatchedWalk(signals=quiet_traffic.SIGNALS)
    windows = quiet_traffic.QuietTraffic(seed, per_second=(2.0, 5.0, 12.0)[seed]).windows()

    def minutes(number: float) -> None:
        for _ in range(round(number * 60 / quiet_traffic.WINDOW_SECONDS)):
            walk.windows(1, **next(windows))

    walk.start("baseline")
    minutes(5)
    walk.run("deploy")
    walk.start("watch")
    minutes(30)
    assert walk.state.triggers == {}
    # Where traffic is low, the watch goes on for as long as unknown is all that can be said.
    assert walk.state.phase is Phase.FINISHED or {each.name for each in undecided(walk.state)}


def test_a_run_whose_watch_is_the_last_step_is_finished_by_it() -> None:
    walk = WatchedWalk().deployed()
    walk.minutes(30)
    assert walk.state.phase is Phase.FINISHED
    kept = [event for event, _ in walk.history if isinstance(event, w.BaselineKept)]
    assert kept[0].kept.signals["visitors"].tally.n == 3600


def test_the_baseline_counts_what_was_sampled_since_the_opening() -> None:
    walk = WatchedWalk()
    walk.minutes(4)
    walk.start("baseline")
    assert walk.step("baseline").status is StepStatus.RUNNING
    walk.minutes(0.5)
    assert walk.step("baseline").status is StepStatus.RUNNING
    walk.minutes(0.5)
    assert walk.step("baseline").status is StepStatus.PASSED
    assert walk.state.watch.own_baseline is not None
    assert walk.state.watch.own_baseline["visitors"].tally.n == 600


def test_a_baseline_long_enough_passes_at_once() -> None:
    walk = WatchedWalk()
    walk.minutes(6)
    walk.start("baseline")
    assert walk.step("baseline").status is StepStatus.PASSED


def test_a_skipped_baseline_keeps_what_there_is() -> None:
    walk = WatchedWalk()
    walk.minutes(1)
    walk.start("baseline")
    walk.do(c.SkipStep(step="baseline", reason="it burns"))
    assert walk.step("baseline").status is StepStatus.SKIPPED
    walk.run("deploy")
    walk.start("watch")
    assert walk.state.watch.baseline["visitors"].tally.n == 120


def test_without_a_step_for_it_the_first_change_ends_the_baseline() -> None:
    walk = WatchedWalk(task("deploy", undo=undo("deploy")), watch_step())
    walk.minutes(2)
    walk.run("deploy")
    walk.minutes(2, visitors=BAD)
    walk.start("watch")
    assert walk.state.watch.own_baseline is not None
    assert walk.state.watch.own_baseline["visitors"].tally.bad == 0


def test_errors_open_the_fast_deadline_from_where_they_began() -> None:
    walk = WatchedWalk().deployed()
    walk.minutes(3)
    began = walk.clock.now()
    walk.minutes(1, visitors=BAD)
    [trigger] = walk.state.open_triggers
    assert trigger.trigger_class is TriggerClass.FAST
    assert trigger.signal == "visitors"
    assert abs(trigger.evidence_from.since(began).total_seconds()) <= 10
    assert trigger.deadline.since(trigger.evidence_from) == timedelta(minutes=15)
    assert walk.step("watch").status is StepStatus.RUNNING


def test_a_restart_is_bad_at_once() -> None:
    walk = WatchedWalk().deployed()
    walk.minutes(1)
    walk.windows(1, restarts=RESTARTED)
    assert [trigger.signal for trigger in walk.state.open_triggers] == ["restarts"]


def test_what_a_watch_among_the_smoke_tests_sees_is_immediate() -> None:
    smoking = watch_step("look", minutes=1, on_failure=IMMEDIATE)
    walk = WatchedWalk(task("deploy", undo=undo("deploy")), smoking, task("open"))
    walk.minutes(2)
    walk.run("deploy")
    walk.start("look")
    walk.windows(3, restarts=RESTARTED)
    assert walk.trigger().trigger_class is TriggerClass.IMMEDIATE


def test_a_trigger_that_goes_away_stays_open_until_a_person_closes_it() -> None:
    walk = WatchedWalk().deployed()
    walk.windows(1, restarts=RESTARTED)
    walk.minutes(40)
    assert len(walk.state.open_triggers) == 1
    assert walk.step("watch").status is StepStatus.RUNNING
    walk.do(c.CloseTrigger(trigger=1, reason="the worker was restarted by hand"))
    assert walk.state.open_triggers == ()


def test_time_with_an_open_trigger_is_not_clean() -> None:
    walk = WatchedWalk().deployed()
    walk.minutes(10)
    walk.windows(1, restarts=RESTARTED)
    walk.minutes(5)
    walk.do(c.CloseTrigger(trigger=1, reason="restarted by hand"))
    assert clean_seconds(walk.state) == pytest.approx(600, abs=10)
    assert time_to_watch(walk.state).total_seconds() == pytest.approx(1200, abs=10)


def test_the_same_evidence_opens_no_second_deadline_after_it_was_closed() -> None:
    walk = WatchedWalk().deployed()
    walk.minutes(3)
    walk.minutes(2, visitors=BAD)
    walk.do(c.CloseTrigger(trigger=1, reason="a test of ours"))
    walk.windows(3)
    assert walk.state.open_triggers == ()


def test_a_restart_after_one_was_closed_opens_a_deadline_of_its_own() -> None:
    walk = WatchedWalk().deployed()
    walk.windows(1, restarts=RESTARTED)
    walk.do(c.CloseTrigger(trigger=1, reason="restarted by hand"))
    walk.windows(3)
    assert walk.state.open_triggers == ()
    again = walk.clock.now()
    walk.windows(1, restarts=RESTARTED)
    assert walk.trigger(2).evidence_from.since(again) == timedelta(seconds=2)


def test_several_triggers_the_earliest_deadline_leads() -> None:
    walk = WatchedWalk().deployed()
    walk.do(c.ReportTrouble(text="checkout hangs"), WATCHER)
    walk.minutes(1)
    walk.windows(1, restarts=RESTARTED)
    assert [t.signal for t in walk.state.open_triggers] == [e.USERS, "restarts"]


def test_what_users_report_opens_a_deadline_once() -> None:
    walk = WatchedWalk().deployed()
    walk.do(c.ReportTrouble(text="checkout hangs"), WATCHER)
    walk.do(c.ReportTrouble(text="another one says so"), OPERATOR)
    assert len(walk.state.triggers) == 1
    assert walk.trigger().trigger_class is TriggerClass.FAST
    assert [note.text for note in walk.state.notes] == [
        "users report: checkout hangs",
        "users report: another one says so",
    ]


def test_nobody_reports_trouble_before_anything_was_changed() -> None:
    walk = WatchedWalk()
    with pytest.raises(Rejected, match="Nothing has been changed yet"):
        walk.do(c.ReportTrouble(text="checkout hangs"), WATCHER)


def test_a_gap_is_not_taken_for_good() -> None:
    walk = WatchedWalk().deployed()
    walk.minutes(10)
    walk.clock.advance(timedelta(minutes=1))
    walk.minutes(19)
    assert clean_seconds(walk.state) == pytest.approx(29 * 60)
    assert walk.state.phase is Phase.RUNNING
    assert walk.state.triggers == {}
    walk.minutes(1)
    assert walk.state.phase is Phase.FINISHED


def test_a_monitor_that_sees_nothing_for_too_long_is_a_reason_of_its_own() -> None:
    walk = WatchedWalk().deployed()
    walk.minutes(10)
    blind_from = walk.clock.now()
    walk.wait(125)
    assert walk.state.triggers == {}
    walk.wait(1)
    [trigger] = walk.state.open_triggers
    assert trigger.signal == e.BLIND
    assert trigger.trigger_class is TriggerClass.CONSIDERED
    assert trigger.evidence_from == blind_from


def test_one_signal_that_can_not_be_seen_is_enough_and_is_named() -> None:
    walk = WatchedWalk().deployed()
    walk.minutes(5)
    walk.minutes(3, visitors=UNKNOWN)
    [trigger] = walk.state.open_triggers
    assert trigger.signal == e.BLIND
    assert "visitors (the access log can't be read)" in trigger.because
    walk.do(c.CloseTrigger(trigger=1, reason="the log was moved"))
    walk.minutes(3, visitors=UNKNOWN)
    assert walk.state.open_triggers == ()


def test_unknown_never_passes() -> None:
    walk = WatchedWalk().deployed()
    walk.minutes(31, visitors=Tally(n=0))
    assert [signal.name for signal in undecided(walk.state)] == ["visitors"]
    assert walk.step("watch").status is StepStatus.RUNNING
    walk.minutes(31)
    assert walk.state.phase is Phase.FINISHED


def test_a_watch_is_stretched_by_a_key_and_cut_by_a_waiver_alone() -> None:
    walk = WatchedWalk().deployed()
    walk.minutes(10)
    walk.do(c.StretchWatch(step="watch", seconds=600))
    walk.minutes(25)
    assert walk.step("watch").status is StepStatus.RUNNING
    with pytest.raises(Rejected, match="A waiver needs a reason"):
        walk.do(c.SkipStep(step="watch", reason=" "))
    walk.do(c.SkipStep(step="watch", reason="the incident is over"))
    assert walk.step("watch").status is StepStatus.SKIPPED
    assert walk.step("watch").waived == {"monitor.watch": "operator@web-1: the incident is over"}
    assert walk.state.phase is Phase.FINISHED


@pytest.mark.parametrize("command", [c.SkipStep, c.MarkDone])
@pytest.mark.parametrize("begun", [True, False])
def test_a_watch_that_is_never_waived_is_not_cut(command, begun) -> None:
    walk = WatchedWalk(task("deploy", undo=undo("deploy")), watch_step())
    target = walk.state.plan.target.model_copy(update={"never_waive": ("monitor.*",)})
    plan = walk.state.plan.model_copy(update={"target": target})
    opening = e.RunOpened(plan=plan, operator=OPERATOR)
    walk.state = fold("run-1", [(opening, walk.clock.now())])
    walk.run("deploy")
    if begun:
        walk.start("watch")
    with pytest.raises(Rejected, match="never waives"):
        walk.do(command(step="watch", reason="tired"))


def test_a_watch_under_way_is_not_started_again() -> None:
    walk = WatchedWalk().deployed()
    with pytest.raises(Rejected, match="under way"):
        walk.start("watch")


def test_a_rollback_ends_the_watch_and_goes_on_sampled() -> None:
    walk = WatchedWalk().deployed()
    walk.windows(1, restarts=RESTARTED)
    events = walk.roll_back()
    assert "WatchEnded" in types(events)
    assert not walk.state.watch.is_on
    walk.windows(2, restarts=RESTARTED)
    assert len(walk.state.triggers) == 1
    walk.end()
    assert walk.state.phase is Phase.ROLLED_BACK


def test_windows_that_were_journaled_before_are_not_taken_twice() -> None:
    walk = WatchedWalk().deployed()
    walk.windows(1)
    last = walk.state.watch.windows[-1]
    assert walk.see(c.ObserveSignals(windows=(last,))) == []


def test_a_target_that_names_nothing_to_watch_holds_the_watch() -> None:
    walk = WatchedWalk(task("deploy", undo=undo("deploy")), watch_step(), signals=())
    walk.run("deploy")
    walk.start("watch")
    assert walk.step("watch").status is StepStatus.HELD
    assert "nothing to watch" in walk.step("watch").why


def test_a_clock_set_back_moves_no_deadline_and_no_clean_time() -> None:
    walk = WatchedWalk().deployed()
    walk.minutes(5)
    walk.windows(1, restarts=RESTARTED)
    deadline = walk.trigger().deadline
    left = deadline.since(walk.clock.now())
    walk.clock.set_wall_clock(timedelta(hours=-1))
    assert deadline.since(walk.clock.now()) == left
    walk.minutes(2)
    assert clean_seconds(walk.state) == pytest.approx(300)
    assert walk.trigger().deadline == deadline


def test_a_reboot_during_the_watch_leaves_a_gap_and_no_defect() -> None:
    walk = WatchedWalk().deployed()
    walk.minutes(10)
    now = walk.clock.now()
    walk.clock._now = Instant(wall=now.wall + 60, boot=20.0, boot_id="the next boot")
    walk.minutes(20)
    assert walk.state.phase is Phase.FINISHED


def test_a_defect_in_judging_is_unknown_and_keeps_no_deadline(monkeypatch) -> None:
    def broken(signal, *_, **__):
        raise ZeroDivisionError("a defect")

    walk = WatchedWalk().deployed()
    monkeypatch.setattr("handrail.run.watching.judge", broken)
    walk.windows(2)
    assert {each.verdict.value for each in walk.state.watch.judgements.values()} == {"unknown"}
    walk.do(c.ReportTrouble(text="it hangs"))
    assert len(walk.state.open_triggers) == 1


def test_the_fold_of_the_history_is_the_state() -> None:
    walk = WatchedWalk().deployed()
    walk.minutes(2, visitors=BAD)
    walk.roll_back()
    walk.end()
    assert fold("run-1", walk.history) == walk.state
