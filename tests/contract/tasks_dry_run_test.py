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
    ("announce.post", {"text": "hello"}),
    ("announce.deployment", {"feature": "x", "eta": "soon"}),
    ("app.healthy", {}),
    ("app.serves", {"version": "v1.2.3"}),
    ("database.reachable", {}),
    ("database.applied", {}),
    ("maintenance.enable", {}),
    ("maintenance.verify", {"up": True}),
    ("git.fetch", {}),
    ("git.checkout", {"ref": "v1.3.0"}),
    ("git.at", {"ref": "v1.3.0"}),
    ("node.install", {}),
    ("node.build", {}),
    ("node.test", {}),
    ("database.backup", {"name": "contract"}),
    ("database.backed_up", {}),
    ("database.pending", {}),
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
    ("git.checkout", {"ref": "main"}),
    ("git.pull", {}),
)
# How often they look depends on what they see.
LOOKING_FOR_A_WHILE = {"pm2.verify", "monitor.watch"}


def test_a_dry_run_prints_what_a_real_run_executes(shop: Shop, tmp_path: Path) -> None:
    assert {name for name, _ in CALLS} | LOOKING_FOR_A_WHILE == set(known_tasks(None))
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
            env=shop.environment,
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
        # Whether a backup stands is seen in its file, by no command.
        assert preview(name, arguments, shop.target) or name == "database.backed_up"
    assert preview("pm2.verify", {"commit": "${facts.commit}"}, shop.target)
    assert preview("monitor.watch", {"duration": "30m"}, shop.target)
    assert (
        shop.run("git", "status", "--porcelain"),
        shop.run("git", "rev-parse", "HEAD"),
        shop.posts(),
    ) == state
    assert shop.version() == "1.2.3"
