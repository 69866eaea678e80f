"""The review check: real git, real SSH signatures, and GitHub's answers, faults included."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import github_standin as hub
from github_standin import GitHubStandIn, github
from handrail.policy.review import approval_text
from reviewed_repository import Reviewed, reviewed
from task_inside import Inside, inside

__all__ = ["inside", "reviewed"]
pytestmark = pytest.mark.e2e
PEOPLE = [{"users": ["ops"], "logins": ["operator"], "emails": ["operator@team.invalid"]}]
OPERATOR = {"HANDRAIL_OPERATOR": "ops"}


@pytest.fixture
def standin() -> Iterator[GitHubStandIn]:
    with github() as running:
        yield running


def target(reviewed: Reviewed, *sources: str, standin: GitHubStandIn | None = None, **review: Any) -> Any:
    made: dict[str, Any] = {
        "name": "production",
        "production": True,
        "checkout": str(reviewed.checkout),
        "review": {
            "source": sources,
            "people": PEOPLE,
            "allowed_signers": str(reviewed.signers),
            "approvals": str(reviewed.folder / "approvals"),
            **review,
        },
    }
    if standin is not None:
        made["github"] = {
            "repository": hub.REPOSITORY,
            "api": standin.api,
            "token": {"env": "SHOP_GITHUB_TOKEN"},
        }
    return made


def ask(run: Any, made: Any, ref: str = "HEAD", environment: dict[str, str] | None = None) -> Any:
    variables = {**OPERATOR, "SHOP_GITHUB_TOKEN": "ghp_secret"} | (environment or {})
    return run("review.approved", {"ref": ref}, made, environment=variables)


def keep(reviewed: Reviewed, commit: str, signature: bytes, name: str = "one.sig") -> Path:
    folder = reviewed.folder / "approvals" / commit
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(signature)
    return folder / name


def propose(standin: GitHubStandIn, commit: str, *reviews: Any) -> None:
    """A pull request by the author, whose head is this commit."""
    standin.pulls[commit] = [hub.pull(7, commit, "author")]
    standin.commits[7] = [hub.commit(commit, "author@team.invalid", "author")]
    standin.reviews[7] = list(reviews)


# Signed approvals


@pytest.mark.parametrize(
    ("signer", "verdict", "said"),
    [
        ("reviewer", "pass", "1 of 1 approval(s)"),
        ("author", "fail", "is the author"),
        ("operator", "fail", "is the operator"),
        ("stranger", "fail", "is nobody's in allowed_signers"),
    ],
)
def test_a_signed_approval(reviewed: Reviewed, inside: Inside, signer: str, verdict: str, said: str) -> None:
    reviewed.allow("reviewer", "author", "operator")
    commit = reviewed.git("rev-parse", "HEAD")
    keep(reviewed, commit, reviewed.sign(signer, approval_text("production", commit)))
    done = ask(inside, target(reviewed, "signed"))
    assert done.verdict == verdict, done.log
    assert said in done.log
    assert (done.error == "") is (verdict == "pass")
    assert done.facts.get("approved_commit") == (commit if verdict == "pass" else None)


def test_an_approval_of_something_else_does_not_count(reviewed: Reviewed, inside: Inside) -> None:
    reviewed.allow("reviewer")
    before = reviewed.git("rev-parse", "HEAD")
    commit = reviewed.commit()
    keep(reviewed, before, reviewed.sign("reviewer", approval_text("production", before)))
    keep(reviewed, commit, reviewed.sign("reviewer", approval_text("production", before)), "commit.sig")
    keep(reviewed, commit, reviewed.sign("reviewer", approval_text("staging", commit)), "target.sig")
    keep(reviewed, commit, reviewed.sign("reviewer", approval_text("production", commit), "file"), "ns.sig")
    keep(reviewed, commit, b"nonsense", "nonsense.sig")
    keep(reviewed, commit, b"x" * 20_000, "large.sig")
    done = ask(inside, target(reviewed, "signed"))
    assert done.verdict == "fail", done.log
    assert done.log.count("(signed approval): no good signature for this commit and this target") >= 4
    assert "too large" in done.log
    assert ask(inside, target(reviewed, "signed"), before).verdict == "pass"


def test_two_lines_for_one_key_are_one_person(reviewed: Reviewed, inside: Inside) -> None:
    reviewed.allow("operator", principal="nickname")
    reviewed.allow("operator")
    commit = reviewed.git("rev-parse", "HEAD")
    keep(reviewed, commit, reviewed.sign("operator", approval_text("production", commit)))
    done = ask(inside, target(reviewed, "signed"))
    assert done.verdict == "fail"
    assert "is the operator" in done.log


@pytest.mark.parametrize("options", ['valid-before="20200101"', 'namespaces="git"'])
def test_a_key_that_is_not_allowed_for_this_now(reviewed: Reviewed, inside: Inside, options: str) -> None:
    reviewed.allow("reviewer", options=options)
    commit = reviewed.git("rev-parse", "HEAD")
    keep(reviewed, commit, reviewed.sign("reviewer", approval_text("production", commit)))
    done = ask(inside, target(reviewed, "signed"))
    assert done.verdict == "fail"
    assert "doesn't allow its key for this" in done.log


@pytest.mark.parametrize(
    ("changes", "environment", "said"),
    [
        ({}, {"HANDRAIL_OPERATOR": ""}, "who deploys isn't known"),
        ({"people": []}, {}, "can't be told from the operator, ops"),
        ({"allowed_signers": None}, {}, "names no allowed_signers"),
        ({"allowed_signers": "/nowhere/signers"}, {}, "can't be read"),
        ({"source": []}, {}, "doesn't say where approvals are found"),
    ],
)
def test_what_can_not_be_known_is_unknown(
    reviewed: Reviewed, inside: Inside, changes: dict[str, Any], environment: dict[str, str], said: str
) -> None:
    reviewed.allow("reviewer")
    commit = reviewed.git("rev-parse", "HEAD")
    keep(reviewed, commit, reviewed.sign("reviewer", approval_text("production", commit)))
    done = ask(inside, target(reviewed, "signed", **changes), environment=environment)
    assert done.verdict == "unknown", done.log
    assert said in done.log


def test_a_target_that_does_without_says_why(reviewed: Reviewed, inside: Inside) -> None:
    made = target(reviewed, enabled=False, reason="one person alone works on it")
    done = ask(inside, made)
    assert done.verdict == "pass"
    assert "asks for no review before production: one person alone works on it" in done.log
    assert "approved_commit" not in done.facts
    nothing_said = {"name": "staging", "checkout": str(reviewed.checkout)}
    assert "no production target" in ask(inside, nothing_said).log


# Trailers


@pytest.mark.parametrize(
    ("case", "signed_by", "trailer", "verdict", "said"),
    [
        ("the reviewer committed and signed", "reviewer", "reviewer", "pass", "approved"),
        ("a maintainer signed", "maintainer", "reviewer", "pass", "approved"),
        (
            "the author signed",
            "author",
            "reviewer",
            "fail",
            "signed by author@team.invalid, who is the author",
        ),
        ("the operator signed", "operator", "reviewer", "fail", "who is the operator"),
        ("a stranger signed", "stranger", "reviewer", "fail", "signature is not good"),
        ("nobody signed", "", "reviewer", "fail", "no SSH signature"),
        ("the author is the reviewer", "maintainer", "author", "fail", "is the author"),
        ("there is no trailer", "reviewer", "", "fail", "0 of 1"),
    ],
)
def test_a_trailer_counts_on_the_word_of_another_signer(
    reviewed: Reviewed, inside: Inside, case: str, signed_by: str, trailer: str, verdict: str, said: str
) -> None:
    reviewed.allow("reviewer", "author", "operator", "maintainer")
    trailers = (f"Reviewed-by: {trailer.title()} <{trailer}@team.invalid>",) if trailer else ()
    reviewed.commit(by="maintainer", author="author", signed_by=signed_by, trailers=trailers)
    done = ask(inside, target(reviewed, "trailers"))
    assert done.verdict == verdict, f"{case}: {done.log}"
    assert said in done.log


def test_a_co_author_is_an_author(reviewed: Reviewed, inside: Inside) -> None:
    reviewed.allow("maintainer")
    trailers = ("Co-authored-by: R <reviewer@team.invalid>", "Reviewed-by: R <reviewer@team.invalid>")
    reviewed.commit(by="maintainer", author="author", signed_by="maintainer", trailers=trailers)
    done = ask(inside, target(reviewed, "trailers"))
    assert done.verdict == "fail"
    assert "is the author" in done.log


def test_the_checkout_can_not_choose_what_verifies(
    reviewed: Reviewed, inside: Inside, tmp_path: Path
) -> None:
    reviewed.allow("reviewer")
    liar = tmp_path / "liar"
    liar.write_text("#!/bin/sh\necho 'Good \"git\" signature for reviewer with ED25519 key SHA256:x'\n")
    liar.chmod(0o755)
    trailers = ("Reviewed-by: R <reviewer@team.invalid>",)
    reviewed.commit(by="maintainer", author="author", signed_by="stranger", trailers=trailers)
    reviewed.git("config", "gpg.ssh.program", str(liar))
    reviewed.git("config", "gpg.ssh.allowedSignersFile", "/dev/null")
    assert ask(inside, target(reviewed, "trailers")).verdict == "fail"


def test_a_replaced_commit_is_not_believed(reviewed: Reviewed, inside: Inside) -> None:
    reviewed.allow("maintainer")
    plain = reviewed.commit(by="author")
    trailers = ("Reviewed-by: R <reviewer@team.invalid>",)
    other = reviewed.commit(by="maintainer", author="author", signed_by="maintainer", trailers=trailers)
    reviewed.git("replace", plain, other)
    assert ask(inside, target(reviewed, "trailers"), plain).verdict == "fail"
    assert ask(inside, target(reviewed, "trailers"), other).verdict == "pass"


# GitHub


@pytest.mark.parametrize(
    ("case", "reviews", "verdict", "said"),
    [
        ("approved", [("reviewer", "APPROVED")], "pass", "1 of 1"),
        ("nobody has reviewed", [], "fail", "0 of 1"),
        ("commented", [("reviewer", "COMMENTED")], "fail", "0 of 1"),
        ("dismissed", [("reviewer", "DISMISSED")], "fail", "was dismissed"),
        (
            "changed the mind",
            [("reviewer", "APPROVED"), ("reviewer", "CHANGES_REQUESTED")],
            "fail",
            "changes",
        ),
        (
            "content after all",
            [("reviewer", "CHANGES_REQUESTED"), ("reviewer", "APPROVED")],
            "pass",
            "1 of 1",
        ),
        ("by the author", [("author", "APPROVED")], "fail", "is the author"),
        ("by the operator", [("operator", "APPROVED")], "fail", "is the operator"),
        ("by an account that is gone", [(None, "APPROVED")], "fail", "was deleted"),
    ],
)
def test_reviews_at_github(
    reviewed: Reviewed,
    standin: GitHubStandIn,
    inside: Inside,
    case: str,
    reviews: Any,
    verdict: str,
    said: str,
) -> None:
    commit = reviewed.git("rev-parse", "HEAD")
    propose(standin, commit, *(hub.review(login, commit, state) for login, state in reviews))
    done = ask(inside, target(reviewed, "github", standin=standin))
    assert done.verdict == verdict, f"{case}: {done.log}"
    assert said in done.log
    assert set(standin.tokens) == {"Bearer ghp_secret"}
    assert "ghp_secret" not in done.log + json.dumps(done.report)


def test_a_stale_approval_a_bot_and_an_outsider_do_not_count(
    reviewed: Reviewed, standin: GitHubStandIn, inside: Inside
) -> None:
    before = reviewed.git("rev-parse", "HEAD")
    commit = reviewed.commit()
    outsider = hub.review("visitor", commit, author_association="NONE")
    bot = hub.review("checker[bot]", commit, user=hub.user("checker[bot]", "Bot"))
    propose(standin, commit, hub.review("reviewer", before), bot, outsider)
    done = ask(inside, target(reviewed, "github", standin=standin))
    assert done.verdict == "fail"
    assert f"stale: it is of {before[:12]}" in done.log
    assert "no person's account" in done.log
    assert "not a member of the team" in done.log


def test_reviews_beyond_the_first_page_are_read(
    reviewed: Reviewed, standin: GitHubStandIn, inside: Inside
) -> None:
    commit = reviewed.git("rev-parse", "HEAD")
    comments = [hub.review(f"visitor-{number}", commit, "COMMENTED") for number in range(120)]
    propose(standin, commit, hub.review("reviewer", commit), *comments)
    standin.reviews[7].append(hub.review("reviewer", commit, "CHANGES_REQUESTED"))
    done = ask(inside, target(reviewed, "github", standin=standin))
    assert done.verdict == "fail", done.log
    assert "changes were requested" in done.log


@pytest.mark.parametrize(("same_tree", "verdict"), [(True, "pass"), (False, "fail")])
def test_a_merge_counts_where_it_adds_nothing_to_what_was_reviewed(
    reviewed: Reviewed, standin: GitHubStandIn, inside: Inside, same_tree: bool, verdict: str
) -> None:
    reviewed.git("checkout", "--quiet", "-b", "feature")
    head = reviewed.commit("feature.js")
    reviewed.git("checkout", "--quiet", "main")
    if not same_tree:
        reviewed.commit("other.js", by="second")
    reviewed.git("merge", "--quiet", "--no-ff", "-m", "Merge", "feature", by="reviewer")
    merge = reviewed.git("rev-parse", "HEAD")
    standin.pulls[merge] = [hub.pull(7, head, "author", merged_as=merge)]
    standin.commits[7] = [hub.commit(head, "author@team.invalid", "author")]
    standin.reviews[7] = [hub.review("reviewer", head)]
    standin.trees = {sha: reviewed.git("rev-parse", f"{sha}^{{tree}}") for sha in (head, merge)}
    people = [*PEOPLE, {"logins": ["reviewer"], "emails": ["reviewer@team.invalid"]}]
    done = ask(inside, target(reviewed, "github", standin=standin, people=people))
    assert done.verdict == verdict, done.log
    if not same_tree:
        assert "had not seen" in done.log


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (
            hub.refusing(
                403, "API rate limit exceeded", x_ratelimit_remaining="0", x_ratelimit_reset="1790000000"
            ),
            "rate limit is used up until 2026-09-21 14:13:20 UTC",
        ),
        (hub.refusing(403, "Resource not accessible"), "Resource not accessible"),
        (hub.refusing(429, "secondary limit", retry_after="60"), "left alone for 60 s"),
        (hub.refusing(401, "Bad credentials"), "doesn't take the token"),
        (hub.refusing(404, "Not Found"), "knows no such repository or commit"),
        (hub.refusing(500, "Server Error"), "has a fault (status 500"),
        (hub.refusing(301, "Moved", location="http://127.0.0.1:9/elsewhere"), "has moved"),
        (hub.truncated, "not whole JSON"),
        (hub.broken_off, "broke off its answer"),
        (lambda handler: hub.send(handler, 200, '{"message": "hello"}'), "another shape"),
        (lambda handler: hub.send(handler, 200, "[1, 2]"), "another shape"),
    ],
)
@pytest.mark.parametrize("part", ["/commits/", "/reviews", "/pulls/7/commits"])
def test_a_fault_of_github_is_unknown(
    reviewed: Reviewed, standin: GitHubStandIn, inside: Inside, fault: hub.Fault, said: str, part: str
) -> None:
    commit = reviewed.git("rev-parse", "HEAD")
    propose(standin, commit, hub.review("reviewer", commit))
    standin.faults[part] = fault
    done = ask(inside, target(reviewed, "github", standin=standin))
    assert done.verdict == "unknown", done.log
    assert said in done.log
    assert "ghp_secret" not in done.log


def test_a_fault_of_github_is_no_harm_where_another_source_suffices(
    reviewed: Reviewed, standin: GitHubStandIn, inside: Inside
) -> None:
    standin.faults["/"] = hub.refusing(500, "Server Error")
    reviewed.allow("reviewer")
    commit = reviewed.git("rev-parse", "HEAD")
    keep(reviewed, commit, reviewed.sign("reviewer", approval_text("production", commit)))
    done = ask(inside, target(reviewed, "github", "signed", standin=standin))
    assert done.verdict == "pass", done.log
    assert "not looked at: github" in done.log


def test_a_silent_github_is_unknown(
    reviewed: Reviewed, standin: GitHubStandIn, inside: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("handrail.tasks.github.TIMEOUT_SECONDS", 0.3)
    over = threading.Event()
    standin.faults["/pulls"] = lambda handler: over.wait(20) and None
    done = ask(inside, target(reviewed, "github", standin=standin))
    over.set()
    assert done.verdict == "unknown"
    assert "didn't answer within 0.3 s" in done.log


def test_the_operator_is_whom_the_engine_wrote_down_not_what_a_shell_says(
    reviewed: Reviewed, begin: Any, tmp_path: Path
) -> None:
    reviewed.allow("operator", "reviewer")
    commit = reviewed.git("rev-parse", "HEAD")
    keep(reviewed, commit, reviewed.sign("operator", approval_text("production", commit)))
    people = [*PEOPLE, {"users": ["somebody"], "emails": ["somebody@team.invalid"]}]
    made = target(reviewed, "signed", people=people)
    spec = tmp_path / "engine"
    spec.mkdir()
    (spec / "spec.json").write_text(json.dumps({"environment": {"HANDRAIL_OPERATOR": "ops (as root)"}}))
    forged = {"HANDRAIL_OPERATOR": "somebody", "HANDRAIL_ATTEMPT": str(spec)}
    done = begin("review.approved", {"ref": "HEAD"}, made, environment=forged)
    assert (done.verdict, done.code) == ("fail", 1), done.log
    assert "is the operator" in done.log
    unforged = begin("review.approved", {"ref": "HEAD"}, made, environment={"HANDRAIL_OPERATOR": "somebody"})
    assert unforged.verdict == "pass", unforged.log
