"""A check that nobody may waive can't be stepped over either, by any command and in any order."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handrail.run import commands as c
from handrail.run.events import Purpose
from handrail.run.machine import Rejected
from handrail.run.rules import why_not
from handrail.run.state import StepStatus
from walk import OPERATOR, WATCHER, Walk, gate, task, undo

NEVER = "window.open"  # the target of `walk` never waives it


def closed(walk: Walk) -> None:
    """Start the step; its first check fails."""
    walk.start("ship")
    walk.end(1)
    assert walk.step("ship").status is StepStatus.HELD


@pytest.mark.parametrize("tried", [False, True])
@pytest.mark.parametrize(
    "gates",
    [(gate(NEVER),), (gate("tests.passed", waivable=False),), (gate("db.up"), gate(NEVER))],
)
@pytest.mark.parametrize(
    "command", [c.SkipStep(step="ship", reason="in a hurry"), c.MarkDone(step="ship", reason="by hand")]
)
def test_it_is_neither_skipped_nor_marked_done(tried: bool, gates: Any, command: Any) -> None:
    walk = Walk(task("ship", gate=gates), task("after"))
    if tried:
        closed(walk)
    with pytest.raises(Rejected, match="can't be left out before its gate has passed"):
        walk.do(command)
    with pytest.raises(Rejected):
        walk.start("after")


def test_what_may_be_waived_may_be_skipped_with_a_reason() -> None:
    walk = Walk(task("ship", gate=(gate("db.up"),)), task("after"))
    closed(walk)
    walk.do(c.SkipStep(step="ship", reason="in a hurry"))
    assert walk.step("ship").status is StepStatus.SKIPPED


def test_once_the_gate_has_passed_a_failed_step_may_be_skipped_or_marked_done() -> None:
    for command in (c.SkipStep(step="ship", reason="x"), c.MarkDone(step="ship", reason="x")):
        walk = Walk(task("ship", gate=(gate(NEVER),)), task("after"))
        walk.start("ship")
        walk.end()
        walk.end(1)
        walk.do(command)
        assert walk.step("ship").status.is_done


def test_a_rollback_is_never_held_by_it() -> None:
    walk = Walk(task("build", undo=undo("build")), task("ship", gate=(gate(NEVER),)))
    walk.run("build")
    closed(walk)
    walk.roll_back()
    walk.end(1)
    walk.do(c.SkipStep(step="undo/build", reason="done by hand"))
    assert not walk.state.phase.is_open


def test_taking_over_changes_nothing() -> None:
    walk = Walk(task("ship", gate=(gate(NEVER),)), task("after"))
    closed(walk)
    walk.do(c.TakeControl(reason="my turn"), WATCHER)
    for command in (
        c.WaiveCheck(step="ship", check=NEVER, reason="x"),
        c.SkipStep(step="ship", reason="x"),
        c.MarkDone(step="ship", reason="x"),
        c.StartStep(step="after"),
    ):
        assert why_not(walk.state, command, WATCHER)


KEYS = st.sampled_from(["ship", "after"])
COMMANDS = st.one_of(
    st.builds(c.StartStep, step=KEYS),
    st.builds(c.RetryStep, step=KEYS, after_attempt=st.integers(0, 6)),
    st.builds(c.Attest, step=KEYS, holds=st.booleans()),
    st.builds(c.SkipStep, step=KEYS, reason=st.just("x")),
    st.builds(c.MarkDone, step=KEYS, reason=st.just("x")),
    st.builds(c.ResolveDoubt, step=KEYS, done=st.booleans(), reason=st.just("x")),
    st.builds(c.WaiveCheck, step=KEYS, check=st.sampled_from([NEVER, "db.up", ""]), reason=st.just("x")),
    st.builds(c.CancelStep, attempt=st.integers(1, 6)),
    st.just(c.TakeControl(reason="x")),
)
# The check's own ends; none of them is a pass.
ENDS = st.one_of(
    st.builds(
        c.ObserveExit,
        attempt=st.integers(1, 6),
        exit_code=st.sampled_from([0, 1, None]),
        verdict=st.sampled_from([None, "fail", "unknown", "passed", "PASS"]),
        never_started=st.booleans(),
        cancelled=st.booleans(),
        timed_out=st.booleans(),
    ),
    st.builds(c.ObserveExit, attempt=st.integers(1, 6), exit_code=st.just(1), verdict=st.just("pass")),
    st.builds(c.ObserveDoubt, attempt=st.integers(1, 6), evidence=st.just("gone")),
)


@given(st.lists(st.tuples(st.one_of(COMMANDS, ENDS), st.booleans()), max_size=40))
@settings(max_examples=150, deadline=None)
def test_no_order_of_commands_and_ends_leads_past_it(moves: list[tuple[Any, bool]]) -> None:
    walk = Walk(task("ship", gate=(gate("db.up"), gate(NEVER)), idempotent=True), task("after"))
    for move, by_watcher in moves:
        try:
            if isinstance(move, c.Observation):
                running = walk.state.running
                passes_first = running is not None and running.check == "db.up"
                walk.see(
                    c.ObserveExit(attempt=running.number, exit_code=0, verdict="pass")
                    if passes_first and running is not None
                    else move
                )
            else:
                walk.do(move, WATCHER if by_watcher else OPERATOR)
        except Rejected:
            continue
    assert walk.state.last_attempt("ship", Purpose.STEP) is None
    assert not walk.step("ship").status.is_done
    assert walk.step("after").attempts == ()
    assert walk.step("after").status is StepStatus.PENDING
