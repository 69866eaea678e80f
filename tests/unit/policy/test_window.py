"""The deployment window: every threshold from both sides, in its own zone, over every clock change."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handrail.policy.gate import Verdict
from handrail.policy.window import WindowVerdict, elapsed, judge, span_words, spare
from handrail.project.calendar import Calendar, calendar_of
from handrail.project.window import Window

PACIFIC = Window()
BERLIN = Window(timezone="Europe/Berlin", country="DE", subdivision="BE")
SYDNEY = Window(timezone="Australia/Sydney", country="", days=("sun", "mon"))
ANY_DAY = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def at(text: str, zone: str = "America/Los_Angeles", fold: int = 0) -> datetime:
    """A moment by the wall clock of a zone."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold)


def ask(window: Window, moment: datetime) -> WindowVerdict:
    """The verdict with the holidays of the window's own country."""
    return judge(window, moment, calendar_of(window))


def window(**fields: object) -> Window:
    """A window without holidays, at any day."""
    return Window.model_validate({"country": "", "days": ANY_DAY, **fields})


@pytest.mark.parametrize(
    ("moment", "is_open"),
    [
        ("2026-11-23T08:59:59.999999", False),
        ("2026-11-23T09:00:00", True),
        ("2026-11-23T16:59:59.999999", True),
        ("2026-11-23T17:00:00", False),
        ("2026-11-20T12:00:00", True),  # Friday
        ("2026-11-21T12:00:00", False),
        ("2026-11-22T12:00:00", False),
        ("2026-12-31T16:59:00", True),
        ("2027-01-01T09:00:00", False),  # New Year's Day
        ("2028-02-28T12:00:00", True),
        ("2028-02-29T08:59:59", False),
        ("2028-02-29T09:00:00", True),  # leap day, a Tuesday
        ("2028-02-29T17:00:00", False),
        ("2028-03-01T09:00:00", True),
    ],
)
def test_nine_to_five_on_working_days(moment: str, is_open: bool) -> None:
    assert ask(PACIFIC, at(moment)).is_open is is_open


@pytest.mark.parametrize(
    ("given_window", "before", "opens", "closes"),
    [
        # Spring forward and fall back: the hours are the clock's, on either side of the change.
        (PACIFIC, "2026-03-06T17:00Z", "2026-03-06T17:00Z", "2026-03-07T01:00Z"),
        (PACIFIC, "2026-03-09T15:00Z", "2026-03-09T16:00Z", "2026-03-10T00:00Z"),
        (PACIFIC, "2026-10-30T15:00Z", "2026-10-30T16:00Z", "2026-10-31T00:00Z"),
        (PACIFIC, "2026-11-02T16:00Z", "2026-11-02T17:00Z", "2026-11-03T01:00Z"),
        # The days of the change themselves, which are Sundays.
        (
            window(timezone="America/Los_Angeles"),
            "2026-03-08T15:00Z",
            "2026-03-08T16:00Z",
            "2026-03-09T00:00Z",
        ),
        (
            window(timezone="America/Los_Angeles"),
            "2026-11-01T16:00Z",
            "2026-11-01T17:00Z",
            "2026-11-02T01:00Z",
        ),
        (window(timezone="Europe/Berlin"), "2026-03-29T06:00Z", "2026-03-29T07:00Z", "2026-03-29T15:00Z"),
        (window(timezone="Europe/Berlin"), "2026-10-25T07:00Z", "2026-10-25T08:00Z", "2026-10-25T16:00Z"),
        (BERLIN, "2026-03-27T07:00Z", "2026-03-27T08:00Z", "2026-03-27T16:00Z"),
        (BERLIN, "2026-03-30T06:00Z", "2026-03-30T07:00Z", "2026-03-30T15:00Z"),
        # In the south, summer time ends in April and begins in October.
        (SYDNEY, "2026-04-04T22:00Z", "2026-04-04T23:00Z", "2026-04-05T07:00Z"),
        (SYDNEY, "2026-10-03T21:00Z", "2026-10-03T22:00Z", "2026-10-04T06:00Z"),
    ],
)
def test_both_clock_changes(given_window: Window, before: str, opens: str, closes: str) -> None:
    begin, end = datetime.fromisoformat(opens), datetime.fromisoformat(closes)
    moment = timedelta(microseconds=1)
    if before != opens:
        waits = ask(given_window, datetime.fromisoformat(before))
        assert waits.opens_next == begin
    assert not ask(given_window, begin - moment).is_open
    assert ask(given_window, begin).closes_in == end - begin
    assert ask(given_window, end - moment).is_open
    assert not ask(given_window, end).is_open


