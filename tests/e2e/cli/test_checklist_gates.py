"""Review, CI and tests as gates of a real run: each holds it back, whatever is typed, until it is met."""

from __future__ import annotations

import json
import os
import pwd
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

import github_standin as hub
from github_standin import github
from handrail.engine.launch import engine_alive
from handrail.errors import ExitCode
from handrail.paths import StateFolder
from reviewed_repository import Reviewed, reviewed
from waiting import wait_for

__all__ = ["reviewed"]
pytestmark = pytest.mark.e2e
RUNBOOK = """\
# Deploy
## Deploy
### Bring it out
```yaml step
task: shell.fence
with: {{script: "touch brought-out"}}
gate:
  - {{check: {check}, with: {{ref: main}}}}
```
### Look around
Is it out?
"""
OPERATOR = pwd.getpwuid(os.getuid()).pw_name


class Desk:
    """A project whose one step is behind one gate, and the program called in it."""

    def __init__(self, reviewed: Reviewed) -> None:
        self.repository = reviewed
        self.folder = reviewed.folder / "project"
        self.folder.mkdir()
        self.state = StateFolder(reviewed.folder / "state")
        (reviewed.folder / "home").mkdir()
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(reviewed.folder / "home"),
            "LANG": "C.UTF-8",
            "PYTHONUNBUFFERED": "1",
            "HANDRAIL_OPERATOR": OPERATOR,
        }

    def write(self, check: str, settings: str, never_waive: bool = True) -> None:
        (self.folder / "deploy.md").write_text(RUNBOOK.format(check=check))
        (self.folder / "handrail.toml").write_text(
            f'[targets.production]\ncheckout = "{self.repository.checkout}"\n'
            f"never_waive = [{json.dumps(check) if never_waive else ''}]\n{settings}"
        )

    def call(self, *words: str, typed: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "handrail", "--state", str(self.state.root), *words],
            input=typed,
            capture_output=True,
            text=True,
            check=False,
            cwd=self.folder,
            env=self.environment,
            timeout=180,
        )

    @property
    def is_out(self) -> bool:
        return (self.repository.checkout / "brought-out").exists()

    def shown(self) -> Any:
        [row] = json.loads(self.call("runs", "--json").stdout)
        return json.loads(self.call("show", "--json", str(row["run"])).stdout)

    def is_held(self, check: str, said: str) -> None:
        """Open the run, and try every word that could bring it past its gate."""
        typed = f"run\nwait\nretry\nwait\nrun\nwait\nwaive {check} we are in a hurry\nretry\nwait\n"
        done = self.call("run", "deploy.md", "--plain", typed=typed)
        assert done.returncode == ExitCode.DETACHED, done.stdout + done.stderr
        assert said in done.stdout, done.stdout
        assert f"never waives {check}" in done.stdout, done.stdout
        assert not self.is_out

    def goes_on(self) -> None:
        """Attach to the held run, and bring it to its end."""
        done = self.call("attach", "--plain", typed="retry\nwait\nyes it is out\nwait\n")
        assert done.returncode == ExitCode.FINISHED, done.stdout + done.stderr
        assert self.is_out
        assert self.shown()["damage"] == []


@pytest.fixture
def desk(reviewed: Reviewed) -> Iterator[Desk]:
    desk = Desk(reviewed)
    yield desk
    if desk.state.journal.exists():
        for row in json.loads(desk.call("runs", "--json", "--open").stdout):
            desk.call("abort", str(row["run"]), "--reason", "the test is over", "--take-over", "it is over")
        for row in json.loads(desk.call("runs", "--json").stdout):
            run = str(row["run"])
            wait_for(lambda run=run: not engine_alive(desk.state, run), "the engine's end")


