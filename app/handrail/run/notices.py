"""What the team's channel was told, is still to be told, and may have been told.

A channel that is down never delays a step: an announcement is an attempt beside the run, begun again
after a while until the channel takes it. One that was perhaps posted is not begun again by itself.
"""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum

from msgspec import Struct

from handrail.clock import Instant
from handrail.errors import ExitCode
from handrail.run.duration import time_ahead
from handrail.run.emergency import waived_by
from handrail.run.events import Purpose, Result
from handrail.run.plan import PlannedCall
from handrail.run.state import AttemptState, RunState, StepStatus
from handrail.runbook.model import StepKind

PAUSES = tuple(timedelta(seconds=seconds) for seconds in (15, 30, 60, 120, 300, 600, 600, 600))
THREAD_FACT = "announcement_thread"
TELLS_THE_END = "announce.deployment"


class Delivery(StrEnum):
    """Where a notice stands."""

    UNDER_WAY = "under way"
    DELIVERED = "delivered"
    WAITING = "waiting to be tried again"
    PERHAPS = "perhaps delivered"
    UNDELIVERED = "not delivered"


class Notice(Struct, frozen=True):
    """One thing to tell: its first attempt's number, its newest attempt, and where it stands."""

    first: int
    latest: AttemptState
    tries: int
    delivery: Delivery

    @property
    def text(self) -> str:
        """What is told, as far as its arguments say it."""
        arguments = self.latest.call.arguments
        return str(arguments.get("text") or arguments.get("feature") or self.latest.call.task)


def notices(state: RunState) -> tuple[Notice, ...]:
    """Every notice of the run, oldest first."""
    tries: dict[int, list[AttemptState]] = {}
    for attempt in state.attempts.values():
        if attempt.purpose is Purpose.NOTICE:
            tries.setdefault(attempt.again or attempt.number, []).append(attempt)
    return tuple(
        Notice(first, made[-1], len(made), _delivery(made[-1], len(made), state))
        for first, made in tries.items()
    )


def with_expected_end(call: PlannedCall, state: RunState, now: Instant) -> PlannedCall:
    """The call, told when the run will be through where nobody gave an ETA (deployment-workflow.md, Step 1).

    `served_at` and `watched_until` are ISO 8601 in UTC; `measured` is whether earlier runs say so.
    """
    if call.task != TELLS_THE_END or call.arguments.get("eta"):
        return call
    ahead = time_ahead(state, now)
    served = now.datetime() + ahead.work
    ends = {
        "served_at": served.isoformat(timespec="seconds"),
        "watched_until": (served + ahead.watch).isoformat(timespec="seconds"),
        "measured": ahead.forward_measured,
    }
    return call.model_copy(update={"arguments": {**call.arguments, **ends}})


def undelivered(state: RunState) -> tuple[Notice, ...]:
    """The notices that the channel has not surely got."""
    return tuple(n for n in notices(state) if n.delivery not in (Delivery.DELIVERED, Delivery.UNDER_WAY))


def due_again(state: RunState, now: Instant) -> Notice | None:
    """The oldest notice that is to be tried again now; one at a time, so that their order is kept."""
    told = notices(state)
    waiting = next((notice for notice in told if notice.delivery is Delivery.WAITING), None)
    if waiting is None or any(notice.delivery is Delivery.UNDER_WAY for notice in told):
        return None
    ended = waiting.latest.ended or waiting.latest.announced
    return waiting if now.since(ended) >= PAUSES[waiting.tries - 1] else None


def announcement_ahead(state: RunState, *, besides: str | None = None) -> bool:
    """Whether the run's first announcement is yet to be made: it says then what was waived so far.

    `besides` is the key of an announcement that will not be made.
    """
    if state.rollback_started is not None or not state.phase.is_open:
        return False
    steps = [step for step in state.forward_steps if step.planned.kind is StepKind.ANNOUNCE]
    if any(step.status is StepStatus.PASSED for step in steps):
        return False
    return any(not step.status.is_done and step.key != besides for step in steps)


def waivers(state: RunState) -> tuple[str, ...]:
    """What was waived in the run, in a line each: the check, its step, who and why.

    What an emergency skips is left out: the plan says it, and so does the emergency's own announcement.
    """
    return tuple(
        f"- {check} before {step.planned.title}, by {said}"
        for step in state.forward_steps
        for check, said in step.waived.items()
        if said != waived_by(state.plan, step.planned).get(check)
    )


def with_waivers(call: PlannedCall, lines: tuple[str, ...]) -> PlannedCall | None:
    """The announcement with what was waived before it; `None` for a project's own task."""
    if not lines:
        return call
    # What a person wrote is no template.
    said = "\n".join(["Waived:", *lines]).replace("${", "$${")
    arguments = call.arguments
    match call.task:
        case "announce.post":
            return call.model_copy(
                update={"arguments": {**arguments, "text": f"{arguments['text']}\n{said}"}}
            )
        case "announce.deployment":
            return call.model_copy(update={"arguments": {**arguments, "waived": said}})
    return None


def _delivery(latest: AttemptState, tries: int, state: RunState) -> Delivery:
    if latest.is_running:
        return Delivery.UNDER_WAY
    if latest.result is Result.PASSED:
        return Delivery.DELIVERED
    if latest.in_doubt or latest.result is Result.TIMED_OUT or latest.exit_code == ExitCode.IN_DOUBT:
        return Delivery.PERHAPS
    passing = latest.exit_code == ExitCode.FAILED_OR_ROLLED_BACK or latest.result is Result.NEVER_STARTED
    if passing and tries <= len(PAUSES) and state.phase.is_open:
        return Delivery.WAITING
    return Delivery.UNDELIVERED
