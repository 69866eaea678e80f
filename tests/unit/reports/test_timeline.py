"""A run's events as sentences: everything that a person must know, in words, and harmless."""

from __future__ import annotations

import json
import typing
from datetime import timedelta

from handrail.reports.postmortem import Changes, journal_part
from handrail.reports.summary import as_values, plan_lines, status_lines, undo_lines
from handrail.reports.timeline import _SENTENCES, timeline
from handrail.run import commands as c
from handrail.run import events as e
from handrail.run import watch_events as w
from handrail.run.plan import PlannedOtherWay
from walk import WATCHER, Walk, attest, smoke, task, undo

SAYS_NOTHING = {e.CommandAccepted, e.DurationsMeasured, w.SignalsSampled, w.BaselineKept}


def told(walk: Walk) -> list[str]:
    return [line.text for line in timeline("run-1", walk.history)]


def rolled_back() -> Walk:
    walk = Walk(task("build", undo=undo("build")), task("tell", irreversible="it was said"), smoke())
    walk.run("build", "tell")
    walk.start("smoke")
    walk.end(1, evidence="checkout answers 500")
    walk.do(c.AddNote(text="the shop is \x1b[31mdown\nreally"), WATCHER)
    walk.roll_back()
    walk.clock.advance(timedelta(seconds=42))
    walk.end(0)
    return walk


def test_every_kind_of_event_is_told_or_left_out_on_purpose() -> None:
    known = set(typing.get_args(e.Event))
    assert set(_SENTENCES) == known - SAYS_NOTHING


def test_a_rollback_is_told_from_its_cause_to_its_end() -> None:
    lines = told(rolled_back())
    text = "\n".join(lines)
    for words in (
        "operator@web-1 opened the run: Deploy on production, 3 steps",
        "Failed: Smoke: checkout answers 500",
        "ROLLBACK TRIGGER 1: Smoke failed: checkout answers 500; an immediate rollback is due by",
        "operator@web-1 rolls back. Undoing: Undo: Build. Stays: Tell (it was said)",
        "The run is rolled back, in 42s, before the deadline",
    ):
        assert words in text


def test_what_people_wrote_stays_on_one_harmless_line() -> None:
    lines = [line for line in told(rolled_back()) if "notes" in line]
    [line] = lines
    assert line.startswith("colleague@web-1 notes: the shop is ")
    assert line.endswith("down really")
    assert line.isprintable()


def test_the_status_marks_each_step_without_colour() -> None:
    walk = Walk(task("build"), attest("look"), smoke())
    walk.run("build")
    walk.do(c.SkipStep(step="look", reason="no dashboards here"))
    lines = status_lines(walk.state, walk.clock.now())
    assert lines[0].startswith("Deploy on production: running, 2 of 3 steps done")
    assert [line[:3] for line in lines[-3:]] == ["[x]", "[-]", "[ ]"]


def test_the_undo_says_what_it_can_not_take_back() -> None:
    walk = Walk(task("build", undo=undo("build")), task("tell", irreversible="it was said"))
    walk.run("build", "tell")
    text = "\n".join(undo_lines(walk.state))
    assert "1. Undo: Build" in text
    assert "Tell: it was said" in text


def test_another_way_is_told_from_the_plan_to_the_end() -> None:
    other = PlannedOtherWay(runbook="back", title="Restore", arguments={"backup": "${facts.backup}"})
    walk = Walk(
        task("migrate", undo=undo("migrate", otherwise=other)),
        smoke(),
        undo_runbooks={"back": (task("restore", arguments={"backup": "${param.backup}"}),)},
    )
    plan = plan_lines(walk.state.plan, {})
    assert "       undo: undo.migrate; if that fails: the runbook back" in plan
    assert "## Another way by the runbook back (only when the undo of Migrate fails, and you take it)" in plan
    walk.start("migrate")
    walk.end(0, facts={"backup": "/b.dump"})
    by_hand = [
        "Restore, as a run of its own once this one is over:",
        "   handrail run back --target production --param backup=/b.dump",
    ]
    assert undo_lines(walk.state)[-4:] == ["  1. Undo: Migrate", "     if it fails: Restore", *by_hand]
    walk.roll_back()
    walk.end(1, evidence="the column exists")
    assert status_lines(walk.state, walk.clock.now())[-2:] == by_hand
    walk.do(c.TakeOtherWay(step="undo/migrate", confirm="production", reason="no way down"))
    said = "operator@web-1 takes another way: no way down. Restore, instead of Undo: Migrate: Restore"
    assert said in told(walk)
    walk.end()
    [replaced] = [line for line in status_lines(walk.state, walk.clock.now()) if line.startswith("[/]")]
    assert replaced.startswith("[/] Undo: Migrate (replaced by operator@web-1")
    assert "Restore was taken instead (no way down). Before: the column exists" in replaced
    values = as_values(walk.state)
    assert [step["instead_of"] for step in values["steps"]] == [None, None, None, "undo/migrate"]
    assert "*Undo: Migrate* replaced by operator@web-1" in journal_part(walk.state, [], Changes())


def test_all_that_is_known_can_be_written_as_json() -> None:
    walk = rolled_back()
    values = json.loads(json.dumps(as_values(walk.state, timeline("run-1", walk.history))))
    assert values["phase"] == "rolled back"
    assert values["triggers"][0]["closed"] == "rolled back"
    assert [step["status"] for step in values["steps"]] == ["passed", "passed", "failed", "passed"]
    assert len(values["timeline"]) == len(told(walk))
