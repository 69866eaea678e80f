"""Who approved, and whether that counts: every combination of author, operator and reviewer."""

from __future__ import annotations

from dataclasses import replace

import pytest

from handrail.policy.gate import Verdict
from handrail.policy.people import account, known, names_nobody, person, same_person
from handrail.policy.review import Approval, Question, Review, approval_text, github_approvals, judge

COMMIT, OTHER = "a" * 40, "b" * 40
AUTHOR = person(logins=["author"], emails=["author@team.invalid"])
REVIEWER = person(logins=["reviewer"], emails=["reviewer@team.invalid"])
SECOND = person(logins=["second"], emails=["second@team.invalid"])
OPERATOR = person(users=["ops"], logins=["operator"], emails=["operator@team.invalid"])
QUESTION = Question(COMMIT, (AUTHOR,), account("ops"), (OPERATOR,))
PASS, FAIL, UNKNOWN = Verdict.PASS, Verdict.FAIL, Verdict.UNKNOWN


def said(by: object = REVIEWER, why_not: str = "", told_by: object = None) -> Approval:
    return Approval(by, "a review", why_not, told_by)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("case", "approvals", "changes", "verdict"),
    [
        ("somebody else approved", [said()], {}, PASS),
        ("nobody did", [], {}, FAIL),
        ("the author did", [said(AUTHOR)], {}, FAIL),
        ("the author did, by another case of the name", [said(person(logins=["Author"]))], {}, FAIL),
        ("the operator did", [said(OPERATOR)], {}, FAIL),
        ("the operator did, by login alone", [said(person(logins=["operator"]))], {}, FAIL),
        ("author and operator did, who are two", [said(AUTHOR), said(OPERATOR)], {}, FAIL),
        ("one person is all three", [said(OPERATOR)], {"authors": (OPERATOR,)}, FAIL),
        ("author deploys, another approved", [said()], {"authors": (OPERATOR,)}, PASS),
        ("a co-author did", [said()], {"authors": (AUTHOR, REVIEWER)}, FAIL),
        ("it can't count", [said(why_not="stale: it is of bbbbbbbbbbbb")], {}, FAIL),
        ("one can't count, another does", [said(AUTHOR), said()], {}, PASS),
        ("the operator isn't known", [said()], {"operator": None}, UNKNOWN),
        ("the author isn't known", [said()], {"authors": ()}, UNKNOWN),
        ("nobody knows who the operator is in the team", [said()], {"people": ()}, UNKNOWN),
        ("it can't be told from the author", [said(person(principals=["key"]))], {}, UNKNOWN),
        ("two are needed, one did", [said()], {"minimum": 2}, FAIL),
        ("two are needed, two did", [said(), said(SECOND)], {"minimum": 2}, PASS),
        ("two are needed, one did twice", [said(), said()], {"minimum": 2}, FAIL),
        (
            "two are needed, two names of one person",
            [said(), said(person(principals=["key"]))],
            {"minimum": 2, "people": (OPERATOR, replace(REVIEWER, principals=frozenset({"key"})))},
            FAIL,
        ),
        ("a source was silent, none approved", [], {"trouble": ("github: no answer",)}, UNKNOWN),
        ("a source was silent, another suffices", [said()], {"trouble": ("github: no answer",)}, PASS),
        ("a trailer that a third person signed", [said(told_by=SECOND)], {}, PASS),
        ("a trailer that its reviewer signed", [said(told_by=REVIEWER)], {}, PASS),
        ("a trailer that the author signed", [said(told_by=AUTHOR)], {}, FAIL),
        ("a trailer that the operator signed", [said(told_by=OPERATOR)], {}, FAIL),
        ("a trailer whose signer can't be told", [said(told_by=person(principals=["k"]))], {}, UNKNOWN),
    ],
)
def test_who_may_approve(
    case: str, approvals: list[Approval], changes: dict[str, object], verdict: Verdict
) -> None:
    assert judge(replace(QUESTION, **changes), approvals).verdict is verdict, case  # type: ignore[arg-type]


def test_the_evidence_names_each_approval_and_why_it_does_not_count() -> None:
    evidence = judge(QUESTION, [said(AUTHOR), said(why_not="stale: it is of bbbbbbbbbbbb")]).evidence
    assert evidence.splitlines() == [
        "0 of 1 approval(s) for aaaaaaaaaaaa",
        "- author (a review): is the author",
        "- reviewer (a review): stale: it is of bbbbbbbbbbbb",
    ]


