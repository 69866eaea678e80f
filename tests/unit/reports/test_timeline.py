"""A run's events as sentences: everything that a person must know, in words, and harmless."""

from __future__ import annotations

import json
import typing
from datetime import timedelta

from handrail.reports.summary import as_values, status_lines, undo_lines
from handrail.reports.timeline import _SENTENCES, timeline
from handrail.run import commands as c
from handrail.run import events as e
from walk import WATCHER, Walk, attest, smoke, task, undo

SAYS_NOTHING = {e.CommandAccepted, e.DurationsMeasured}


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
    known = set(typing.get_args(typing.get_args(e.Event)[0]))
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


def test_all_that_is_known_can_be_written_as_json() -> None:
    walk = rolled_back()
    values = json.loads(json.dumps(as_values(walk.state, timeline("run-1", walk.history))))
    assert values["phase"] == "rolled back"
    assert values["triggers"][0]["closed"] == "rolled back"
    assert [step["status"] for step in values["steps"]] == ["passed", "passed", "failed", "passed"]
    assert len(values["timeline"]) == len(told(walk))
