"""What somebody writes into the journal with SQL: commands are answered, events are found out."""

from __future__ import annotations

import json
import sqlite3
from typing import Any

import pytest

from e2e.gates.bench import AFTER, SHIP, Bench
from e2e.gates.table import change, closed_window
from handrail.errors import ExitCode
from handrail.journal.base import JournalDamaged
from handrail.journal.chain import chain_hash
from handrail.journal.session import RunFollower
from handrail.run import commands as c
from handrail.run.state import Phase

pytestmark = pytest.mark.e2e
GATE = "window.open"
HASTE = {"reason": "in a hurry"}
START = {"type": "StartStep", "step": SHIP}
NONSENSE = (
    "",
    "{not json",
    "null",
    '"a text"',
    "[1, 2]",
    "[" * 100_000,
    b"\xff\xfe\x00",
    {"type": "Nonsense"},
    {"type": "StartStep"},
    {"type": "StartStep", "step": SHIP, "gate": []},
    {"type": "StartStep", "step": "\ud800"},
    {"type": "StepSkipped", "step": SHIP},
    {"type": "RetryStep", "step": SHIP, "after_attempt": 10**30},
    {"type": "SkipStep", "step": SHIP, "reason": "x" * 5000},
)
NOBODY = (
    "",
    "{",
    "null",
    [],
    {},
    {"user": "operator"},
    {"user": "operator", "host": "here", "session": 7},
    b"\xff",
)
FORGED: dict[str, dict[str, Any]] = {
    "skipped": {"type": "StepSkipped", "step": SHIP, "by": "OPERATOR", **HASTE},
    "passed": {"type": "AttemptEnded", "attempt": 1, "result": "passed", "exit_code": 0, "verdict": "pass"},
    "attested": {"type": "StepAttested", "step": SHIP, "holds": True, "by": "OPERATOR"},
    "waived": {"type": "CheckWaived", "step": SHIP, "check": GATE, "by": "OPERATOR", **HASTE},
    "unknown": {"type": "StepDreamed"},
    "of nothing": {"type": "AttemptEnded", "attempt": 99, "result": "passed"},
}


def closed(bench: Bench) -> None:
    closed_window(bench.place)
    bench.write(GATE)


def test_no_row_fells_the_engine_or_keeps_it_from_the_next(bench: Bench) -> None:
    closed(bench)
    screen = bench.open()
    operator = screen.actor.model_dump()
    for refused in (
        bench.by_hand(*((operator, body) for body in NONSENSE)),
        bench.by_hand(*((issuer, START) for issuer in NOBODY)),
    ):
        assert all(refused)
        assert "accepted" not in refused
    nobody, other, watcher = bench.by_hand(
        ({**operator, "user": " \u200b"}, START),
        ({**operator, "user": "boss"}, START),
        ({**operator, "session": "another"}, START),
    )
    assert "names nobody" in nobody
    assert "under the name of boss" in other
    assert "You are watching" in watcher
    bench.has_held()
    # It is as awake as before.
    assert bench.ask(screen, c.StartStep(step=SHIP)) == [""]
    bench.waits()
    waived = {"type": "WaiveCheck", "step": SHIP, "check": GATE}
    nothing = ((operator, {**waived, "reason": reason}) for reason in (" ", "\u200b\u2063", "…"))
    assert "accepted" not in bench.by_hand(*nothing)
    bench.has_held()
    bench.desk.nothing_lost()


def forge(bench: Bench, run: str, body: dict[str, Any], *, whole: bool = False) -> int:
    """Append an event with SQL, its chain made whole or not; its number."""
    operator = bench.desk.run().operator.model_dump(mode="json")
    text = json.dumps(
        {name: operator if value == "OPERATOR" else value for name, value in body.items()},
        sort_keys=True,
        separators=(",", ":"),
    )
    db = sqlite3.connect(bench.place.state.journal, timeout=15)
    try:
        with db:
            [(epoch, seq, last)] = db.execute(
                "SELECT epoch, last_seq, last_hash FROM runs WHERE run = ?", (run,)
            ).fetchall()
            at = bench.clock.now()
            found = chain_hash(last, run, seq + 1, epoch, at, text) if whole else last
            db.execute(
                "INSERT INTO events (run, seq, epoch, wall, boot, boot_id, type, body, hash) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (run, seq + 1, epoch, at.wall, at.boot, at.boot_id, body["type"], text, found),
            )
            if whole:
                db.execute("UPDATE runs SET last_seq = ?, last_hash = ? WHERE run = ?", (seq + 1, found, run))
    finally:
        db.close()
    return int(seq) + 1


