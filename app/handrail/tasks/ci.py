"""The CI's verdict."""

from __future__ import annotations

from invoke.context import Context
from invoke.tasks import task

from handrail.policy.ci import judge
from handrail.tasks.github import GitHub, Unanswered
from handrail.tasks.release_commit import commit_to_deploy
from handrail.tasks.workplace import Workplace, workplace


@task
def verdict(context: Context, ref: str) -> None:
    """Check that the CI passed for exactly the commit that a deployment of `ref` would bring."""
    place = workplace(context)
    commit = commit_to_deploy(place, ref)
    ask_ci(place, commit)
    place.fact("ci_commit", commit)


def ask_ci(place: Workplace, commit: str) -> None:
    """Report the CI's verdict for this commit; raises where it isn't a pass."""
    settings = place.target.github
    try:
        checks = GitHub(place).checks(commit)
    except Unanswered as error:
        raise place.unknown(error.summary, next_step=error.next_step) from error
    place.judge(
        judge(commit, checks, settings.checks if settings else ()),
        next_step=f"see the checks of {commit} at GitHub; then check again.",
    )
