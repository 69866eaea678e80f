"""What staging's tasks ask and how they read the answers."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from handrail.policy.load import Bearing
from handrail.probes.exchange import Answer
from handrail.project.model import Target
from handrail.project.staging import ErrorCase
from handrail.reports.staging import History, Tried
from handrail.tasks.scenarios import bearing, error_request, load_command, shortcoming
from handrail.tasks.staging import served_by, staged_of
from handrail.tasks.surroundings import access_times, keyed, parse_settings
from handrail.tasks.workplace import Site, Workplace

NOW = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
COMMIT, OTHER = "a" * 40, "b" * 40
TARGET = Target.model_validate(
    {
        "name": "staging",
        "checkout": "/srv/staging",
        "app_url": "http://127.0.0.1:4000",
        "scenarios": {
            "load": {
                "program": ["/opt/autocannon"],
                "expected_per_second": 4,
                "connections": 5,
                "duration": "30s",
            }
        },
    }
)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", {}),
        ("# PORT=1\n\nPORT=3000\n", {"PORT": "3000"}),
        ("export NODE_ENV = production\n", {"NODE_ENV": "production"}),
        (
            "A='one two'\nB=\"x # y\"\nC=z # comment\nD=a#b",
            {"A": "one two", "B": "x # y", "C": "z", "D": "a#b"},
        ),
        ("EMPTY=\n", {"EMPTY": ""}),
        ("URL=postgres://u:p@h/d?a=b", {"URL": "postgres://u:p@h/d?a=b"}),
        ("no setting\n=x\n1A=2\n", {}),
        ("A='open\nB=2", {"A": "'open", "B": "2"}),
        ("A=1\nA=2", {"A": "2"}),
    ],
)
def test_settings(text: str, found: dict[str, str]) -> None:
    assert parse_settings(text) == found


def test_a_hash_means_nothing_without_its_key() -> None:
    assert keyed(b"k", "secret") == keyed(b"k", "secret")
    assert keyed(b"k", "secret") != keyed(b"other", "secret")
    assert keyed(b"k", "secret") != keyed(b"k", "public")


@pytest.mark.parametrize(
    ("fields", "status", "body", "wrong"),
    [
        ({}, 400, "", ""),
        ({}, 422, "", ""),
        ({}, 499, "", ""),
        ({}, 200, "", "status 200 instead of one from 400 to 499"),
        ({}, 303, "", "status 303 instead of one from 400 to 499"),
        ({}, 500, "", "status 500 instead of one from 400 to 499"),
        ({"expect": (401,)}, 401, "", ""),
        ({"expect": (401, 403)}, 404, "", "status 404 instead of 401 or 403"),
        ({"expect_text": "no item"}, 422, "there is no item x", ""),
        ({"expect_text": "no item"}, 422, "sorry", "the text 'no item' is missing"),
    ],
)
def test_what_must_be_refused(fields: dict[str, Any], status: int, body: str, wrong: str) -> None:
    assert shortcoming(ErrorCase(name="x", path="/checkout", **fields), Answer(status, body)) == wrong


def test_an_oversized_body_is_a_form_of_that_size() -> None:
    request = error_request(
        TARGET, ErrorCase(name="x", path="/checkout", body_bytes=20_000, form={"item": "mug"})
    )
    assert request.line() == "POST http://127.0.0.1:4000/checkout"
    assert request.form is not None
    assert (request.form["item"], len(request.form["oversized"])) == ("mug", 20_000)
    bare = error_request(TARGET, ErrorCase(name="x", path="/", method="DELETE"))
    assert (bare.line(), bare.form) == ("DELETE http://127.0.0.1:4000/", None)


def test_load_is_bounded_and_steady() -> None:
    assert load_command(TARGET, "/", 8.0).line() == (
        "$ /opt/autocannon --json --no-progress --connections 5 --overallRate 8 --duration 30 --timeout 10"
        " http://127.0.0.1:4000/"
    )
    assert "--connections 1 --overallRate 1 " in load_command(TARGET, "/", 0.2).line()


@pytest.mark.parametrize(
    ("changed", "failed", "requests"),
    [
        ({}, 0, 240),
        ({"non2xx": 12, "3xx": 12}, 0, 240),
        ({"non2xx": 12, "3xx": 2}, 10, 240),
        ({"errors": 5, "timeouts": 5}, 5, 245),
    ],
)
def test_the_load_tools_result(changed: dict[str, int], failed: int, requests: int) -> None:
    said = {
        "requests": {"total": 240, "sent": 240},
        "latency": {"p50": 12, "p97_5": 30, "p99": 44},
        "errors": 0,
        "timeouts": 0,
        "non2xx": 0,
        "3xx": 0,
        "duration": 30.02,
        **changed,
    }
    assert bearing("/", 8, said) == Bearing("/", 8, 30.02, requests, failed, 12.0, 44.0)
    with pytest.raises(KeyError):
        bearing("/", 8, {"title": "something else"})


def test_times_in_an_access_log(tmp_path: Path) -> None:
    log = tmp_path / "traffic.log"
    log.with_name("traffic.log.1").write_text(
        json.dumps({"at": "2026-11-23T15:00:00+00:00", "path": "/"}) + "\n"
    )
    log.write_text('{"at": "2026-11-23T15:01:00+00:00"}\nnot a line\n{"at": 5}\n{"torn": ')
    assert access_times(log) == [NOW.timestamp(), NOW.timestamp() + 60]
    assert access_times(tmp_path / "none") == []


class Answers:
    """A performer for requests alone, which gets these answers in turn."""

    def __init__(self, *bodies: object) -> None:
        self.bodies = list(bodies)

    def request(self, request: object, *, quiet: bool = False) -> Answer:
        body = self.bodies.pop(0) if len(self.bodies) > 1 else self.bodies[0]
        return Answer(200, json.dumps(body))


def served(*bodies: object) -> tuple[str, datetime | None]:
    """What `served_by` makes of these answers."""
    site = Site(TARGET.model_dump(mode="json", by_alias=True))
    return served_by(Workplace(site, Answers(*bodies)))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("started", "since"),
    [
        ("2026-11-23T15:00:00.000Z", NOW),
        ("2026-11-23T16:00:00+01:00", NOW),
        (NOW.timestamp(), NOW),
        ("2026-11-23T15:00:00", None),
        ("yesterday", None),
        (True, None),
        (None, None),
        (1e300, None),
    ],
)
def test_since_when_a_host_says_that_it_serves(started: object, since: datetime | None) -> None:
    assert served({"commit": COMMIT, "started": started}) == (COMMIT, since)


def test_the_newest_process_counts_and_all_must_agree() -> None:
    early = {"commit": COMMIT, "started": "2026-11-23T14:00:00Z"}
    late = {"commit": COMMIT, "started": "2026-11-23T15:00:00Z"}
    assert served(late, early) == (COMMIT, NOW)
    assert served(late, {"commit": OTHER, "started": "2026-11-23T14:00:00Z"}) == ("", None)
    assert served(late, {"commit": COMMIT}) == (COMMIT, None)
    assert served({"version": "1.3.0"}) == ("", None)


def test_the_journal_counts_where_it_agrees_with_what_is_served() -> None:
    tried = {COMMIT: {"load": Tried(True, "fine", NOW), "rollback": Tried(False, "lost rows", NOW)}}
    history = History(COMMIT, NOW, tried)
    for now_served in (COMMIT, ""):
        found = staged_of(history, COMMIT, now_served, None)
        assert found is not None
        assert (found.served, found.since, found.recorded) == (COMMIT, NOW, True)
        assert (set(found.passed), dict(found.failed)) == ({"load"}, {"rollback": "lost rows"})
    past = staged_of(History(OTHER, NOW, tried), COMMIT, COMMIT, NOW)
    assert past is not None
    assert (past.served, past.since, past.source) == (COMMIT, NOW, "its own word: since its start")
    assert past.recorded, "what was tried with it stands in the journal all the same"


def test_without_a_journal_the_host_is_believed_but_for_the_scenarios() -> None:
    found = staged_of(None, COMMIT, COMMIT, NOW)
    assert found is not None
    assert (found.served, found.since, found.recorded) == (COMMIT, NOW, False)
    assert staged_of(None, COMMIT, "", None) is None
    assert staged_of(History(), COMMIT, "", None) is None