@pytest.mark.parametrize("name", [*FORGED, "altered", "illegible"])
def test_a_forged_event_is_found_out_by_engine_and_screens_and_nothing_runs(bench: Bench, name: str) -> None:
    closed(bench)
    screen, engine = bench.open_without_engine()
    screen.send(c.StartStep(step=SHIP))
    bench.turn_until_held(engine)
    before = engine.state.seq
    if name == "altered":
        change(bench.place.state.journal, "UPDATE events SET body = replace(body, '\"fail\"', '\"pass\"')")
    elif name == "illegible":
        change(bench.place.state.journal, "UPDATE events SET body = x'ff00' WHERE seq = 3")
    else:
        assert forge(bench, "small", FORGED[name]) == before + 1
    for way in (c.StartStep(step=AFTER), c.RetryStep(step=SHIP, after_attempt=1)):
        screen.send(way)
    with pytest.raises(JournalDamaged, match="The journal of run small was changed by hand, or is damaged"):
        engine.turn()
    with pytest.raises(JournalDamaged, match="event"):
        bench.open_another_engine()
    try:
        follower = RunFollower(bench.journal(), "small")
    except JournalDamaged:
        assert name == "illegible"
    else:
        assert follower.damage
        bench.has_held(follower.state)
    if name in ("altered", "illegible"):
        bench.desk.call("runs").says("JOURNAL DAMAGED", "small", code=ExitCode.FINISHED)
    assert not bench.place.ran.exists()


def test_every_command_names_the_damage_and_the_run_can_be_left_behind(bench: Bench) -> None:
    closed(bench)
    screen = bench.open()
    run = screen.run
    assert bench.ask(screen, c.StartStep(step=SHIP)) == [""]
    bench.waits()
    number = forge(bench, run, FORGED["skipped"])
    screen.send(c.StartStep(step=AFTER))
    bench.desk.end_engines()
    shown = bench.desk.call("show", run)
    shown.says(f"JOURNAL DAMAGED: {run}: event {number} or the one before it was changed after")
    assert "skipped Ship" not in shown.out
    named = f"The journal of run {run} was changed by hand, or is damaged"
    for words in (("attach", run, "--plain"), ("abort", run, "--reason", "over", "--take-over", "mine")):
        bench.desk.call(*words, typed="run\nwait\n").says(named, f"event {number}")
    assert not bench.place.ran.exists()
    taken = ("--take-lock", "production", "--reason", "its journal was forged")
    bench.desk.auto(bench.runbook, *taken).says("the deployment window is closed", code=ExitCode.REFUSED)
    closed_as = bench.desk.call(
        "abort", run, "--reason", "its journal was forged", "--take-over", "I see to it"
    )
    closed_as.says("The run was closed as it stood", code=ExitCode.FAILED_OR_ROLLED_BACK)
    open_runs = json.loads(bench.desk.call("runs", "--open", "--json").out)
    assert [row["run"] for row in open_runs] != [run]
    assert len(open_runs) == 1
    bench.desk.call("show", run).says("JOURNAL DAMAGED")


@pytest.mark.parametrize("name", ["skipped", "passed", "attested", "waived", "of nothing"])
def test_under_a_live_engine_even_a_whole_chain_is_found_out(bench: Bench, name: str) -> None:
    closed(bench)
    screen = bench.open()
    assert bench.ask(screen, c.StartStep(step=SHIP)) == [""]
    bench.waits()
    number = forge(bench, screen.run, FORGED[name], whole=True)
    assert bench.journal().verify(screen.run) == []
    ways = (c.StartStep(step=AFTER), c.StartStep(step=SHIP), c.SkipStep(step=SHIP, reason="x"))
    for reason in bench.ask(screen, *ways):
        assert f"The events {number} to {number} of this run were written" in reason
    assert not bench.place.ran.exists()
    assert bench.desk.run().steps[AFTER].attempts == ()
    if name == "skipped":
        shown = bench.desk.call("show", screen.run)
        shown.says(f"NOT WRITTEN BY THE ENGINE: the events {number} to {number}")
    assert bench.ask(screen, c.AbortRun(reason="forged")) == [""]
    assert bench.desk.run().phase is Phase.ABORTED
