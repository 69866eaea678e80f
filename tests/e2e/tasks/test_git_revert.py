"""`git.revert` on real repositories: merges, conflicts, a detached HEAD, and what is pushed."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.e2e
IDENTITY = {
    f"GIT_{role}_{part}": value
    for role in ("AUTHOR", "COMMITTER")
    for part, value in (("NAME", "Release"), ("EMAIL", "release@example.com"))
}


class Repository:
    """A remote and a checkout with three commits on main, each in a file of its own but the last two."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "production"
        self._git(folder, "init", "--quiet", "--bare", "-b", "main", "origin.git")
        self._git(folder, "init", "--quiet", "-b", "main", "production")
        self.first = self.commit("app.js", "// one\n")
        self.second = self.commit("page.js", "// a page\n")
        self.third = self.commit("app.js", "// two\n")
        self.git("remote", "add", "origin", "../origin.git")
        self.git("push", "--quiet", "origin", "main")

    @property
    def target(self) -> dict[str, str]:
        return {"checkout": str(self.folder)}

    def _git(self, at: Path, *arguments: str) -> str:
        done = subprocess.run(
            ["git", *arguments],
            cwd=at,
            env={**os.environ, **IDENTITY, "GIT_CONFIG_GLOBAL": os.devnull},
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    def git(self, *arguments: str) -> str:
        return self._git(self.folder, *arguments)

    def commit(self, name: str, text: str) -> str:
        (self.folder / name).write_text(text)
        self.git("add", name)
        self.git("commit", "--quiet", "-m", f"change {name}")
        return self.git("rev-parse", "HEAD")

    def read(self, name: str) -> str | None:
        path = self.folder / name
        return path.read_text() if path.exists() else None

    def state(self) -> tuple[str, str, str, list[str]]:
        names = sorted(path.name for path in self.folder.parent.iterdir() if path.name != "attempts")
        return (
            self.git("rev-parse", "HEAD"),
            self.git("status", "--porcelain"),
            self.git("branch", "--list"),
            names,
        )


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path)


def revert(begin, repository: Repository, **arguments):
    environment = {**IDENTITY, "GIT_CONFIG_GLOBAL": os.devnull}
    return begin("git.revert", arguments, repository.target, environment=environment)


def test_the_newest_commit_is_taken_back_on_its_branch(begin, repository: Repository) -> None:
    done = revert(begin, repository)
    assert done.code == 0, done.log
    assert repository.read("app.js") == "// one\n"
    assert repository.git("branch", "--show-current") == "main"
    assert done.facts["reverted"] == repository.third
    assert done.facts["commit"] == repository.git("rev-parse", "HEAD")
    assert "Not pushed" in done.log
    assert repository.git("ls-remote", "origin", "refs/heads/main").split()[0] == repository.third


def test_head_is_what_is_checked_out_and_not_the_remotes(begin, repository: Repository) -> None:
    repository.git("remote", "set-head", "origin", "main")
    repository.git("checkout", "--quiet", "-b", "release")
    newest = repository.commit("page.js", "// broken\n")
    done = revert(begin, repository)
    assert done.code == 0, done.log
    assert done.facts["reverted"] == newest
    assert (repository.read("app.js"), repository.read("page.js")) == ("// two\n", "// a page\n")


def test_an_older_commit_is_taken_back_and_what_came_after_stays(begin, repository: Repository) -> None:
    done = revert(begin, repository, commit=repository.second[:12])
    assert done.code == 0, done.log
    assert repository.read("page.js") is None
    assert repository.read("app.js") == "// two\n"


@pytest.mark.parametrize("push", [True, "yes"])
def test_it_is_pushed_only_when_asked(begin, repository: Repository, push) -> None:
    done = revert(begin, repository, push=push)
    assert done.code == 0, done.log
    assert repository.git("ls-remote", "origin", "refs/heads/main").split()[0] == done.facts["commit"]


@pytest.mark.parametrize("push", [False, "no", ""])
def test_it_is_not_pushed_when_it_was_not_asked(begin, repository: Repository, push) -> None:
    assert revert(begin, repository, push=push).code == 0
    assert repository.git("ls-remote", "origin", "refs/heads/main").split()[0] == repository.third


def test_a_merge_is_taken_back_as_what_it_brought(begin, repository: Repository) -> None:
    repository.git("checkout", "--quiet", "-b", "feature")
    repository.commit("gift.js", "// gifts\n")
    repository.git("checkout", "--quiet", "main")
    repository.commit("other.js", "// other\n")
    repository.git("merge", "--quiet", "--no-ff", "-m", "merge the feature", "feature")
    done = revert(begin, repository)
    assert done.code == 0, done.log
    assert "is a merge" in done.log
    assert repository.read("gift.js") is None
    assert repository.read("other.js") == "// other\n"


def test_a_conflict_is_refused_before_anything_is_touched(begin, repository: Repository) -> None:
    before = repository.state()
    done = revert(begin, repository, commit=repository.first)
    assert done.code != 0
    assert "first commit of all" in done.log
    fourth = repository.commit("app.js", "// three\n")
    before = repository.state()
    done = revert(begin, repository, commit=repository.third)
    assert done.code != 0
    assert "later changes touch the same lines" in done.log
    assert "app.js" in done.log
    assert repository.state() == before
    assert before[0] == fourth
    assert not (repository.folder / ".git" / "REVERT_HEAD").exists()


def test_a_detached_head_gets_a_branch(begin, repository: Repository) -> None:
    repository.git("tag", "v1")
    repository.git("checkout", "--quiet", "--detach", "v1")
    done = revert(begin, repository, push=True)
    assert done.code == 0, done.log
    branch = f"revert/{repository.third[:12]}"
    assert repository.git("branch", "--show-current") == done.facts["revert_branch"] == branch
    assert repository.git("rev-parse", "main") == repository.third
    assert repository.git("ls-remote", "origin", f"refs/heads/{branch}").split()[0] == done.facts["commit"]


def test_local_changes_are_refused(begin, repository: Repository) -> None:
    (repository.folder / "app.js").write_text("// by hand\n")
    before = repository.state()
    done = revert(begin, repository)
    assert done.code != 0
    assert "has local changes" in done.log
    assert repository.state() == before


def test_a_commit_that_is_not_checked_out_is_refused(begin, repository: Repository) -> None:
    repository.git("checkout", "--quiet", "--detach", repository.second)
    done = revert(begin, repository, commit=repository.third)
    assert done.code != 0
    assert "is not part of what is checked out" in done.log


def test_what_was_reverted_before_is_refused(begin, repository: Repository) -> None:
    assert revert(begin, repository, commit=repository.second).code == 0
    before = repository.state()
    done = revert(begin, repository, commit=repository.second)
    assert done.code != 0
    assert repository.state() == before


def test_a_scratch_tree_that_a_killed_attempt_left_is_no_hindrance(begin, repository: Repository) -> None:
    aside = repository.folder.parent / ".production.revert"
    repository.git("worktree", "add", "--quiet", "--detach", str(aside), "HEAD")
    done = revert(begin, repository)
    assert done.code == 0, done.log
    assert not aside.exists()
