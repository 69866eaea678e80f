"""The production checkout: fetch, checkout, pull, and which commit it is at."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from invoke.context import Context
from invoke.tasks import task

from handrail.errors import HandrailError, Refused, WrongUsage
from handrail.tasks import git_output as output
from handrail.tasks.commands import Command
from handrail.tasks.workplace import CommandFailed, Site, Workplace, workplace

ENVIRONMENT = {"GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C.UTF-8"}
# Without it a mere look takes the index's lock, and can be what another git command stumbles over.
READING = {**ENVIRONMENT, "GIT_OPTIONAL_LOCKS": "0"}
DRY_COMMIT = "0" * 40


def git(site: Site, *arguments: str) -> Command:
    """A git command that may change the checkout."""
    return Command(("git", *arguments), site.checkout, ENVIRONMENT)


def look(site: Site, *arguments: str, dry: str = "") -> Command:
    """A git command that only reads."""
    return Command(("git", *arguments), site.checkout, READING, reads_only=True, dry_output=dry)


def tag_fetch(site: Site) -> Command:
    """Fetch branches and tags; git itself refuses to move a tag that is here already."""
    return git(site, "fetch", "--tags", site.remote)


def pull_command(site: Site, branch: str) -> Command:
    """A pull that never merges."""
    return git(site, "pull", "--ff-only", site.remote, branch)


class RefKind(Enum):
    """What a name stands for in the checkout."""

    TAG = "tag"
    BRANCH = "branch"
    REMOTE_BRANCH = "branch of the remote"
    COMMIT = "commit"


@dataclass(frozen=True, slots=True)
class Ref:
    """A resolved name: `name` without the remote's, and the full commit."""

    kind: RefKind
    name: str
    commit: str


def checkout_command(site: Site, ref: Ref) -> Command:
    """A tag or commit is checked out detached, a branch as that branch."""
    if ref.kind is RefKind.TAG:
        return git(site, "checkout", "--quiet", "--detach", f"refs/tags/{ref.name}")
    if ref.kind is RefKind.BRANCH:
        return git(site, "checkout", "--quiet", ref.name, "--")
    if ref.kind is RefKind.REMOTE_BRANCH:
        return git(site, "checkout", "--quiet", "--track", "-b", ref.name, f"{site.remote}/{ref.name}")
    return git(site, "checkout", "--quiet", "--detach", ref.commit)


@task
def fetch(context: Context, ref: str = "") -> None:
    """Fetch what the remote has; a tag that was moved is refused. Notes which commit `ref` means now."""
    place = workplace(context)
    site = place.site
    theirs = output.remote_tags(remote_listing(place))
    ours = output.local_tags(
        place.read(look(site, "for-each-ref", "refs/tags", f"--format={output.TAG_FORMAT}"))
    )
    if moved := output.moved_tags(ours, theirs):
        raise Refused(
            f"Moved on {site.remote} since it was fetched here: {len(moved)} tag(s).",
            evidence="\n".join(moved),
            still_safe="nothing was fetched; the checkout and the running application are as before.",
            next_step="ask who moved it and which commit was reviewed. If the move is right: "
            f"`git fetch --force --tags {site.remote}` in {site.checkout}, then retry the step.",
        )
    run_git(place, tag_fetch(site))
    if place.read(look(site, "rev-parse", "--is-shallow-repository", dry="false")) == "true":
        place.say(
            "Note: this is a shallow clone: git can't say truthfully whether one commit contains another."
        )
    if ref:
        note_release(place, ref)


def note_release(place: Workplace, ref: str) -> None:
    """Note the one commit that is judged and deployed, whatever `ref` comes to mean later."""
    from handrail.tasks.release_commit import commit_to_deploy  # noqa: PLC0415  (it is built on this module)

    commit = commit_to_deploy(place, ref)
    place.fact("release_commit", commit)
    told = look(place.site, "show", "--no-patch", "--format=%an, %cs: %s", commit, dry="its subject")
    about = place.read(told, quiet=True)
    place.say(f"{ref} is {commit[:12]} ({about})")


