"""The watch after a deployment (deployment-workflow.md, Step 5), in its simple form.

It fails at what repeats and can't be noise: several bad samples in a row, or a process that restarts.
It compares nothing with a baseline, and says so; too few samples are unknown, never a pass.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from invoke.context import Context
from invoke.tasks import task

from handrail.errors import HandrailError, WrongUsage
from handrail.probes.exchange import NoAnswer, Request
from handrail.tasks.app import address
from handrail.tasks.pm2 import instances
from handrail.tasks.workplace import Workplace, workplace

if TYPE_CHECKING:
    from handrail.probes.pm2_list import Instance

BAD_IN_A_ROW = 3
FEWEST_SAMPLES = 5
SHORTEST_PACE = 1.0


@dataclass(frozen=True, slots=True)
class Sample:
    """One look. `wrong` says in words what is bad; `milliseconds` is the homepage's, where it answered."""

    elapsed: float
    wrong: str
    milliseconds: float | None
    restarts: int | None
    memory: int | None

    def line(self) -> str:
        """The sample on one line."""
        page = "no answer" if self.milliseconds is None else f"homepage {self.milliseconds:.0f} ms"
        pm2 = (
            ""
            if self.restarts is None
            else f", restarts {self.restarts}, memory {(self.memory or 0) // 1024 // 1024} MB"
        )
        return f"{self.elapsed:5.0f} s  {'bad: ' + self.wrong if self.wrong else 'good'}  ({page}{pm2})"


def verdict(samples: Sequence[Sample], *, over: bool) -> tuple[str, str] | None:
    """The verdict on the samples so far with its evidence; None where the watch should go on."""
    if not samples:
        return ("unknown", "no sample was taken") if over else None
    restarted = [s for s in samples if s.restarts is not None]
    if restarted and restarted[-1].restarts != restarted[0].restarts:
        return "fail", f"processes restarted: {restarted[0].restarts} → {restarted[-1].restarts}"
    last = samples[-BAD_IN_A_ROW:]
    if len(last) == BAD_IN_A_ROW and all(s.wrong for s in last):
        return "fail", f"{BAD_IN_A_ROW} bad samples in a row: {last[-1].wrong}"
    if not over:
        return None
    bad = [s for s in samples if s.wrong]
    times = [s.milliseconds for s in samples if s.milliseconds is not None]
    middle = f", homepage in {statistics.median(times):.0f} ms (median)" if times else ""
    summary = f"{len(samples)} samples, {len(bad)} bad{middle}; not compared with a baseline"
    if len(samples) < FEWEST_SAMPLES:
        return "unknown", f"not enough samples to judge: {summary}"
    if 2 * len(bad) > len(samples):
        return "fail", f"most samples were bad: {summary}; the last: {bad[-1].wrong}"
    return "pass", summary


@task
def watch(context: Context, duration: str = "", every: str = "") -> None:
    """Look at the application again and again until the time is over (`30m`; default: the target's)."""
    place = workplace(context)
    monitor = place.target.monitor
    length = _seconds(duration, monitor.duration)
    pace = max(SHORTEST_PACE, _seconds(every, monitor.every))
    place.say(f"Watching for {length:g} s, a sample every {pace:g} s.")
    samples: list[Sample] = []
    for elapsed in place.performer.ticks(length, pace):
        samples.append(sample(place, elapsed, quiet=elapsed > 0 and bool(samples)))
        place.say(samples[-1].line())
        if early := verdict(samples, over=False):
            break
    else:
        early = verdict(samples, over=True)
    word, evidence = early or ("unknown", "the watch ended without a verdict")
    place.performer.verdict(word, evidence)
    if word == "fail":
        raise HandrailError(
            evidence, next_step="see the dashboards and the application's log; roll back in time."
        )


def sample(place: Workplace, elapsed: float, *, quiet: bool) -> Sample:
    """One look at health, homepage and processes; each request on its own connection."""
    target = place.target
    wrong: list[str] = []
    _look(place, Request(address(target, target.health_path), timeout=5.0), quiet, wrong)
    page = Request((target.url or address(target, "/")).rstrip("/") + target.smoke.homepage, timeout=10.0)
    milliseconds = _look(place, page, quiet, wrong)
    found: Sequence[Instance] | None
    try:
        found = instances(place, quiet=quiet)
    except HandrailError as error:
        found = None
        wrong.append(error.summary)
    if found is not None:
        wrong += [f"{i.name} {i.id} is {i.status}" for i in found if not i.online]
        if not found:
            wrong.append("pm2 keeps no process")
    return Sample(
        elapsed,
        "; ".join(wrong),
        milliseconds,
        sum(i.restarts for i in found) if found else None,
        sum(i.memory for i in found) if found else None,
    )


def _look(place: Workplace, request: Request, quiet: bool, wrong: list[str]) -> float | None:
    try:
        answer = place.performer.request(request, quiet=quiet)
    except NoAnswer as error:
        wrong.append(error.summary.rstrip("."))
        return None
    if answer.status >= 400:
        wrong.append(f"{request.url}: status {answer.status}")
    return answer.seconds * 1000


def _seconds(text: str, default: timedelta) -> float:
    from handrail.values import parse_duration  # noqa: PLC0415  (imports pydantic, which only some tasks need)

    if not text:
        return default.total_seconds()
    try:
        found = parse_duration(text)
    except ValueError as error:
        raise WrongUsage(f"{text!r} is no duration: {error}.") from error
    assert isinstance(found, timedelta)  # noqa: S101  (what parse_duration gives for a text)
    return found.total_seconds()