@pytest.mark.parametrize(
    ("opens", "closes", "day", "hours"),
    [
        ("01:00", "04:00", "2026-03-08", 2),  # 2:00 to 3:00 isn't there
        ("02:00", "03:00", "2026-03-08", 0),
        ("02:30", "05:00", "2026-03-08", 1.5),  # the clock shows 3:30 when 2:30 would have been
        ("00:30", "03:00", "2026-11-01", 3.5),  # 1:00 to 2:00 comes twice
        ("00:30", "01:30", "2026-11-01", 1),  # to the first 1:30
        ("00:00", "24:00", "2026-03-08", 23),
        ("00:00", "24:00", "2026-11-01", 25),
        ("00:00", "24:00", "2026-11-03", 24),
    ],
)
def test_a_window_over_the_change_itself(opens: str, closes: str, day: str, hours: float) -> None:
    sunday = window(opens=opens, closes=closes, days=(f"{datetime.fromisoformat(day):%a}".lower(),))
    start = at(f"{day}T00:00").astimezone(UTC)
    minutes = sum(ask(sunday, start + timedelta(minutes=n)).is_open for n in range(25 * 60))
    assert minutes == hours * 60


FEDERAL_ON_WEEKDAYS = {
    "2026-01-01": "New Year's Day",
    "2026-01-19": "Martin Luther King Jr. Day",
    "2026-02-16": "Washington's Birthday",
    "2026-05-25": "Memorial Day",
    "2026-06-19": "Juneteenth National Independence Day",
    "2026-07-03": "Independence Day (observed)",
    "2026-09-07": "Labor Day",
    "2026-10-12": "Columbus Day",
    "2026-11-11": "Veterans Day",
    "2026-11-26": "Thanksgiving Day",
    "2026-12-25": "Christmas Day",
    "2027-01-01": "New Year's Day",
    "2027-01-18": "Martin Luther King Jr. Day",
    "2027-02-15": "Washington's Birthday",
    "2027-05-31": "Memorial Day",
    "2027-06-18": "Juneteenth National Independence Day (observed)",
    "2027-07-05": "Independence Day (observed)",
    "2027-09-06": "Labor Day",
    "2027-10-11": "Columbus Day",
    "2027-11-11": "Veterans Day",
    "2027-11-25": "Thanksgiving Day",
    "2027-12-24": "Christmas Day (observed)",
    "2027-12-31": "New Year's Day (observed)",
}


@pytest.mark.parametrize(("day", "name"), FEDERAL_ON_WEEKDAYS.items())
def test_a_holiday_is_closed_and_named(day: str, name: str) -> None:
    verdict = ask(PACIFIC, at(f"{day}T12:00"))
    assert not verdict.is_open
    assert f"is a holiday in US ({name})" in verdict.evidence
    assert verdict.opens_next is not None
    assert verdict.opens_next.date() > date.fromisoformat(day)


def test_no_other_weekday_of_these_years_is_closed() -> None:
    days = [date(2026, 1, 1) + timedelta(days=n) for n in range(730)]
    closed = {
        day.isoformat()
        for day in days
        if day.weekday() < 5 and not ask(PACIFIC, at(f"{day.isoformat()}T12:00")).is_open
    }
    assert closed == set(FEDERAL_ON_WEEKDAYS)


@pytest.mark.parametrize(
    ("given_window", "moment", "is_open"),
    [
        (Window(country="DE"), "2026-11-26T12:00", True),  # Thanksgiving means nothing there
        (Window(country=""), "2026-12-25T12:00", True),
        (Window(timezone="Europe/Berlin", country="DE"), "2026-10-31T12:00", False),  # a Saturday
        (Window(country="DE", subdivision="BB", days=ANY_DAY), "2026-10-31T12:00", False),  # Reformation Day
        (Window(country="DE", subdivision="BE", days=ANY_DAY), "2026-10-31T12:00", True),
    ],
)
def test_holidays_are_those_of_the_country_and_its_part(
    given_window: Window, moment: str, is_open: bool
) -> None:
    assert ask(given_window, at(moment, given_window.timezone)).is_open is is_open


