"""The installed program as a person at a pipe drives it: real engine, real shims, real processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from handrail.engine.launch import engine_alive
from handrail.errors import ExitCode
from handrail.paths import StateFolder
from waiting import wait_for

pytestmark = pytest.mark.e2e
RUNBOOK = """\
# Small deployment
## Deploy
### Build
```bash
echo building; echo built > built
```
### Look
Is the build there?
### Restart
```bash
test ! -e broken && echo restarted
```
"""


class Shell:
    """A folder with one runbook and a state directory, and the program called in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.state = StateFolder(folder / "state")
        (folder / "small.md").write_text(RUNBOOK)
        (folder / "home").mkdir()
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder / "home"),
            "LANG": "C.UTF-8",
            "PYTHONUNBUFFERED": "1",
        }

    def command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "handrail", "--state", str(self.state.root), *words]

    def call(self, *words: str, typed: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*words),
            input=typed,
            capture_output=True,
            text=True,
            check=False,
            cwd=self.folder,
            env=self.environment,
            timeout=120,
        )

    def runs(self, *words: str) -> list[dict[str, object]]:
        return json.loads(self.call("runs", "--json", *words).stdout)

    def engines_end(self) -> None:
        for row in self.runs():
            wait_for(lambda run=str(row["run"]): not engine_alive(self.state, run), "the engine's end")


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    shell = Shell(tmp_path)
    yield shell
    if shell.state.journal.exists():
        for row in shell.runs("--open"):
            shell.call(
                "abort", str(row["run"]), "--reason", "the test is over", "--take-over", "the test is over"
            )
        shell.engines_end()


def test_a_run_by_lines_from_a_pipe_to_its_end(shell: Shell) -> None:
    done = shell.call("run", "small.md", "--plain", typed="run\nwait\nyes it is there\nrun\nwait\n")
    assert done.returncode == ExitCode.FINISHED, done
    assert "    | building" in done.stdout
    assert "    | restarted" in done.stdout
    assert "The run is finished" in done.stdout
    assert (shell.folder / "built").exists()
    assert not (shell.folder / "state" / "handrail.log").exists()
    [row] = shell.runs()
    assert (row["phase"], row["steps_done"]) == ("finished", 3)
    shown = json.loads(shell.call("show", "--json", str(row["run"])).stdout)
    assert shown["damage"] == []
    log = shell.call("log", str(row["run"]), "build")
    assert "building" in log.stdout.splitlines()


def test_the_end_of_input_detaches_and_attach_goes_on(shell: Shell) -> None:
    left = shell.call("run", "small.md", "--plain", typed="run\nwait\n")
    assert left.returncode == ExitCode.DETACHED, left
    run = str(shell.runs("--open")[0]["run"])
    assert f"attach {run}" in left.stdout
    assert engine_alive(shell.state, run)
    refused = shell.call("run", "small.md", "--plain")
    assert refused.returncode == ExitCode.REFUSED
    assert run in refused.stderr
    assert shell.call("note", run, "gone for a coffee").returncode == ExitCode.FINISHED
    back = shell.call("attach", "--plain", typed="yes\nrun\nwait\n")
    assert back.returncode == ExitCode.FINISHED, back
    assert "the earlier screen has ended" in back.stdout
    assert shell.call("note", run, "see the incident").returncode == ExitCode.FINISHED
    shown = json.loads(shell.call("show", "--json", run).stdout)
    assert [note["text"] for note in shown["notes"] if "drives" not in note["text"]] == [
        "gone for a coffee",
        "see the incident",
    ]


def test_an_unattended_run_and_what_it_leaves_for_a_person(shell: Shell) -> None:
    stopped = shell.call("run", "small.md", "--auto")
    assert stopped.returncode == ExitCode.DETACHED, stopped
    assert "for a person to attest" in stopped.stdout
    aborted = shell.call("abort", "--reason", "only a try")
    assert aborted.returncode == ExitCode.FAILED_OR_ROLLED_BACK, aborted
    (shell.folder / "broken").touch()
    failed = shell.call("run", "small.md", "--auto", "--attest", "a test")
    assert failed.returncode == ExitCode.FAILED_OR_ROLLED_BACK, failed
    assert "Failed: Restart" in failed.stdout
    assert len(shell.runs("--open")) == 1
    aborted = shell.call("abort", "--reason", "only a try")
    assert "aborted" in aborted.stdout
    (shell.folder / "broken").unlink()
    done = shell.call("run", "small.md", "--auto", "--attest", "a test", "--json")
    assert done.returncode == ExitCode.FINISHED, done
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert events[0]["type"] == "RunOpened"
    assert events[-1]["type"] == "RunFinished"
    assert "Passed: Restart" in done.stderr


def test_a_second_screen_watches_until_it_takes_over(shell: Shell) -> None:
    first = subprocess.Popen(
        shell.command("run", "small.md", "--plain"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=shell.folder,
        env=shell.environment,
    )
    assert first.stdin is not None
    try:
        wait_for(lambda: shell.state.journal.exists() and shell.runs("--open"), "the run")
        second = shell.call("attach", "--plain", typed="run\nnote I am here, too\n")
        assert second.returncode == ExitCode.DETACHED, second
        assert "--take-over" in second.stderr
        assert "You are watching" in second.stdout
        third = shell.call("attach", "--plain", "--take-over", "the first one sleeps", typed="run\nwait\n")
        assert third.returncode == ExitCode.DETACHED, third
        assert "Passed: Build" in third.stdout
        first.stdin.write("yes\n")
        first.stdin.flush()
        out, _ = first.communicate(timeout=60)
    finally:
        first.kill()
        first.wait()
    assert first.returncode == ExitCode.DETACHED
    assert "drives the run now: the first one sleeps" in out
    assert "Refused: You are watching" in out


def test_a_stale_lock_is_taken_over_by_name_and_with_a_reason(shell: Shell) -> None:
    assert shell.call("run", "small.md", "--plain").returncode == ExitCode.DETACHED
    stale = str(shell.runs()[0]["run"])
    taken = shell.call(
        *("run", "small.md", "--auto", "--attest", "a test"),
        *("--take-lock", "local", "--reason", "its machine is gone"),
    )
    assert taken.returncode == ExitCode.FINISHED, taken
    assert [(row["run"], row["phase"]) for row in shell.runs("--open")] == [(stale, "running")]


def test_a_dry_run_of_a_real_runbook_leaves_no_trace(shell: Shell) -> None:
    before = sorted(shell.folder.rglob("*"))
    done = shell.call("run", "small.md", "--dry-run")
    assert done.returncode == ExitCode.FINISHED, done
    assert "echo building" in done.stdout
    assert sorted(shell.folder.rglob("*")) == before


def test_a_rollback_from_the_command_line_asks_for_the_targets_name(shell: Shell) -> None:
    assert shell.call("run", "small.md", "--plain", typed="run\nwait\n").returncode == ExitCode.DETACHED
    unconfirmed = shell.call("rollback")
    assert unconfirmed.returncode == ExitCode.WRONG_USAGE
    assert "--confirm local" in unconfirmed.stderr
    wrong = shell.call("rollback", "--confirm", "production")
    assert wrong.returncode == ExitCode.REFUSED
    done = shell.call("rollback", "--confirm", "local", "--reason", "a test")
    assert done.returncode == ExitCode.FAILED_OR_ROLLED_BACK, done
    assert "the runbook names no undo for it" in done.stdout
    assert "The run is rolled back" in done.stdout
    shell.engines_end()
