"""An emergency's change: a branch from what production serves, its size, and the repaired release's tag.

All of it happens in the project's own clone, where tasks run; no branch is switched there.
"""

from __future__ import annotations

from invoke.context import Context
from invoke.tasks import task

from handrail.errors import Refused, WrongUsage
from handrail.policy.hotfix import ChangeSize, size_verdict
from handrail.probes.exchange import NoAnswer
from handrail.tasks import git_output as output
from handrail.tasks.app import REQUESTS, served_release, version_request
from handrail.tasks.commands import Command
from handrail.tasks.git import DRY_COMMIT, ENVIRONMENT, READING, is_yes
from handrail.tasks.project_folder import project_folder
from handrail.tasks.workplace import Workplace, workplace

UNTOUCHED = "nothing was changed: no branch was made."


def git(*arguments: str) -> Command:
    """A git command in the project's clone."""
    return Command(("git", *arguments), project_folder(), ENVIRONMENT)


def look(*arguments: str, dry: str = "") -> Command:
    """A git command in the project's clone that only reads."""
    return Command(("git", *arguments), project_folder(), READING, reads_only=True, dry_output=dry)


def branch_of(incident: str) -> str:
    """The branch of an incident's fix. Raises `WrongUsage` where its name can't be part of a branch's."""
    branch = f"hotfix/{incident}"
    if not output.is_ref_name(branch) or branch.endswith((".", ".lock", "/")):
        raise WrongUsage(f"{incident!r} can't be part of a branch's name.", still_safe=UNTOUCHED)
    return branch


@task
def branch(context: Context, incident: str) -> None:
    """Make the hotfix branch from the tag that production serves; refuses where that isn't clear."""
    place = workplace(context)
    name = branch_of(incident)
    version, commit = served(place)
    place.say(f"Production serves {version or 'an unnamed version'} ({commit[:12] or 'it names no commit'}).")
    fetched = place.attempt(git("fetch", "--quiet", "--tags", place.site.remote))
    if fetched.code:
        place.say(f"Note: {place.site.remote} can't be reached; the tags that are here must do.")
    tag = release_tag(place, version, commit)
    base = place.read(look("rev-parse", "--verify", f"refs/tags/{tag}^{{commit}}", dry=DRY_COMMIT))
    there = place.attempt(look("rev-parse", "--verify", "--quiet", f"refs/heads/{name}"))
    if there.output.strip():
        _refuse_other_branch(place, name, tag, base)
        place.say(f"The branch {name} is here already, and begins at {tag}.")
    else:
        place.run(git("branch", "--no-track", name, f"refs/tags/{tag}"))
    place.fact("hotfix_branch", name)
    place.fact("hotfix_base", tag)
    place.fact("hotfix_base_commit", base)
    place.say(f"Commit the fix there, and nothing else:  git worktree add ../{name.replace('/', '-')} {name}")


def served(place: Workplace) -> tuple[str, str]:
    """Version and commit that every one of several connections gets. Raises `Refused` where they differ."""
    request = version_request(place.target, "", DRY_COMMIT)
    found: dict[tuple[str, str], int] = {}
    for number in range(REQUESTS):
        try:
            answer = place.performer.request(request, quiet=number > 0)
        except NoAnswer as error:
            raise Refused(
                f"Production can't be asked which release it serves: {error.summary}",
                still_safe=UNTOUCHED,
                next_step="find out which release it last served (`handrail stats`, the announcements), and"
                " make the branch by hand: git branch hotfix/INCIDENT TAG; then mark this step as done.",
            ) from error
        release = served_release(answer) if answer.status == 200 else ("", "")
        found[release] = found.get(release, 0) + 1
    listed = ", ".join(f"{count} times {v or '?'} ({c[:12] or '?'})" for (v, c), count in found.items())
    if len(found) != 1 or next(iter(found)) == ("", ""):
        raise Refused(
            f"It isn't clear which release production serves: {listed}.",
            still_safe=UNTOUCHED,
            next_step="make the branch by hand from the release that is to be repaired (git branch"
            " hotfix/INCIDENT TAG), and mark this step as done, with the reason.",
        )
    return next(iter(found))


