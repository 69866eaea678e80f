"""Smoke tests right after a deployment (deployment-workflow.md, Step 4)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from invoke.context import Context
from invoke.tasks import task

from handrail.errors import WrongUsage
from handrail.probes.exchange import NoAnswer, Request, shortcoming
from handrail.probes.flow_request import flow_request
from handrail.tasks.app import address
from handrail.tasks.pm2 import instances, present
from handrail.tasks.workplace import Workplace, workplace

if TYPE_CHECKING:
    from handrail.project.model import Flow

LARGEST_READ = 4 * 1024 * 1024
UNDATED_READ = 32 * 1024
SHOWN_LINES = 10
LONGEST_LINE = 300


def error_lines(lines: Iterable[str], patterns: Sequence[str]) -> list[str]:
    """The lines in which one of the patterns (regular expressions, in any case) is found."""
    wanted = re.compile("|".join(f"(?:{pattern})" for pattern in patterns), re.IGNORECASE)
    return [line for line in lines if wanted.search(line)]


def new_lines(path: Path, offset: int | None) -> list[str]:
    """What was written to a log since `offset` bytes; from its start where it was rotated meanwhile.

    Without an offset, its last 32 KiB. At most the last 4 MiB are read.
    """
    if not path.is_file():
        return []
    size = path.stat().st_size
    start = max(0, size - UNDATED_READ) if offset is None else (offset if offset <= size else 0)
    with path.open("rb") as file:
        file.seek(max(start, size - LARGEST_READ))
        return file.read(LARGEST_READ).decode("utf-8", "replace").splitlines()


@task
def logs(context: Context, since: str = "") -> None:
    """Check the application's logs for errors since the restart (`since`: the fact log_offsets).

    With the fact log_offsets_new, since only new processes run: without what the old ones logged at last.
    """
    place = workplace(context)
    found = instances(place)
    present(place, found)
    offsets = _offsets(since)
    if offsets is None:
        place.say(f"Without log_offsets of a restart, the last {UNDATED_READ // 1024} KiB are looked at.")
    paths = sorted({path for i in found for path in (i.out_log, i.error_log) if path is not None})
    wrong: list[str] = []
    count = 0
    for path in paths:
        lines = new_lines(path, None if offsets is None else offsets.get(str(path), 0))
        count += len(lines)
        for line in error_lines(lines, place.target.smoke.error_patterns):
            wrong.append(f"{path.name}: {line[:LONGEST_LINE]}")
    for line in wrong[:SHOWN_LINES]:
        place.say(line)
    place.conclude(
        not wrong,
        f"{len(wrong)} lines with errors among {count} new ones; the first: {wrong[0]}"
        if wrong
        else f"no error in {count} new lines of {len(paths)} logs",
        next_step="read them: if they come from this release, roll back at once.",
    )


def _offsets(since: str) -> dict[str, int] | None:
    if not since:
        return None
    try:
        found = json.loads(since)
        return {str(path): int(size) for path, size in found.items()}
    except (ValueError, AttributeError, TypeError):
        # A dry run hands in the name of a fact that isn't known yet.
        return {}


@task
def homepage(context: Context) -> None:
    """Check that the homepage loads and has the text that it should."""
    place = workplace(context)
    smoke = place.target.smoke
    request = Request(address(place.target, smoke.homepage), dry_body=smoke.homepage_text or "")
    wrong, evidence = _ask(place, request, 200, smoke.homepage_text)
    place.conclude(
        not wrong, f"homepage: {evidence}", next_step="see the application's log; roll back at once."
    )


@task
def flow(context: Context, name: str) -> None:
    """Check one user flow of the target, such as login or checkout, request by request."""
    place = workplace(context)
    known = {flow.name: flow for flow in place.target.smoke.flows}
    if name not in known:
        raise WrongUsage(
            f"The target {place.site.name} has no flow {name!r}.",
            evidence=f"its flows: {', '.join(known) or 'none'}",
            next_step=f"name one of them, or add it to [targets.{place.site.name}.smoke] in handrail.toml.",
        )
    _conclude_flows(place, [known[name]])


@task
def flows(context: Context) -> None:
    """Check every user flow of the target."""
    place = workplace(context)
    if not place.target.smoke.flows:
        raise place.unknown(
            f"the target {place.site.name} names no user flow, so none was tried",
            next_step="add flows to the target's [smoke] in handrail.toml, or try them by hand.",
        )
    _conclude_flows(place, place.target.smoke.flows)


def _conclude_flows(place: Workplace, chosen: Sequence[Flow]) -> None:
    failed = [wrong for flow in chosen if (wrong := _walk(place, flow))]
    place.conclude(
        not failed,
        "; ".join(failed) or f"{', '.join(flow.name for flow in chosen)}: as expected",
        next_step="users can't do this now: roll back at once.",
    )


def _walk(place: Workplace, flow: Flow) -> str:
    cookies: dict[str, str] = {}
    for step in flow.requests:
        request = flow_request(address(place.target, step.path), step, cookies)
        wrong, evidence = _ask(place, request, step.expect_status, step.expect_text, cookies)
        place.say(f"  {flow.name}: {step.method} {step.path}: {evidence}")
        if wrong:
            return f"{flow.name}: {step.method} {step.path}: {evidence}"
    return ""


def _ask(
    place: Workplace, request: Request, status: int, text: str | None, cookies: dict[str, str] | None = None
) -> tuple[bool, str]:
    """Whether the answer falls short, and what was seen; cookies that it sets are added to `cookies`."""
    try:
        answer = place.performer.request(request)
    except NoAnswer as error:
        return True, error.summary
    if cookies is not None:
        cookies.update(answer.cookies)
    wrong = shortcoming(answer, status, text)
    seen = f"status {answer.status} in {answer.seconds * 1000:.0f} ms"
    return bool(wrong), f"{wrong} ({seen})" if wrong else seen
