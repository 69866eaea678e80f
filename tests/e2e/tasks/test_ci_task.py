"""The CI's verdict at GitHub for exactly one commit, faults included."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import github_standin as hub
from github_standin import GitHubStandIn, github
from reviewed_repository import Reviewed, reviewed
from task_inside import Inside, inside

__all__ = ["inside", "reviewed"]
pytestmark = pytest.mark.e2e


@pytest.fixture
def standin() -> Iterator[GitHubStandIn]:
    with github() as running:
        yield running


def ask(inside: Inside, reviewed: Reviewed, standin: GitHubStandIn, ref: str = "HEAD", **more: Any) -> Any:
    settings = {"repository": hub.REPOSITORY, "api": standin.api, **more}
    made = {"name": "production", "checkout": str(reviewed.checkout), "github": settings}
    return inside("ci.verdict", {"ref": ref}, made, environment={"SHOP_GITHUB_TOKEN": "ghp_secret"})


def head(reviewed: Reviewed) -> str:
    return reviewed.git("rev-parse", "HEAD")


def test_checks_and_statuses_decide_together(
    reviewed: Reviewed, standin: GitHubStandIn, inside: Inside
) -> None:
    commit = head(reviewed)
    standin.check_runs[commit] = [hub.check_run("build", commit), hub.check_run("e2e", commit)]
    standin.statuses[commit] = [hub.status("deploy/preview", "success")]
    done = ask(inside, reviewed, standin)
    assert done.verdict == "pass", done.log
    assert done.facts == {"ci_commit": commit}
    assert "the CI passed for" in done.log
    assert "3 check(s)" in done.log
    standin.statuses[commit] = [hub.status("deploy/preview", "failure")]
    assert ask(inside, reviewed, standin).verdict == "fail"


@pytest.mark.parametrize(
    ("status", "conclusion", "verdict"),
    [
        ("completed", "success", "pass"),
        ("completed", "failure", "fail"),
        ("completed", "timed_out", "fail"),
        ("completed", "skipped", "unknown"),
        ("queued", None, "unknown"),
        ("in_progress", None, "unknown"),
    ],
)
def test_each_state_of_a_required_check(
    reviewed: Reviewed,
    standin: GitHubStandIn,
    inside: Inside,
    status: str,
    conclusion: str | None,
    verdict: str,
) -> None:
    commit = head(reviewed)
    standin.check_runs[commit] = [
        hub.check_run("build", commit),
        hub.check_run("e2e", commit, status, conclusion),
    ]
    assert ask(inside, reviewed, standin, checks=["e2e"]).verdict == verdict


def test_a_verdict_for_the_commit_before_does_not_count(
    reviewed: Reviewed, standin: GitHubStandIn, inside: Inside
) -> None:
    before = head(reviewed)
    commit = reviewed.commit()
    standin.check_runs[before] = [hub.check_run("build", before)]
    assert ask(inside, reviewed, standin).verdict == "unknown"
    assert ask(inside, reviewed, standin, before).verdict == "pass"
    # Even where an answer for this commit has the other one's check in it.
    standin.check_runs[commit] = [hub.check_run("build", before)]
    done = ask(inside, reviewed, standin)
    assert done.verdict == "unknown"
    assert "of another commit" in done.log
    standin.status_sha = before
    assert "is about" in ask(inside, reviewed, standin).log


def test_a_branch_is_judged_at_the_commit_that_a_pull_would_bring(
    reviewed: Reviewed, standin: GitHubStandIn, inside: Inside
) -> None:
    here = head(reviewed)
    ahead = reviewed.commit()
    reviewed.git("update-ref", "refs/remotes/origin/main", ahead)
    reviewed.git("reset", "--quiet", "--hard", here)
    standin.check_runs[here] = [hub.check_run("build", here)]
    assert ask(inside, reviewed, standin, "main").verdict == "unknown"
    standin.check_runs[ahead] = [hub.check_run("build", ahead)]
    assert ask(inside, reviewed, standin, "main").facts == {"ci_commit": ahead}


def test_checks_beyond_the_first_page_are_read(
    reviewed: Reviewed, standin: GitHubStandIn, inside: Inside
) -> None:
    commit = head(reviewed)
    standin.check_runs[commit] = [hub.check_run(f"job-{number}", commit) for number in range(130)]
    assert "130 check(s)" in ask(inside, reviewed, standin).log
    standin.check_runs[commit][-1] = hub.check_run("job-129", commit, conclusion="failure")
    assert ask(inside, reviewed, standin).verdict == "fail"
    standin.check_runs[commit] = [hub.check_run(f"job-{number}", commit) for number in range(1100)]
    done = ask(inside, reviewed, standin)
    assert done.verdict == "unknown"
    assert "more than 20 pages" in done.log


def test_a_list_that_is_not_whole_is_unknown(
    reviewed: Reviewed, standin: GitHubStandIn, inside: Inside
) -> None:
    commit = head(reviewed)
    standin.check_runs[commit] = [hub.check_run("build", commit)]
    standin.total_count_more = 1
    done = ask(inside, reviewed, standin)
    assert done.verdict == "unknown"
    assert "counts 2" in done.log


@pytest.mark.parametrize("part", ["/check-runs", "/status"])
@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (hub.refusing(403, "API rate limit exceeded", x_ratelimit_remaining="0"), "rate limit is used up"),
        (hub.refusing(404, "Not Found"), "knows no such repository or commit"),
        (hub.refusing(422, "No commit found for SHA"), "No commit found"),
        (hub.refusing(500, "Server Error"), "has a fault (status 500"),
        (hub.refusing(302, "Found", location="http://127.0.0.1:9/"), "has moved"),
        (hub.truncated, "not whole JSON"),
        (hub.broken_off, "broke off its answer"),
        (lambda handler: hub.send(handler, 200, "[]"), "another shape"),
        (lambda handler: hub.send(handler, 200, "null"), "another shape"),
    ],
)
def test_a_fault_is_unknown(
    reviewed: Reviewed, standin: GitHubStandIn, inside: Inside, part: str, fault: hub.Fault, said: str
) -> None:
    commit = head(reviewed)
    standin.check_runs[commit] = [hub.check_run("build", commit)]
    standin.faults[part] = fault
    done = ask(inside, reviewed, standin, token={"env": "SHOP_GITHUB_TOKEN"})
    assert done.verdict == "unknown", done.log
    assert said in done.log
    assert "ghp_secret" not in done.log


def test_without_a_repository_or_a_server_it_is_unknown(reviewed: Reviewed, inside: Inside) -> None:
    made: dict[str, Any] = {"name": "production", "checkout": str(reviewed.checkout)}
    assert inside("ci.verdict", {"ref": "HEAD"}, made).verdict == "unknown"
    made["github"] = {"repository": hub.REPOSITORY, "api": "http://127.0.0.1:1"}
    done = inside("ci.verdict", {"ref": "HEAD"}, made)
    assert done.verdict == "unknown"
    assert "can't be reached" in done.log


@pytest.mark.parametrize("token", ["two words", "line\nbreak", "caf\u00e9"])
def test_a_token_that_can_not_be_sent_is_not_shown(
    reviewed: Reviewed, standin: GitHubStandIn, inside: Inside, token: str, tmp_path: Path
) -> None:
    (tmp_path / "token").write_text(token, encoding="utf-8")
    done = ask(inside, reviewed, standin, token={"file": str(tmp_path / "token")})
    assert done.verdict == "unknown"
    assert token.split(maxsplit=1)[0] not in done.log
    assert standin.requests == []


def test_a_target_that_goes_by_the_ci_has_its_tests_passed_by_it(
    reviewed: Reviewed, standin: GitHubStandIn, inside: Inside
) -> None:
    commit = head(reviewed)
    made: dict[str, Any] = {
        "name": "production",
        "production": True,
        "checkout": str(reviewed.checkout),
        "tests": {"by": "ci"},
    }

    def tested() -> Any:
        return inside("tests.passed", {"ref": "HEAD"}, made)

    assert tested().verdict == "unknown", "it names no repository"
    made["github"] = {"repository": hub.REPOSITORY, "api": standin.api, "checks": ["build"]}
    assert tested().verdict == "unknown"
    standin.check_runs[commit] = [hub.check_run("build", commit, "completed", "failure")]
    assert tested().verdict == "fail"
    standin.check_runs[commit] = [hub.check_run("build", commit)]
    done = tested()
    assert done.verdict == "pass", done.log
    assert done.facts == {"tested_commit": commit}
