"""Rolling back by itself at the last safe moment: foretold, refused, confirmed to stay, or done."""

from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec.structs import replace

from handrail.project.model import Announce, Secret
from handrail.run import commands as c
from handrail.run import watch_events as w
from handrail.run.machine import Rejected
from handrail.run.on_deadline import NOTICE
from handrail.run.state import Phase
from handrail.values import TriggerClass
from walk import WATCHER, attest, task, undo
from watched import WatchedWalk, baseline_step, watch_step

ROLLS_BACK = {TriggerClass.FAST: "rollback"}


def troubled(*steps, **fields) -> WatchedWalk:
    """A deployed run in which users have reported trouble: class fast, 15 minutes."""
    default = (task("deploy", undo=undo("deploy", estimate=timedelta(minutes=2))), watch_step())
    walk = WatchedWalk(*(steps or default), **{"on_deadline": ROLLS_BACK, **fields})
    walk.run(*[s.key for s in (steps or default)[:-1]])
    walk.start("watch")
    walk.do(c.ReportTrouble(text="checkout hangs"))
    return walk


def test_it_is_foretold_at_once_and_done_at_the_last_safe_moment() -> None:
    walk = troubled()
    [event] = walk.wait(0.1)
    assert isinstance(event, w.RollbackForetold)
    assert event.why_not == ""
    assert event.at.since(walk.trigger().deadline) == timedelta(minutes=-2)
    walk.wait(13 * 60 - 1)
    assert walk.state.phase is Phase.RUNNING
    walk.wait(1)
    assert walk.state.phase is Phase.ROLLING_BACK
    assert walk.running_task() == "undo.deploy"
    walk.end()
    assert walk.state.phase is Phase.ROLLED_BACK
    assert walk.state.deadlines_met is True


def test_it_only_alerts_by_default() -> None:
    walk = troubled(on_deadline={})
    walk.wait(20 * 60)
    assert walk.state.phase is Phase.RUNNING
    assert walk.trigger().rolls_back_at is None
    with pytest.raises(Rejected, match="Nothing is rolled back by itself"):
        walk.do(c.KeepRelease(trigger=1, reason="we know"))


def test_the_operator_confirms_that_the_release_stays() -> None:
    walk = troubled()
    walk.wait(60)
    with pytest.raises(Rejected, match="You are watching"):
        walk.do(c.KeepRelease(trigger=1, reason="it is another service"), WATCHER)
    with pytest.raises(Rejected, match="Say why"):
        walk.do(c.KeepRelease(trigger=1, reason=""))
    walk.do(c.KeepRelease(trigger=1, reason="it is another service"))
    walk.wait(20 * 60)
    assert walk.state.phase is Phase.RUNNING
    assert walk.trigger().passed


def test_what_can_not_be_taken_back_is_left_to_a_person() -> None:
    walk = troubled(
        task("deploy", undo=undo("deploy")), task("mail", irreversible="it was sent"), watch_step()
    )
    walk.wait(1)
    assert walk.trigger().why_not == "Mail can't be taken back (it was sent)"
    walk.wait(20 * 60)
    assert walk.state.phase is Phase.RUNNING


def test_a_rollback_that_asks_a_person_does_not_begin_by_itself() -> None:
    ways = {"back": (attest("agree"), task("restore"))}
    step = task(
        "deploy", undo=undo("x").model_copy(update={"kind": "runbook", "runbook": "back", "call": None})
    )
    walk = troubled(step, watch_step(), undo_runbooks=ways)
    walk.wait(1)
    assert "asks a person" in walk.trigger().why_not


def test_what_is_too_late_already_still_leaves_time_to_say_no() -> None:
    walk = troubled(task("deploy", undo=undo("deploy", estimate=timedelta(minutes=40))), watch_step())
    walk.wait(0.1)
    at = walk.trigger().rolls_back_at
    assert at is not None
    assert at.since(walk.clock.now()) == NOTICE
    walk.wait(NOTICE.total_seconds())
    assert walk.state.phase is Phase.ROLLING_BACK


def test_more_time_moves_it() -> None:
    walk = troubled()
    walk.wait(1)
    walk.do(c.ExtendDeadline(trigger=1, seconds=600, reason="the fix is being tried"))
    walk.wait(1)
    walk.wait(14 * 60)
    assert walk.state.phase is Phase.RUNNING
    walk.wait(10 * 60)
    assert walk.state.phase is Phase.ROLLING_BACK


def test_more_time_needs_a_reason_and_an_open_trigger() -> None:
    walk = troubled()
    with pytest.raises(Rejected, match="Say why"):
        walk.do(c.ExtendDeadline(trigger=1, seconds=600, reason=""))
    with pytest.raises(Rejected, match="no such open trigger"):
        walk.do(c.ExtendDeadline(trigger=2, seconds=600, reason="x"))
    walk.wait(16 * 60)
    assert walk.trigger().passed
    walk.do(c.CloseTrigger(trigger=1, reason="all well"))


def test_a_passed_deadline_that_is_extended_counts_anew() -> None:
    walk = troubled(on_deadline={})
    walk.wait(16 * 60)
    assert walk.trigger().passed
    walk.do(c.ExtendDeadline(trigger=1, seconds=1200, reason="the fix is being tried"))
    assert not walk.trigger().passed
    walk.wait(19 * 60 + 1)
    assert walk.trigger().passed


def test_the_team_is_told_beforehand_and_when_it_begins() -> None:
    walk = troubled()
    target = walk.state.plan.target.model_copy(
        update={"announce": Announce(webhook=Secret(value="http://127.0.0.1/x"))}
    )
    walk.state = replace(walk.state, plan=walk.state.plan.model_copy(update={"target": target}))
    walk.wait(1)
    texts = [str(a.call.arguments.get("text", "")) for a in walk.state.attempts.values()]
    assert any("will be rolled back by itself in 12m 59s" in text for text in texts)


def test_it_waits_for_what_is_running_and_then_begins() -> None:
    walk = WatchedWalk(
        baseline_step(minutes=0),
        task("deploy", undo=undo("deploy")),
        task("more", undo=undo("more")),
        watch_step(),
        on_deadline=ROLLS_BACK,
    )
    walk.start("baseline")
    walk.run("deploy")
    walk.start("more")
    walk.do(c.ReportTrouble(text="checkout hangs"))
    walk.wait(1)
    walk.wait(16 * 60)
    assert walk.state.phase is Phase.RUNNING
    walk.end()
    walk.wait(1)
    assert walk.state.phase is Phase.ROLLING_BACK