@task
def checkout(context: Context, ref: str) -> None:
    """Check out a tag, commit or branch; refuses local changes, and records the release before it."""
    place = workplace(context)
    site = place.site
    # Recorded before anything can be refused: a rollback from here must know where "back" is.
    commit = place.read(look(site, "rev-parse", "HEAD", dry=DRY_COMMIT))
    tags = place.read(look(site, "tag", "--points-at", "HEAD", "--sort=-version:refname")).split()
    place.first_fact("previous_commit", commit)
    place.first_fact("previous_release", tags[0] if tags else commit)
    refuse_local_changes(place)
    wanted = resolve(place, ref)
    run_git(place, checkout_command(site, wanted))
    place.fact("ref", ref)
    record_commit(place)


@task
def pull(context: Context) -> None:
    """Bring the checked-out branch up to the remote's, fast-forward only; on a tag there is nothing to do."""
    place = workplace(context)
    site = place.site
    head = place.attempt(look(site, "symbolic-ref", "--quiet", "--short", "HEAD", dry="main"))
    branch = head.output.strip()
    if head.code or not branch:
        place.say("Nothing to pull: a tag or a commit is checked out, not a branch.")
        return
    run_git(place, pull_command(site, branch))
    commit = record_commit(place)
    remote = place.read(look(site, "rev-parse", f"refs/remotes/{site.remote}/{branch}", dry=DRY_COMMIT))
    if commit != remote:
        raise Refused(
            f"The branch {branch} here isn't what {site.remote} has, and no fast-forward leads there.",
            evidence=f"here:   {commit}\n{site.remote}: {remote}",
            still_safe="the checkout was not changed by the pull; the running application is as before.",
            next_step=f"somebody committed here, or {branch} was force-pushed: find out which commit was"
            " reviewed, and deploy that commit or a tag by name.",
        )


@task
def at(context: Context, ref: str) -> None:
    """Check which commit is checked out: passes where it is the one that `ref` names."""
    place = workplace(context)
    site = place.site
    wanted = resolve(place, ref)
    found = place.attempt(look(site, "rev-parse", "HEAD", dry=DRY_COMMIT))
    if found.code:
        raise place.unknown(f"git can't say what is checked out in {site.checkout}: {found.errors.strip()}")
    commit = found.output.strip()
    same = commit == wanted.commit
    place.conclude(
        same,
        f"{commit[:12]} is checked out, which is {ref}"
        if same
        else f"{commit[:12]} is checked out; {ref} is {wanted.commit[:12]}",
        next_step=f"check out {ref}, then verify again.",
    )


@task
def revert(context: Context, commit: str = "HEAD", push: object = False) -> None:
    """Take one commit back by a new one (`git revert`), made aside and brought in only once it is whole."""
    place = workplace(context)
    site = place.site
    # Recorded before anything can be refused: a rollback from here must know where "back" is.
    before = place.read(look(site, "rev-parse", "HEAD", dry=DRY_COMMIT))
    place.first_fact("reverted_from", before)
    refuse_local_changes(place)
    wanted = commit_to_revert(place, commit)
    parents = place.read(look(site, "rev-list", "--parents", "--max-count=1", wanted, dry="0 0")).split()[1:]
    if not parents:
        raise Refused(
            f"{wanted[:12]} is the first commit of all: nothing is left without it.",
            still_safe="nothing was changed.",
        )
    if len(parents) > 1:
        place.say(f"{wanted[:12]} is a merge: what it brought into its first parent is taken back (-m 1).")
    branch = place.attempt(look(site, "symbolic-ref", "--quiet", "--short", "HEAD")).output.strip()
    made = reverted_aside(place, wanted, merge=len(parents) > 1)
    place.fact("reverted", wanted)
    if branch:
        run_git(place, git(site, "merge", "--ff-only", "--quiet", made))
    else:
        # On a detached HEAD the new commit would be lost with the next checkout.
        branch = f"revert/{wanted[:12]}"
        run_git(place, git(site, "checkout", "--quiet", "--no-track", "-B", branch, made))
    place.fact("revert_branch", branch)
    record_commit(place)
    if is_yes(push):
        run_git(place, git(site, "push", site.remote, f"HEAD:refs/heads/{branch}"))
    else:
        place.say(f"Not pushed. To share it: git push {site.remote} HEAD:refs/heads/{branch}")


