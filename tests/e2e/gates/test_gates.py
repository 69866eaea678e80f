"""For every gate: it holds the run back, and nothing that somebody can do brings the run past it."""

from __future__ import annotations

import pytest

from e2e.gates.bench import AFTER, EMERGENCY, SHIP, SOMEBODY, Bench
from e2e.gates.table import GATES, Gate
from handrail.errors import ExitCode, Refused
from handrail.run import commands as c

pytestmark = pytest.mark.e2e
REASON = "in a hurry"
BY_NAME = pytest.mark.parametrize("gate", GATES, ids=lambda gate: gate.name)


def ways_past(gate: str) -> list[c.OperatorCommand]:
    """The commands that would lead past the gate, if any rule let them."""
    return [
        c.StartStep(step=AFTER),
        c.SkipStep(step=SHIP, reason=REASON),
        c.MarkDone(step=SHIP, reason=REASON),
        c.ResolveDoubt(step=SHIP, done=True, reason=REASON),
        c.Attest(step=SHIP, holds=True),
        c.WaiveCheck(step=SHIP, check=gate, reason=REASON),
        c.WaiveCheck(step=SHIP, check=gate.replace("_", "-"), reason=REASON),
        c.MarkDone(step=AFTER, reason=REASON),
    ]


@BY_NAME
def test_it_holds_and_is_not_walked_around(bench: Bench, gate: Gate) -> None:
    bench.prepare(gate)
    first = bench.open()
    assert bench.ask(first, c.StartStep(step=SHIP)) == [""]
    assert gate.said in bench.waits().steps[SHIP].why
    typed = ("skip in a hurry", "done by hand", "yes it holds", f"waive {gate.name} {REASON}")
    said = bench.type(first, *typed)
    assert f"can't be left out before its gate has passed. The target never waives {gate.name}." in said
    assert f"Refused: The target never waives {gate.name}." in said
    assert all(bench.ask(first, *ways_past(gate.name)))
    bench.has_held()

    second = bench.session(SOMEBODY)
    assert all("You are watching" in reason for reason in bench.ask(second, *ways_past(gate.name)))
    assert bench.ask(second, c.TakeControl(reason="the link is down")) == [""]
    assert all(bench.ask(second, *ways_past(gate.name)))
    by_hand = [
        (issuer.model_dump(), way.model_dump())
        for issuer in (SOMEBODY, first.actor)
        for way in ways_past(gate.name)
    ]
    assert "accepted" not in bench.by_hand(*by_hand)
    bench.has_held()
    tried = bench.desk.run().steps[SHIP].attempts
    assert "Held: Ship" in bench.type(second, "retry", "wait")
    assert gate.said in bench.waits().steps[SHIP].why
    assert len(bench.desk.run().steps[SHIP].attempts) == len(tried) + 1
    bench.has_held()
    bench.desk.nothing_lost()


def test_the_program_itself_stops_there_and_says_so(bench: Bench) -> None:
    gate = next(gate for gate in GATES if gate.name == "staging.verified")
    bench.prepare(gate)
    bench.desk.auto(bench.runbook).says(gate.said, f"{gate.name} says fail", code=ExitCode.REFUSED)
    typed = ("retry", "skip in a hurry", f"waive {gate.name} {REASON}", "run")
    said = bench.desk.type(*(each for line in typed for each in (line, "wait")))
    said.says("Refused: Ship can't be left out", f"Refused: The target never waives {gate.name}.")
    bench.has_held()


@BY_NAME
def test_unknown_does_not_pass(bench: Bench, gate: Gate) -> None:
    bench.prepare(gate, unknown=True)
    screen, engine = bench.open_without_engine()
    screen.send(c.StartStep(step=SHIP))
    bench.turn_until_held(engine)
    why = engine.state.steps[SHIP].why
    assert f"The check {gate.name} says {gate.verdict_unknown}:" in why
    assert gate.said_unknown in why
    for way in ways_past(gate.name):
        screen.send(way)
    engine.turn()
    screen.poll()
    assert [answer.accepted for answer in screen.answers] == [True] + [False] * len(ways_past(gate.name))
    bench.has_held(engine.state)


@BY_NAME
def test_no_emergency_goes_without_it(bench: Bench, gate: Gate) -> None:
    bench.write(gate.name, front=EMERGENCY.format(gate=gate.name))
    with pytest.raises(Refused) as refused:
        bench.opening().preview({})
    assert f"The target never waives {gate.name}, not even in an emergency." in refused.value.evidence
    bench.write(gate.name, front=EMERGENCY.format(gate=gate.name.replace("_", "-")))
    with pytest.raises(Refused):
        bench.opening().preview({})
