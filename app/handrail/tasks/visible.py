"""What stands between a release and its visitors: feature flags, a cache, a CDN.

Only the target's own addresses are asked. Nothing is switched or purged here: a check only looks.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from invoke.context import Context
from invoke.tasks import task

from handrail.errors import HandrailError
from handrail.policy.gate import Verdict
from handrail.policy.visibility import Copy, judge_copies, judge_flag, mark_of, together, told_by
from handrail.probes.exchange import NoAnswer, Request
from handrail.probes.pm2_list import variable
from handrail.tasks.app import address
from handrail.tasks.pm2 import list_command
from handrail.tasks.workplace import Workplace, workplace

if TYPE_CHECKING:
    from handrail.project.visibility import Copies, Flag

# A name of a CDN leads to several places, which take new files at different times.
CDN_LOOKS = 3


@task
def flags(context: Context) -> None:
    """Check that every feature flag that the target names is on."""
    place = workplace(context)
    wanted = place.target.visibility.flags
    if not wanted:
        raise _not_named(place, "no feature flag", "flags")
    found = [_flag(place, flag) for flag in wanted]
    place.judge(
        together("feature flags", found),
        next_step="switch it on in this environment, then check again; a variable counts from a restart on.",
    )


@task
def cache(context: Context) -> None:
    """Check that the cache before the application gives visitors what the application gives."""
    place = workplace(context)
    settings = place.target.visibility.cache
    if settings is None:
        raise _not_named(place, "no cache", "cache")
    _compare(place, "cache", settings, place.target.url or "", looks=1)


@task
def cdn(context: Context) -> None:
    """Check that the CDN gives visitors the files that the application gives, at several looks."""
    place = workplace(context)
    settings = place.target.visibility.cdn
    if settings is None:
        raise _not_named(place, "no CDN", "cdn")
    _compare(place, "CDN", settings, settings.url or place.target.url or "", looks=CDN_LOOKS)


def _not_named(place: Workplace, what: str, table: str) -> HandrailError:
    return place.unknown(
        f"the target {place.site.name} names {what}, so nothing was looked at",
        next_step=f"look by hand; or name it under {table} in [targets.{place.site.name}.visibility] of"
        " handrail.toml.",
    )


def _flag(place: Workplace, flag: Flag) -> tuple[Verdict, str]:
    if flag.variable is not None:
        said: Sequence[str | None] = _variable(place, flag, flag.variable)
        where = f"the variable {flag.variable} of the processes" if said else "pm2 tells of no process"
    else:
        where, said = _page(place, flag)
    return judge_flag(
        flag.name,
        where,
        said,
        contains=flag.contains,
        equals=flag.equals,
        shown=flag.variable is None,
    )


def _variable(place: Workplace, flag: Flag, name: str) -> list[str | None]:
    """The variable of each of the target's processes; its value is judged and never shown."""
    on = {"pm_id": 0, "pm2_env": {"env": {name: flag.equals or flag.contains or "1"}}}
    names = place.target.pm2.names
    dry = json.dumps([{"name": names[0] if names else "app", **on}])
    outcome = place.attempt(replace(list_command(place.target), dry_output=dry))
    return [] if outcome.code else variable(outcome.output, names, name)


def _page(place: Workplace, flag: Flag) -> tuple[str, list[str]]:
    url = address(place.target, flag.path or "/")
    request = Request(url, headers={"cache-control": "no-cache"}, dry_body=flag.contains or flag.equals or "")
    try:
        answer = place.performer.request(request)
    except NoAnswer as error:
        return error.summary, []
    if answer.status >= 400:
        return f"{url} answers with status {answer.status}", []
    return url, [answer.body]


def _compare(place: Workplace, what: str, settings: Copies, public: str, *, looks: int) -> None:
    own = place.target.app_url
    if not public or not own or public.rstrip("/") == own.rstrip("/"):
        raise place.unknown(
            f"the target {place.site.name} has no address past its {what} to compare with",
            next_step=f"set url and app_url in [targets.{place.site.name}] of handrail.toml.",
        )
    found = []
    for path in settings.paths:
        seen = [_look(place, public, path, settings, quiet=number > 0) for number in range(looks)]
        ours = [_look(place, own, path, settings)]
        if not all(copy.is_like(ours[0]) for copy in seen):
            ours.append(_look(place, own, path, settings))
        found.append(judge_copies(path, seen, ours))
    purge = f"empty it: `{shlex.join(settings.purge)}`" if settings.purge else f"empty the {what}"
    place.judge(
        together(f"the {what}", found),
        next_step=f"{purge} for these paths, wait for the time that it needs, then check again.",
    )


def _look(place: Workplace, base: str, path: str, settings: Copies, *, quiet: bool = False) -> Copy:
    """What a visitor without a history gets; nothing in the request asks a cache to stand aside."""
    request = Request(
        f"{base.rstrip('/')}{path}", dry_headers={settings.header.lower(): "1"} if settings.header else {}
    )
    try:
        answer = place.performer.request(request, quiet=quiet)
    except NoAnswer as error:
        return Copy(trouble=error.summary)
    if answer.status == 503 and place.target.maintenance.marker in answer.body:
        return Copy(trouble="the maintenance page is up")
    mark = mark_of(answer.body, answer.headers, settings.header)
    return Copy(answer.status, mark, told_by(answer.headers))
