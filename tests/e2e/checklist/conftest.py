"""An operator at the sandbox's shop, and the clone that releases are made in."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from e2e.faults.desk import Desk
from sandbox_fixture import Shop, open_shop, sandbox, sandbox_session

__all__ = ["open_shop", "sandbox", "sandbox_session"]


@pytest.fixture
def desk(tmp_path: Path, open_shop: Shop) -> Iterator[Desk]:
    """Who deploys the shop, from its own project folder."""
    desk = Desk(tmp_path, open_shop.sandbox.layout.shop)
    desk.environment["npm_config_cache"] = str(Path.home() / ".npm")
    yield desk
    desk.end()


class Team:
    """Those who write releases, in a clone of their own; what they push goes with the test."""

    def __init__(self, shop: Shop, folder: Path) -> None:
        self.shop = shop
        self.clone = folder / "team"
        self._pushed: set[str] = set()
        subprocess.run(["git", "clone", "--quiet", str(shop.sandbox.layout.origin), self.clone], check=True)

    def git(self, *arguments: str) -> str:
        """A git command, as one of the developers."""
        who = {
            f"GIT_{role}_{what}": "developers@shop.invalid"
            for role in ("AUTHOR", "COMMITTER")
            for what in ("NAME", "EMAIL")
        }
        done = subprocess.run(
            ["git", *arguments],
            cwd=self.clone,
            env={**os.environ, **who, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"git {arguments}: {done.stderr}"
        return done.stdout.strip()

    def push(self, branch: str, *, on: str, files: Mapping[str, str]) -> str:
        """A commit with these files at the head of a branch; its name."""
        self.git("checkout", "--quiet", "-B", branch, on)
        for name, text in files.items():
            (self.clone / name).write_text(text)
        self.git("add", "-A")
        self.git("commit", "--quiet", "-m", "Change the shop")
        self.git("push", "--quiet", "--force", "origin", branch)
        self._pushed.add(branch)
        return self.git("rev-parse", "HEAD")

    def clean(self) -> None:
        """Take the branches back out of the origin."""
        for branch in self._pushed:
            self.git("push", "--quiet", "origin", f":refs/heads/{branch}")


@pytest.fixture
def team(open_shop: Shop, tmp_path: Path) -> Iterator[Team]:
    """Those who write releases."""
    team = Team(open_shop, tmp_path)
    yield team
    team.clean()
