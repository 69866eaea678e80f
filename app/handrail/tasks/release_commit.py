"""Which commit a deployment of a name would bring."""

from __future__ import annotations

from handrail.tasks.git import DRY_COMMIT, RefKind, look, resolve
from handrail.tasks.workplace import Workplace


def commit_to_deploy(place: Workplace, ref: str) -> str:
    """The full commit of a tag, branch or commit as a deployment would check it out and pull it.

    A branch here may be behind the remote's, to which the pull brings it: the remote's counts, as it was
    last fetched. Raises `WrongUsage` for a name that nothing has.
    """
    found = resolve(place, ref)
    if found.kind is RefKind.BRANCH:
        theirs = f"refs/remotes/{place.site.remote}/{found.name}"
        outcome = place.attempt(look(place.site, "rev-parse", "--verify", "--quiet", theirs, dry=DRY_COMMIT))
        if not outcome.code and outcome.output.strip():
            return outcome.output.strip()
    return found.commit
