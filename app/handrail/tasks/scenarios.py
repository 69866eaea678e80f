"""What is tried on staging beside the user flows: what must be refused, and load (deployment-workflow.md)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from invoke.context import Context
from invoke.tasks import task

from handrail.errors import HandrailError, Refused
from handrail.policy.load import Bearing, LoadLimits, busiest_per_second, judge_load
from handrail.probes.exchange import Answer, NoAnswer, Request
from handrail.tasks.app import address
from handrail.tasks.commands import Command
from handrail.tasks.workplace import Workplace, workplace

if TYPE_CHECKING:
    from handrail.project.model import Target
    from handrail.project.staging import ErrorCase, Load

UNKNOWN_PAGE = "/handrail-asks-for-a-page-that-is-not-there"
REFUSED = range(400, 500)
LONGEST_LOAD = 600.0
MOST_PER_SECOND = 2_000.0


def error_request(target: Target, case: ErrorCase) -> Request:
    """The request of one case; `body_bytes` makes a form field of that size."""
    form = dict(case.form)
    if case.body_bytes:
        form["oversized"] = "x" * case.body_bytes
    status = case.expect[0] if case.expect else 400
    return Request(
        address(target, case.path),
        case.method,
        form=form or None,
        dry_status=status,
        dry_body=case.expect_text or "",
    )


def shortcoming(case: ErrorCase, answer: Answer) -> str:
    """What is wrong with an answer to a request that must be refused; empty where nothing."""
    if case.expect and answer.status not in case.expect:
        return f"status {answer.status} instead of {' or '.join(map(str, case.expect))}"
    if not case.expect and answer.status not in REFUSED:
        return f"status {answer.status} instead of one from 400 to 499"
    if case.expect_text is not None and case.expect_text not in answer.body:
        return f"the text {case.expect_text!r} is missing"
    return ""


@task
def errors(context: Context) -> None:
    """Check that invalid input and edge cases are refused, and that the application is well afterwards."""
    from handrail.project.staging import ErrorCase  # noqa: PLC0415  (slow to import)

    place = workplace(context)
    cases = list(place.target.scenarios.errors)
    if not cases:
        raise place.unknown(
            f"the target {place.site.name} names no case that must be refused, so none was tried",
            next_step=f"write them into [targets.{place.site.name}.scenarios] of handrail.toml.",
        )
    cases.append(ErrorCase(name="unknown page", path=UNKNOWN_PAGE, method="GET", expect=(404, 410)))
    wrong: list[str] = []
    for case in cases:
        try:
            answer = place.performer.request(error_request(place.target, case))
        except NoAnswer as error:
            said = error.summary.rstrip(".")
        else:
            said = shortcoming(case, answer)
            place.say(f"  {case.name}: {case.method} {case.path}: {said or f'refused with {answer.status}'}")
        if said:
            wrong.append(f"{case.name}: {said}")
    if unwell := _unwell(place):
        wrong.append(unwell)
    place.conclude(
        not wrong,
        "; ".join(wrong) or f"{len(cases)} cases refused as they should be, and it is well afterwards",
        next_step="mend it in the repository: what staging takes, production takes.",
    )


def _unwell(place: Workplace) -> str:
    try:
        answer = place.performer.request(Request(address(place.target, place.target.health_path)))
    except NoAnswer as error:
        return f"afterwards: {error.summary.rstrip('.')}"
    return f"afterwards unwell: status {answer.status}" if answer.status != 200 else ""


def load_command(target: Target, path: str, rate: float) -> Command:
    """autocannon at a steady rate for a bounded time; its result is one JSON object."""
    load = target.scenarios.load
    seconds = max(1, round(load.duration.total_seconds()))
    whole = max(1, round(rate))
    argv = (
        *load.program,
        "--json",
        "--no-progress",
        "--connections",
        str(min(load.connections, whole)),
        "--overallRate",
        str(whole),
        "--duration",
        str(seconds),
        "--timeout",
        "10",
        address(target, path),
    )
    dry = {"requests": {"total": whole * seconds}, "latency": {"p50": 1, "p99": 1}, "duration": seconds}
    return Command(argv, target.checkout, dry_output=json.dumps(dry | {"non2xx": 0, "errors": 0}))


def bearing(path: str, rate: float, found: dict[str, Any]) -> Bearing:
    """What autocannon's JSON says. Raises `KeyError`, `TypeError` or `ValueError` where it isn't that.

    A redirect is an answer as it should be; autocannon counts timeouts among its errors.
    """
    redirects = int(found.get("3xx", 0))
    failures = int(found["errors"]) + max(0, int(found["non2xx"]) - redirects)
    answered = int(found["requests"]["total"])
    latency = found["latency"]
    return Bearing(
        path,
        rate,
        float(found["duration"]),
        answered + int(found["errors"]),
        failures,
        float(latency["p50"]),
        float(latency["p99"]),
    )


@task
def load(context: Context) -> None:
    """Check that the application bears twice the expected traffic, by errors and latency."""
    place = workplace(context)
    if place.target.production:
        raise Refused(
            f"{place.site.name} is production: load is never put on it.",
            next_step="run this on staging.",
        )
    wanted = place.target.scenarios.load
    expected, source = expected_rate(place, wanted)
    rate = wanted.factor * expected
    if rate > MOST_PER_SECOND or wanted.duration.total_seconds() > LONGEST_LOAD:
        raise Refused(
            f"That is more load than this check ever puts on: {rate:.0f} a second for"
            f" {wanted.duration.total_seconds():.0f} s.",
            next_step=f"stay below {MOST_PER_SECOND:.0f} a second and {LONGEST_LOAD:.0f} s.",
        )
    place.say(f"{wanted.factor:g} times {expected:.2f} requests a second ({source}).")
    found = []
    for path in wanted.paths:
        command = load_command(place.target, path, rate)
        answer = place.read(command)
        try:
            found.append(bearing(path, max(1, round(rate)), json.loads(answer)))
        except (KeyError, TypeError, ValueError) as error:
            raise place.unknown(
                f"the load tool's result for {path} can't be read: {type(error).__name__}: {error}",
                next_step="see that `program` in [targets.NAME.scenarios.load] is autocannon.",
            ) from error
        place.say(f"  {found[-1]}")
    limits = LoadLimits(wanted.most_failed, wanted.median_ms, wanted.p99_ms)
    place.judge(
        judge_load(found, limits),
        next_step="see the application's log and its database: what is slow here is slow in production.",
    )


def expected_rate(place: Workplace, wanted: Load) -> tuple[float, str]:
    """The expected requests a second, and where that is from. Raises `HandrailError` where it isn't known."""
    if wanted.expected_per_second is not None:
        return wanted.expected_per_second, "as the target says"
    if wanted.access_log is None:
        raise place.unknown(
            "how much traffic is expected isn't known",
            next_step="set expected_per_second or access_log in [targets.NAME.scenarios.load].",
        )
    from handrail.tasks.surroundings import access_times  # noqa: PLC0415  (only here)

    try:
        measured = busiest_per_second(access_times(wanted.access_log))
    except OSError as error:
        raise HandrailError(f"The access log {wanted.access_log} can't be read: {error.strerror}.") from error
    if not measured:
        raise place.unknown(
            f"the access log {wanted.access_log} doesn't span a minute, so it tells of no usual traffic",
            next_step="set expected_per_second, or wait until there was traffic.",
        )
    return measured, "the busiest minute of the access log"
