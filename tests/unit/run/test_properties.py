"""What holds in every run, however it is driven."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from handrail.run import commands as c
from handrail.run import events as e
from handrail.run.events import Purpose, read_event, write_event
from handrail.run.fold import fold
from handrail.run.machine import Rejected
from handrail.run.plan import PlannedOtherWay
from handrail.run.state import Phase
from walk import OPERATOR, WATCHER, Walk, attest, gate, smoke, task, undo

KEYS = st.sampled_from(["a", "b", "smoke", "agree", "undo/a", "undo/b", "undo/else/c", "undo/else/d"])
NUMBERS = st.integers(1, 8)
REASONS = st.sampled_from(["", "because"])
COMMANDS = st.one_of(
    st.builds(c.StartStep, step=KEYS),
    st.builds(c.RetryStep, step=KEYS, after_attempt=NUMBERS),
    st.builds(c.Attest, step=KEYS, holds=st.booleans()),
    st.builds(c.SkipStep, step=KEYS, reason=REASONS),
    st.builds(c.MarkDone, step=KEYS, reason=REASONS),
    st.builds(c.ResolveDoubt, step=KEYS, done=st.booleans(), reason=REASONS),
    st.builds(c.CancelStep, attempt=NUMBERS),
    st.builds(c.WaiveCheck, step=KEYS, check=st.just("db.up"), reason=REASONS),
    st.builds(c.RollBack, confirm=st.sampled_from(["production", "staging"])),
    st.builds(c.TakeOtherWay, step=KEYS, confirm=st.sampled_from(["production", "staging"])),
    st.builds(c.CloseTrigger, trigger=NUMBERS, reason=REASONS),
    st.builds(c.TakeControl, reason=REASONS),
)
SIGHTS = st.one_of(
    st.builds(
        c.ObserveExit,
        attempt=NUMBERS,
        exit_code=st.sampled_from([0, 1]),
        verdict=st.sampled_from([None, "pass", "fail", "unknown"]),
        never_started=st.booleans(),
    ),
    st.builds(c.ObserveDoubt, attempt=NUMBERS, evidence=st.just("gone")),
    st.just(c.ObserveTime()),
)
MOVES = st.lists(st.tuples(st.one_of(COMMANDS, SIGHTS), st.booleans(), st.integers(0, 200)), max_size=60)


def walked(moves) -> Walk:
    walk = Walk(
        task("a", gate=(gate("db.up"),), undo=undo("a")),
        task("b", idempotent=True, undo=undo("b", otherwise=PlannedOtherWay(runbook="else", title="Else"))),
        smoke(),
        attest("agree"),
        undo_runbooks={"else": (task("c"), attest("d"))},
    )
    for move, by_watcher, seconds in moves:
        walk.wait(seconds)
        if isinstance(move, c.Observation):
            walk.see(move)
            continue
        try:
            walk.do(move, WATCHER if by_watcher else OPERATOR)
        except Rejected:
            continue
    return walk


@settings(max_examples=300, deadline=None)
@given(MOVES)
def test_every_run_replays_to_the_same_state_and_keeps_its_promises(moves) -> None:
    walk = walked(moves)
    history = [(read_event(write_event(event)), at) for event, at in walk.history]
    assert fold("run-1", history) == walk.state

    running: set[int] = set()
    gate_passed = waived = False
    closed = False
    for event, _ in history:
        assert not closed or not isinstance(event, e.AttemptStarted), "nothing starts once a run is over"
        if isinstance(event, e.AttemptStarted):
            assert not running, "one attempt at a time"
            running.add(event.attempt)
            if event.step == "a" and event.purpose is Purpose.STEP:
                assert gate_passed or waived, "nothing starts without a passed or waived gate"
                gate_passed = False
        elif isinstance(event, e.AttemptEnded | e.AttemptInDoubt):
            running.discard(event.attempt)
            if isinstance(event, e.AttemptEnded) and event.verdict == "pass" and event.result == "passed":
                gate_passed = True
        elif isinstance(event, e.CheckWaived):
            waived = True
        elif isinstance(event, e.CLOSING):
            closed = True
    assert closed is (not walk.state.phase.is_open)
    if walk.state.phase is Phase.FINISHED:
        assert not walk.state.open_triggers
