"""The git tasks on real repositories."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from handrail.errors import ExitCode

pytestmark = pytest.mark.e2e


@dataclass
class Repositories:
    """A remote, somebody's working copy, and production's checkout at v1."""

    seed: Path
    production: Path
    first: str
    second: str

    @property
    def target(self) -> dict[str, str]:
        return {"checkout": str(self.production)}

    def git(self, *arguments: str, at: Path | None = None) -> str:
        return git(at or self.production, *arguments)


def git(folder: Path, *arguments: str) -> str:
    identity = {
        f"GIT_{role}_{part}": value
        for role in ("AUTHOR", "COMMITTER")
        for part, value in (("NAME", "Release"), ("EMAIL", "release@example.com"))
    }
    done = subprocess.run(
        ["git", "-c", "init.defaultBranch=main", *arguments],
        cwd=folder,
        env={**os.environ, **identity, "GIT_CONFIG_GLOBAL": os.devnull},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


@pytest.fixture
def repositories(tmp_path: Path) -> Repositories:
    git(tmp_path, "init", "--quiet", "--bare", "origin.git")
    git(tmp_path, "init", "--quiet", "seed")
    seed = tmp_path / "seed"
    commits = []
    for version in ("v1", "v2"):
        (seed / "app.js").write_text(f"// {version}\n")
        git(seed, "add", ".")
        git(seed, "commit", "--quiet", "-m", version)
        commits.append(git(seed, "rev-parse", "HEAD"))
        git(seed, "tag", "-a", version, "-m", version)
    git(seed, "remote", "add", "origin", "../origin.git")
    git(seed, "push", "--quiet", "origin", "main", "--tags")
    git(tmp_path, "clone", "--quiet", "origin.git", "production")
    production = tmp_path / "production"
    git(production, "checkout", "--quiet", "v1")
    return Repositories(seed, production, *commits)


def test_a_tag_is_checked_out_detached_and_the_release_before_it_recorded(begin, repositories) -> None:
    done = begin("git.checkout", {"ref": "v2"}, repositories.target)
    assert done.code == 0
    committed = repositories.git("show", "--no-patch", "--format=%cI", repositories.second)
    assert done.facts == {
        "committed_at": committed,
        "previous_commit": repositories.first,
        "previous_release": "v1",
        "ref": "v2",
        "commit": repositories.second,
    }
    assert repositories.git("rev-parse", "HEAD") == repositories.second
    assert repositories.git("branch", "--show-current") == ""


def test_a_retry_keeps_the_release_that_the_run_first_saw(begin, repositories) -> None:
    begin("git.checkout", {"ref": "v2"}, repositories.target)
    again = begin("git.checkout", {"ref": "v2"}, repositories.target)
    assert again.code == 0
    assert again.facts["previous_release"] == "v1"
    assert again.facts["previous_commit"] == repositories.first


def test_a_branch_is_checked_out_and_pulled(begin, repositories) -> None:
    assert begin("git.checkout", {"ref": "origin/main"}, repositories.target).code == 0
    assert repositories.git("branch", "--show-current") == "main"
    (repositories.seed / "app.js").write_text("// v3\n")
    repositories.git("commit", "--quiet", "-am", "v3", at=repositories.seed)
    repositories.git("push", "--quiet", "origin", "main", at=repositories.seed)
    third = repositories.git("rev-parse", "HEAD", at=repositories.seed)
    done = begin("git.pull", {}, repositories.target)
    assert (done.code, done.facts["commit"]) == (0, third)


def test_a_branch_that_is_only_at_the_remote(begin, repositories) -> None:
    repositories.git("push", "--quiet", "origin", "main:fix", at=repositories.seed)
    assert begin("git.fetch", {}, repositories.target).code == 0
    assert begin("git.checkout", {"ref": "fix"}, repositories.target).code == 0
    assert repositories.git("branch", "--show-current") == "fix"


def test_nothing_to_pull_on_a_tag(begin, repositories) -> None:
    done = begin("git.pull", {}, repositories.target)
    assert done.code == 0
    assert "Nothing to pull" in done.log


def test_a_branch_that_went_apart_is_refused(begin, repositories) -> None:
    begin("git.checkout", {"ref": "main"}, repositories.target)
    repositories.git("commit", "--quiet", "--allow-empty", "-m", "a hand-made fix")
    done = begin("git.pull", {}, repositories.target)
    assert done.code == ExitCode.REFUSED
    assert "isn't what origin has" in done.log


def test_local_changes_are_refused_by_name(begin, repositories) -> None:
    (repositories.production / "app.js").write_text("// by hand\n")
    (repositories.production / "notes.txt").write_text("left here\n")
    done = begin("git.checkout", {"ref": "v2"}, repositories.target)
    assert done.code == ExitCode.REFUSED
    assert " M app.js" in done.log
    assert "untracked files are left as they are: notes.txt" in done.log
    assert repositories.git("rev-parse", "HEAD") == repositories.first
    assert done.facts["previous_release"] == "v1"


def test_an_untracked_file_alone_is_no_hindrance(begin, repositories) -> None:
    (repositories.production / "notes.txt").write_text("left here\n")
    assert begin("git.checkout", {"ref": "v2"}, repositories.target).code == 0


def test_the_commit_that_was_fetched_is_told_from_what_a_branch_becomes(begin, repositories) -> None:
    done = begin("git.fetch", {"ref": "main"}, repositories.target)
    judged = done.facts["release_commit"]
    assert f"main is {judged[:12]} (" in done.log
    (repositories.seed / "late.js").write_text("// after the review\n")
    repositories.git("add", "late.js", at=repositories.seed)
    repositories.git("commit", "--quiet", "-m", "late", at=repositories.seed)
    repositories.git("push", "--quiet", "origin", "HEAD:main", at=repositories.seed)
    assert begin("git.checkout", {"ref": "main"}, repositories.target).code == 0
    assert begin("git.pull", {}, repositories.target).code == 0
    assert begin("git.at", {"ref": judged}, repositories.target).verdict == "fail"
    unknown = begin("git.fetch", {"ref": "v9"}, repositories.target)
    assert unknown.code == 2
    assert "was it pushed to origin?" in unknown.log


def test_a_moved_tag_is_refused_with_both_commits(begin, repositories) -> None:
    repositories.git("tag", "-f", "-a", "v1", "-m", "moved", repositories.second, at=repositories.seed)
    repositories.git("push", "--quiet", "--force", "origin", "v1", at=repositories.seed)
    done = begin("git.fetch", {}, repositories.target)
    assert done.code == ExitCode.REFUSED
    assert f"v1: {repositories.first} here, {repositories.second} on the remote" in done.log
    assert "git fetch --force" in done.log


def test_a_stale_lock_is_explained(begin, repositories) -> None:
    lock = repositories.production / ".git" / "index.lock"
    lock.touch()
    done = begin("git.checkout", {"ref": "v2"}, repositories.target)
    assert done.code == ExitCode.REFUSED
    assert f"left its lock: {lock}" in done.log


@pytest.mark.parametrize(
    ("ref", "said"), [("v9", "no tag, branch or commit"), ("--force", "no name of a tag")]
)
def test_an_unknown_ref_is_refused(begin, repositories, ref: str, said: str) -> None:
    done = begin("git.checkout", {"ref": ref}, repositories.target)
    assert done.code == 2
    assert said in done.log


def test_a_remote_that_is_gone(begin, repositories) -> None:
    (repositories.production.parent / "origin.git").rename(repositories.production.parent / "elsewhere.git")
    done = begin("git.fetch", {}, repositories.target)
    assert done.code == ExitCode.FAILED_OR_ROLLED_BACK
    assert "see whether origin can be reached" in done.log


def test_a_shallow_clone_is_noted(begin, repositories, tmp_path: Path) -> None:
    git(tmp_path, "clone", "--quiet", "--depth=1", f"file://{tmp_path}/origin.git", "shallow")
    done = begin("git.fetch", {}, {"checkout": str(tmp_path / "shallow")})
    assert done.code == 0
    assert "this is a shallow clone" in done.log


@pytest.mark.parametrize(
    ("ref", "verdict", "code"),
    [("v1", "pass", 0), ("v2", "fail", 1), ("main", "fail", 1), ("v2~1", "pass", 0)],
)
def test_which_commit_is_checked_out(begin, repositories, ref: str, verdict: str, code: int) -> None:
    done = begin("git.at", {"ref": ref}, repositories.target)
    assert (done.verdict, done.code) == (verdict, code)
