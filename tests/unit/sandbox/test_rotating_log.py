"""The sandbox's logs in two files, and who reads them through a rotation."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from handrail.sandbox.services.rotating_log import RotatingLog
from handrail.sandbox.services.seen import Request, Requests

BEGIN = datetime(2026, 3, 2, 10, tzinfo=UTC)


def line(second: float, status: int = 200, **other: object) -> dict[str, object]:
    at = BEGIN + timedelta(seconds=second)
    common = {"at": at.isoformat(), "method": "GET", "path": "/", "milliseconds": 0}
    return {**common, "status": status, "upstream": "127.0.0.1:20001", **other}


def anything(request: Request) -> bool:
    return True


def seen(requests: Requests) -> list[float]:
    requests.read()
    begin = BEGIN.timestamp()
    return [round(each.at - begin, 3) for each in requests.between(begin - 1, begin + 1e6, anything)]


def test_a_full_log_becomes_the_older_one_and_the_one_before_is_forgotten(tmp_path: Path) -> None:
    path = tmp_path / "access.log"
    log = RotatingLog(path, most_bytes=1000)
    for second in range(41):
        log.write(line(second))
    older = tmp_path / "access.log.1"
    assert sorted(tmp_path.iterdir()) == [path, older]
    for file in (path, older):
        assert file.stat().st_size < 1300
    kept = [json.loads(each)["at"] for file in (older, path) for each in file.read_text().splitlines()]
    assert kept == [line(second)["at"] for second in range(41 - len(kept), 41)]


def test_a_reader_loses_nothing_at_a_rotation(tmp_path: Path) -> None:
    path = tmp_path / "access.log"
    log, requests = RotatingLog(path, most_bytes=1000), Requests(path)
    assert seen(requests) == []
    for second in range(30):
        log.write(line(second))
        if second % 4 == 0:
            requests.read()
    assert seen(requests) == list(range(30))


def test_half_a_line_is_read_once_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "access.log"
    requests = Requests(path)
    whole = json.dumps(line(3)) + "\n"
    path.write_text(whole[:20])
    assert seen(requests) == []
    path.write_text(whole)
    assert seen(requests) == [3]


def test_a_log_that_was_emptied_or_exchanged_is_read_from_its_beginning(tmp_path: Path) -> None:
    path = tmp_path / "access.log"
    log, requests = RotatingLog(path), Requests(path)
    log.write(line(1))
    log.write(line(2))
    assert seen(requests) == [1, 2]
    path.write_text("")
    log.write(line(3))
    assert seen(requests) == [1, 2, 3]
    path.unlink()
    assert seen(requests) == [1, 2, 3]
    log.write(line(4))
    assert seen(requests) == [1, 2, 3, 4]


@pytest.mark.parametrize(
    "other",
    [
        {"upstream": "", "maintenance": True, "status": 503},
        {"at": "yesterday"},
        {"milliseconds": "much"},
        {"path": None},
    ],
)
def test_what_the_application_was_not_asked_and_what_is_no_line_does_not_count(
    tmp_path: Path, other: dict[str, object]
) -> None:
    path = tmp_path / "access.log"
    log = RotatingLog(path)
    log.write(line(1) | other)
    with path.open("a") as file:
        file.write("[]\nno line at all\n")
    log.write(line(2))
    assert seen(Requests(path)) == [2]


def test_a_request_counts_at_its_end_and_an_hour_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "access.log"
    log, requests = RotatingLog(path), Requests(path)
    log.write(line(0, milliseconds=1500))
    assert seen(requests) == [1.5]
    log.write(line(3700))
    assert seen(requests) == [3700]
