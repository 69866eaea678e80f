"""What rings, once, and what the terminal's title says."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from handrail.run import commands as c
from handrail.run import events as e
from handrail.run.deadline_stage import Stage
from handrail.tui.presenters.attention import LONGEST_TITLE, Attention, occasions, title_text
from tui.driver import OPERATOR, Engine
from tui.plans import TARGET, deploy_plan


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    return Engine(deploy_plan(), tmp_path)


def send(engine: Engine, command: c.OperatorCommand) -> None:
    engine.session().send(command)
    engine.work()


def up_to(engine: Engine, key: str) -> None:
    """Let every step before this one pass."""
    while engine.state.current.key != key:
        send(engine, c.StartStep(step=engine.state.current.key))
        while engine.state.running is not None:
            engine.end(verdict="pass", facts={"destructive": False})


def test_each_occasion_is_one_of_its_own_and_stays_the_same(engine: Engine) -> None:
    assert occasions(engine.state) == frozenset()
    up_to(engine, "checkout")
    assert occasions(engine.state) == frozenset(), "what goes well is quiet"
    send(engine, c.StartStep(step="checkout"))
    engine.doubt()
    assert occasions(engine.state) == {("in doubt", "checkout", 3)}
    engine.add(e.NoteAdded(by=OPERATOR, text="looking"))
    engine.end(verdict="unknown")
    assert occasions(engine.state) == {("in doubt", "checkout", 3)}
    send(engine, c.ResolveDoubt(step="checkout", done=True, reason="seen"))
    assert occasions(engine.state) == frozenset()


def test_a_second_failure_of_a_step_is_another_occasion(engine: Engine) -> None:
    send(engine, c.StartStep(step="announce"))
    engine.end(1)
    first = occasions(engine.state)
    send(engine, c.RetryStep(step="announce", after_attempt=1))
    assert occasions(engine.state) == frozenset()
    engine.end(1)
    assert occasions(engine.state) - first == {("failed", "announce", 2)}


def test_a_trigger_its_deadline_a_question_and_the_end(engine: Engine) -> None:
    up_to(engine, "smoke")
    send(engine, c.StartStep(step="smoke"))
    engine.end(1, verdict="fail")
    kinds = {kind for kind, _, _ in occasions(engine.state)}
    assert kinds == {"failed", "trigger"}
    engine.time_passes(301)
    assert {kind for kind, _, _ in occasions(engine.state)} == kinds, "its stages say how late it is"
    send(engine, c.CloseTrigger(trigger=1, reason="a flaky check"))
    send(engine, c.SkipStep(step="smoke", reason="looked at by hand"))
    assert occasions(engine.state) == {("question", "dashboards", 0)}
    send(engine, c.Attest(step="dashboards", holds=True))
    assert occasions(engine.state) == {("over", "finished", 0)}


def test_it_rings_for_what_is_new_and_for_each_worse_stage_and_both_together_once(engine: Engine) -> None:
    attention = Attention()

    def rings() -> bool:
        return attention.rings(engine.state, engine.clock.now())

    up_to(engine, "smoke")
    send(engine, c.StartStep(step="smoke"))
    assert not rings()
    engine.end(1, verdict="fail")
    assert [rings(), rings()] == [True, False], "the failure, its trigger and that its deadline runs: once"
    heard = 0
    for _ in range(310):
        engine.time_passes(1)
        heard += rings()
    assert heard == len({Stage.SOON, Stage.NOW, Stage.LATE, Stage.MISSED})
    assert engine.state.open_triggers[0].passed
    send(engine, c.AbortRun(reason="enough"))
    assert [rings(), rings()] == [True, False]


def test_who_comes_to_a_run_in_trouble_sees_it_and_hears_what_gets_worse(engine: Engine) -> None:
    up_to(engine, "smoke")
    send(engine, c.StartStep(step="smoke"))
    engine.end(1, verdict="fail")
    attention = Attention()
    assert not attention.rings(engine.state, engine.clock.now())
    engine.time_passes(301)
    assert attention.rings(engine.state, engine.clock.now())


def test_the_title_says_target_state_and_countdown_and_is_calm(engine: Engine) -> None:
    def title() -> str:
        return title_text(engine.state, engine.clock.now())

    assert title() == "PRODUCTION · next: Announce the deployment — handrail"
    send(engine, c.StartStep(step="announce"))
    assert title() == "PRODUCTION ▶ running: Announce the deployment — handrail"
    before = title()
    engine.time_passes(5)
    assert title() == before, "it doesn't change by the second"
    engine.end()
    up_to(engine, "smoke")
    send(engine, c.StartStep(step="smoke"))
    engine.end(1, verdict="fail")
    assert title() == "PRODUCTION ROLL BACK, 4m left · ✗ failed: Check out a basket as a user — handrail"
    seen = set()
    for _ in range(310):
        engine.clock.advance(timedelta(seconds=1))
        seen.add(title())
    assert len(seen) == 6, "each minute, the last one, and that it was missed"
    assert any("deadline MISSED" in each for each in seen)
    send(engine, c.AbortRun(reason="enough"))
    assert title() == "PRODUCTION ■ aborted: Deploy to production — handrail"


def test_hostile_and_endless_words_stay_harmless(tmp_path: Path) -> None:
    evil = "\x1b]0;owned\x07\u202e" + "x" * 300
    plan = deploy_plan(title=evil, target=TARGET.model_copy(update={"name": evil}))
    engine = Engine(plan, tmp_path)
    said = title_text(engine.state, engine.clock.now())
    assert len(said) <= LONGEST_TITLE
    assert not set("\x1b\x07\u202e") & set(said)
