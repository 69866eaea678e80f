"""Lines of access logs, and what is counted of them."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handrail.clock import ManualClock
from handrail.probes.access_log import AccessLogProber, Seen, parse_combined, parse_json
from handrail.project.model import Target
from handrail.project.probes import Probe

START = '10.0.0.1 - alice [10/Oct/2026:13:55:36 +0000] "GET /a b HTTP/1.1"'


@pytest.mark.parametrize(
    ("line", "field", "unit", "seen"),
    [
        (f"{START} 200 2326", None, "s", Seen(200)),
        (f'{START} 500 - "-" "curl/8"', None, "s", Seen(500)),
        (f'{START} 200 5 "-" "curl/8" 0.012', 1, "s", Seen(200, 12.0)),
        (f'{START} 200 5 "-" "curl \\"x\\" 8" 0.012 7', 2, "ms", Seen(200, 7.0)),
        (f"{START} 200 5 1500", 1, "us", Seen(200, 1.5)),
        (f'{START} 200 5 "-" "curl/8" "0.5"', 1, "s", Seen(200, 500.0)),
        (f'{START} 502 5 "-" "curl/8" 0.1, 0.3', 2, "s", Seen(502, 300.0)),
        (f'{START} 200 5 "-" "curl/8" -', 1, "s", Seen(200)),
        (f'{START} 200 5 "-" "curl/8"', 1, "s", Seen(200)),
        (f'{START} 200 5 "-" "curl/8" nan', 1, "s", Seen(200)),
        (f'{START} 200 5 "-" "curl/8" -3', 1, "s", Seen(200)),
        ('::1 - - [10/Oct/2026:13:55:36 +0000] "" 400 0', None, "s", Seen(400)),
        ('::1 - - [x] "GET /\\" 500 1 HTTP/1.1" 204 0', None, "s", Seen(204)),
        ('10.0.0.1 - a user with blanks [x] "GET /" 201 3', None, "s", Seen(201)),
        ("Started GET / for 127.0.0.1", None, "s", None),
        (f"{START} 20 5", None, "s", None),
        ("", None, "s", None),
    ],
)
def test_lines_of_the_common_and_combined_format(
    line: str, field: int | None, unit: str, seen: Seen | None
) -> None:
    assert parse_combined(line, field, unit) == seen


@pytest.mark.parametrize(
    ("line", "fields", "unit", "seen"),
    [
        ('{"status": 200}', {}, "s", Seen(200)),
        ('{"status": "503", "t": "0.250"}', {"time": "t"}, "s", Seen(503, 250.0)),
        ('{"code": 404, "ms": 12}', {"status": "code", "time": "ms"}, "ms", Seen(404, 12.0)),
        ('{"request": {"code": 201}}', {"status": "request.code"}, "s", Seen(201)),
        ('{"request.code": 202, "request": {"code": 201}}', {"status": "request.code"}, "s", Seen(202)),
        ('{"status": 503, "up": "-"}', {"upstream": "up"}, "s", Seen(503, None, True)),
        ('{"status": 503, "up": "10.0.0.2:80"}', {"upstream": "up"}, "s", Seen(503, None, False)),
        ('{"status": true}', {}, "s", None),
        ('{"status": 99}', {}, "s", None),
        ('{"status": 1e999}', {}, "s", None),
        ('{"status": "OK"}', {}, "s", None),
        ('{"other": 1}', {}, "s", None),
        ("[200]", {}, "s", None),
        ("200", {}, "s", None),
        ("{", {}, "s", None),
        ("[" * 100_000, {}, "s", None),
    ],
)
def test_json_lines(line: str, fields: dict[str, str], unit: str, seen: Seen | None) -> None:
    assert parse_json(line, fields, unit) == seen


@given(st.text(max_size=300))
def test_no_line_breaks_a_parser(line: str) -> None:
    parse_combined(line, 2)
    parse_combined(f"{START} {line}", 1)
    parse_json(line, {"time": "a.b"})


def test_a_long_line_without_sense_is_read_in_no_time() -> None:
    # A pattern that tried every way to split it would not come back.
    assert parse_combined("1 1 [" * 800 + '"' * 800 + "\\" * 801, 1) is None


class Site:
    """An access log that a test writes, with a probe that reads it."""

    def __init__(self, folder: Path, **fields: object) -> None:
        self.path = folder / "access.log"
        self.path.touch()
        self.clock = ManualClock()
        self.maintenance = False
        self.asked = 0
        probe = Probe.model_validate({"name": "visitors", "access_log": {"path": self.path, **fields}})
        self.prober = AccessLogProber(Target(), probe, self.clock, self._in_maintenance)
        self.prober.look()

    def _in_maintenance(self) -> bool:
        self.asked += 1
        return self.maintenance

    def write(self, *lines: str) -> None:
        with self.path.open("a") as file:
            file.writelines(f"{line}\n" for line in lines)

    def look(self, *lines: str) -> dict[str, list[float | None]]:
        if lines:
            self.write(*lines)
        self.clock.advance(timedelta(seconds=10))
        found: dict[str, list[float | None]] = {}
        for each in self.prober.look():
            found.setdefault(each.signal, []).append(each.value)
        return found


def test_requests_count_with_their_time_and_their_rate(tmp_path: Path) -> None:
    site = Site(tmp_path, time_field=1)
    found = site.look(f"{START} 200 1 0.1", f"{START} 404 1 0.2", f"{START} 500 1 3", f"{START} 200 1 -")
    assert found["visitors"] == [0, 0, 1, 0]
    assert found["visitors time"] == [100, 200]
    assert found["visitors rate"] == [0.4]
    site.prober.close()


def test_without_requests_outcomes_are_silent_and_the_rate_is_zero(tmp_path: Path) -> None:
    site = Site(tmp_path)
    assert site.look() == {"visitors rate": [0]}
    site.prober.close()


def test_the_maintenance_pages_own_answers_do_not_count(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.maintenance = True
    assert site.look(f"{START} 503 1", f"{START} 200 1", f"{START} 500 1")["visitors"] == [0, 1]
    site.maintenance = False
    # The last lines of a maintenance that ended between two looks are its own, too.
    assert "visitors" not in site.look(f"{START} 503 1")
    assert site.look(f"{START} 503 1")["visitors"] == [1]
    site.prober.close()


def test_without_503s_nobody_is_asked_for_the_maintenance_page(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.look(f"{START} 500 1", f"{START} 200 1")
    assert site.asked == 0
    site.prober.close()


def test_a_503_that_no_application_was_asked_for_does_not_count(tmp_path: Path) -> None:
    site = Site(tmp_path, format="json", fields={"upstream": "up"})
    lines = [{"status": 503, "up": ""}, {"status": 503, "up": "a:1"}, {"status": 500, "up": ""}]
    assert site.look(*map(json.dumps, lines))["visitors"] == [1, 1]
    assert site.asked == 0
    site.prober.close()


def test_lines_of_another_format_are_unknown_and_never_good(tmp_path: Path) -> None:
    site = Site(tmp_path, format="json")
    found = site.look(f"{START} 200 1")
    assert found == {"visitors": [None], "visitors rate": [None]}
    site.prober.close()


def test_ignored_lines_do_not_count(tmp_path: Path) -> None:
    site = Site(tmp_path, ignore=["kube-probe"])
    found = site.look(f'{START} 500 1 "-" "kube-probe/1"', f'{START} 200 1 "-" "curl"')
    assert found["visitors"] == [0]
    site.prober.close()


def test_a_log_that_is_gone_is_unknown(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.path.unlink()
    assert site.look() == {"visitors": [None], "visitors rate": [None]}
    assert "can't be read" in site.prober.look()[0].why
    site.prober.close()