@pytest.mark.parametrize(
    ("begins", "ends", "moment", "is_open"),
    [
        # Whole days, both included.
        ("2026-12-07", "2026-12-08", "2026-12-04T16:59:59", True),
        ("2026-12-07", "2026-12-08", "2026-12-07T09:00", False),
        ("2026-12-07", "2026-12-08", "2026-12-08T16:59:59", False),
        ("2026-12-07", "2026-12-08", "2026-12-09T09:00", True),
        ("2026-12-07", "2026-12-07", "2026-12-07T12:00", False),
        # Moments: the first is frozen, the last is free.
        ("2026-12-07T12:00", "2026-12-07T14:00", "2026-12-07T11:59:59", True),
        ("2026-12-07T12:00", "2026-12-07T14:00", "2026-12-07T12:00", False),
        ("2026-12-07T12:00", "2026-12-07T14:00", "2026-12-07T13:59:59", False),
        ("2026-12-07T12:00", "2026-12-07T14:00", "2026-12-07T14:00", True),
        # With an offset: 12:00 in Los Angeles is 20:00 UTC.
        ("2026-12-07T20:00+00:00", "2026-12-07T22:00+00:00", "2026-12-07T11:59:59", True),
        ("2026-12-07T20:00+00:00", "2026-12-07T22:00+00:00", "2026-12-07T12:00", False),
        ("2026-12-07T20:00+00:00", "2026-12-07T22:00+00:00", "2026-12-07T14:00", True),
    ],
)
def test_both_ends_of_a_freeze(begins: str, ends: str, moment: str, is_open: bool) -> None:
    frozen = Window.model_validate({"freezes": [{"from": begins, "until": ends, "reason": "year-end sale"}]})
    verdict = ask(frozen, at(moment))
    assert verdict.is_open is is_open
    if not is_open:
        assert "year-end sale" in verdict.evidence


def test_a_freeze_ends_an_open_window_and_says_when_it_opens_again() -> None:
    frozen = window(
        freezes=[{"from": "2026-12-07T12:00", "until": "2026-12-08", "reason": "a move of the racks"}]
    )
    assert ask(frozen, at("2026-12-07T11:00")).closes_in == timedelta(hours=1)
    held = ask(frozen, at("2026-12-07T12:00"))
    assert held.opens_next == at("2026-12-09T09:00")
    assert held.evidence == (
        "the deployment window is closed: frozen until Wed 2026-12-09 00:00 PST: a move of the racks; "
        "it opens Wed 2026-12-09 09:00 PST, in 1d 21h"
    )


@pytest.mark.parametrize(
    ("moment", "evidence"),
    [
        (
            "2026-11-23T15:48",
            (
                "the deployment window is open until 17:00 PST, for another 1h 12m"
                " (09:00 to 17:00 America/Los_Angeles)"
            ),
        ),
        (
            "2026-11-23T07:15",
            (
                "the deployment window is closed: it is 07:15 PST, before 09:00;"
                " it opens Mon 2026-11-23 09:00 PST, in 1h 45m"
            ),
        ),
        (
            "2026-11-20T19:00",
            (
                "the deployment window is closed: it is 19:00 PST, and it closed at 17:00;"
                " it opens Mon 2026-11-23 09:00 PST, in 2d 14h"
            ),
        ),
        (
            "2026-11-21T10:00",
            (
                "the deployment window is closed: Saturday is no deployment day;"
                " it opens Mon 2026-11-23 09:00 PST, in 1d 23h"
            ),
        ),
        (
            "2026-11-26T10:00",
            (
                "the deployment window is closed: Thu 2026-11-26 is a holiday in US (Thanksgiving Day);"
                " it opens Fri 2026-11-27 09:00 PST, in 23h 00m"
            ),
        ),
    ],
)
def test_the_evidence_says_why_and_when(moment: str, evidence: str) -> None:
    assert ask(PACIFIC, at(moment)).evidence == evidence


def test_the_wait_over_a_clock_change_is_what_really_passes() -> None:
    # Friday 17:00 to Monday 9:00 is 64 hours by the clock faces, and 63 in the spring.
    assert "in 2d 15h" in ask(PACIFIC, at("2026-03-06T17:00")).evidence
    assert "in 2d 17h" in ask(PACIFIC, at("2026-10-30T17:00")).evidence


def test_windows_that_meet_are_one() -> None:
    nights_too = window(opens="00:00", closes="24:00", days=("mon", "tue"))
    monday = ask(nights_too, at("2026-11-23T12:00"))
    assert monday.until == at("2026-11-25T00:00")
    always = ask(window(opens="00:00", closes="24:00"), at("2026-11-23T12:00"))
    assert (always.until, always.closes_in) == (None, timedelta.max)


def test_what_never_opens_says_so() -> None:
    never = window(
        opens="02:00",
        closes="03:00",
        days=("mon",),
        freezes=[{"from": "2026-01-01", "until": "2029-01-01", "reason": "the service is switched off"}],
    )
    verdict = ask(never, at("2026-11-23T12:00"))
    assert verdict.opens_next is None
    assert "it doesn't open within 400 days" in verdict.evidence


