"""The window's table in `handrail.toml`: what it may say, and every mistake with its line."""

from __future__ import annotations

import sys
import zoneinfo
from datetime import date, datetime
from pathlib import Path

import pytest

from handrail.project import calendar
from handrail.project.loader import ProjectInvalid, load
from handrail.project.model import Target
from handrail.project.window import Freeze, Window


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "handrail.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_all_that_it_can_say(tmp_path: Path) -> None:
    project = load(
        written(
            tmp_path,
            """\
[targets.production]
production = true

[targets.production.window]
timezone = "Europe/Berlin"
opens = 8:30
closes = "16:00"
days = ["mon", "tue", "wed"]
country = "DE"
subdivision = "BE"
freezes = [
  {from = 2026-12-18, until = 2027-01-03, reason = "the shop's busiest weeks"},
  {from = 2026-06-01T12:00:00, until = "2026-06-01T18:00:00+02:00", reason = "an audit"},
]
""".replace("opens = 8:30", "opens = 08:30:00"),
        )
    )
    window = project.targets["production"].deployment_window
    assert window is not None
    assert (window.opens, window.closes, window.days) == ("08:30", "16:00", ("mon", "tue", "wed"))
    assert window.freezes[0] == Freeze(
        begins=date(2026, 12, 18), ends=date(2027, 1, 3), reason="the shop's busiest weeks"
    )
    assert window.freezes[1].begins == datetime(2026, 6, 1, 12)  # noqa: DTZ001  (local to the window)
    assert window.freezes[1].ends == datetime.fromisoformat("2026-06-01T18:00:00+02:00")
    for by_alias in (True, False):
        dumped = project.targets["production"].model_dump_json(by_alias=by_alias)
        assert Target.model_validate_json(dumped) == project.targets["production"]


@pytest.mark.parametrize(
    ("text", "field", "words"),
    [
        (
            'timezone = "America/Los_Angelos"',
            "timezone",
            (
                "found the unknown time zone 'America/Los_Angelos'; expected a zone such as"
                " America/Los_Angeles; did you mean 'America/Los_Angeles'?"
            ),
        ),
        ('timezone = "../../etc/passwd"', "timezone", "the unknown time zone"),
        ('timezone = "America"', "timezone", "the unknown time zone 'America'"),
        ('country = "ZZ"', "country", "the unknown country 'ZZ'"),
        ('country = "us"', "country", "the unknown country 'us'"),
        ('subdivision = "QQ"', "subdivision", "the unknown part 'QQ' of US; expected one of AK, AL"),
        ('opens = "9"', "opens", "found '9'; expected a time of day in hours and minutes"),
        ('opens = "25:00"', "opens", "expected a time of day"),
        ("opens = 9", "opens", "expected a time of day"),
        ("opens = 09:00:30", "opens", "expected a time of day"),
        ('closes = "24:30"', "closes", "expected a time of day"),
        ('days = ["funday"]', "days[0]", "found 'funday'; expected 'mon', 'tue'"),
        ("days = []", "days", "at least one day"),
        ('opns = "9:00"', "opns", "did you mean 'opens'?"),
        ('freezes = [{from = "soon", until = 2026-12-20, reason = "x"}]', "freezes[0].from", "a day such as"),
        ("freezes = [{from = 2026-12-20, until = 2026-12-21}]", "freezes[0].reason", "can't be left out"),
        (
            'freezes = [{from = 2026-12-20, until = 2026-12-21, reason = ""}]',
            "freezes[0].reason",
            "found ''; expected why nothing may be deployed then",
        ),
        (
            'freezes = [{from = 2026-12-20, until = 2026-12-19, reason = "x"}]',
            "freezes[0]",
            "a freeze whose end comes after its beginning",
        ),
        (
            'freezes = [{from = 2026-12-20T09:00:00, until = 2026-12-20T09:00:00, reason = "x"}]',
            "freezes[0]",
            "a freeze whose end comes after its beginning",
        ),
    ],
)
def test_a_mistake_is_named_with_its_line(tmp_path: Path, text: str, field: str, words: str) -> None:
    path = written(
        tmp_path, f"[targets.production]\nproduction = true\n[targets.production.window]\n{text}\n"
    )
    with pytest.raises(ProjectInvalid) as caught:
        load(path)
    assert f"{path}:4: targets.production.window.{field}: found " in caught.value.evidence
    assert words in caught.value.evidence
    assert len(caught.value.problems) == 1


@pytest.mark.parametrize(("opens", "closes"), [("9:00", "9:00"), ("17:00", "9:00"), ("22:00", "06:00")])
def test_it_closes_after_it_opens(tmp_path: Path, opens: str, closes: str) -> None:
    path = written(tmp_path, f'[targets.a.window]\nopens = "{opens}"\ncloses = "{closes}"\n')
    with pytest.raises(ProjectInvalid, match="`closes` on the same day as `opens`"):
        load(path)


@pytest.mark.parametrize("text", ['country = ""', 'opens = "0:00"\ncloses = "24:00"', "enabled = false"])
def test_what_is_right_is_taken(tmp_path: Path, text: str) -> None:
    assert load(written(tmp_path, f"[targets.a.window]\n{text}\n")).targets["a"].window is not None


def test_without_time_zone_data_nothing_is_called_a_mistake_and_the_calendar_says_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_data(key: str) -> zoneinfo.ZoneInfo:
        raise zoneinfo.ZoneInfoNotFoundError(key)

    monkeypatch.setattr(calendar.zoneinfo, "ZoneInfo", no_data)
    monkeypatch.setattr(calendar.zoneinfo, "available_timezones", set)
    calendar._zones.cache_clear()
    calendar._calendar.cache_clear()
    try:
        project = load(written(tmp_path, '[targets.a.window]\ntimezone = "Europe/Berlin"\n'))
        window = project.targets["a"].deployment_window
        assert window is not None
        found = calendar.calendar_of(window)
        assert (found.zone, found.missing) == (None, "this machine has no time zone data for Europe/Berlin")
    finally:
        calendar._zones.cache_clear()
        calendar._calendar.cache_clear()


def test_without_the_library_of_holidays_the_calendar_says_what_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "holidays", None)
    calendar._calendar.cache_clear()
    try:
        assert "the holidays of US are not known here" in calendar.calendar_of(Window()).missing
        assert calendar.calendar_of(Window(country="")).missing == ""
    finally:
        calendar._calendar.cache_clear()
