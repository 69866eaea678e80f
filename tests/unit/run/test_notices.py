"""The team's channel: told beside the run, in order, again until it takes it, and never twice by itself."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from handrail.project.model import Announce, Secret
from handrail.run import commands as c
from handrail.run.events import Purpose
from handrail.run.notices import PAUSES, Delivery, notices, undelivered
from handrail.run.plan import PlannedCall, PlannedStep, Usual
from handrail.run.state import Phase, StepStatus
from handrail.runbook.model import StepKind
from walk import TARGET, WATCHER, Walk, gate, smoke, task, undo

TOLD = TARGET.model_copy(update={"announce": Announce(webhook=Secret(value="http://127.0.0.1/x"))})


def announce(key: str = "tell", **fields):
    return task(key, kind=StepKind.ANNOUNCE, arguments={"text": "Deploying"}, **fields)


def walk(*steps, **fields) -> Walk:
    return Walk(announce(), task("a", undo=undo("a")), *steps, target=TOLD, **fields)


def answer(walk: Walk, number: int, **fields) -> None:
    walk.see(c.ObserveExit(attempt=number, **fields))


def test_an_announcement_never_delays_a_step() -> None:
    run = walk()
    run.start("tell")
    assert run.step("tell").status is StepStatus.PASSED
    assert run.state.running is None
    run.start("a")
    assert run.running_task() == "do.a"
    assert [n.delivery for n in notices(run.state)] == [Delivery.UNDER_WAY]


def test_its_gate_is_asked_first() -> None:
    run = Walk(announce(gate=(gate("db.up"),)), task("b"), target=TOLD)
    run.start("tell")
    assert run.running_task() == "db.up"
    run.end()
    assert run.step("tell").status is StepStatus.PASSED


def test_a_channel_that_is_down_is_tried_again_after_a_while_and_takes_it_once() -> None:
    run = walk()
    run.start("tell")
    answer(run, 1, exit_code=1, evidence="connection refused")
    assert [n.delivery for n in undelivered(run.state)] == [Delivery.WAITING]
    assert run.wait(PAUSES[0].total_seconds() - 1) == []
    (again,) = run.wait(1)
    assert (again.attempt, again.again, again.purpose) == (2, 1, Purpose.NOTICE)
    assert again.call.arguments == {"text": "Deploying"}
    assert run.wait(3600) == [], "not while it is under way"
    answer(run, 2, exit_code=0)
    assert undelivered(run.state) == ()
    assert run.wait(36000) == []


@pytest.mark.parametrize(
    ("end", "delivery"),
    [
        ({"exit_code": 5, "evidence": "timed out"}, Delivery.PERHAPS),
        ({"exit_code": 4, "evidence": "404"}, Delivery.UNDELIVERED),
        ({"exit_code": 2, "evidence": "wrong"}, Delivery.UNDELIVERED),
        ({"signal": 9, "timed_out": True}, Delivery.PERHAPS),
    ],
)
def test_what_is_final_or_perhaps_told_is_not_told_again_by_itself(end, delivery) -> None:
    run = walk()
    run.start("tell")
    answer(run, 1, **end)
    assert run.wait(36000) == []
    assert [n.delivery for n in undelivered(run.state)] == [delivery]


def test_a_doubtful_one_is_not_told_again_either() -> None:
    run = walk()
    run.start("tell")
    run.see(c.ObserveDoubt(attempt=1, evidence="the shim was killed"))
    assert run.wait(36000) == []
    assert undelivered(run.state)[0].delivery is Delivery.PERHAPS


def test_it_gives_up_after_a_while_and_says_so() -> None:
    run = walk()
    run.start("tell")
    number = 1
    for pause in PAUSES:
        answer(run, number, exit_code=1)
        (again,) = run.wait(pause.total_seconds())
        number = again.attempt
    answer(run, number, exit_code=1)
    assert run.wait(360000) == []
    assert undelivered(run.state)[0].delivery is Delivery.UNDELIVERED


def test_later_news_wait_for_the_order_and_for_nothing_else() -> None:
    run = walk(smoke())
    run.start("tell")
    run.run("a")
    run.start("smoke")
    run.end(1)
    run.roll_back()
    assert run.running_task() == "undo.a", "the rollback waits for no channel"
    answer(run, 1, exit_code=1)
    assert run.wait(PAUSES[0].total_seconds()) == [], "the second news is under way"


def test_the_news_go_into_the_thread_of_the_first() -> None:
    run = walk(smoke())
    run.start("tell")
    answer(run, 1, exit_code=0, facts={"announcement_thread": "17.5"})
    run.run("a")
    run.start("smoke")
    run.end(1)
    run.roll_back()
    told = [n.latest.call.arguments for n in notices(run.state)][-1]
    assert told["thread"] == "17.5"


def test_without_a_channel_the_step_says_what_to_do() -> None:
    run = Walk(announce(), task("b"))
    run.start("tell")
    assert run.step("tell").status is StepStatus.HELD
    run.do(c.MarkDone(step="tell", reason="told them in person"))
    run.run("b")
    assert run.state.phase is Phase.FINISHED


def test_a_watchers_note_is_told_to_nobody() -> None:
    run = walk()
    run.do(c.AddNote(text="users report errors"), WATCHER)
    assert notices(run.state) == ()


def announcing(**arguments) -> PlannedStep:
    call = PlannedCall(
        task="announce.deployment", arguments={"feature": "Gift notes", "eta": "", **arguments}
    )
    return task("tell", kind=StepKind.ANNOUNCE, estimate=timedelta(seconds=3)).model_copy(
        update={"call": call}
    )


WORK = task("a", estimate=timedelta(minutes=10), undo=undo("a"))
WATCHED = task("w", kind=StepKind.WATCH, estimate=timedelta(minutes=30))
TAKES = {"tell": 3.0, "a": 240.0, "w": 1800.0}


@pytest.mark.parametrize(
    ("usual", "served", "watched", "measured"),
    [
        ({}, 603, 2403, False),
        ({"a": 240.0}, 243, 2043, False),
        (TAKES, 243, 2043, True),
    ],
)
def test_the_announcement_says_when_it_will_be_done(usual, served, watched, measured) -> None:
    known = {key: Usual(median=value, high=value, count=3) for key, value in usual.items()}
    run = Walk(announcing(), WORK, WATCHED, target=TOLD, usual=known)
    begun = run.clock.now().datetime()
    run.start("tell")
    said = run.state.attempts[1].call.arguments
    assert datetime.fromisoformat(said["served_at"]) == begun + timedelta(seconds=served)
    assert datetime.fromisoformat(said["watched_until"]) == begun + timedelta(seconds=watched)
    assert said["measured"] is measured


def test_an_eta_that_somebody_gave_is_kept() -> None:
    run = Walk(announcing(eta="when it is done"), WORK, target=TOLD)
    run.start("tell")
    assert run.state.attempts[1].call.arguments == {"feature": "Gift notes", "eta": "when it is done"}


POST = PlannedCall(task="announce.post", arguments={"text": "Deploying"})


def test_a_waiver_before_the_announcement_stands_in_it_and_a_later_one_is_an_update() -> None:
    run = Walk(
        task("a", gate=(gate("db.up"),)), announce(call=POST), task("b", gate=(gate("db.up"),)), target=TOLD
    )
    run.do(c.WaiveCheck(step="a", check="db.up", reason="it is ${down}"))
    assert notices(run.state) == ()
    run.run("a", "tell")
    run.do(c.WaiveCheck(step="b", check="db.up", reason="still down"))
    first, second = [notice.text for notice in notices(run.state)]
    assert first == "Deploying\nWaived:\n- db.up before A, by operator@web-1: it is ${down}"
    assert second == "Waived on production: db.up before B, by operator@web-1: still down"


def test_a_projects_own_announcement_is_left_as_it_is_and_waivers_are_told_beside() -> None:
    own = PlannedCall(task="announce.elsewhere", arguments={})
    run = Walk(task("a", gate=(gate("db.up"),)), announce(call=own), task("b"), target=TOLD)
    run.do(c.WaiveCheck(step="a", check="db.up", reason="it is down"))
    run.run("a", "tell")
    first, second = notices(run.state)
    assert first.latest.call == own
    assert second.text == "Waived on production:\n- db.up before A, by operator@web-1: it is down"


@pytest.mark.parametrize(
    "ending",
    [
        c.SkipStep(step="tell", reason="told in person"),
        c.MarkDone(step="tell", reason="told in person"),
        c.AbortRun(reason="enough"),
        c.RollBack(confirm="production"),
    ],
)
def test_where_no_announcement_comes_the_waivers_are_told_all_the_same(ending: c.OperatorCommand) -> None:
    run = Walk(task("a", gate=(gate("db.up"),), undo=undo("a")), announce(), task("b"), target=TOLD)
    run.do(c.WaiveCheck(step="a", check="db.up", reason="it is down"))
    run.run("a")
    run.do(ending)
    assert notices(run.state)[0].text.startswith("Waived on production:\n- db.up before A, by operator@web-1")


def test_who_leaves_out_a_gated_step_waives_its_checks_by_name() -> None:
    run = Walk(announce(), task("a", gate=(gate("db.up"), gate("db.full"))), task("b"), target=TOLD)
    run.run("tell")
    run.do(c.WaiveCheck(step="a", check="db.up", reason="it is down"))
    run.do(c.SkipStep(step="a", reason="not needed"))
    who = "operator@web-1"
    assert run.step("a").waived == {
        "db.up": f"{who}: it is down",
        "db.full": f"{who}: A is left out: not needed",
    }
    assert len(notices(run.state)) == 3
