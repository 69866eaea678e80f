"""Staging (deployment-workflow.md): what it serves, how it mirrors production, the rollback, and the proof.

Results are kept where everything is kept: in the journal of the runs on staging. `reports.staging` folds
them, and `staging.verified` and `staging.soaked` are production's gates on them.
"""

from __future__ import annotations

import json
import secrets
import time
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from invoke.context import Context
from invoke.tasks import task

from handrail.errors import HandrailError, StorageFault, WrongUsage
from handrail.policy.soak import Staged, judge_scenarios, judge_soak, same_commit
from handrail.probes.exchange import NoAnswer
from handrail.tasks.app import REQUESTS, ask_served, served_release, version_request
from handrail.tasks.checklist import is_asked_for
from handrail.tasks.neighbours import beside, state_folder
from handrail.tasks.row_counts import lost_rows
from handrail.tasks.workplace import Workplace, workplace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from handrail.journal.base import Record
    from handrail.project.staging import StagingRule
    from handrail.reports.staging import History

MOST_RUNS = 200
# What a dry run finds on staging: another commit than the one it would go back to.
DRY_COMMIT = "1" * 40
MOST_EVENTS = 20_000
_TOLD = ("AttemptStarted", "AttemptEnded", "RunFinished", "RunRolledBack")


def served_by(place: Workplace) -> tuple[str, datetime | None]:
    """The commit that a target says it serves on every one of several connections, and since when.

    Empty where its answers differ or name no commit; the newest start of its processes counts. Raises
    `NoAnswer`.
    """
    request = version_request(place.target, "", DRY_COMMIT)
    commits: set[str] = set()
    starts: list[datetime | None] = []
    for number in range(REQUESTS):
        answer = place.performer.request(request, quiet=number > 0)
        commits.add(served_release(answer)[1] if answer.status == 200 else "")
        starts.append(_started(answer.body))
    if len(commits) != 1:
        return "", None
    known = [start for start in starts if start is not None]
    return commits.pop(), max(known) if len(known) == len(starts) else None


def _started(body: str) -> datetime | None:
    try:
        said = json.loads(body)["started"]
        if isinstance(said, int | float) and not isinstance(said, bool):
            return datetime.fromtimestamp(said, UTC)
        found = datetime.fromisoformat(said)
    except (ValueError, KeyError, TypeError, OverflowError, OSError):
        return None
    return found if found.tzinfo is not None else None


@task
def serving(context: Context, back_to: str = "") -> None:
    """Note which commit staging serves, and to which release a rollback leads (default: production's)."""
    from handrail.tasks import git  # noqa: PLC0415  (only here)

    place = workplace(context)
    commit = _commit_of(place)
    place.fact("commit", commit)
    place.fact("staged_commit", commit)
    mirror = place.target.mirror
    if not back_to and mirror is not None:
        back_to = _commit_of(beside(place, mirror.of))
    if not back_to:
        raise place.unknown(
            f"staging serves {commit[:12]}, but to which release a rollback would lead isn't known",
            next_step="give the parameter back_to, or name what staging mirrors: [targets.NAME.mirror].",
        )
    previous = git.resolve(place, back_to).commit
    place.fact("back_to", previous)
    place.conclude(
        not same_commit(previous, commit),
        f"staging serves {commit[:12]}; a rollback leads to {previous[:12]}",
        next_step="both are the same release: give the parameter back_to, the release to go back to.",
    )


def _commit_of(place: Workplace) -> str:
    try:
        commit, _ = served_by(place)
    except NoAnswer as error:
        raise place.unknown(f"{place.site.name} doesn't answer: {error.summary}") from error
    if not commit:
        raise place.unknown(
            f"{place.site.name} doesn't say which commit it serves, or its processes differ",
            next_step=f"see what {place.target.version_path} answers; deploy again where they differ.",
        )
    return commit


@task
def mirrors(context: Context) -> None:
    """Check that staging mirrors production: database, environment, and data, but for what is accepted."""
    from handrail.policy.mirror import Limits, differences, judge  # noqa: PLC0415
    from handrail.tasks.surroundings import as_lines, read_surroundings  # noqa: PLC0415

    place = workplace(context)
    mirror = place.target.mirror
    if mirror is None:
        raise place.unknown(
            f"the target {place.site.name} doesn't say what it mirrors",
            next_step=f"write [targets.{place.site.name}.mirror] into handrail.toml.",
        )
    production = beside(place, mirror.of)
    # One key for one comparison: no hash of a value means anything after it.
    key = secrets.token_bytes(32)
    real, own = (read_surroundings(each, mirror, key) for each in (production, place))
    for name, found in ((mirror.of, real), (place.site.name, own)):
        if found.rows is not None:
            place.say(f"Rows in {name}: {as_lines(found.rows)}")
    limits = Limits(mirror.credentials, mirror.anonymised, mirror.ratio, mirror.slack)
    judgement = judge(differences(real, own, limits), mirror.accepted)
    place.judge(
        judgement,
        next_step="mend each difference on staging; or accept it with its reason in"
        f" [targets.{place.site.name}.mirror.accepted].",
    )


