"""The application's tests for exactly one commit: real git worktrees, real npm, real node:test."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from handrail.errors import ExitCode
from handrail.tasks.dry import preview
from waiting import wait_for

pytestmark = pytest.mark.e2e
GOOD = "const { test } = require('node:test');\ntest('one', () => {});\ntest('two', () => {});\n"
BAD = "const { test } = require('node:test');\ntest('one', () => { throw new Error('no'); });\n"
SKIPPED = "const { test } = require('node:test');\ntest('one', { skip: true }, () => {});\n"
SCRIPTS = {f"test:{kind}": f"node --test {kind}.test.js" for kind in ("unit", "integration", "e2e")}


class Application:
    """A checkout with an application that has no dependencies, and so installs at once."""

    def __init__(self, folder: Path) -> None:
        self.checkout = folder / "production" / "shop"
        self.checkout.mkdir(parents=True)
        self.git("init", "--quiet", "-b", "main")
        self.write(**dict.fromkeys(("unit", "integration", "e2e"), GOOD))

    def git(self, *arguments: str) -> str:
        identity = {
            f"GIT_{role}_{part}": "release@team.invalid"
            for role in ("AUTHOR", "COMMITTER")
            for part in ("NAME", "EMAIL")
        }
        done = subprocess.run(
            ["git", *arguments],
            cwd=self.checkout,
            env={**os.environ, **identity, "GIT_CONFIG_GLOBAL": os.devnull},
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    def write(self, scripts: dict[str, str] | None = None, **tests: str) -> str:
        """A commit with these test files."""
        package = {"name": "shop", "version": "1.0.0", "scripts": SCRIPTS if scripts is None else scripts}
        lock = {"name": "shop", "version": "1.0.0", "lockfileVersion": 3, "requires": True}
        lock["packages"] = {"": {"name": "shop", "version": "1.0.0"}}
        (self.checkout / "package.json").write_text(json.dumps(package))
        (self.checkout / "package-lock.json").write_text(json.dumps(lock))
        for kind, text in tests.items():
            (self.checkout / f"{kind}.test.js").write_text(text)
        self.git("add", "-A")
        self.git("commit", "--quiet", "--allow-empty", "-m", "tests")
        return self.git("rev-parse", "HEAD")

    def target(self, **more: Any) -> dict[str, Any]:
        return {"name": "production", "checkout": str(self.checkout), **more}

    def is_as_before(self) -> bool:
        """Whether nothing of the tests is left, beside the checkout or in git's own list."""
        beside = [each.name for each in self.checkout.parent.iterdir()]
        return beside == ["shop"] and self.git("worktree", "list").count("\n") == 0


@pytest.fixture
def application(tmp_path: Path) -> Application:
    return Application(tmp_path)


@pytest.mark.parametrize("in_attempt", [True, False])
def test_each_script_with_its_counts(
    application: Application, begin: Any, tmp_path: Path, in_attempt: bool
) -> None:
    commit = application.git("rev-parse", "HEAD")
    folder = {"HANDRAIL_ATTEMPT": str(tmp_path / "attempts" / "0001")} if in_attempt else {}
    done = begin("tests.run", {"ref": "main"}, application.target(), environment=folder)
    assert (done.verdict, done.code) == ("pass", 0), done.log
    assert done.facts == {
        "tests_unit": "2 passed, 0 failed, 0 skipped",
        "tests_integration": "2 passed, 0 failed, 0 skipped",
        "tests_e2e": "2 passed, 0 failed, 0 skipped",
        "tested_commit": commit,
    }
    assert "- e2e (npm run test:e2e): 2 passed, 0 failed, 0 skipped" in done.log
    assert application.is_as_before()
    assert not (application.checkout / "node_modules").exists()


@pytest.mark.parametrize(
    ("production", "settings", "verdict", "said"),
    [
        (True, {"by": "run"}, "pass", "all tests passed for"),
        (True, {}, "unknown", 'set by = "run"'),
        (True, {"enabled": False, "reason": "it has no tests yet"}, "pass", "it has no tests yet"),
        (False, {}, "pass", "no production target"),
        (False, {"by": "run", "scripts": ["test:unit"]}, "unknown", "e2e: the target names no script"),
    ],
)
def test_how_the_target_says_that_its_tests_pass(
    application: Application, begin: Any, production: bool, settings: Any, verdict: str, said: str
) -> None:
    target = application.target(production=production, tests=settings)
    done = begin("tests.passed", {"ref": "main"}, target)
    assert done.verdict == verdict, done.log
    assert said in done.log
    ran = verdict == "pass" and settings.get("by") == "run"
    assert done.facts.get("tested_commit") == (application.git("rev-parse", "HEAD") if ran else None)
    assert application.is_as_before()


@pytest.mark.parametrize(
    ("tests", "verdict", "said"),
    [
        ({"integration": BAD}, "fail", "tests failed for"),
        ({"integration": "process.exit(3);"}, "fail", "exit code 1"),
        ({"unit": SKIPPED}, "unknown", "0 passed, 0 failed, 1 skipped"),
    ],
)
def test_what_does_not_pass(
    application: Application, begin: Any, tests: dict[str, str], verdict: str, said: str
) -> None:
    application.write(**tests)
    done = begin("tests.run", {"ref": "main"}, application.target())
    assert (done.verdict, done.code) == (verdict, 1), done.log
    assert said in done.log
    assert "tested_commit" not in done.facts
    assert application.is_as_before()