def is_yes(value: object) -> bool:
    """Whether an argument, which a runbook's parameter gives as text, says yes."""
    return value is True or str(value).strip().lower() in ("true", "yes")


def commit_to_revert(place: Workplace, name: str) -> str:
    """The commit that is to be taken back. Raises `Refused` where it isn't in what is checked out."""
    site = place.site
    commit = resolve(place, name).commit
    within = place.attempt(look(site, "merge-base", "--is-ancestor", commit, "HEAD"))
    if within.code:
        raise Refused(
            f"{name} ({commit[:12]}) is not part of what is checked out in {site.checkout}.",
            still_safe="nothing was changed.",
            next_step="check out the release that has it first, or name another commit.",
        )
    return commit


def reverted_aside(place: Workplace, commit: str, *, merge: bool) -> str:
    """The commit that takes `commit` back, made in a working tree of its own beside the checkout.

    Raises `Refused` where the revert conflicts with later changes, or would change nothing: the
    checkout was not touched then.
    """
    site = place.site
    aside = site.checkout.parent / f".{site.checkout.name}.revert"
    beside = Command(
        ("git", "revert", "--no-edit", *(("-m", "1") if merge else ()), commit), aside, ENVIRONMENT
    )
    discard = git(site, "worktree", "remove", "--force", str(aside))
    place.attempt(discard)  # what a killed attempt left
    run_git(place, git(site, "worktree", "add", "--quiet", "--detach", str(aside), "HEAD"))
    try:
        outcome = place.attempt(beside)
        if outcome.code:
            names = Command(
                ("git", "diff", "--name-only", "--diff-filter=U"), aside, READING, reads_only=True
            )
            conflicts = place.attempt(names).output.strip()
            raise _cannot_revert(commit, conflicts, (outcome.output + outcome.errors).strip())
        head = Command(("git", "rev-parse", "HEAD"), aside, READING, reads_only=True, dry_output=DRY_COMMIT)
        return place.read(head)
    finally:
        place.attempt(discard)


def _cannot_revert(commit: str, conflicts: str, said: str) -> Refused:
    safe = "it was tried in a working tree of its own: the checkout and the application are as before."
    if conflicts:
        return Refused(
            f"{commit[:12]} can't be reverted: later changes touch the same lines.",
            evidence=conflicts,
            still_safe=safe,
            next_step="go back to the previous release tag instead (the runbook rollback-code); have the"
            " revert made and reviewed in the repository.",
        )
    return Refused(
        f"git did not revert {commit[:12]}.",
        evidence="\n".join(said.splitlines()[-6:]),
        still_safe=safe,
        next_step="where it says that there is nothing to commit, it was reverted before; otherwise mend"
        " what it names, then retry.",
    )


def refuse_local_changes(place: Workplace) -> None:
    """Raise `Refused` with the names where tracked files were changed by hand."""
    status = place.read(look(place.site, "status", "--porcelain=v1", "-z", "--untracked-files=normal"))
    changes = output.local_changes(status)
    if changes.untracked:
        place.say(f"Note: untracked files are left as they are: {', '.join(changes.untracked[:10])}")
    if changes.tracked:
        raise Refused(
            f"The checkout {place.site.checkout} has local changes, which a deployment would lose or mix in.",
            evidence="\n".join(changes.tracked),
            still_safe="nothing was changed; the running application is as before.",
            next_step="look at them with `git diff`, then commit, keep (`git stash`) or drop"
            " (`git checkout -- FILE`) them, and retry the step.",
        )


