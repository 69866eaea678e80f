"""Is each migration one transaction? (deployment-workflow.md, "Common Issues": migrations must be atomic.)"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from handrail.policy.gate import Verdict
from handrail.policy.judgement import Judgement


def judge_atomicity(reasons: Mapping[str, Sequence[str] | None]) -> Judgement:
    """Pass where no pending migration has a reason against it; one whose SQL isn't known is unknown.

    `reasons` holds, by migration, why it isn't one transaction: nothing where it is, None where that
    can't be told.
    """
    against = {name: said for name, said in reasons.items() if said}
    if against:
        return Judgement.of(
            Verdict.FAIL,
            f"not one transaction, so that a failure midway leaves part of it behind: {', '.join(against)}",
            *(f"{name}: {reason}" for name, said in against.items() for reason in said),
        )
    unread = [name for name, said in reasons.items() if said is None]
    if unread:
        return Judgement.of(
            Verdict.UNKNOWN,
            "whether these are one transaction can't be told, since no dry run shows their SQL:"
            f" {', '.join(unread)}",
        )
    if not reasons:
        return Judgement.of(Verdict.PASS, "no migration is pending")
    return Judgement.of(Verdict.PASS, f"each is one transaction: {', '.join(reasons)}")