@pytest.mark.parametrize(
    ("changed", "settings", "said"),
    [
        ({"test:e2e": "true"}, {}, "no counts found in its output"),
        ({"test:e2e": None}, {}, "this release has no such script"),
        ({}, {"scripts": ["test:unit", "test:integration"]}, "e2e: the target names no script"),
    ],
)
def test_what_is_unknown(
    application: Application, begin: Any, changed: dict[str, Any], settings: dict[str, Any], said: str
) -> None:
    application.write({name: line for name, line in {**SCRIPTS, **changed}.items() if line})
    done = begin("tests.run", {"ref": "main"}, application.target(tests=settings))
    assert (done.verdict, done.code) == ("unknown", 1), done.log
    assert said in done.log
    assert application.is_as_before()


def test_a_failure_that_its_script_hides_is_seen(application: Application, begin: Any) -> None:
    application.write({**SCRIPTS, "test:unit": "node --test unit.test.js || true"}, unit=BAD)
    assert begin("tests.run", {"ref": "main"}, application.target()).verdict == "fail"


def test_a_lock_file_that_disagrees_is_unknown(application: Application, begin: Any) -> None:
    package = {"name": "shop", "version": "1.0.0", "scripts": SCRIPTS, "dependencies": {"not-locked": "1"}}
    (application.checkout / "package.json").write_text(json.dumps(package))
    application.git("commit", "--quiet", "-am", "broken")
    done = begin("tests.run", {"ref": "main"}, application.target())
    assert done.verdict == "unknown"
    assert "could not be installed" in done.log
    assert application.is_as_before()


def test_the_commit_is_tested_not_what_lies_in_the_checkout(application: Application, begin: Any) -> None:
    good = application.git("rev-parse", "HEAD")
    application.write(unit=BAD)
    (application.checkout / "integration.test.js").write_text(BAD)
    done = begin("tests.run", {"ref": good}, application.target())
    assert (done.verdict, done.facts["tested_commit"]) == ("pass", good), done.log
    assert (application.checkout / "integration.test.js").read_text() == BAD
    assert begin("tests.run", {"ref": "main"}, application.target()).verdict == "fail"


SEES = """\
const { test } = require('node:test');
test('env', () => console.log(JSON.stringify(process.env)));
"""


def test_the_tests_get_none_of_the_targets_environment(
    application: Application, begin: Any, tmp_path: Path
) -> None:
    application.write(unit=SEES)
    (tmp_path / "url").write_text("postgresql://production/shop")
    target = application.target(
        environment={"DATABASE_URL": "postgresql://production/shop"},
        tests={"environment": {"TEST_DATABASE_URL": "postgresql://scratch/shop"}},
        database={"url": {"file": str(tmp_path / "url")}},
    )
    done = begin("tests.run", {"ref": "main"}, target, environment={"OPERATORS_OWN": "secret"})
    assert done.verdict == "pass", done.log
    assert "postgresql://scratch/shop" in done.log
    assert "postgresql://production/shop" not in done.log
    assert "OPERATORS_OWN" not in done.log
    target["tests"] = {"environment": {"DATABASE_URL": "postgresql://production/shop"}}
    refused = begin("tests.run", {"ref": "main"}, target)
    assert (refused.verdict, refused.code) == (None, ExitCode.REFUSED)
    assert "against the target's own database" in refused.log


WAITS = """\
const { test } = require('node:test');
test('waits', async () => {
  require('node:fs').writeFileSync(process.env.STARTED, String(process.pid));
  await new Promise((resolve) => setTimeout(resolve, 60_000));
});
"""


@pytest.fixture
def begun(application: Application, tmp_path: Path) -> Any:
    """An attempt whose first test waits for ever, in a process group of its own."""
    application.write(unit=WAITS)
    folder, started = tmp_path / "0001", tmp_path / "started"
    folder.mkdir()
    target = application.target(tests={"environment": {"STARTED": str(started)}})
    task = {"name": "tests.run", "arguments": {"ref": "main"}, "target": target}
    (folder / "spec.json").write_text(json.dumps({"format": 1, "task": task}))
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "handrail.tasks", "--attempt", str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=tmp_path,
            env={**os.environ, "HANDRAIL_ATTEMPT": str(folder), "HANDRAIL_REPORT": str(folder / "report")},
            start_new_session=True,
        )
    try:
        wait_for(started.exists, "the first test's start", 60)
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def test_a_cancelled_attempt_takes_its_worktree_along(application: Application, begun: Any) -> None:
    assert not application.is_as_before()
    os.killpg(begun.pid, signal.SIGTERM)
    assert begun.wait(60) != 0
    assert application.is_as_before()


def test_what_a_killed_attempt_left_is_removed_by_the_next(
    application: Application, begun: Any, begin: Any
) -> None:
    os.killpg(begun.pid, signal.SIGKILL)
    begun.wait(60)
    assert not application.is_as_before()
    lines = preview("tests.run", {"ref": "main"}, application.target())
    assert any(line.startswith("$ rm -rf -- ") for line in lines)
    assert not application.is_as_before(), "a dry run removes nothing"
    application.write(unit=GOOD)
    done = begin("tests.run", {"ref": "main"}, application.target())
    assert done.verdict == "pass", done.log
    assert "which tests that were killed have left" in done.log
    assert application.is_as_before()
