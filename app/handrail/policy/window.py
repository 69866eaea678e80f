"""May a deployment start now? The target's window on working days (deployment-workflow.md, Pre-Deployment 3).

Every comparison is made between moments, never between clock faces, so that a day of 23 or 25 hours
opens and closes when its clocks say so.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import TYPE_CHECKING

from handrail.policy.gate import Verdict

if TYPE_CHECKING:
    from handrail.project.calendar import Calendar
    from handrail.project.window import Freeze, Window

LOOKS_AHEAD = timedelta(days=400)
NO_END_IN_SIGHT = timedelta(days=7)
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

Span = tuple[datetime, datetime]
"""A beginning, and an end that is no longer in it, both in UTC."""


@dataclass(frozen=True, slots=True)
class WindowVerdict:
    """Whether a window was open at `moment`, and why.

    `until` is `None` where an open window doesn't close within a week, `opens_next` where a closed one
    doesn't open within 400 days. Both are in the window's zone.
    """

    verdict: Verdict
    moment: datetime
    why: str
    until: datetime | None = None
    opens_next: datetime | None = None

    @property
    def is_open(self) -> bool:
        """Whether a deployment may start."""
        return self.verdict is Verdict.PASS

    @property
    def closes_in(self) -> timedelta:
        """The time until it closes: nothing where it isn't open, `timedelta.max` where no end is in sight."""
        if not self.is_open:
            return timedelta()
        return timedelta.max if self.until is None else elapsed(self.moment, self.until)

    @property
    def evidence(self) -> str:
        """The verdict in a sentence, with when it changes."""
        if self.verdict is Verdict.UNKNOWN:
            return f"it is not known whether the deployment window is open: {self.why}"
        if self.is_open:
            return f"the deployment window is open {self.why}"
        if self.opens_next is None:
            return f"the deployment window is closed: {self.why}; it doesn't open within 400 days"
        wait = span_words(elapsed(self.moment, self.opens_next))
        return f"the deployment window is closed: {self.why}; it opens {at_words(self.opens_next)}, in {wait}"


def judge(window: Window | None, moment: datetime, calendar: Calendar) -> WindowVerdict:
    """Whether a deployment may start at `moment` (aware); a target without a window never closes."""
    if window is None:
        return WindowVerdict(Verdict.PASS, moment, "at any time: the target has none")
    if calendar.zone is None or calendar.missing:
        return WindowVerdict(Verdict.UNKNOWN, moment, calendar.missing or "no time zone data")
    moment = moment.astimezone(UTC)
    zone = calendar.zone
    span = next((span for span in _spans(window, calendar, zone, moment) if span[1] > moment), None)
    if span is None:
        return WindowVerdict(Verdict.FAIL, moment, _why_closed(window, calendar, zone, moment))
    start, end = (each.astimezone(zone) for each in span)
    if span[0] > moment:
        why = _why_closed(window, calendar, zone, moment)
        return WindowVerdict(Verdict.FAIL, moment, why, opens_next=start)
    hours = f"{window.opens} to {window.closes} {window.timezone}"
    if span[1] - moment > NO_END_IN_SIGHT:
        return WindowVerdict(Verdict.PASS, moment, f"for the next week ({hours})")
    left = span_words(span[1] - moment)
    why = f"until {at_words(end, moment.astimezone(zone))}, for another {left} ({hours})"
    return WindowVerdict(Verdict.PASS, moment, why, until=end)


def spare(verdict: WindowVerdict, takes: timedelta) -> timedelta:
    """What is left of the window once a deployment of this duration is over; negative where it ends late."""
    return verdict.closes_in if verdict.closes_in == timedelta.max else verdict.closes_in - takes


def elapsed(earlier: datetime, later: datetime) -> timedelta:
    """The time that passes between two aware moments; two of one zone would be compared by their faces."""
    return later.astimezone(UTC) - earlier.astimezone(UTC)


