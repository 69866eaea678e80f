"""A countdown in words: what was measured, what happens by itself, and what is fastest."""

from __future__ import annotations

from datetime import timedelta

import pytest

from handrail.project.model import Target
from handrail.reports.countdown import by_itself_words, countdown_line, source_words
from handrail.run import commands as c
from handrail.run.deadlines import RollbackDuration, countdowns
from handrail.run.rollback_outlook import rollback_outlook
from handrail.values import TriggerClass
from walk import Walk, smoke, task, undo


def failed(*, by_itself: bool = False, irreversible: str | None = None) -> Walk:
    on_deadline = {TriggerClass.IMMEDIATE: "rollback"} if by_itself else {}
    target = Target(name="production", production=True, on_deadline=on_deadline)
    way_back = undo("build", estimate=timedelta(seconds=50))
    walk = Walk(task("build", undo=way_back, irreversible=irreversible), smoke(), target=target)
    walk.run("build")
    walk.start("smoke")
    walk.end(1)
    walk.wait(0)
    return walk


def said(walk: Walk) -> str:
    now = walk.clock.now()
    [each] = countdowns(walk.state, now)
    return countdown_line(each, rollback_outlook(walk.state, now))


@pytest.mark.parametrize(
    ("steps", "estimated", "rehearsed", "fewest", "words"),
    [
        (0, 0, 0, 0, "nothing to undo"),
        (7, 7, 0, 0, "estimated"),
        (7, 2, 0, 5, "2 of 7 steps estimated"),
        (7, 2, 5, 5, "2 of 7 steps estimated"),
        (7, 0, 0, 5, "measured 5 times"),
        (1, 0, 0, 1, "measured once"),
        (7, 0, 7, 3, "rehearsed 3 times"),
        (7, 0, 2, 3, "2 of 7 steps rehearsed"),
    ],
)
def test_where_the_rollbacks_time_comes_from(
    steps: int, estimated: int, rehearsed: int, fewest: int, words: str
) -> None:
    value = RollbackDuration(timedelta(), estimated == 0, steps, estimated, rehearsed, fewest)
    assert source_words(value) == words


@pytest.mark.parametrize(
    ("after", "words"),
    [
        (0, "Rollback due in 5:00, start it within 4:10: it takes 50s (estimated; trigger 1: Smoke failed"),
        (140, "due in 2:40, start it soon, within 1:50"),
        (200, "due in 1:40, START IT NOW, within 0:50"),
        (265, "TOO LATE to be sure, by 0:15"),
        (265, "Start now: done at 22:18:35 UTC, 15s late. The longest part is Undo: Build, 50s"),
        (312, "Rollback deadline MISSED by 0:12 (trigger 1: Smoke failed"),
        (312, "Start now: done at 22:19:22 UTC, 1m 02s late."),
    ],
)
def test_a_line_for_each_stage(after: int, words: str) -> None:
    walk = failed()
    walk.wait(after)
    assert words in said(walk)


def test_a_rollback_under_way_is_told_against_its_deadline() -> None:
    walk = failed()
    walk.roll_back()
    walk.wait(20)
    assert said(walk).startswith("Rollback: step 1 of 1, 30s left against 4m 40s to the deadline (trigger 1")
    walk.wait(260)
    assert "against 20s to the deadline (" in said(walk)
    walk.wait(30)
    assert "the deadline was missed 10s ago" in said(walk)


def test_what_happens_by_itself_is_said_beforehand() -> None:
    walk = failed(by_itself=True)
    walk.wait(130)
    assert "ROLLS BACK BY ITSELF in 2:00, at 22:17:30 UTC. `keep REASON`: the release stays" in said(walk)
    walk.do(c.KeepRelease(trigger=1, reason="the fix is on its way"))
    assert said(walk).endswith("The release stays, says operator@web-1: the fix is on its way")
    assert "BY ITSELF" not in said(walk)


def test_why_it_does_not_happen_by_itself_is_said() -> None:
    walk = failed(by_itself=True, irreversible="the column is gone")
    assert "NOT rolled back by itself: Build can't be taken back (the column is gone). A person has to" in (
        said(walk)
    )


def test_nothing_is_said_where_nothing_happens_by_itself() -> None:
    walk = failed()
    [each] = countdowns(walk.state, walk.clock.now())
    assert by_itself_words(each, "K") == ("", "")


def test_an_extended_deadline_is_marked() -> None:
    walk = failed()
    for count in ("extended", "extended 2 times"):
        walk.do(c.ExtendDeadline(trigger=1, seconds=60, reason="it restarts"))
        assert f"(estimated; trigger 1, {count}: Smoke failed" in said(walk)
    assert "due in 7:00" in said(walk)
