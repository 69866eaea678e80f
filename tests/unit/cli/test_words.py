"""What a typed line means, by the state of the run; what is not understood never runs anything."""

from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec.structs import replace

from handrail.cli.words import Detach, NotUnderstood, Send, Show, Wait, allowed, understand
from handrail.run import commands as c
from handrail.run.plan import PlannedOtherWay, PlannedStep
from handrail.runbook.model import StepKind
from handrail.values import TriggerClass
from walk import Walk, attest, gate, smoke, task, undo
from windows import SIGNALS


def fresh() -> Walk:
    return Walk(task("build"), attest("look"))


def running() -> Walk:
    walk = fresh()
    walk.start("build")
    return walk


def failed() -> Walk:
    walk = running()
    walk.end(1)
    return walk


def doubtful() -> Walk:
    walk = running()
    walk.see(c.ObserveDoubt(attempt=1, evidence="killed"))
    return walk


def attesting() -> Walk:
    walk = fresh()
    walk.run("build")
    return walk


def triggered() -> Walk:
    walk = Walk(task("build"), smoke())
    walk.run("build")
    walk.start("smoke")
    walk.end(1)
    return walk


def undo_failed(otherwise: bool = True) -> Walk:
    other = PlannedOtherWay(runbook="restore", title="Restore the database")
    back = undo("build", otherwise=other if otherwise else None)
    walk = Walk(task("build", undo=back), smoke(), undo_runbooks={"restore": (task("restore"),)})
    walk.run("build")
    walk.roll_back()
    walk.end(1)
    return walk


def watching() -> Walk:
    """A release that is being watched."""
    watch = PlannedStep(
        key="watch",
        section="Steps",
        title="Watch",
        kind=StepKind.WATCH,
        watch_for=timedelta(minutes=30),
    )
    walk = Walk(task("build", undo=undo("build")), watch, signals=SIGNALS)
    walk.run("build")
    walk.start("watch")
    return walk


def reported() -> Walk:
    """The same, with a trigger that rolls back by itself."""
    walk = watching()
    target = walk.state.plan.target.model_copy(update={"on_deadline": {TriggerClass.FAST: "rollback"}})
    walk.state = replace(walk.state, plan=walk.state.plan.model_copy(update={"target": target}))
    walk.do(c.ReportTrouble(text="cards are declined"))
    walk.wait(1)
    return walk


UNDERSTOOD = [
    (watching, "trouble cards are declined", c.ReportTrouble(text="cards are declined")),
    (watching, "stretch 10", c.StretchWatch(step="watch", seconds=600)),
    (watching, "stretch 10 low traffic", c.StretchWatch(step="watch", seconds=600, reason="low traffic")),
    (watching, "skip the next release waits", c.SkipStep(step="watch", reason="the next release waits")),
    (reported, "extend 5 it restarts", c.ExtendDeadline(trigger=1, seconds=300, reason="it restarts")),
    (reported, "keep the fix is coming", c.KeepRelease(trigger=1, reason="the fix is coming")),
    (fresh, "run", c.StartStep(step="build")),
    (fresh, "  RUN ", c.StartStep(step="build")),
    (fresh, "next", c.StartStep(step="build")),
    (fresh, "", c.StartStep(step="build")),
    (fresh, "skip not needed today", c.SkipStep(step="build", reason="not needed today")),
    (fresh, "done by hand", c.MarkDone(step="build", reason="by hand")),
    (fresh, "abort wrong release", c.AbortRun(reason="wrong release")),
    (fresh, "note the channel knows", c.AddNote(text="the channel knows")),
    (fresh, "takeover they are asleep", c.TakeControl(reason="they are asleep")),
    (running, "cancel", c.CancelStep(attempt=1)),
    (failed, "retry", c.RetryStep(step="build", after_attempt=1)),
    (failed, "rollback production", c.RollBack(confirm="production")),
    (failed, "rollback", c.RollBack(confirm="")),
    (undo_failed, "otherwise production", c.TakeOtherWay(step="undo/build", confirm="production")),
    (undo_failed, "Otherwise", c.TakeOtherWay(step="undo/build", confirm="")),
    (doubtful, "done it is there", c.ResolveDoubt(step="build", done=True, reason="it is there")),
    (doubtful, "notdone nothing there", c.ResolveDoubt(step="build", done=False, reason="nothing there")),
    (attesting, "yes", c.Attest(step="look", holds=True)),
    (attesting, "y as before", c.Attest(step="look", holds=True, note="as before")),
    (attesting, "no twice as slow", c.Attest(step="look", holds=False, note="twice as slow")),
    (triggered, "close a false alarm", c.CloseTrigger(trigger=1, reason="a false alarm")),
    (
        fresh,
        "waive window.open an emergency",
        c.WaiveCheck(step="build", check="window.open", reason="an emergency"),
    ),
]


