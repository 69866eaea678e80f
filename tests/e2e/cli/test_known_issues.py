"""A failed step says which common issue it shows: by lines, in `handrail show`, and in the detail pane."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from handrail.cli.issues import KnownIssues
from handrail.errors import ExitCode
from handrail.journal.session import RunFollower
from handrail.journal.sqlite import SqliteJournal
from handrail.paths import StateFolder
from handrail.tui.presenters.detail import detail_lines

pytestmark = pytest.mark.e2e
SHOP = Path(__file__).parents[3] / "app" / "handrail" / "sandbox" / "shop" / "v1.2.3"
RUNBOOK = """\
# Start it
## Start
### Start the application
```bash
{command}
```
"""
OURS = """\
---
title: The licence server has no seat left
steps: ["start/*"]
symptoms:
  - {log: "no seat", exit_code: [7]}
step: ask for one
---
## Cause
All seats are taken by other hosts.
## What to do
Ask for another one, then retry.
"""


def call(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "LANG": "C.UTF-8",
    }
    return subprocess.run(
        [sys.executable, "-m", "handrail", "--state", str(folder / "state"), *words],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env=environment,
        timeout=120,
        stdin=subprocess.DEVNULL,
    )


def failed_run(folder: Path, command: str) -> tuple[str, str, str]:
    """Run a runbook whose one step fails: what its lines said, what `show` says, and the detail pane."""
    (folder / "start.md").write_text(RUNBOOK.format(command=command))
    try:
        told = call(folder, "run", "start.md", "--auto")
        assert told.returncode == ExitCode.FAILED_OR_ROLLED_BACK, told
        shown = call(folder, "show")
        state_folder = StateFolder(folder / "state")
        journal = SqliteJournal(state_folder.journal, read_only=True)
        try:
            state = RunFollower(journal, journal.runs()[0].run).state
        finally:
            journal.close()
        known = KnownIssues(state.plan, lambda run, attempt: state_folder.attempt(run, attempt).log)
        step = state.steps["start/start-the-application"]
        pane = "\n".join(
            "".join(text for text, _ in line) for line in detail_lines(state, step, known(state, step))
        )
    finally:
        call(folder, "abort", "--reason", "the test is over")
    return told.stdout, shown.stdout, pane


def test_a_missing_environment_variable_is_named(tmp_path: Path) -> None:
    # What the sandbox's own application says, and not words made up for this test.
    settings = str(SHOP / "src" / "settings.js")
    command = f'echo starting; node -e \'require("{settings}").required({{}}, "DATABASE_URL")\''
    told, shown, pane = failed_run(tmp_path, command)
    title = "The application misses the environment variable DATABASE_URL"
    assert f"KNOWN ISSUE: {title}" in told
    assert f"KNOWN ISSUE: {title}" in shown
    assert f"Known issue: {title}" in pane
    for text in (told, shown, pane):
        assert "isn't set where the application runs" in text
        assert "rollback-code" in text


def test_a_module_that_is_not_there_is_a_dependency_conflict(tmp_path: Path) -> None:
    told, _, pane = failed_run(tmp_path, "node -e 'require(\"no-such-module\")'")
    assert "KNOWN ISSUE: The dependencies don't fit together" in told
    assert "Cannot find module 'no-such-module'" in pane


def test_a_projects_own_issue_is_shown(tmp_path: Path) -> None:
    (tmp_path / "handrail.toml").write_text("[targets.local]\n")
    (tmp_path / "runbooks" / "issues").mkdir(parents=True)
    (tmp_path / "runbooks" / "issues" / "licence.md").write_text(OURS)
    told, shown, pane = failed_run(tmp_path, "echo 'no seat for this host'; exit 7")
    for text in (told, shown, pane):
        assert "The licence server has no seat left" in text
        assert "no seat for this host" in text
        assert "ask for one" in text


def test_an_unknown_failure_shows_none(tmp_path: Path) -> None:
    told, shown, pane = failed_run(tmp_path, "echo 'who knows'; exit 1")
    assert "KNOWN ISSUE" not in told + shown
    assert "Known issue" not in pane