@task
def count_rows(context: Context) -> None:
    """Count the rows of every table, before the rollback is rehearsed."""
    from handrail.tasks.surroundings import as_lines, row_counts  # noqa: PLC0415

    place = workplace(context)
    counts = row_counts(place)
    place.say(as_lines(counts))
    place.fact("rows_before", json.dumps(counts))
    place.fact("rehearsal_began", time.time())


@task
def take_schema_back(context: Context, back_to: str) -> None:
    """Take back, newest first, what a rollback to this release must: only where it isn't all additive."""
    from handrail.tasks import git, migrations  # noqa: PLC0415  (only here)
    from handrail.tasks.database import asking, changing  # noqa: PLC0415

    place = workplace(context)
    folder = asking.database_of(place).migrations
    listing = place.read(git.look(place.site, "ls-tree", "--name-only", back_to, f"{folder.rstrip('/')}/"))
    old = {PurePosixPath(line).stem for line in listing.splitlines()}
    newer = [file for file in asking.checkout_files(place) if file.name not in old]
    judgement = migrations.judge(newer, {})
    if not newer or not judgement.needs_undo:
        place.say(f"The schema stays as it is: {judgement.why if newer else 'both releases have the same'}.")
        return
    place.say(f"Not purely additive: {judgement.why}")
    names = {file.name for file in newer}
    kept = [row for row in asking.applied_rows(place) if row not in names]
    changing.take_back(place, kept[-1] if kept else "")


@task
def data_intact(context: Context, commit: str, rows: str, began: float = 0.0) -> None:
    """Check that staging serves this commit, and that no table has fewer rows than counted before."""
    place = workplace(context)
    evidence = _intact(place, commit, rows)
    place.fact("rehearsed_back", commit)
    if start := _number(began):
        place.fact("rehearsal_back_seconds", round(time.time() - start, 1))
    place.conclude(True, evidence)


@task
def rehearsed(context: Context, commit: str, back: str, rows: str, back_seconds: float = 0.0) -> None:
    """Check that the rollback was rehearsed: back, proven, and forward again to this commit, data intact."""
    place = workplace(context)
    evidence = _intact(place, commit, rows)
    if same_commit(back, commit):
        raise place.unknown("the rollback led to the same commit, which proves nothing")
    seconds = _number(back_seconds)
    took = f" in {seconds:.0f} s" if seconds else ""
    place.conclude(True, f"rolled back to {back[:12]}{took}, and forward again: {evidence}")


def _intact(place: Workplace, commit: str, rows: str) -> str:
    from handrail.tasks.surroundings import as_lines, row_counts  # noqa: PLC0415

    passed, served = ask_served(place, "", commit)
    if passed is None:
        raise place.unknown(f"what staging serves can't be told: {served}")
    if not passed:
        place.conclude(False, served, next_step="the way there didn't take: see the steps before this one.")
    counts = row_counts(place)
    lost = lost_rows(_counted(rows), counts)
    if lost:
        place.conclude(
            False, "; ".join(lost), next_step="the rollback loses data: don't deploy this to production."
        )
    return f"{served}; no table lost a row ({as_lines(counts)})"


def _number(value: object) -> float:
    """A fact that is a number; 0 where a dry run hands in its name."""
    return float(value) if isinstance(value, int | float) else 0.0


def _counted(rows: str) -> dict[str, int]:
    try:
        found = json.loads(rows)
        return {str(table): int(count) for table, count in found.items()}
    except (ValueError, AttributeError, TypeError):
        # A dry run hands in the name of a fact that isn't known yet.
        return {}


@task
def verified(context: Context, commit: str = "", ref: str = "") -> None:
    """Check that staging serves a commit (or `ref`), and that it passed what is tried there."""
    place = workplace(context)
    if (rule := _staging_rule(place)) is None:
        return
    sought, staged, served_now = _on_staging(place, rule, commit, ref)
    judged = judge_scenarios(sought, staged, scenarios=rule.scenarios, served_now=served_now)
    place.judge(
        judged,
        next_step=f"deploy it with `handrail run staging-deploy --target {rule.target}`, and verify it with"
        " `handrail run staging-verify`; what can't wait is an emergency (handrail hotfix).",
    )


