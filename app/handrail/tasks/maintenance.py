"""Maintenance mode (deployment-workflow.md, Step 2): up, down, and seen from outside."""

from __future__ import annotations

from typing import TYPE_CHECKING

from invoke.context import Context
from invoke.tasks import task

from handrail.errors import WrongUsage
from handrail.probes.exchange import Answer, NoAnswer, Request
from handrail.tasks.commands import Command
from handrail.tasks.workplace import Site, workplace

if TYPE_CHECKING:
    from handrail.project.model import Maintenance

SEEN_WITHIN = 10.0


def script_command(site: Site, argv: tuple[str, ...]) -> Command:
    """One of the target's own maintenance scripts, run in the checkout."""
    return Command(argv, site.checkout)


def look_request(url: str, maintenance: Maintenance, *, up: bool) -> Request:
    """A look at the public address, past every cache on the way."""
    return Request(
        url,
        headers={"cache-control": "no-cache"},
        dry_status=503 if up else 200,
        dry_body=maintenance.marker if up else "",
        dry_headers={"retry-after": "1"} if up else {},
    )


def judge(answer: Answer, marker: str, *, up: bool) -> tuple[bool, str]:
    """Whether the public address shows what it should, and what was seen."""
    marked = marker in answer.body
    retry_after = answer.headers.get("retry-after")
    seen = (
        f"status {answer.status}, Retry-After {retry_after or 'missing'},"
        f" {'with' if marked else 'without'} the maintenance page's text {marker!r}"
    )
    if up:
        return answer.status == 503 and retry_after is not None and marked, seen
    return answer.status < 400 and not marked, seen


@task
def enable(context: Context) -> None:
    """Put the maintenance page up (repeatable)."""
    place = workplace(context)
    place.run(script_command(place.site, place.target.maintenance.enable))


@task
def disable(context: Context) -> None:
    """Take the maintenance page down (repeatable)."""
    place = workplace(context)
    place.run(script_command(place.site, place.target.maintenance.disable))


@task
def verify(context: Context, up: bool) -> None:
    """Check through the public address whether the maintenance page is up (or down); never the flag."""
    place = workplace(context)
    url = place.target.url
    if not url:
        raise WrongUsage(
            f"The target {place.site.name} has no public address to look at.",
            next_step=f"set `url` in [targets.{place.site.name}] of handrail.toml.",
        )
    request = look_request(url, place.target.maintenance, up=up)
    passed, seen = False, ""
    for _ in place.performer.ticks(SEEN_WITHIN, 1.0):
        try:
            answer = place.performer.request(request)
        except NoAnswer as error:
            passed, seen = False, error.summary
            continue
        passed, seen = judge(answer, place.target.maintenance.marker, up=up)
        if passed:
            break
    place.conclude(
        passed,
        f"maintenance {'on' if up else 'off'}: {seen}"
        if passed
        else f"maintenance should be {'on' if up else 'off'}, but {url} shows: {seen}",
        next_step="the flag alone is no proof: see whether the proxy reads it and whether another proxy or"
        " cache stands before it, then retry."
        if up
        else "see whether the application answers behind the proxy (pm2.status), and whether the flag is"
        " still set.",
    )