def release_tag(place: Workplace, version: str, commit: str) -> str:
    """The tag of the served release. Raises `Refused` where there is none, or more than one."""
    if commit:
        named = version or "release"
        listing = place.attempt(
            look("tag", "--points-at", commit, "--sort=-version:refname", dry=f"v{named}")
        )
    else:
        plain = version.removeprefix("v")
        listing = place.attempt(look("tag", "--list", plain, f"v{plain}", dry=f"v{plain}"))
    tags = listing.output.split()
    if (tag := output.tag_of_release(tags, version)) is not None:
        return tag
    what = f"{version or '?'} ({commit[:12] or 'no commit'})"
    raise Refused(
        f"Several tags name what production serves, {what}."
        if tags
        else f"No tag names what production serves, {what}.",
        evidence=", ".join(tags) or listing.errors.strip(),
        still_safe=UNTOUCHED,
        next_step="find out which release it is, make the branch by hand (git branch hotfix/INCIDENT TAG),"
        " and mark this step as done, with the reason.",
    )


def _refuse_other_branch(place: Workplace, name: str, tag: str, base: str) -> None:
    if place.attempt(look("merge-base", "--is-ancestor", base, f"refs/heads/{name}")).code:
        raise Refused(
            f"There is a branch {name} already, and it doesn't begin at {tag}, which production serves.",
            still_safe="nothing was changed: the branch is as it was.",
            next_step="see what it is (`git log`); rename it, or name another incident.",
        )


@task
def size(context: Context, incident: str, base: str) -> None:
    """Count what the fix changes against the release that it repairs; warns above the target's limit."""
    place = workplace(context)
    name = branch_of(incident)
    if not output.is_ref_name(base):
        raise WrongUsage(f"{base!r} is no name of a release.")
    between = f"refs/tags/{base}..refs/heads/{name}"
    commits = place.attempt(look("rev-list", "--count", between, dry="1"))
    changed = place.attempt(look("diff", "--numstat", between, dry="1\t1\tfile"))
    counted: ChangeSize | None = None
    if not commits.code and not changed.code and commits.output.strip().isdigit():
        files, lines = output.change_size(changed.output)
        counted = ChangeSize(int(commits.output), files, lines)
        place.fact("hotfix_files", files)
        place.fact("hotfix_lines", lines)
        place.say(changed.output.rstrip())
    limit = place.target.hotfix
    verdict, evidence = size_verdict(counted, max_files=limit.max_files, max_lines=limit.max_lines)
    if counted is None:
        raise place.unknown(f"{evidence}: {(commits.errors or changed.errors).strip()[-300:]}")
    place.fact("hotfix_size", evidence)
    next_step = f"commit the fix on the branch {name}, then retry."
    place.conclude(verdict == "pass", evidence, next_step=next_step)


@task
def release(context: Context, incident: str, tag: str, push: object = False) -> None:
    """Tag the head of the hotfix branch as the repaired release; pushes branch and tag only when asked."""
    place = workplace(context)
    name = branch_of(incident)
    if not output.is_ref_name(tag):
        raise WrongUsage(f"{tag!r} can't be the name of a tag.", still_safe="nothing was changed.")
    head = place.read(look("rev-parse", "--verify", f"refs/heads/{name}^{{commit}}", dry=DRY_COMMIT))
    there = place.attempt(look("rev-parse", "--verify", "--quiet", f"refs/tags/{tag}^{{commit}}"))
    existing = there.output.strip()
    if existing and existing != head:
        raise Refused(
            f"The tag {tag} is there already, and names another commit ({existing[:12]}).",
            still_safe="nothing was changed; a tag is never moved.",
            next_step="abort, and run the hotfix with a tag that is free.",
        )
    if not existing:
        place.run(git("tag", "--annotate", "--message", f"Hotfix for {incident}", tag, head))
    place.fact("hotfix_tag", tag)
    place.fact("hotfix_commit", head)
    refs = (f"refs/heads/{name}", f"refs/tags/{tag}")
    if is_yes(push):
        place.run(git("push", place.site.remote, *refs))
        return
    place.say(f"Not pushed. The deployment fetches from {place.site.remote}, so push them before it begins:")
    place.say(f"  git push {place.site.remote} {' '.join(refs)}")
