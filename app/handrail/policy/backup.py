"""Is there a backup of this run? (deployment-workflow.md, Pre-Deployment 5.)"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from handrail.policy.gate import Verdict
from handrail.policy.judgement import Judgement


@dataclass(frozen=True, slots=True)
class BackupFacts:
    """What was found. `named` is the backup that the step asks for, `of_run` the last one that this run made.

    `pending` counts the migrations without a row, None where the database can't say. `run_started` and
    `taken` are aware times; `taken` is when the backup's snapshot began. `proved` says that it was restored
    into a scratch database and found equal. The checksums are SHA-256, of when it was made and of now.
    """

    pending: int | None
    run_started: datetime | None
    named: str = ""
    of_run: str = ""
    taken: datetime | None = None
    proved: bool = False
    size_bytes: int = 0
    sha256_then: str = ""
    sha256_now: str = ""


def judge_backup(facts: BackupFacts, now: datetime) -> Judgement:
    """Pass where nothing is pending, or where this run's own backup stands as it was proved."""
    say = Judgement.of
    if facts.pending is None:
        return say(Verdict.UNKNOWN, "the database doesn't say which migrations are pending")
    if facts.pending == 0:
        return say(Verdict.PASS, "no migration is pending: no backup is needed")
    if facts.run_started is None:
        return say(Verdict.UNKNOWN, "this is no attempt of a run, so that no backup can be its own")
    if not facts.of_run:
        return say(Verdict.FAIL, "this run has made no backup, and an earlier one's is not enough")
    if facts.named and facts.named != facts.of_run:
        return say(Verdict.FAIL, f"{facts.named} isn't the backup that this run made", facts.of_run)
    if facts.taken is None:
        return say(Verdict.UNKNOWN, f"when {facts.of_run} was taken isn't known")
    if facts.taken < facts.run_started:
        return say(
            Verdict.FAIL,
            f"{facts.of_run} is older than this run",
            f"taken {facts.taken:%Y-%m-%d %H:%M:%S %Z}, run begun {facts.run_started:%Y-%m-%d %H:%M:%S %Z}",
        )
    if facts.taken > now:
        return say(Verdict.UNKNOWN, f"{facts.of_run} is dated in the future: this machine's clock was set")
    if not facts.proved:
        return say(Verdict.FAIL, f"{facts.of_run} was not restored and compared")
    if not facts.size_bytes:
        return say(Verdict.FAIL, f"there is no backup {facts.of_run} any more, or it is empty")
    if not facts.sha256_then or not facts.sha256_now:
        return say(Verdict.UNKNOWN, f"whether {facts.of_run} is unchanged isn't known: a checksum is missing")
    if facts.sha256_then != facts.sha256_now:
        return say(Verdict.FAIL, f"{facts.of_run} isn't what was written: its checksum differs")
    return say(
        Verdict.PASS,
        f"{facts.of_run} ({facts.size_bytes} bytes) is this run's backup, restored and compared, unchanged",
        f"taken {facts.taken:%Y-%m-%d %H:%M:%S %Z}; sha256 {facts.sha256_now}",
    )
