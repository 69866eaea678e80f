"""Was the way down rehearsed on staging for these files? (deployment-workflow.md, "Database Rollback".)"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from handrail.policy.gate import Verdict
from handrail.policy.judgement import Judgement


@dataclass(frozen=True, slots=True)
class DestructiveMigration:
    """A pending migration that isn't purely additive; `digest` is the SHA-256 of its file."""

    name: str
    digest: str
    has_way_down: bool


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """One line of the rehearsals' record: `passed` is None where its result can't be read."""

    name: str
    digest: str
    passed: bool | None
    target: str
    production: bool
    when: str
    by: str
    down_seconds: float
    why: str = ""


def judge_rehearsal(
    destructive: Sequence[DestructiveMigration], rehearsals: Sequence[Rehearsal] | None
) -> Judgement:
    """Pass where the newest rehearsal of each very file passed; `rehearsals` are oldest first.

    None stands for a record that can't be read, which is unknown.
    """
    if not destructive:
        return Judgement.of(Verdict.PASS, "no pending migration needs a way down")
    without = [each.name for each in destructive if not each.has_way_down]
    if without:
        return Judgement.of(
            Verdict.FAIL, f"these remove or change something, and have no way down: {without}"
        )
    if rehearsals is None:
        return Judgement.of(Verdict.UNKNOWN, "the record of rehearsals can't be read")
    found = [_judge_one(each, rehearsals) for each in destructive]
    order = (Verdict.FAIL, Verdict.UNKNOWN, Verdict.PASS)
    worst = min((judgement.verdict for judgement in found), key=order.index)
    summary = {
        Verdict.FAIL: "a way down was not rehearsed on staging as it stands in this release",
        Verdict.UNKNOWN: "whether each way down was rehearsed isn't known",
        Verdict.PASS: "each way down was rehearsed on staging, for these very files",
    }[worst]
    return Judgement.of(worst, summary, *(judgement.evidence for judgement in found))


def _judge_one(file: DestructiveMigration, rehearsals: Sequence[Rehearsal]) -> Judgement:
    of_name = [each for each in rehearsals if each.name == file.name and not each.production]
    of_file = [each for each in of_name if each.digest == file.digest]
    if not of_file:
        changed = "its file has changed since it was rehearsed" if of_name else "it was never rehearsed"
        return Judgement(Verdict.FAIL, f"{file.name}: {changed}")
    last = of_file[-1]
    said = f"on {last.target} by {last.by}, {last.when}"
    if last.passed is None:
        return Judgement(Verdict.UNKNOWN, f"{file.name}: the record of its rehearsal {said} can't be read")
    if not last.passed:
        return Judgement(Verdict.FAIL, f"{file.name}: its rehearsal failed {said}: {last.why}")
    return Judgement(Verdict.PASS, f"{file.name}: rehearsed {said}; down in {last.down_seconds:.1f} s")