def test_the_review_holds_it_back_until_somebody_else_signs(desk: Desk, reviewed: Reviewed) -> None:
    reviewed.allow("author", "operator", "reviewer")
    commit = reviewed.git("rev-parse", "HEAD")
    desk.write(
        "review.approved",
        "[targets.production.review]\n"
        'source = "signed"\n'
        f'allowed_signers = "{reviewed.signers}"\n'
        f'people = [{{ users = ["{OPERATOR}"], emails = ["operator@team.invalid"] }}]\n',
    )
    desk.is_held("review.approved", "0 of 1 approval(s)")
    for who, role in (("author", "the author"), ("operator", "the operator")):
        signed = desk.call("approve", "main", "--key", str(reviewed.key(who)))
        assert signed.returncode == ExitCode.FINISHED, signed.stderr
        held = desk.call("attach", "--plain", typed="retry\nwait\n")
        assert held.returncode == ExitCode.DETACHED, held.stdout
        assert f"is {role}" in held.stdout, held.stdout
        assert not desk.is_out
    stranger = desk.call("approve", commit, "--key", str(reviewed.key("stranger")))
    assert stranger.returncode == ExitCode.REFUSED
    assert "is nobody's in" in stranger.stderr
    # By the printed text and ssh-keygen's own command, as a reviewer at another machine would.
    text = desk.call("approve", commit, "--print").stdout
    (desk.folder / "approval.sig").write_bytes(reviewed.sign("reviewer", text))
    signed = desk.call("approve", commit, "--signature", "approval.sig")
    assert "Approved by reviewer@team.invalid" in signed.stdout, signed.stderr
    desk.goes_on()


def test_what_is_no_approval_is_not_kept(desk: Desk, reviewed: Reviewed) -> None:
    reviewed.allow("reviewer")
    desk.write(
        "review.approved",
        f'[targets.production.review]\nsource = "signed"\nallowed_signers = "{reviewed.signers}"\n',
    )
    commit = reviewed.git("rev-parse", "HEAD")
    told = desk.call("approve", commit)
    assert "ssh-keygen -Y sign -n handrail-approval" in told.stdout
    assert f"commit: {commit}" in told.stdout
    file = desk.folder / "approval.sig"
    for content, code in (
        (b"nonsense", ExitCode.WRONG_USAGE),
        (reviewed.sign("reviewer", "another text"), ExitCode.REFUSED),
    ):
        file.write_bytes(content)
        assert desk.call("approve", commit, "--signature", "approval.sig").returncode == code
    assert desk.call("approve", "no-such-commit").returncode == ExitCode.WRONG_USAGE
    assert not (desk.folder / "approvals").exists()


def test_the_ci_holds_it_back_until_it_has_passed(desk: Desk, reviewed: Reviewed) -> None:
    commit = reviewed.git("rev-parse", "HEAD")
    with github() as standin:
        desk.write(
            "ci.verdict",
            "[targets.production.github]\n"
            f'repository = "{hub.REPOSITORY}"\napi = "{standin.api}"\nchecks = ["build"]\n',
        )
        standin.check_runs[commit] = [hub.check_run("build", commit, "in_progress", None)]
        desk.is_held("ci.verdict", "no verdict yet")
        standin.check_runs[commit] = [hub.check_run("build", commit)]
        desk.goes_on()


def test_the_tests_hold_it_back_until_they_pass(desk: Desk, reviewed: Reviewed) -> None:
    script = "node --test"
    package = {"name": "shop", "version": "1.0.0", "scripts": {"test:unit": script}}
    lock = {"name": "shop", "version": "1.0.0", "lockfileVersion": 3, "packages": {"": package}}
    (reviewed.checkout / "package.json").write_text(json.dumps(package))
    (reviewed.checkout / "package-lock.json").write_text(json.dumps(lock))
    test = reviewed.checkout / "it.test.js"
    test.write_text("require('node:test').test('it', () => { throw new Error('not yet'); });\n")
    reviewed.commit()
    desk.write(
        "tests.run",
        "[targets.production.tests]\n"
        'scripts = ["test:unit"]\n'
        'without = { integration = "it has no parts", e2e = "it has no page" }\n',
    )
    desk.is_held("tests.run", "tests failed for")
    test.write_text("require('node:test').test('it', () => {});\n")
    reviewed.commit()
    desk.goes_on()
    facts = desk.shown()["facts"]
    assert facts["tests_unit"] == "1 passed, 0 failed, 0 skipped"
    assert facts["tested_commit"] == reviewed.git("rev-parse", "HEAD")
