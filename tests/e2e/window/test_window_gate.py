"""A step gated by the deployment window can't be reached outside of it, whatever is typed or written."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from e2e.faults.desk import Desk
from handrail.errors import ExitCode
from handrail.journal.sqlite import SqliteJournal
from handrail.run import events as e
from handrail.run.actors import Actor
from handrail.run.events import read_event
from handrail.run.state import StepStatus
from waiting import wait_for

pytestmark = pytest.mark.e2e
RUNBOOK = """\
# Small deployment
## Deploy
### Look
```bash
echo looking
```
### Ship
```yaml step
gate: [window.open]
undo: {nothing: "it is a file of a test"}
```
```bash
echo shipped >> shipped
```
### After
```bash
echo after >> after
```
"""
SHIP, AFTER = "deploy/ship", "deploy/after"
EVERY_DAY = '["mon", "tue", "wed", "thu", "fri", "sat", "sun"]'
NEVER = 'never_waive = ["window.open"]\n'


def hours(*, is_open: bool) -> str:
    """A window that is open now, or closed now and for hours to come."""
    if is_open:
        return 'opens = "00:00"\ncloses = "24:00"'
    morning = datetime.now(UTC).hour < 12
    return 'opens = "20:00"\ncloses = "21:00"' if morning else 'opens = "02:00"\ncloses = "03:00"'


def project_text(*, is_open: bool, never_waive: str = NEVER) -> str:
    """A production target whose window is given for UTC, without holidays."""
    return (
        f'[targets.production]\nproduction = true\ncheckout = "checkout"\n{never_waive}'
        f'[targets.production.window]\ntimezone = "UTC"\ncountry = ""\ndays = {EVERY_DAY}\n'
        f"{hours(is_open=is_open)}\n"
    )


class Place:
    """A project with the small runbook, and an operator at it."""

    def __init__(self, folder: Path) -> None:
        self.project = folder / "project"
        self.checkout = self.project / "checkout"
        self.checkout.mkdir(parents=True)
        self.runbook = self.project / "small.md"
        self.runbook.write_text(RUNBOOK)
        self.write(is_open=False)
        self.desk = Desk(folder, self.project)

    def write(self, **settings: Any) -> None:
        """Write the project file anew."""
        (self.project / "handrail.toml").write_text(project_text(**settings))

    def held(self) -> None:
        """Fail unless the gated step is held or waits, and nothing after the gate has run."""
        state = self.desk.run()
        assert state.steps[SHIP].status in (StepStatus.HELD, StepStatus.PENDING)
        assert state.steps[AFTER].status is StepStatus.PENDING
        assert not state.steps[SHIP].waived
        assert not state.steps[SHIP].may_have_acted
        assert {path.name for path in self.checkout.iterdir()} == set()


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    place = Place(tmp_path)
    yield place
    place.desk.end()


def test_an_unattended_run_stops_at_a_closed_window_and_says_when_it_opens(place: Place) -> None:
    said = place.desk.auto(place.runbook)
    said.says("the deployment window is closed", "it opens", "window.open says fail", code=ExitCode.REFUSED)
    said.says("Window closed: it is")
    place.held()
    attempt = next(a for a in place.desk.run().attempts.values() if a.call.task == "window.open")
    assert attempt.verdict == "fail"
    assert "the deployment window is closed: it is" in attempt.evidence
    place.desk.call("show").says("Window closed: it is", "opens")


def test_no_line_of_plain_mode_leads_past_a_closed_window(place: Place) -> None:
    place.desk.auto(place.runbook)
    typed = (
        "run",
        "retry",
        "skip in a hurry",
        "done by hand",
        "notdone by hand",
        "yes it holds",
        "waive window.open in a hurry",
        "waive window.open",
        "close in a hurry",
        "",
        "next",
    )
    # What a step has come to stays: one look at the end sees whether any of them led past.
    said = place.desk.type(*(each for line in typed for each in (line, "wait")))
    said.says(
        "Refused: Ship can't be left out before its gate has passed. The target never waives window.open.",
        "Refused: The target never waives window.open.",
    )
    place.held()


def test_neither_a_changed_project_file_nor_the_environment_opens_it(place: Place) -> None:
    place.desk.auto(place.runbook)
    place.write(is_open=True, never_waive="")
    for zone in ("Pacific/Kiritimati", "Pacific/Pago_Pago"):
        place.desk.environment["TZ"] = zone
        place.desk.type("retry", "wait", "waive window.open in a hurry", "run", "wait")
        place.held()


def submitted(place: Place, command: dict[str, Any], issuer: dict[str, Any]) -> str:
    """Write a command row by hand; why the engine refused it, empty where it was accepted."""
    run = place.desk.run().run
    journal = SqliteJournal(place.desk.state.journal)
    try:
        at = place.desk.run().opened
        number = journal.submit(
            run, issuer, command, at, json.dumps([command, issuer, len(journal.commands(run, 0))])
        )

        def answer() -> str | None:
            for record in journal.read(run):
                event = read_event(record.body)
                if isinstance(event, e.CommandRejected) and event.command_id == number:
                    return event.reason
                if isinstance(event, e.CommandAccepted) and event.command_id == number:
                    return ""
            return None

        wait_for(lambda: answer() is not None, f"the answer to {command}")
        return answer() or ""
    finally:
        journal.close()


def test_no_row_written_into_the_journal_by_hand_leads_past_a_closed_window(place: Place) -> None:
    place.desk.auto(place.runbook)
    operator = place.desk.run().operator.model_dump(mode="json")
    someone = Actor(user="colleague", host="elsewhere", session="by-hand").model_dump(mode="json")
    place.desk.call("attach", "--plain", typed="status\n")
    gate = next(a.number for a in place.desk.run().attempts.values() if a.call.task == "window.open")
    reason = {"reason": "in a hurry"}
    refused: tuple[dict[str, Any], ...] = (
        {"type": "StartStep", "step": AFTER},
        {"type": "RetryStep", "step": AFTER, "after_attempt": 0},
        {"type": "SkipStep", "step": SHIP, **reason},
        {"type": "MarkDone", "step": SHIP, **reason},
        {"type": "MarkDone", "step": AFTER, **reason},
        {"type": "Attest", "step": SHIP, "holds": True},
        {"type": "ResolveDoubt", "step": SHIP, "done": True, **reason},
        {"type": "WaiveCheck", "step": SHIP, "check": "window.open", **reason},
        {"type": "WaiveCheck", "step": SHIP, "check": "window.open ", **reason},
        {"type": "WaiveCheck", "step": AFTER, "check": "window.open", **reason},
        # What only the engine may say: the end of an attempt, and the events themselves.
        {"type": "ObserveExit", "attempt": gate, "exit_code": 0, "verdict": "pass"},
        {"type": "AttemptEnded", "attempt": gate, "result": "passed", "verdict": "pass"},
        {"type": "CheckWaived", "step": SHIP, "check": "window.open", "by": operator, **reason},
        {"type": "StepSkipped", "step": SHIP, "by": operator, **reason},
        {"type": "StartStep", "step": SHIP, "emergency": True},
    )
    for command in refused:
        for issuer in (place.desk.run().operator.model_dump(mode="json"), someone, operator):
            assert submitted(place, command, issuer), f"{command} was accepted"
            place.held()
    # Asking again is allowed, and asks the clock again.
    now = place.desk.run().operator.model_dump(mode="json")
    last = place.desk.run().steps[SHIP].attempts[-1]
    assert submitted(place, {"type": "RetryStep", "step": SHIP, "after_attempt": 0}, now)
    assert submitted(place, {"type": "StartStep", "step": SHIP}, now) == ""
    wait_for(lambda: place.desk.step(SHIP).status is StepStatus.HELD, "the hold")
    wait_for(lambda: place.desk.step(SHIP).attempts[-1] > last, "another look at the clock")
    place.held()
    place.desk.nothing_lost()


def test_the_same_gate_passes_in_an_open_window(place: Place) -> None:
    place.write(is_open=True)
    said = place.desk.auto(place.runbook)
    said.says("the deployment window is open for the next week", code=ExitCode.FINISHED)
    assert (place.checkout / "shipped").read_text() == "shipped\n"
    assert (place.checkout / "after").exists()


def test_where_the_target_allows_it_a_waiver_names_who_and_why(place: Place) -> None:
    place.write(is_open=False, never_waive="")
    place.desk.auto(place.runbook).says("window is closed", code=ExitCode.REFUSED)
    place.desk.type("waive window.open", "run", "wait").says("Say which and why")
    place.held()
    place.desk.type("waive window.open the regulator's deadline", "run", "wait", "run", "wait")
    state = place.desk.run()
    assert state.steps[SHIP].status is StepStatus.PASSED
    assert "the regulator's deadline" in state.steps[SHIP].waived["window.open"]
    assert (place.checkout / "shipped").exists()


def test_an_unknown_time_zone_is_named_with_its_line_before_anything_is_opened(place: Place) -> None:
    file = place.project / "handrail.toml"
    file.write_text(file.read_text().replace('"UTC"', '"America/Los_Angelos"'))
    said = place.desk.auto(place.runbook)
    said.says(f"{file}:6: targets.production.window.timezone", "did you mean", code=ExitCode.WRONG_USAGE)
    assert place.desk.runs() == []


def test_a_dry_run_says_how_the_window_stands(place: Place) -> None:
    place.desk.call("run", str(place.runbook), "--dry-run").says(
        "gate: window.open must pass", "Window closed: it is", code=ExitCode.FINISHED
    )
    values = json.loads(place.desk.call("run", str(place.runbook), "--dry-run", "--json").out)
    assert values["window"].startswith("Window closed: it is")


EMERGENCY = """\
---
parameters:
  incident: {prompt: "Which incident?"}
  on_call: {prompt: "Who is on call?"}
  skip_window: {prompt: "Why outside the window?", default: "no"}
emergency:
  skips:
    skip_window: [window.open]
---
"""
NAMED = ("-p", "incident=INC-7", "-p", "on_call=engineer")


@pytest.mark.parametrize(
    ("never_waive", "reason", "code", "said"),
    [
        ("", "checkout is down", ExitCode.FINISHED, "skipped: window.open (checkout is down)"),
        ("", "no", ExitCode.REFUSED, "the deployment window is closed"),
        (NEVER, "no", ExitCode.REFUSED, "the deployment window is closed"),
        (NEVER, "checkout is down", ExitCode.REFUSED, "never waives window.open, not even in an emergency"),
    ],
)
def test_an_emergency_starts_outside_with_a_reason_and_where_the_target_lets_it(
    place: Place, never_waive: str, reason: str, code: ExitCode, said: str
) -> None:
    place.write(is_open=False, never_waive=never_waive)
    place.runbook.write_text(EMERGENCY + RUNBOOK)
    place.desk.auto(place.runbook, *NAMED, "-p", f"skip_window={reason}").says(said, code=code)
    assert (place.checkout / "shipped").exists() is (code is ExitCode.FINISHED)