def resolve(place: Workplace, ref: str) -> Ref:
    """What a name stands for: a tag before a branch before a commit. Raises `WrongUsage` for none."""
    site = place.site
    if not output.is_ref_name(ref):
        raise WrongUsage(
            f"{ref!r} is no name of a tag, a branch or a commit.", still_safe="nothing was changed."
        )
    short = ref.removeprefix(f"refs/remotes/{site.remote}/").removeprefix(f"{site.remote}/")
    # A dry run can't ask: a name of the remote's, or the target's branch, is a branch, others are tags.
    expected = f"refs/heads/{short}" if short != ref or ref == site.branch else f"refs/tags/{ref}"
    candidates = [
        (RefKind.TAG, ref, f"refs/tags/{ref}"),
        (RefKind.BRANCH, short, f"refs/heads/{short}"),
        (RefKind.REMOTE_BRANCH, short, f"refs/remotes/{site.remote}/{short}"),
    ]
    # HEAD is what is checked out; each clone has the remote's, too, which is its main branch.
    if short != "HEAD":
        listing = place.read(
            look(
                site,
                "for-each-ref",
                "--format=%(refname) %(objectname) %(*objectname)",
                *(full for _, _, full in candidates),
                dry=f"{expected} {DRY_COMMIT}",
            )
        )
        commits = output.resolved(listing)
        for kind, name, full in candidates:
            if full in commits:
                return Ref(kind, name, commits[full])
    named = ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}")
    found = place.attempt(look(site, *named, dry=DRY_COMMIT))
    if not found.code and found.output.strip():
        return Ref(RefKind.COMMIT, ref, found.output.strip())
    raise WrongUsage(
        f"{ref} is no tag, branch or commit in {site.checkout}.",
        still_safe="nothing was changed.",
        next_step=f"was it pushed to {site.remote}? Fetch first; see `git tag` and `git branch -r`.",
    )


def record_commit(place: Workplace) -> str:
    """Record the commit that is checked out now, and when it was committed."""
    commit = place.read(look(place.site, "rev-parse", "HEAD", dry=DRY_COMMIT))
    place.fact("commit", commit)
    # Lead time counts from here: when the change was committed, by its committer's clock (ISO 8601).
    place.fact("committed_at", place.read(look(place.site, "show", "--no-patch", "--format=%cI", "HEAD")))
    return commit


def run_git(place: Workplace, command: Command) -> None:
    """Run a git command; a lock that a killed one left is explained."""
    try:
        place.run(command)
    except CommandFailed as error:
        raise explained(place, error) from error


def remote_listing(place: Workplace) -> str:
    """The remote's tags. Raises `CommandFailed` that says what to do where it can't be reached."""
    command = look(place.site, "ls-remote", "--tags", place.site.remote)
    outcome = place.attempt(command)
    if outcome.code:
        raise CommandFailed(
            command,
            outcome,
            still_safe="nothing was changed.",
            next_step=f"see whether {place.site.remote} can be reached and read from here, then retry.",
        )
    return outcome.output


def explained(place: Workplace, error: CommandFailed) -> HandrailError:
    """The failure of a git command, with the stale lock that is its likeliest cause."""
    site = place.site
    found = place.attempt(look(site, "rev-parse", "--git-path", "index.lock"), quiet=True)
    lock = site.checkout / found.output.strip()
    if found.code or not found.output.strip() or not lock.exists():
        return error
    return Refused(
        f"Another git command holds this checkout, or was killed and left its lock: {lock}",
        still_safe="nothing was changed.",
        next_step="if `pgrep -a git` shows no git at work in this checkout, remove that file, then retry.",
    )
