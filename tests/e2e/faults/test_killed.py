"""Steps that are killed from outside, never end, or lose the ground below them."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from e2e.faults.desk import Desk

pytestmark = pytest.mark.e2e
SLOW = """
### Slow
```yaml step
task: shell.fence
with: {script: "if test -e mended; then echo mended; else echo began; sleep 300; fi"}
timeout: LIMIT
```
"""
TASKS = "from invoke import task\n\n@task\ndef hello(context):\n    print('hello')\n"


def test_a_task_killed_from_outside_fails_by_name_and_can_be_retried(
    desk: Desk, runbook: Callable[[str], Path]
) -> None:
    with desk.at_screen("run", str(runbook(SLOW.replace("LIMIT", "1m"))), "--plain") as screen:
        screen.types("run")
        screen.shows("| began")
        os.killpg(json.loads(desk.attempt(1).task.read_text())["pid"], signal.SIGKILL)
        screen.shows("Failed: Slow: killed by signal 9, not by handrail")
        screen.shows("> retry")
        (desk.project / "checkout" / "mended").touch()
        screen.types("retry")
        screen.shows("| mended")
        assert screen.ends() == 0
    desk.nothing_lost()


def test_a_shim_and_its_task_killed_leave_a_doubt_that_only_a_person_resolves(
    desk: Desk, runbook: Callable[[str], Path]
) -> None:
    with desk.at_screen("run", str(runbook(SLOW.replace("LIMIT", "1m"))), "--plain") as screen:
        screen.types("run")
        screen.shows("| began")
        os.kill(json.loads(desk.attempt(1).claim.read_text())["pid"], signal.SIGKILL)
        os.killpg(json.loads(desk.attempt(1).task.read_text())["pid"], signal.SIGKILL)
        screen.shows("In doubt: Slow: The shim was killed")
        screen.shows("> done REASON, notdone REASON")
        screen.types("retry")
        screen.shows("Refused: Slow is in doubt")
        assert len(desk.run().attempts) == 1
        screen.types("detach")
        assert screen.ends() == 5
    (desk.project / "checkout" / "mended").touch()
    desk.type("notdone I killed it", "wait", "retry", "wait").says("I killed it", "| mended", code=0)
    assert len(desk.run().attempts) == 2
    desk.nothing_lost()


def test_a_step_that_never_ends_is_stopped_and_says_so(desk: Desk, runbook: Callable[[str], Path]) -> None:
    said = desk.auto(runbook(SLOW.replace("LIMIT", "1s")))
    said.says("did not end in the time that the runbook gives it, and was stopped", "stays open", code=1)
    assert len(desk.locks()) == 1
    (desk.project / "checkout" / "mended").touch()
    desk.type("retry", "wait").says("| mended", code=0)


def test_a_checkout_that_vanished_is_named(desk: Desk, runbook: Callable[[str], Path]) -> None:
    checkout = desk.project / "checkout"
    checkout.rename(desk.project / "away")
    said = desk.auto(runbook(SLOW.replace("LIMIT", "1m")))
    said.says(f"The folder {checkout}", "isn't there", "nothing was changed", "Do now: restore", code=1)
    (desk.project / "away").rename(checkout)
    (checkout / "mended").touch()
    desk.type("retry", "wait").says("| mended", code=0)


def test_a_tasks_file_that_changed_during_the_run_is_shown_and_holds_it_until_it_is_put_back(
    desk: Desk, runbook: Callable[[str], Path]
) -> None:
    (desk.project / "handrail.toml").write_text(
        'tasks = "tasks.py"\n[targets.staging]\ncheckout = "checkout"\n'
    )
    tasks = desk.project / "tasks.py"
    tasks.write_text(TASKS)
    book = runbook("### First\n```bash\necho first\n```\n### Hello\n```yaml step\ntask: hello\n```\n")
    with desk.at_screen("run", str(book), "--plain") as screen:
        screen.types("run")
        screen.shows("Next: Hello")
        tasks.write_text(TASKS.replace("print('hello')", "print('hello again')"))
        screen.types("run")
        screen.shows(f"Changed since the plan was made, so that nothing goes forward: {tasks}")
        screen.shows("-    print('hello')")
        screen.shows("+    print('hello again')")
        screen.shows("Put it back as it was, or end this run")
        assert len(desk.run().attempts) == 1
        tasks.write_text(TASKS)
        screen.shows("The plan's files are again what the plan was made from")
        screen.types("run")
        screen.shows("| hello")
        assert screen.ends() == 0
    desk.nothing_lost()