def review(state: str = "APPROVED", **changes: str) -> Review:
    fields = {"login": "reviewer", "kind": "User", "association": "MEMBER", "commit": COMMIT}
    return Review(**{**fields, "state": state, **changes})


@pytest.mark.parametrize(
    ("reviews", "why_not"),
    [
        ([review()], [""]),
        ([review(association="OWNER")], [""]),
        ([review(association="COLLABORATOR")], [""]),
        ([review(commit=OTHER)], ["stale: it is of bbbbbbbbbbbb"]),
        ([review(commit="")], ["stale: it is of a commit that is gone"]),
        ([review("COMMENTED")], []),
        ([review("PENDING")], []),
        ([review("DISMISSED")], ["the approval was dismissed"]),
        ([review(), review("DISMISSED")], ["the approval was dismissed"]),
        ([review(), review("CHANGES_REQUESTED")], ["changes were requested"]),
        ([review("CHANGES_REQUESTED"), review()], [""]),
        ([review(), review("COMMENTED")], [""]),
        ([review(), review(login="REVIEWER", state="CHANGES_REQUESTED")], ["changes were requested"]),
        ([review(), review(login="second", state="CHANGES_REQUESTED")], ["", "changes were requested"]),
        ([review(kind="Bot", login="checker[bot]")], ["it is no person's account"]),
        ([review(login="checker[bot]")], ["it is no person's account"]),
        ([review(kind="Organization")], ["it is no person's account"]),
        ([review(login="", kind="")], ["the account was deleted"]),
        ([review(association="CONTRIBUTOR")], ["not a member of the team (contributor)"]),
        ([review(association="NONE")], ["not a member of the team (none)"]),
        ([review(association="")], ["not a member of the team (no association)"]),
        ([review(commit=OTHER), review()], [""]),
        ([review(), review(commit=OTHER)], ["stale: it is of bbbbbbbbbbbb"]),
    ],
)
def test_what_a_review_at_github_counts(reviews: list[Review], why_not: list[str]) -> None:
    assert [each.why_not for each in github_approvals(7, reviews, {COMMIT})] == why_not


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (person(emails=["A@team.invalid"]), person(emails=["a@team.invalid "]), True),
        (person(emails=["a@team.invalid"]), person(emails=["b@team.invalid"]), False),
        (person(emails=["a@team.invalid"]), person(logins=["a"]), None),
        (person(principals=["a@team.invalid"]), person(emails=["a@team.invalid"]), True),
        (person(emails=["12+login@users.noreply.github.com"]), person(logins=["Login"]), True),
        (person(emails=["login@users.noreply.github.com"]), person(logins=["login"]), True),
        (person(), person(), None),
        (person(emails=[""]), person(emails=[""]), None),
        (account("ops (as root)"), person(users=["ops"]), True),
        (account("ops (as root)"), account("second (as root)"), False),
        (person(users=["x"], logins=["a"]), person(users=["x"], logins=["b"]), True),
    ],
)
def test_whether_two_names_are_one_person(one: object, other: object, same: bool | None) -> None:
    assert same_person(one, other) is same  # type: ignore[arg-type]
    assert same_person(other, one) is same  # type: ignore[arg-type]


def test_the_directory_is_followed_from_name_to_name() -> None:
    entries = [
        person(users=["ops"], emails=["o@team.invalid"]),
        person(emails=["o@team.invalid"], logins=["o"]),
    ]
    assert known(account("ops"), reversed(entries)).logins == {"o"}
    assert known(account("other"), entries) == account("other")


@pytest.mark.parametrize(
    ("principal", "nobody"), [("*", True), ("*@team.invalid", True), ("a?", True), ("a", False)]
)
def test_a_pattern_names_nobody(principal: str, nobody: bool) -> None:
    assert names_nobody(principal) is nobody


def test_the_text_to_sign_is_of_one_commit_and_one_target() -> None:
    texts = {approval_text(t, c) for t in ("staging", "production") for c in (COMMIT, OTHER)}
    assert len(texts) == 4
    assert f"commit: {COMMIT}\n" in approval_text("production", COMMIT)