def _spans(window: Window, calendar: Calendar, zone: tzinfo, moment: datetime) -> Iterator[Span]:
    """When the window is open, from the moment's day on; what meets without a gap is one span."""
    day, last = moment.astimezone(zone).date(), None
    begun: Span | None = None
    try:
        last = day + LOOKS_AHEAD
    except OverflowError:
        last = date.max
    while day < last:
        for start, end in _open_on(window, calendar, zone, day):
            if begun is None or start > begun[1]:
                if begun is not None:
                    yield begun
                begun = (start, end)
            else:
                begun = (begun[0], max(begun[1], end))
        if begun is not None and begun[1] - moment > NO_END_IN_SIGHT * 2:
            break
        day += timedelta(days=1)
    if begun is not None:
        yield begun


def _open_on(window: Window, calendar: Calendar, zone: tzinfo, day: date) -> list[Span]:
    if _DAYS[day.weekday()] not in window.days or calendar.holiday(day):
        return []
    hours = (_at(day, window.opens, zone), _at(day, window.closes, zone))
    # An hour that a clock change leaves out can swallow a short window whole.
    spans = [hours] if hours[0] < hours[1] else []
    for freeze in window.freezes:
        spans = [part for span in spans for part in _without(span, frozen_between(freeze, zone))]
    return spans


def _without(span: Span, hole: Span) -> Iterator[Span]:
    if hole[0] >= span[1] or hole[1] <= span[0]:
        yield span
        return
    if span[0] < hole[0]:
        yield span[0], hole[0]
    if hole[1] < span[1]:
        yield hole[1], span[1]


def frozen_between(freeze: Freeze, zone: tzinfo) -> Span:
    """A freeze's two ends; a bare day is frozen to its last moment."""
    begins, ends = freeze.begins, freeze.ends
    start = begins if isinstance(begins, datetime) else datetime.combine(begins, time())
    end = ends if isinstance(ends, datetime) else datetime.combine(ends + timedelta(days=1), time())
    return _moment(start, zone), _moment(end, zone)


def _moment(at: datetime, zone: tzinfo) -> datetime:
    return (at if at.tzinfo is not None else at.replace(tzinfo=zone)).astimezone(UTC)


def _at(day: date, face: str, zone: tzinfo) -> datetime:
    """The moment at which a day's clock shows a time; the first one where it shows it twice."""
    if face == "24:00":
        day, face = day + timedelta(days=1), "00:00"
    return datetime.combine(day, time.fromisoformat(face), tzinfo=zone).astimezone(UTC)


def _why_closed(window: Window, calendar: Calendar, zone: tzinfo, moment: datetime) -> str:
    local = moment.astimezone(zone)
    for freeze in window.freezes:
        start, end = frozen_between(freeze, zone)
        if start <= moment < end:
            return f"frozen until {at_words(end.astimezone(zone))}: {freeze.reason}"
    if name := calendar.holiday(local.date()):
        place = f"{window.country} {window.subdivision}".strip()
        return f"{local:%a %Y-%m-%d} is a holiday in {place} ({name})"
    if _DAYS[local.weekday()] not in window.days:
        return f"{local:%A} is no deployment day"
    if moment < _at(local.date(), window.opens, zone):
        return f"it is {local:%H:%M %Z}, before {window.opens}"
    return f"it is {local:%H:%M %Z}, and it closed at {window.closes}"


def at_words(at: datetime, now: datetime | None = None) -> str:
    """A local moment for people: the time alone where it is on the day of `now`."""
    if now is not None and at.date() == now.date():
        return f"{at:%H:%M %Z}"
    return f"{at:%a %Y-%m-%d %H:%M %Z}"


def span_words(span: timedelta) -> str:
    """A long duration in whole minutes, cut: `12m`, `1h 12m`, `3d 14h`; below a minute in seconds."""
    seconds = int(span.total_seconds())
    if seconds < 60:
        return f"{seconds}s"
    hours, minutes = divmod(seconds // 60, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days}d {hours}h"
    return f"{hours}h {minutes:02d}m" if hours else f"{minutes}m"
