"""Code review: somebody other than the author and the operator approved exactly this commit.

deployment-workflow.md, Pre-Deployment Checklist 2: "At least one team member must approve changes".
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from handrail.policy.gate import Verdict
from handrail.policy.judgement import Judgement
from handrail.policy.people import Person, known, person, same_person

SIGNATURE_NAMESPACE = "handrail-approval"
TEAM = frozenset({"OWNER", "MEMBER", "COLLABORATOR"})
DECIDING = frozenset({"APPROVED", "CHANGES_REQUESTED", "DISMISSED"})


@dataclass(frozen=True, slots=True)
class Approval:
    """An approval by somebody; `why_not` says why it can't count, whoever gave it; empty where it can.

    `told_by` is who says so, where that isn't the approver: an author could name anybody.
    """

    by: Person
    source: str
    why_not: str = ""
    told_by: Person | None = None


@dataclass(frozen=True, slots=True)
class Review:
    """One review of a pull request, as GitHub has it; `kind` is the account's, `commit` what was reviewed."""

    login: str
    kind: str
    association: str
    state: str
    commit: str


@dataclass(frozen=True, slots=True)
class Question:
    """What has to be approved: by whom it was written, who deploys it, and who is who in the team.

    `trouble` has, in a sentence each, what could not be looked at.
    """

    commit: str
    authors: tuple[Person, ...]
    operator: Person | None
    people: tuple[Person, ...] = ()
    minimum: int = 1
    trouble: tuple[str, ...] = ()


def approval_text(target: str, commit: str) -> str:
    """The text that an approver signs; it is made anew wherever it is needed, never read from a file."""
    return (
        "handrail approval, format 1\n"
        f"target: {target}\n"
        f"commit: {commit}\n"
        "I have reviewed this commit, and approve its deployment to this target.\n"
    )


def github_approvals(number: int, reviews: Sequence[Review], reviewed: Collection[str]) -> list[Approval]:
    """What each reviewer of a pull request last decided, oldest review first; `reviewed` are the commits
    for which an approval counts.

    A comment decides nothing. A later request for changes, or a dismissal, takes an approval back.
    """
    last = {review.login.lower(): review for review in reviews if review.state in DECIDING}
    found = []
    for review in last.values():
        why_not = ""
        if not review.login:
            why_not = "the account was deleted"
        elif review.kind != "User" or review.login.endswith("[bot]"):
            why_not = "it is no person's account"
        elif review.state == "CHANGES_REQUESTED":
            why_not = "changes were requested"
        elif review.state == "DISMISSED":
            why_not = "the approval was dismissed"
        elif review.association not in TEAM:
            why_not = f"not a member of the team ({review.association.lower() or 'no association'})"
        elif review.commit not in reviewed:
            why_not = f"stale: it is of {review.commit[:12] or 'a commit that is gone'}"
        found.append(Approval(person(logins=[review.login]), f"review of pull request {number}", why_not))
    return found


def judge(question: Question, approvals: Sequence[Approval]) -> Judgement:
    """Whether enough people approved. Unknown where it can't be told who is who, or a source is silent."""
    commit = question.commit[:12]
    if question.operator is None:
        return Judgement.of(
            Verdict.UNKNOWN, "who deploys isn't known, so nobody can be told from the operator"
        )
    if not question.authors:
        return Judgement.of(
            Verdict.UNKNOWN, f"who wrote {commit} isn't known, so nobody can be told from the author"
        )
    operator = known(question.operator, question.people)
    authors = [known(author, question.people) for author in question.authors]
    counted: list[Person] = []
    lines: list[str] = []
    unsure = bool(question.trouble)
    for approval in approvals:
        by = known(approval.by, question.people)
        why, doubt = approval.why_not, False
        if not why:
            why, doubt = _objection(by, authors, operator)
        if not why and approval.told_by is not None:
            why, doubt = _objection(known(approval.told_by, question.people), authors, operator)
            why = why and f"signed by {approval.told_by.shown}, who {why}"
        if not why:
            why, doubt = _counted_already(by, counted)
        unsure = unsure or doubt
        if not why:
            counted.append(by)
        lines.append(f"{by.shown} ({approval.source}): {why or 'approved'}")
    lines += [f"not looked at: {trouble}" for trouble in question.trouble]
    summary = f"{len(counted)} of {question.minimum} approval(s) for {commit}"
    if len(counted) >= question.minimum:
        return Judgement.of(Verdict.PASS, summary, *lines)
    return Judgement.of(Verdict.UNKNOWN if unsure else Verdict.FAIL, summary, *lines)


def _objection(by: Person, authors: Sequence[Person], operator: Person) -> tuple[str, bool]:
    """Why this person's word doesn't count, and whether that is a doubt rather than knowledge."""
    doubt = ""
    for other, role in [*((author, "the author") for author in authors), (operator, "the operator")]:
        same = same_person(by, other)
        if same:
            return f"is {role}", False
        if same is None:
            doubt = doubt or f"can't be told from {role}, {other.shown}: name both in review.people"
    return doubt, bool(doubt)


def _counted_already(by: Person, counted: Sequence[Person]) -> tuple[str, bool]:
    """Whether this person's approval stands already; two names that can't be compared may be one person."""
    for other in counted:
        same = same_person(by, other)
        if same:
            return f"counted already, as {other.shown}", False
        if same is None:
            return f"may be {other.shown}, who is counted already: name both in review.people", True
    return "", False
