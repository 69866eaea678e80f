"""The sandbox as tests use it: one a session, brought back to its beginning for each test.

A conftest imports the fixtures; however many conftests do, there is one sandbox.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from handrail.project.loader import load
from handrail.project.model import Target
from handrail.sandbox.lifecycle import Sandbox
from handrail.sandbox.record import Record

_KEPT = pytest.StashKey[Sandbox]()


def silent(line: str) -> None:
    """Progress that nobody reads."""


@pytest.fixture(scope="session")
def sandbox_session(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    """A sandbox that runs for the whole session; in whatever state the last test left it."""
    stash = request.config.stash
    if _KEPT not in stash:
        sandbox = Sandbox(tmp_path_factory.mktemp("sandbox"))
        request.config.add_cleanup(lambda: sandbox.down(silent))
        sandbox.up(silent)
        stash[_KEPT] = sandbox
    return stash[_KEPT]


@pytest.fixture
def sandbox(sandbox_session: Sandbox) -> Sandbox:
    """The session's sandbox, freshly reset: v1.2.3 served, nothing in its database."""
    sandbox_session.reset(silent)
    return sandbox_session


@pytest.fixture
def shop(sandbox: Sandbox) -> Shop:
    """The reset sandbox's shop, with what a test does to it by hand."""
    return Shop(sandbox)


@pytest.fixture
def open_shop(sandbox_session: Sandbox) -> Shop:
    """The session's shop as it stands, for tests that leave it so; reset only where v1.2.3 isn't open."""
    status = sandbox_session.status()
    if not status.running or status.maintenance or status.version != "1.2.3":
        sandbox_session.reset(silent)
    for leftover in (sandbox_session.layout.posts, sandbox_session.layout.webhook_mode):
        leftover.unlink(missing_ok=True)
    return Shop(sandbox_session)


class Shop:
    """Production as an operator at a shell would handle it."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.production = sandbox.layout.production
        self.environment = {
            **os.environ,
            "PATH": os.pathsep.join([*map(str, self.target.path), os.environ["PATH"]]),
            "PM2_HOME": str(sandbox.layout.pm2_home),
            "BUILD_PACE_MS": "0",
        }

    @property
    def target(self) -> Target:
        """What `handrail.toml` says of production."""
        return load(self.sandbox.project_file).targets["production"]

    @property
    def record(self) -> Record:
        """The sandbox's record as it stands on disk."""
        record = Record.read(self.sandbox.layout.record)
        assert record is not None
        return record

    def run(self, *argv: str, expect: int = 0, environment: Mapping[str, str] | None = None) -> str:
        """Run a command in production's checkout; its output, once its exit code is as expected."""
        done = subprocess.run(
            argv,
            cwd=self.production,
            env=self.environment | dict(environment or {}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == expect, f"{argv} ended with {done.returncode}:\n{done.stdout}"
        return done.stdout

    def deploy(self, tag: str, *, migrate: bool = True) -> None:
        """Check a release out, build it, migrate, and have pm2 serve it.

        All releases have the same dependencies, so nothing is installed.
        """
        self.run("git", "checkout", "--quiet", "--detach", tag)
        self.run("npm", "run", "build")
        if migrate:
            self.run("npm", "run", "migrate:prod")
        self.reload()

    def reload(self) -> None:
        """Have pm2 serve the build, one instance after the other."""
        self.run(
            *self.target.pm2.program, "startOrReload", "ecosystem.config.cjs", "--update-env", "--silent"
        )

    def get(self, path: str, *, past_proxy: bool = False) -> httpx.Response:
        """One GET, on a connection of its own, not following redirects."""
        return self.request("GET", path, past_proxy=past_proxy)

    def request(
        self, method: str, path: str, form: Mapping[str, str] | None = None, *, past_proxy: bool = False
    ) -> httpx.Response:
        """One request, on a connection of its own, not following redirects."""
        base = self.target.app_url if past_proxy else self.target.url
        return httpx.request(
            method, f"{base}{path}", data=dict(form or {}) or None, timeout=20, trust_env=False
        )

    def version(self) -> str:
        """The version that is served."""
        return str(self.get("/version").json()["version"])

    def sql(self, statement: str) -> str:
        """Run one statement in the shop's database and return its rows as text."""
        database = self.target.database
        assert database is not None
        assert database.programs is not None
        psql = str(database.programs / "psql")
        return self.run(
            psql, "-XqAt", "-v", "ON_ERROR_STOP=1", "-d", database.url.reveal(), "-c", statement
        ).strip()

    def posts(self) -> list[dict[str, Any]]:
        """What was posted to the webhook since the reset."""
        path: Path = self.sandbox.layout.posts
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
