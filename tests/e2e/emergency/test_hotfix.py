"""From a broken production to a repaired one, in the terminal; and what the emergency owes afterwards."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from handrail.run.state import Phase, StepStatus
from operating import Desk
from sandbox_fixture import Shop
from waiting import wait_for

pytestmark = pytest.mark.e2e
INCIDENT = "INC-42"
TAG = "v1.3.2"
BRANCH = f"hotfix/{INCIDENT}"
MAINTENANCE = "Put up the maintenance page"


class Clone:
    """The project's clone, as the operator works in it."""

    def __init__(self, shop: Shop, folder: Path) -> None:
        self.folder = shop.sandbox.layout.shop
        self.production = shop.production
        self.reviewer_key = shop.sandbox.layout.reviewer_key
        self.beside = folder / "fix"

    def git(self, *arguments: str, at: Path | None = None, check: bool = True) -> str:
        done = subprocess.run(
            ["git", *arguments], cwd=at or self.folder, capture_output=True, text=True, check=False
        )
        assert not check or done.returncode == 0, done.stderr
        return done.stdout.strip()

    def commit_the_fix(self) -> None:
        """The least change that helps: the checkout page as it was before the broken release."""
        self.git("worktree", "add", "--quiet", str(self.beside), BRANCH)
        self.git("checkout", "v1.3.0", "--", "src/orders.js", "src/pages.js", at=self.beside)
        self.git("commit", "--quiet", "-m", "Let the checkout page answer again", at=self.beside)

    def have_it_approved(self) -> None:
        """What a colleague does at their own desk: the sandbox has their key."""
        key = self.reviewer_key
        done = subprocess.run(
            [sys.executable, "-P", "-m", "handrail", "approve", BRANCH, "--key", str(key)],
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        assert "Approved by reviewer@shop.invalid" in done.stdout, done.stderr

    def clean(self) -> None:
        """Leave nothing of the incident to the next test."""
        self.git("worktree", "remove", "--force", str(self.beside), check=False)
        for at in (self.folder, self.production):
            self.git("tag", "-d", TAG, at=at, check=False)
            self.git("branch", "-D", BRANCH, at=at, check=False)
        self.git("push", "--quiet", "origin", f":refs/tags/{TAG}", f":refs/heads/{BRANCH}", check=False)
        for path in (self.folder / "postmortems").glob("*"):
            path.unlink()


@pytest.fixture
def clone(shop: Shop, tmp_path: Path) -> Iterator[Clone]:
    clone = Clone(shop, tmp_path)
    clone.clean()
    yield clone
    clone.clean()


def test_a_broken_production_is_repaired(desk: Desk, shop: Shop, clone: Clone) -> None:
    shop.deploy("v1.3.1")
    assert shop.get("/checkout").status_code == 500
    desk.handrail(
        *("hotfix", "--incident", INCIDENT, "--on-call", "@on-call", "--what", "the checkout page"),
        *("--tag", TAG, "--skip", "window=customers can't pay", "--skip", "staging=customers can't pay"),
        *("--skip", "soak=customers can't pay"),
    )
    desk.terminal.expect("Open run")
    desk.terminal.press("C-s")
    desk.terminal.expect("Next: Tell the team")
    assert f"EMERGENCY {INCIDENT}" in desk.terminal.screen()
    desk.press_run_until("Commit the fix on it")
    assert desk.run().facts["hotfix_base"] == "v1.3.1"
    clone.commit_the_fix()
    desk.press_run_until(MAINTENANCE, started=True)
    held = wait_for(
        lambda: step if (step := desk.run().current).status is StepStatus.HELD else None, "it", 60
    )
    assert "review.approved says fail: 0 of 1 approval(s)" in held.why
    desk.terminal.expect("ask a colleague")
    clone.have_it_approved()
    desk.terminal.press("Enter")
    wait_for(lambda: desk.run().steps[held.key].status is not StepStatus.HELD, "it to be checked again")
    desk.press_run_until("Watch the release", started=True)
    state = wait_for(
        lambda: state if (state := desk.run()).phase is Phase.FINISHED else None, "the end of the run", 60
    )
    assert shop.get("/checkout").status_code == 200
    assert state.plan.emergency.skipped["window.open"] == "customers can't pay"
    done = {
        step.planned.call.task
        for step in state.steps.values()
        if step.status is StepStatus.PASSED and step.planned.call
    }
    assert done >= {
        "hotfix.branch",
        "hotfix.size",
        "hotfix.release",
        "maintenance.enable",
        "database.backup",
        "smoke.flows",
    }
    watch = next(step for step in state.forward_steps if step.planned.title == "Watch the release")
    assert watch.status is StepStatus.PASSED
    assert "signals good" in watch.why
    fix = clone.git("rev-parse", BRANCH)
    assert {state.facts[fact] for fact in ("release_commit", "approved_commit", "tested_commit")} == {fix}
    assert state.facts["tests_unit"] == "22 passed, 0 failed, 0 skipped"
    assert desk.problems() == []
    posts = json.dumps(shop.posts())
    assert f"EMERGENCY {INCIDENT}" in posts
    assert "Without the deployment window: customers can't pay" in posts
    assert "On-call: @on-call" in posts

    [path] = wait_for(lambda: list((clone.folder / "postmortems").glob("*.md")), "the post-mortem", 30)
    text = wait_for(lambda: text if "### Timeline" in (text := path.read_text()) else None, "its text")
    for words in (
        f'incident: "{INCIDENT}"',
        "**On call:** @on-call",
        "rule skipped: `window.open`: customers can't pay",
        "Let the checkout page answer again",
        "`M src/pages.js`",
        "| Watch the release | passed |",
        "The run is finished",
        "_To be written._",
    ):
        assert words in text, words
    # Two days, for a day of the calendar may end while this runs.
    desk.handrail("stats", "--days", "2")
    desk.terminal.expect("1 of 1 (100.0 %)")