@task
def soaked(context: Context, commit: str = "", ref: str = "") -> None:
    """Check that staging has served a commit (or `ref`) long enough, without interruption."""
    place = workplace(context)
    if (rule := _staging_rule(place)) is None:
        return
    sought, staged, served_now = _on_staging(place, rule, commit, ref)
    judged = judge_soak(sought, staged, soak=rule.soak, now=datetime.now(UTC), served_now=served_now)
    place.judge(
        judged,
        next_step="let it stay on staging until then; a deployment of other code there begins the time anew."
        " What can't wait is an emergency (handrail hotfix).",
    )


def _staging_rule(place: Workplace) -> StagingRule | None:
    """What the target asks of staging; where it asks for nothing, that is concluded, and `None` returned."""
    rule, name = place.target.staging, place.site.name
    asked = is_asked_for(
        place,
        "staging",
        rule,
        said=rule is not None,
        done="staged",
        unsaid=f"the target {name} doesn't say where its releases are staged",
        next_step=f"write [targets.{name}.staging] into handrail.toml.",
    )
    return rule if asked else None


def _sought(place: Workplace, commit: str, ref: str) -> str:
    if commit:
        return commit
    if not ref:
        raise WrongUsage("This check needs a commit or a ref to look for on staging.")
    from handrail.tasks.release_commit import commit_to_deploy  # noqa: PLC0415  (only where asked by name)

    return commit_to_deploy(place, ref)


def _on_staging(
    place: Workplace, rule: StagingRule, commit: str, ref: str
) -> tuple[str, Staged | None, str | None]:
    """The commit that is meant, what is known of it on staging, and which one staging says it serves now."""
    commit = _sought(place, commit, ref)
    staging = beside(place, rule.target)
    history, damage = _history(staging)
    if damage:
        raise place.unknown(
            f"the journal of staging's runs is damaged: {damage[0]}",
            next_step="`handrail show RUN` tells where; deploy to staging again.",
        )
    try:
        now_served, started = served_by(staging)
    except NoAnswer as error:
        raise place.unknown(
            f"staging doesn't answer, so whether it still serves {commit[:12]} isn't known: {error.summary}",
            next_step="bring staging up again; where it was restarted, its time may count anew.",
        ) from error
    return commit, staged_of(history, commit, now_served, started), now_served or None


def staged_of(history: History | None, commit: str, served: str, started: datetime | None) -> Staged | None:
    """What counts as known: the journal where it agrees with what is served, else staging's own word."""
    tried = history.of(commit) if history is not None else {}
    passed = {name for name, each in tried.items() if each.passed}
    failed = {name: each.evidence for name, each in tried.items() if not each.passed}
    if history is not None and history.served and (not served or same_commit(history.served, served)):
        return Staged(history.served, history.since, "handrail's journal", True, passed, failed)
    if not served:
        return None
    return Staged(served, started, "its own word: since its start", bool(tried), passed, failed)


def _history(staging: Workplace) -> tuple[History | None, list[str]]:
    """What the journal tells of this staging, and what is wrong with it; `None` where there is no journal."""
    from handrail.journal.sqlite import SqliteJournal  # noqa: PLC0415  (one task needs it)
    from handrail.reports.staging import Told, staging_history  # noqa: PLC0415

    path = state_folder().journal
    if not path.exists():
        return None, []
    try:
        journal = SqliteJournal(path, read_only=True)
    except StorageFault as error:
        return None, [error.summary]
    try:
        heads = [head for head in journal.runs(limit=MOST_RUNS) if head.target == staging.site.name]
        runs = {head.run for head in heads if _is_of(journal.read(head.run, limit=1), staging)}
        if not runs:
            return None, []
        damage = [problem for run in sorted(runs) for problem in journal.verify(run)]
        records = journal.events_of_type(_TOLD, limit=MOST_EVENTS)
        told = [Told(r.run, r.at.datetime(), r.type, r.body) for r in reversed(records) if r.run in runs]
        return staging_history(told), damage
    except HandrailError as error:
        return None, [error.summary]
    finally:
        journal.close()


def _is_of(first: Sequence[Record], staging: Workplace) -> bool:
    """Whether a run's opening names this very checkout: a journal may serve several projects."""
    body = first[0].body if first else {}
    target = (body.get("plan") or {}).get("target") or {}
    return str(target.get("checkout")) == str(staging.site.checkout)
