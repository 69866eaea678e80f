"""A run whose target another run has taken over: nothing can drive it, and its operator can close it."""

from __future__ import annotations

import json

import pytest

from e2e.gates.bench import SHIP, Bench
from e2e.gates.table import closed_window
from handrail.cli.actors import current_actor
from handrail.engine.launch import engine_alive
from handrail.errors import ExitCode
from handrail.run import commands as c
from handrail.run.actors import Actor
from handrail.run.state import Phase
from waiting import wait_for

pytestmark = pytest.mark.e2e
TAKEN = ("--take-lock", "production", "--reason", "the first one hangs")


def test_it_is_closed_by_its_operator_and_nothing_else_comes_of_it(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed_window(bench.place)
    bench.write("window.open")
    me = current_actor(bench.desk.environment)
    monkeypatch.setattr(bench, "operator", lambda: Actor(user=me.user, host=me.host, session="first-screen"))
    first = bench.open()
    assert bench.ask(first, c.StartStep(step=SHIP)) == [""]
    bench.waits()
    bench.desk.auto(bench.runbook, *TAKEN).says("the deployment window is closed", code=ExitCode.REFUSED)
    second = bench.desk.runs()[0]
    wait_for(lambda: not engine_alive(bench.place.state, first.run), "the end of the first run's engine")
    bench.desk.call("runs", "--open").says("its target was taken over: abort it")
    lost = bench.desk.call("attach", first.run, "--plain", typed="retry\nwait\n")
    lost.says(f"no longer holds the lock of production: run {second} has it now")
    lost.says(f"handrail abort {first.run} --reason REASON")
    before = bench.desk.locks()

    bench.desk.call("abort", first.run, "--reason", "\u200b").says("Say why", code=ExitCode.REFUSED)
    said = bench.desk.call("abort", first.run, "--reason", "the second one goes on")
    said.says("The run was closed as it stood", code=ExitCode.FAILED_OR_ROLLED_BACK)
    [row] = json.loads(bench.desk.call("runs", "--open", "--json").out)
    assert (row["run"], row["holds_lock"]) == (second, True)
    assert bench.desk.locks() == before
    assert not bench.place.ran.exists()
    first.poll()
    assert first.state.phase is Phase.ABORTED
    assert first.state.closed_why == f"{me.name}: the second one goes on"
    assert [a.number for a in first.state.attempts.values()] == [1]
    bench.desk.nothing_lost()
    wait_for(lambda: not engine_alive(bench.place.state, first.run), "the end of the closed run's engine")
    # The second run is driven on as if nothing had been.
    tried = len(bench.desk.run().attempts)
    assert bench.ask(bench.session(), c.StartStep(step=SHIP)) == [""]
    wait_for(lambda: len(bench.desk.run().attempts) == tried + 1, "another try of the second run")
    bench.waits()


def test_it_is_closed_by_nobody_else_nor_while_something_of_it_works(bench: Bench) -> None:
    bench.write("window.open", production=False)
    small = bench.place.project / "small.md"
    go = bench.place.folder / "go"
    waiting = f"while [ ! -e {go} ]; do read -t 0.05 < <(:) || true; done"
    small.write_text(f"# Small\n## Deploy\n### Ship\n```bash\n{waiting}\ntouch {bench.place.ran}\n```\n")
    first = bench.open()
    assert bench.ask(first, c.StartStep(step=SHIP)) == [""]
    wait_for(lambda: bench.desk.run().running, "the step's start")
    small.write_text("# Small\n## Deploy\n### Ship\n```bash\nfalse\n```\n")
    bench.desk.auto(bench.runbook, *TAKEN)
    reason = ("--reason", "the second one goes on")
    mine = ("--take-over", "they have left", *reason)
    try:
        other = bench.desk.call("abort", first.run, *reason)
        other.says("operator@here drives the run", code=ExitCode.REFUSED)
        bench.desk.call("abort", first.run, *mine).says("Attempt 1", "still works", code=ExitCode.REFUSED)
    finally:
        go.touch()
    wait_for(bench.place.ran.exists, "the end of the step")

    def closed() -> bool:
        return bench.desk.call("abort", first.run, *mine).code == ExitCode.FAILED_OR_ROLLED_BACK

    wait_for(closed, "the close")
    first.poll()
    assert first.state.phase is Phase.ABORTED
    wait_for(lambda: not engine_alive(bench.place.state, first.run), "its engine's end")
    first.poll()
    assert first.state.attempts[1].result is not None, "what became of its step is journaled"
