"""The hotfix tasks on real repositories, with a real application that says which release it serves."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from handrail.tasks.dry import preview

pytestmark = pytest.mark.e2e
IDENTITY = {
    **{
        f"GIT_{role}_{part}": value
        for role in ("AUTHOR", "COMMITTER")
        for part, value in (("NAME", "Release"), ("EMAIL", "release@example.com"))
    },
    "GIT_CONFIG_GLOBAL": os.devnull,
}


class Project:
    """A remote, and a clone with two tagged releases and an unreleased commit on main."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "clone"
        self._git(folder, "init", "--quiet", "--bare", "-b", "main", "origin.git")
        self._git(folder, "init", "--quiet", "-b", "main", "clone")
        self.first = self.commit("app.js", "// one\n")
        self.git("tag", "-a", "-m", "one", "v1.0.0")
        self.second = self.commit("app.js", "// two\n")
        self.git("tag", "-a", "-m", "two", "v1.1.0")
        self.unreleased = self.commit("new.js", "// not yet\n")
        self.git("remote", "add", "origin", "../origin.git")
        self.git("push", "--quiet", "origin", "main", "--tags")

    def _git(self, at: Path, *arguments: str) -> str:
        done = subprocess.run(
            ["git", *arguments],
            cwd=at,
            env={**os.environ, **IDENTITY},
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

    def fix(self, branch: str, files: int = 1, lines: int = 1) -> str:
        """Commit a fix on a branch as an operator would: in a working tree beside."""
        beside = self.folder.parent / "beside"
        self.git("worktree", "add", "--quiet", str(beside), branch)
        for number in range(files):
            (beside / f"fix-{number}.js").write_text("// mended\n" * lines)
        self._git(beside, "add", ".")
        self._git(beside, "commit", "--quiet", "-m", "mend it")
        return self._git(beside, "rev-parse", "HEAD")

    def remote(self, ref: str) -> str:
        return self.git("ls-remote", "origin", ref).partition("\t")[0]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


class Production:
    """What production answers at /version, one answer after the other."""

    def __init__(self) -> None:
        self.answers: list[str] = []
        production = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = production.answers[0].encode()
                production.answers.append(production.answers.pop(0))
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *words: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def serves(self, *releases: dict[str, str]) -> None:
        self.answers = [json.dumps(each) for each in releases]


@pytest.fixture
def production() -> Iterator[Production]:
    served = Production()
    yield served
    served.server.shutdown()
    served.thread.join()
    served.server.server_close()


@pytest.fixture
def do(tmp_path: Path, project: Project, production: Production) -> Callable[..., dict]:
    """Run a task as an attempt in the project's clone."""

    def start(name: str, **arguments: object) -> dict:
        folder = tmp_path / "attempts" / f"{len(list((tmp_path / 'attempts').glob('*'))) + 1:04d}"
        folder.mkdir(parents=True)
        target = {
            "name": "production",
            "checkout": str(tmp_path),  # another folder than the project's clone
            "app_url": production.url,
            "hotfix": {"max_files": 2, "max_lines": 10},
        }
        task = {"name": name, "arguments": arguments, "target": target}
        (folder / "spec.json").write_text(json.dumps({"format": 1, "cwd": str(project.folder), "task": task}))
        done = subprocess.run(
            [sys.executable, "-P", "-m", "handrail.tasks", "--attempt", str(folder)],
            cwd=project.folder,
            env={**os.environ, **IDENTITY, "HANDRAIL_REPORT": str(folder / "report.jsonl")},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
            check=False,
        )
        report = folder / "report.jsonl"
        said = [json.loads(line) for line in report.read_text().splitlines()] if report.exists() else []
        return {
            "code": done.returncode,
            "log": done.stdout,
            "facts": {each["fact"]: each["value"] for each in said if "fact" in each},
            "verdict": next((each["verdict"] for each in reversed(said) if "verdict" in each), None),
        }

    return start


def test_the_branch_begins_at_what_production_serves(do, project: Project, production: Production) -> None:
    production.serves({"version": "1.0.0", "commit": project.first})
    done = do("hotfix.branch", incident="INC-1")
    assert done["code"] == 0, done["log"]
    assert project.git("rev-parse", "hotfix/INC-1") == project.first
    assert project.git("branch", "--show-current") == "main"
    assert done["facts"] == {
        "hotfix_branch": "hotfix/INC-1",
        "hotfix_base": "v1.0.0",
        "hotfix_base_commit": project.first,
    }
    assert "git worktree add ../hotfix-INC-1 hotfix/INC-1" in done["log"]


def test_a_branch_that_is_there_already_is_kept(do, project: Project, production: Production) -> None:
    production.serves({"version": "1.1.0", "commit": project.second})
    assert do("hotfix.branch", incident="INC-1")["code"] == 0
    fix = project.fix("hotfix/INC-1")
    again = do("hotfix.branch", incident="INC-1")
    assert again["code"] == 0, again["log"]
    assert "is here already" in again["log"]
    assert project.git("rev-parse", "hotfix/INC-1") == fix


def test_a_branch_of_that_name_from_elsewhere_is_refused(
    do, project: Project, production: Production
) -> None:
    project.git("branch", "hotfix/INC-1", "v1.0.0")
    production.serves({"version": "1.1.0", "commit": project.second})
    done = do("hotfix.branch", incident="INC-1")
    assert done["code"] != 0
    assert "doesn't begin at v1.1.0" in done["log"]
    assert project.git("rev-parse", "hotfix/INC-1") == project.first


def test_a_version_without_a_commit_is_found_by_its_tag(do, project: Project, production: Production) -> None:
    production.serves({"version": "1.1.0"})
    assert do("hotfix.branch", incident="INC-1")["facts"]["hotfix_base"] == "v1.1.0"


def test_of_two_tags_the_one_that_is_called_like_the_version(
    do, project: Project, production: Production
) -> None:
    project.git("tag", "stable", "v1.1.0")
    production.serves({"version": "1.1.0", "commit": project.second})
    assert do("hotfix.branch", incident="INC-1")["facts"]["hotfix_base"] == "v1.1.0"


@pytest.mark.parametrize(
    ("answers", "tags", "said"),
    [
        ([("1.0.0", "first"), ("1.1.0", "second")], (), "It isn't clear which release production serves"),
        ([("?", "unreleased")], (), "No tag names what production serves"),
        ([("?", "second")], ("stable",), "Several tags name what production serves"),
        ([("", "")], (), "It isn't clear which release"),
        ([("9.9.9", "")], (), "No tag names"),
    ],
)
def test_what_is_not_clear_is_refused(
    do, project: Project, production: Production, answers, tags, said
) -> None:
    for tag in tags:
        project.git("tag", tag, "v1.1.0")
    production.serves(*({"version": v, "commit": getattr(project, c, "")} for v, c in answers))
    done = do("hotfix.branch", incident="INC-1")
    assert done["code"] != 0
    assert said in done["log"]
    assert project.git("branch", "--list", "hotfix/*") == ""


def test_a_production_that_does_not_answer(do, project: Project, production: Production) -> None:
    production.server.shutdown()
    production.server.server_close()
    done = do("hotfix.branch", incident="INC-1")
    assert done["code"] != 0
    assert "can't be asked which release it serves" in done["log"]
    production.server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    production.thread = threading.Thread(target=production.server.serve_forever, daemon=True)
    production.thread.start()


@pytest.mark.parametrize("incident", ["a..b", "x.lock", "x~1:y", "a b", ""])
def test_a_name_that_no_branch_can_have(do, project: Project, production: Production, incident: str) -> None:
    production.serves({"version": "1.1.0", "commit": project.second})
    assert do("hotfix.branch", incident=incident)["code"] != 0
    assert project.git("branch", "--list", "hotfix*") == ""


@pytest.mark.parametrize(
    ("files", "lines", "verdict", "said"),
    [
        (1, 10, "pass", "within the target's limit"),
        (1, 11, "pass", "WARNING: more than 10 lines"),
        (3, 1, "pass", "WARNING: more than 2 files"),
        (0, 0, "fail", "nothing is fixed yet"),
    ],
)
def test_the_size_of_the_fix(do, project: Project, files: int, lines: int, verdict: str, said: str) -> None:
    project.git("branch", "hotfix/INC-1", "v1.1.0")
    if files:
        project.fix("hotfix/INC-1", files, lines)
    done = do("hotfix.size", incident="INC-1", base="v1.1.0")
    assert done["verdict"] == verdict
    assert (done["code"] == 0) is (verdict == "pass")
    assert said in done["log"]


def test_a_size_that_can_not_be_counted_is_unknown(do, project: Project) -> None:
    done = do("hotfix.size", incident="INC-1", base="v1.1.0")
    assert done["verdict"] == "unknown"
    assert done["code"] != 0


@pytest.mark.parametrize(("push", "pushed"), [("yes", True), (True, True), ("no", False), (False, False)])
def test_the_repaired_release_is_tagged_and_pushed_only_when_asked(
    do, project: Project, push, pushed
) -> None:
    project.git("branch", "hotfix/INC-1", "v1.1.0")
    fix = project.fix("hotfix/INC-1")
    done = do("hotfix.release", incident="INC-1", tag="v1.1.1", push=push)
    assert done["code"] == 0, done["log"]
    assert project.git("rev-parse", "v1.1.1^{commit}") == fix
    assert bool(project.remote("refs/tags/v1.1.1")) is pushed
    assert bool(project.remote("refs/heads/hotfix/INC-1")) is pushed
    assert ("Not pushed" in done["log"]) is not pushed
    assert do("hotfix.release", incident="INC-1", tag="v1.1.1", push=push)["code"] == 0


def test_a_tag_is_never_moved(do, project: Project) -> None:
    project.git("branch", "hotfix/INC-1", "v1.1.0")
    project.fix("hotfix/INC-1")
    done = do("hotfix.release", incident="INC-1", tag="v1.0.0", push="yes")
    assert done["code"] != 0
    assert "names another commit" in done["log"]
    assert project.git("rev-parse", "v1.0.0^{commit}") == project.first
    assert project.remote("refs/heads/hotfix/INC-1") == ""


def test_a_preview_says_the_commands_and_changes_nothing(project: Project, monkeypatch) -> None:
    from handrail.project.model import Target

    monkeypatch.chdir(project.folder)
    before = project.git("for-each-ref")
    target = Target(name="production", app_url="http://127.0.0.1:1")
    for name, arguments in (
        ("hotfix.branch", {"incident": "INC-1"}),
        ("hotfix.size", {"incident": "INC-1", "base": "v1.1.0"}),
        ("hotfix.release", {"incident": "INC-1", "tag": "v1.1.1", "push": "yes"}),
    ):
        assert any(line.startswith("$ git") for line in preview(name, arguments, target))
    assert project.git("for-each-ref") == before