@pytest.mark.parametrize(
    ("made", "line", "command"), UNDERSTOOD, ids=[line or "empty" for _, line, _ in UNDERSTOOD]
)
def test_a_word_is_a_command(made, line, command) -> None:
    assert understand(line, made().state, offered="build") == Send(command)


@pytest.mark.parametrize(
    ("line", "meaning"),
    [
        ("status", Show("status")),
        ("signals", Show("signals")),
        ("plan", Show("plan")),
        ("undo", Show("undo")),
        ("help", Show("help")),
        ("?", Show("help")),
        ("log", Show("log")),
        ("log 5", Show("log", 5)),
        ("detach", Detach()),
        ("quit", Detach()),
        ("wait", Wait()),
    ],
)
def test_a_word_asks_for_something(line, meaning) -> None:
    assert understand(line, fresh().state, offered="build") == meaning


@pytest.mark.parametrize(
    "line",
    [
        "rn",
        "run build",
        "runn",
        "rm -rf /",
        "skip",
        "done",
        "abort",
        "close",
        "close it",
        "note",
        "takeover",
        "retry now",
        "cancel",
        "cancel all",
        "yes",
        "no",
        "waive",
        "waive window.open",
        "log 0",
        "log -1",
        "log 99999999",
        "log five",
        "trouble",
        "keep",
        "keep it",
        "extend 5 it restarts",
        "extend five minutes",
        "stretch 10",
        "signals now",
        "detach now",
        "\x1b[A",
        "🙂",
        "run\x00",
    ],
)
def test_anything_else_runs_nothing(line) -> None:
    meaning = understand(line, fresh().state, offered="build")
    assert isinstance(meaning, NotUnderstood)
    assert meaning.why


def test_an_empty_line_runs_only_the_step_that_was_offered() -> None:
    walk = fresh()
    assert understand("", walk.state, offered=None) == NotUnderstood("")
    walk.run("build")
    assert understand("", walk.state, offered="build") == NotUnderstood("")


def test_nothing_is_left_to_run_when_all_is_done() -> None:
    walk = Walk(task("build"), smoke("smoke"))
    walk.run("build", "smoke")
    assert isinstance(understand("run", walk.state, offered=None), NotUnderstood)
    assert isinstance(understand("skip it", walk.state, offered=None), NotUnderstood)


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (fresh, ["run", "skip"]),
        (running, ["cancel"]),
        (failed, ["retry", "skip", "done", "rollback production"]),
        (doubtful, ["done", "notdone", "rollback production"]),
        (attesting, ["yes", "no"]),
        (triggered, ["retry", "close", "rollback production"]),
        (watching, ["stretch MINUTES [REASON]", "skip REASON", "trouble TEXT", "rollback production"]),
        (reported, ["close REASON", "keep REASON", "extend MINUTES REASON", "trouble TEXT"]),
        (undo_failed, ["retry, otherwise production, skip REASON, done REASON"]),
    ],
)
def test_the_prompt_lists_what_may_be_done(made, words) -> None:
    said = allowed(made().state, is_operator=True)
    assert all(word in said for word in words), said
    assert "help" in said


@pytest.mark.parametrize("made", [fresh, failed, triggered, lambda: undo_failed(otherwise=False)])
def test_another_way_is_offered_nowhere_else(made) -> None:
    assert "otherwise" not in allowed(made().state, is_operator=True)


def test_a_held_step_offers_a_waiver() -> None:
    walk = Walk(task("build", gate=(gate("db.up"),)))
    walk.start("build")
    walk.end(1)
    assert "waive CHECK REASON" in allowed(walk.state, is_operator=True)


def test_what_the_target_never_waives_is_not_offered() -> None:
    walk = Walk(task("build", gate=(gate("window.open"),)))
    walk.start("build")
    walk.end(1)
    assert allowed(walk.state, is_operator=True) == "retry, help"


@pytest.mark.parametrize(
    "line", ["extend", "extend 5", "extend soon", "extend 0 why", "stretch", "stretch -1"]
)
def test_a_misread_number_moves_nothing(line) -> None:
    meaning = understand(line, reported().state, offered=None)
    assert isinstance(meaning, NotUnderstood)
    assert "Nothing was done" in meaning.why


def test_a_watch_is_not_cancelled() -> None:
    meaning = understand("cancel", watching().state, offered=None)
    assert isinstance(meaning, NotUnderstood)
    assert "`stretch MINUTES`, or `skip REASON`, a waiver" in meaning.why


def test_what_is_kept_is_not_offered_again() -> None:
    walk = reported()
    walk.do(c.KeepRelease(trigger=1, reason="the fix is coming"))
    assert "keep REASON" not in allowed(walk.state, is_operator=True)


def test_a_watcher_is_offered_no_step() -> None:
    assert "trouble TEXT" in allowed(fresh().state, is_operator=False)
    assert "run" not in allowed(fresh().state, is_operator=False)