@pytest.mark.parametrize(
    "calendar",
    [
        Calendar(None, lambda day: None, "this machine has no time zone data for X"),
        Calendar(None, lambda day: None),
        Calendar(ZoneInfo("UTC"), lambda day: None, "the holidays of US are not known here"),
    ],
)
def test_what_isnt_known_never_passes(calendar: Calendar) -> None:
    verdict = judge(PACIFIC, at("2026-11-23T12:00"), calendar)
    assert verdict.verdict is Verdict.UNKNOWN
    assert not verdict.is_open
    assert verdict.closes_in == timedelta()
    assert "not known" in verdict.evidence


def test_a_zone_or_country_that_this_machine_lacks_is_unknown() -> None:
    for odd in (
        Window(timezone="Mars/Olympus"),
        Window(timezone="../etc/passwd"),
        Window(timezone="America"),
        Window(country="XX"),
        Window(subdivision="XX"),
    ):
        assert ask(odd, at("2026-11-23T12:00")).verdict is Verdict.UNKNOWN


def test_a_target_without_a_window_is_always_open() -> None:
    verdict = judge(None, at("2026-11-22T03:00"), Calendar(None, lambda day: None))
    assert verdict.is_open
    assert verdict.closes_in == timedelta.max


@pytest.mark.parametrize(
    ("takes", "left"),
    [(3599, 1), (3600, 0), (3601, -1)],
)
def test_a_deployment_that_ends_as_it_closes_still_fits(takes: int, left: int) -> None:
    verdict = ask(PACIFIC, at("2026-11-23T16:00"))
    assert spare(verdict, timedelta(seconds=takes)) == timedelta(seconds=left)


def test_anything_fits_where_no_end_is_in_sight_and_nothing_where_it_is_closed() -> None:
    always = judge(None, at("2026-11-23T16:00"), Calendar(None, lambda day: None))
    assert spare(always, timedelta(days=9)) == timedelta.max
    assert spare(ask(PACIFIC, at("2026-11-23T18:00")), timedelta(seconds=1)) < timedelta()


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0s"),
        (59.9, "59s"),
        (60, "1m"),
        (3599, "59m"),
        (3600, "1h 00m"),
        (86399, "23h 59m"),
        (86400, "1d 0h"),
        (310000, "3d 14h"),
    ],
)
def test_spans_in_words(seconds: float, words: str) -> None:
    assert span_words(timedelta(seconds=seconds)) == words


ZONES = [
    "America/Los_Angeles",
    "Europe/Berlin",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Asia/Kathmandu",
    "UTC",
]
FACES = st.tuples(st.integers(0, 23), st.sampled_from([0, 15, 30, 59])).map(
    lambda t: f"{t[0]:02d}:{t[1]:02d}"
)
DAYS = st.dates(date(2024, 1, 1), date(2030, 12, 31))


@st.composite
def windows(draw) -> Window:
    """Any window without holidays; its freezes lie anywhere."""
    faces = sorted(draw(st.lists(FACES, min_size=2, max_size=2, unique=True)))
    freezes = [
        {"from": first, "until": first + timedelta(days=length), "reason": "x"}
        for first, length in draw(st.lists(st.tuples(DAYS, st.integers(0, 40)), max_size=2))
    ]
    days = draw(st.sets(st.sampled_from(ANY_DAY), min_size=1))
    return window(
        timezone=draw(st.sampled_from(ZONES)),
        opens=faces[0],
        closes=draw(st.sampled_from([faces[1], "24:00"])),
        days=tuple(days),
        freezes=freezes,
    )


@given(windows(), st.datetimes(datetime(2024, 1, 1), datetime(2030, 12, 31), timezones=st.just(UTC)))  # noqa: DTZ001
@settings(max_examples=200, deadline=None)
def test_open_exactly_where_something_is_left_and_changes_exactly_when_it_says(
    given_window: Window, moment: datetime
) -> None:
    verdict = ask(given_window, moment)
    assert verdict.is_open == (verdict.closes_in > timedelta())
    assert verdict.is_open == (verdict.verdict is Verdict.PASS)
    just_before = timedelta(microseconds=1)
    if verdict.until is not None:
        until = verdict.until.astimezone(UTC)
        assert verdict.closes_in == elapsed(moment, until) > timedelta()
        assert ask(given_window, until - just_before).is_open
        assert not ask(given_window, until).is_open
    if verdict.opens_next is not None:
        opens = verdict.opens_next.astimezone(UTC)
        assert opens > moment
        assert ask(given_window, opens).is_open
        assert not ask(given_window, opens - just_before).is_open
