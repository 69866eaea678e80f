"""The application itself, asked past the maintenance page on new connections."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from invoke.context import Context
from invoke.tasks import task

from handrail.errors import WrongUsage
from handrail.probes.exchange import Answer, NoAnswer, Request
from handrail.tasks.workplace import Workplace, workplace

if TYPE_CHECKING:
    from handrail.project.model import Target

# Two instances answer in turn, mostly: one that is left on the old code shows within this many.
REQUESTS = 8
SHORTEST_COMMIT = 7


def address(target: Target, path: str) -> str:
    """A page of the application, past the maintenance page. Raises `WrongUsage` without an address."""
    base = target.app_url or target.url
    if not base:
        raise WrongUsage(
            f"The target {target.name} has no address of the application.",
            next_step=f"set `app_url` or `url` in [targets.{target.name}] of handrail.toml.",
        )
    return base.rstrip("/") + "/" + path.lstrip("/")


def version_request(target: Target, version: str, commit: str) -> Request:
    """A question for what is served."""
    return Request(
        address(target, target.version_path),
        timeout=5.0,
        dry_body=json.dumps({"version": version.removeprefix("v"), "commit": commit}),
    )


def served_release(answer: Answer) -> tuple[str, str]:
    """Version and commit in an answer of the version page: JSON with those names, or the bare version."""
    try:
        found = json.loads(answer.body)
    except ValueError:
        return answer.body.strip().splitlines()[0][:80] if answer.body.strip() else "", ""
    if isinstance(found, dict):
        return str(found.get("version") or ""), str(found.get("commit") or "")
    return str(found), ""


def is_release(served: tuple[str, str], version: str, commit: str) -> bool:
    """Whether what is served is the wanted release: by commit where both have one, else by version.

    A wanted version may itself be a commit: a release without a tag is known by nothing else.
    """
    served_version, served_commit = served
    if commit and served_commit:
        return _same_commit(served_commit, commit)
    if not version:
        return False
    if served_version.removeprefix("v") == version.removeprefix("v"):
        return True
    return _same_commit(served_commit, version)


def _same_commit(one: str, other: str) -> bool:
    short, long = sorted((one.lower(), other.lower()), key=len)
    return one == other or (len(short) >= SHORTEST_COMMIT and long.startswith(short))


def ask_served(place: Workplace, version: str, commit: str) -> tuple[bool | None, str]:
    """Whether every one of several new connections gets the wanted release; `None` where none says."""
    wanted = f"{version or '(any version)'}{f' ({commit[:12]})' if commit else ''}"
    seen: dict[str, int] = {}
    right = known = 0
    request = version_request(place.target, version, commit)
    for number in range(REQUESTS):
        try:
            answer = place.performer.request(request, quiet=number > 0)
        except NoAnswer as error:
            seen[error.summary] = seen.get(error.summary, 0) + 1
            known += 1
            continue
        release = served_release(answer)
        if answer.status != 200:
            label = f"status {answer.status}"
            known += 1
        else:
            label = f"{release[0] or '?'}{f' ({release[1][:12]})' if release[1] else ''}"
            known += bool(release[0] or release[1])
            right += is_release(release, version, commit)
        seen[label] = seen.get(label, 0) + 1
    evidence = ", ".join(f"{count} times {label}" for label, count in seen.items())
    if right == REQUESTS:
        place.fact("served_version", next(iter(seen)))
        return True, f"served by {REQUESTS} of {REQUESTS} requests: {next(iter(seen))}"
    return (None if not known else False), f"wanted {wanted}, {REQUESTS} requests got: {evidence}"


@task
def serves(context: Context, version: str = "", commit: str = "") -> None:
    """Check that the application serves this version or commit, on repeated new connections."""
    place = workplace(context)
    if not version and not commit:
        raise WrongUsage("app.serves needs a version or a commit to look for.")
    passed, evidence = ask_served(place, version, commit)
    if passed is None:
        raise place.unknown(
            f"the application doesn't say what it serves: {evidence}",
            next_step=f"see what {place.target.version_path} answers.",
        )
    place.conclude(
        passed,
        evidence,
        next_step="an instance still runs other code: see pm2.status, and whether the build was made anew.",
    )


@task
def healthy(context: Context) -> None:
    """Check that the application says of itself that it is well."""
    place = workplace(context)
    request = Request(address(place.target, place.target.health_path), timeout=5.0)
    try:
        answer = place.performer.request(request)
    except NoAnswer as error:
        place.conclude(False, error.summary, next_step="see pm2.status and the application's log.")
        return
    place.conclude(
        answer.status == 200,
        f"{request.url}: status {answer.status} in {answer.seconds * 1000:.0f} ms:"
        f" {' '.join(answer.body.split())[:200] or 'an empty answer'}",
        next_step="what it says is unwell stands in its answer; see the application's log too.",
    )
