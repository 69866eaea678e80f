"""Announcements in the team's channel (deployment-workflow.md, Step 1), by an incoming webhook."""

from __future__ import annotations

from typing import TYPE_CHECKING

from invoke.context import Context
from invoke.tasks import task

from handrail.errors import HandrailError, InDoubt, WrongUsage
from handrail.probes.exchange import Answer, NoAnswer, Request
from handrail.tasks.workplace import Workplace, workplace

if TYPE_CHECKING:
    from handrail.project.model import Announce

PAUSES = (0.5, 1.0, 2.0)
LONGEST_PAUSE = 30.0
TIMEOUT = 10.0
WITHOUT = (
    "post the text in the channel by hand, then mark this step as done with that as the reason;"
    " the deployment itself doesn't depend on it."
)


def deployment_text(feature: str, eta: str, rollback_plan: str, on_call: str, ref: str, target: str) -> str:
    """The announcement in the workflow's words, its fields escaped as Slack asks."""
    what = f"{escaped(feature)} ({escaped(ref)})" if ref else escaped(feature)
    who = escaped(on_call)
    return (
        f"Deploying {what} to {escaped(target)}\n"
        f"ETA: {escaped(eta)}\n"
        f"Rollback plan: {escaped(rollback_plan)}\n"
        f"On-call: {who if who.startswith('@') else f'@{who}'}"
    )


def escaped(text: str) -> str:
    """Text that can't become a mention of the whole channel (Slack, "Escaping text")."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def post_request(announce: Announce, text: str) -> Request:
    """The webhook's request. The address is a secret: whoever has it can post."""
    return Request(
        announce.webhook.reveal(),
        "POST",
        # A feature's name must not call the whole channel.
        json={"text": text.replace("<!", "&lt;!")},
        timeout=TIMEOUT,
        shown=f"<webhook of {announce.channel}>",
        by_proxy=True,
        dry_body="ok",
    )


def pause_after(answer: Answer | None, planned: float) -> float | None:
    """Seconds to wait before posting again; `None` where the answer is final (4xx but 429)."""
    if answer is None or answer.status >= 500:
        return planned
    if answer.status != 429:
        return None
    wanted = answer.headers.get("retry-after", "")
    return min(float(wanted), LONGEST_PAUSE) if wanted.isdigit() else planned


@task
def post(context: Context, text: str) -> None:
    """Post a text to the team's channel."""
    send(workplace(context), text)


@task
def deployment(
    context: Context, feature: str, eta: str = "", rollback_plan: str = "", on_call: str = "", ref: str = ""
) -> None:
    """Announce a deployment: what, when it is done, the way back, and who is on call."""
    place = workplace(context)
    target = place.target
    send(
        place,
        deployment_text(
            feature,
            eta or "not given",
            rollback_plan or "rollback-code runbook",
            on_call or target.on_call or "not given",
            ref,
            target.name or "production",
        ),
    )


def send(place: Workplace, text: str) -> None:
    """Post, trying again where that can't post twice. Raises `HandrailError` that says what to do."""
    announce = place.target.announce
    if announce is None:
        raise WrongUsage(
            f"The target {place.site.name} names no webhook to announce to.",
            still_safe="nothing was posted.",
            next_step=f"set [targets.{place.site.name}.announce] webhook in handrail.toml, or {WITHOUT}",
        )
    request = post_request(announce, text)
    for line in text.splitlines():
        place.say(f"  {line}")
    planned = iter(PAUSES)
    while True:
        answer, reason = _try(place, request)
        if answer is not None and 200 <= answer.status < 300:
            place.say(f"Posted to {announce.channel}.")
            return
        pause = pause_after(answer, next(planned, -1.0))
        if pause is None or pause < 0:
            raise HandrailError(
                f"The announcement was not posted to {announce.channel}: {reason}.",
                still_safe="nothing but the announcement is missing.",
                next_step=f"see whether the webhook is still valid, or {WITHOUT}"
                if pause is None
                else f"retry in a while, or {WITHOUT}",
            )
        place.say(f"Not posted: {reason}; trying again in {pause:g} s.")
        place.performer.pause(pause)


def _try(place: Workplace, request: Request) -> tuple[Answer | None, str]:
    try:
        answer = place.performer.request(request)
    except NoAnswer as error:
        if error.sent:
            raise InDoubt(
                f"The announcement was perhaps posted: {error.summary.rstrip('.')}.",
                still_safe="nothing but the announcement is uncertain.",
                next_step="look into the channel. If it stands there, mark this step as done; if not, retry.",
            ) from error
        return None, error.summary.rstrip(".")
    words = " ".join(answer.body.split())[:200]
    return answer, f"the webhook answered {answer.status}{f' ({words})' if words else ''}"
