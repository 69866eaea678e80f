"""The same before a real terminal: no key leads past a gate that is never waived."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from e2e.gates.bench import SHIP, Bench
from e2e.gates.table import staging
from terminal import Terminal, bare_environment
from waiting import wait_for

pytestmark = pytest.mark.e2e
GATE = "staging.verified"


def test_no_key_leads_past_it(bench: Bench, tmp_path: Path) -> None:
    staging(bench.place, bench.place.shop.target.app_url)
    bench.write(GATE)
    terminal = Terminal(tmp_path / "terminal", 100, 30)
    environment = bare_environment(tmp_path / "home", HANDRAIL_STATE=str(bench.place.state.root))
    terminal.run(
        [sys.executable, "-P", "-m", "handrail", "run", bench.runbook],
        environment=environment,
        folder=bench.place.project,
    )
    try:
        terminal.expect("Open run")
        terminal.press("C-s")
        terminal.expect("Next: Ship")
        terminal.press("Enter")
        bench.waits()
        terminal.expect(f"The check {GATE} says fail")
        screen = terminal.expect("Check again")
        for word in ("Waive", "Skip", "Mark done"):
            assert word not in screen, screen
        tried = len(bench.desk.run().attempts)
        for key, said in (
            ("w", f"The target never waives {GATE}."),
            ("s", "can't be left out before its gate has passed."),
            ("d", "can't be left out before its gate has passed."),
            ("y", "is run, not attested"),
        ):
            terminal.press(key)
            terminal.expect(said)
        terminal.press("Enter")
        wait_for(lambda: len(bench.desk.run().attempts) > tried, "another look")
        bench.waits()
        bench.has_held()
        assert len(bench.desk.run().steps[SHIP].attempts) == tried + 1
    finally:
        terminal.close()
