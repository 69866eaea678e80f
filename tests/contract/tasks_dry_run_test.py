"""A dry run prints exactly what a real run executes, for every task whose way doesn't depend on answers."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from handrail.tasks.collection import known_tasks
from handrail.tasks.dry import preview
from sandbox_fixture import Shop, sandbox, sandbox_session, shop

__all__ = ["sandbox", "sandbox_session", "shop"]
pytestmark = pytest.mark.e2e

# In the order of a deployment, so that each finds what it needs.
CALLS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("window.open", {}),
    ("announce.post", {"text": "hello"}),
    ("announce.deployment", {"feature": "x", "eta": "soon"}),
    ("app.healthy", {}),
    ("app.serves", {"version": "v1.2.3"}),
    ("database.reachable", {}),
    ("database.applied", {}),
    ("maintenance.enable", {}),
    ("maintenance.verify", {"up": True}),
    ("git.fetch", {"ref": "v1.3.0"}),
    ("git.checkout", {"ref": "v1.3.0"}),
    ("git.at", {"ref": "v1.3.0"}),
    ("node.install", {}),
    ("node.build", {}),
    ("node.test", {}),
    ("database.backup", {"name": "contract"}),
    ("database.backed_up", {}),
    ("database.pending", {}),
    ("database.atomic", {}),
    ("database.down_rehearsed", {}),
    ("database.migrate", {}),
    ("database.migrate_down", {"to": "1700000000000_create-orders"}),
    ("database.migrate", {}),
    ("pm2.reload", {}),
    ("pm2.restart", {}),
    ("pm2.status", {}),
    ("shell.fence", {"script": "true"}),
    ("smoke.logs", {}),
    ("smoke.homepage", {}),
    ("smoke.flow", {"name": "login"}),
    ("smoke.flows", {}),
    ("maintenance.disable", {}),
    ("maintenance.verify", {"up": False}),
    ("visible.flags", {}),
    ("visible.cache", {}),
    ("visible.cdn", {}),
    ("git.checkout", {"ref": "main"}),
    ("git.pull", {}),
)
# How often they look depends on what they see.
LOOKING_FOR_A_WHILE = {"pm2.verify", "monitor.watch"}
# They ask GitHub, and signatures, page by page and one by one; or work in a folder that the process names:
# tests/e2e/tasks/test_ci_task.py, test_review_task.py and test_tests_task.py. A revert names commits that it
# finds first: tests/e2e/tasks/test_git_revert.py.
BY_WHAT_THEY_FIND = {"ci.verdict", "git.revert", "review.approved", "tests.run", "tests.passed"}
# They work in the project's own clone and journal, not in the target: tests/e2e/tasks/test_hotfix_tasks.py,
# tests/unit/cli/test_emergency_commands.py.
ELSEWHERE = {"hotfix.branch", "hotfix.size", "hotfix.release", "postmortem.none_overdue"}
# What they execute depends on what is pending, and on this run's backup.
AS_THE_DATABASE_IS = {"database.rehearse", "database.loss", "database.restore"}

# They need a second environment: tests/e2e/staging.
ON_STAGING = {
    *("scenarios.errors", "scenarios.load", "staging.serving", "staging.mirrors", "staging.count_rows"),
    *("staging.data_intact", "staging.rehearsed", "staging.take_schema_back", "staging.verified"),
    "staging.soaked",
}


@pytest.mark.long
def test_a_dry_run_prints_what_a_real_run_executes(shop: Shop, tmp_path: Path) -> None:
    aside = LOOKING_FOR_A_WHILE | BY_WHAT_THEY_FIND | ELSEWHERE | AS_THE_DATABASE_IS | ON_STAGING
    assert {name for name, _ in CALLS} | aside == set(known_tasks(None))
    target = shop.target
    for number, (name, arguments) in enumerate(CALLS):
        before = shop.run("git", "rev-parse", "HEAD")
        promised = preview(name, arguments, target)
        assert shop.run("git", "rev-parse", "HEAD") == before
        folder = tmp_path / f"{number:04d}"
        folder.mkdir()
        task = {"name": name, "arguments": arguments, "target": target.model_dump(mode="json", by_alias=True)}
        (folder / "spec.json").write_text(json.dumps({"task": task}))
        done = subprocess.run(
            [sys.executable, "-P", "-m", "handrail.tasks", "--attempt", str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=shop.environment | {"HANDRAIL_REPORT": str(folder / "report.jsonl")},
            text=True,
            timeout=180,
            check=False,
        )
        assert done.returncode == 0, f"{name}:\n{done.stdout}"
        executed = [line for line in done.stdout.splitlines() if line.startswith(("$ ", "GET ", "POST "))]
        assert promised == executed, name


def test_a_preview_changes_nothing(shop: Shop) -> None:
    shop.run("git", "fetch", "--quiet", "--tags", "origin")
    state = shop.run("git", "status", "--porcelain"), shop.run("git", "rev-parse", "HEAD"), shop.posts()
    for name, arguments in CALLS:
        # Whether a backup stands is seen in its file, and the time on the clock: by no command.
        assert preview(name, arguments, shop.target) or name in ("database.backed_up", "window.open")
    assert preview("pm2.verify", {"commit": "${facts.commit}"}, shop.target)
    assert preview("monitor.watch", {"duration": "30m"}, shop.target)
    assert [line for line in preview("database.restore", {}, shop.target) if "pg_restore" in line]
    assert preview("database.loss", {}, shop.target)
    assert preview("database.rehearse", {}, shop.target.model_copy(update={"production": False}))
    assert (
        shop.run("git", "status", "--porcelain"),
        shop.run("git", "rev-parse", "HEAD"),
        shop.posts(),
    ) == state
    assert shop.version() == "1.2.3"
