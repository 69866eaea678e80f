"""Announcements in the team's channel (deployment-workflow.md, Step 1), by an incoming webhook."""

from __future__ import annotations

import json
from datetime import UTC, datetime, tzinfo
from typing import TYPE_CHECKING

from invoke.context import Context
from invoke.tasks import task

from handrail.errors import HandrailError, InDoubt, Refused, WrongUsage
from handrail.probes.exchange import Answer, NoAnswer, Request
from handrail.project.calendar import zone_of
from handrail.tasks.workplace import Workplace, workplace

if TYPE_CHECKING:
    from handrail.project.model import Announce, Target

PAUSES = (0.5, 1.0, 2.0)
LONGEST_PAUSE = 30.0
TIMEOUT = 10.0
WITHOUT = "post the text in the channel by hand, and note it; the deployment itself doesn't depend on it."


def deployment_text(
    feature: str, eta: str, rollback_plan: str, on_call: str, ref: str, target: str, waived: str = ""
) -> str:
    """The announcement in the workflow's words, its fields escaped as Slack asks."""
    what = f"{escaped(feature)} ({escaped(ref)})" if ref else escaped(feature)
    who = escaped(on_call)
    return (
        f"Deploying {what} to {escaped(target)}\n"
        f"ETA: {escaped(eta)}\n"
        f"Rollback plan: {escaped(rollback_plan)}\n"
        f"On-call: {who if who.startswith('@') else f'@{who}'}" + (f"\n{escaped(waived)}" if waived else "")
    )


def eta_text(served: datetime, watched: datetime, zone: tzinfo, *, measured: bool) -> str:
    """When visitors have the release, and until when it is watched; both are aware, and in UTC."""
    at, until = served.astimezone(zone), watched.astimezone(zone)
    day = "" if at.date() == until.date() else f"{until:%a} "
    then = f", watched until {day}{until:%H:%M %Z}" if watched > served else ""
    return f"{at:%H:%M %Z}{then} ({'as earlier runs took' if measured else 'estimated'})"


def _zone(target: Target) -> tzinfo:
    """The zone that the target's window goes by, where this machine knows it."""
    window = target.deployment_window
    return (zone_of(window.timezone) if window is not None else None) or UTC


def escaped(text: str) -> str:
    """Text that can't become a mention of the whole channel (Slack, "Escaping text")."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def post_request(announce: Announce, text: str, thread: str = "") -> Request:
    """The webhook's request, or with a token the one that can answer in a thread (chat.postMessage).

    The webhook's address is a secret: whoever has it can post.
    """
    # A feature's name must not call the whole channel.
    text = text.replace("<!", "&lt;!")
    if announce.token is not None:
        message = {"channel": announce.channel, "text": text} | ({"thread_ts": thread} if thread else {})
        return Request(
            f"{announce.api.rstrip('/')}/chat.postMessage",
            "POST",
            json=message,
            headers={"Authorization": f"Bearer {announce.token.reveal()}"},
            timeout=TIMEOUT,
            shown=f"<chat.postMessage to {announce.channel}>",
            by_proxy=True,
            dry_body='{"ok": true}',
        )
    if announce.webhook is None:
        raise WrongUsage("The target's [announce] names neither a webhook nor a token.")
    return Request(
        announce.webhook.reveal(),
        "POST",
        json={"text": text},
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
def post(context: Context, text: str, thread: str = "") -> None:
    """Post a text to the team's channel, in a thread where the target has a token for it."""
    send(workplace(context), text, thread)


@task
def deployment(
    context: Context,
    feature: str,
    eta: str = "",
    rollback_plan: str = "",
    on_call: str = "",
    ref: str = "",
    thread: str = "",
    served_at: str = "",
    watched_until: str = "",
    measured: bool = False,
    waived: str = "",
) -> None:
    """Announce a deployment: what, when it is done, the way back, who is on call, and what was waived.

    Without an `eta`, the two moments (ISO 8601) and whether they were `measured` make one.
    """
    place = workplace(context)
    target = place.target
    if not eta and served_at and watched_until:
        moments = (datetime.fromisoformat(served_at), datetime.fromisoformat(watched_until))
        eta = eta_text(*moments, _zone(target), measured=measured)
    send(
        place,
        deployment_text(
            feature,
            eta or "worked out when it is announced",
            rollback_plan or "rollback-code runbook",
            on_call or target.on_call or "not given",
            ref,
            target.name or "production",
            waived,
        ),
        thread,
    )


def send(place: Workplace, text: str, thread: str = "") -> None:
    """Post, trying again where that can't post twice. Raises `HandrailError` that says what to do."""
    announce = place.target.announce
    if announce is None:
        raise WrongUsage(
            f"The target {place.site.name} names no webhook to announce to.",
            still_safe="nothing was posted.",
            next_step=f"set [targets.{place.site.name}.announce] webhook in handrail.toml, or {WITHOUT}",
        )
    request = post_request(announce, text, thread)
    for line in text.splitlines():
        place.say(f"  {line}")
    planned = iter(PAUSES)
    while True:
        answer, reason = _try(place, request)
        if answer is not None and 200 <= answer.status < 300:
            if announce.token is not None:
                _take_note_of_thread(place, announce.channel, answer, thread)
            place.say(f"Posted to {announce.channel}.")
            return
        pause = pause_after(answer, next(planned, -1.0))
        if pause is None or pause < 0:
            failed = f"The announcement was not posted to {announce.channel}: {reason}."
            safe = "nothing but the announcement is missing; the run goes on without it."
            if pause is None:
                mend = f"see whether the webhook is still valid, and {WITHOUT}"
                raise Refused(failed, still_safe=safe, next_step=mend)
            mend = f"nothing: it is tried again for a while. Where it is urgent, {WITHOUT}"
            raise HandrailError(failed, still_safe=safe, next_step=mend)
        place.say(f"Not posted: {reason}; trying again in {pause:g} s.")
        place.performer.pause(pause)


def _take_note_of_thread(place: Workplace, channel: str, answer: Answer, thread: str) -> None:
    """Slack answers 200 to a refusal, too; the first message's time stamp names the run's thread."""
    try:
        said = json.loads(answer.body)
    except ValueError:
        said = {}
    if not isinstance(said, dict) or said.get("ok") is not True:
        why = said.get("error", "no reason given") if isinstance(said, dict) else "no reason given"
        raise Refused(
            f"The announcement was not posted to {channel}: the channel's service refused it ({why}).",
            still_safe="nothing but the announcement is missing; the run goes on without it.",
            next_step=f"see whether the token may post there, and {WITHOUT}",
        )
    if not thread and isinstance(said.get("ts"), str):
        place.fact("announcement_thread", said["ts"])


def _try(place: Workplace, request: Request) -> tuple[Answer | None, str]:
    try:
        answer = place.performer.request(request)
    except NoAnswer as error:
        if error.sent:
            raise InDoubt(
                f"The announcement was perhaps posted: {error.summary.rstrip('.')}.",
                still_safe="nothing but the announcement is uncertain.",
                next_step="look into the channel; where it doesn't stand there, post the text by hand.",
            ) from error
        return None, error.summary.rstrip(".")
    words = " ".join(answer.body.split())[:200]
    return answer, f"the webhook answered {answer.status}{f' ({words})' if words else ''}"
