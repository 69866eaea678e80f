"""Commands and requests as data, and what their answers mean."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from handrail.errors import WrongUsage
from handrail.probes import libpq
from handrail.probes.exchange import Answer
from handrail.project.model import Announce, Target
from handrail.tasks import announce, app, git, maintenance, monitor, node, pm2, postgres, smoke
from handrail.tasks.monitor import Sample
from handrail.tasks.workplace import Site

SITE = Site({"checkout": "/srv/shop", "remote": "origin"})
PASSWORD = "p@ss word"
URL = "postgresql://shop:p%40ss%20word@db.example.com:6432/shop?sslmode=require"
TARGET = Target.model_validate(
    {
        "checkout": "/srv/shop",
        "url": "https://shop.example.com/",
        "app_url": "http://127.0.0.1:3000",
        "environment": {"NODE_ENV": "production"},
        "pm2": {"home": "/srv/pm2", "program": ["/opt/pm2"], "names": ["shop"]},
        "database": {"url": URL, "programs": "/opt/pg"},
    }
)


@pytest.mark.parametrize(
    ("command", "line"),
    [
        (git.tag_fetch(SITE), "$ git fetch --tags origin"),
        (git.pull_command(SITE, "main"), "$ git pull --ff-only origin main"),
        (
            git.checkout_command(SITE, git.Ref(git.RefKind.TAG, "v1", "a")),
            "$ git checkout --quiet --detach refs/tags/v1",
        ),
        (
            git.checkout_command(SITE, git.Ref(git.RefKind.BRANCH, "main", "a")),
            "$ git checkout --quiet main --",
        ),
        (
            git.checkout_command(SITE, git.Ref(git.RefKind.REMOTE_BRANCH, "fix", "a")),
            "$ git checkout --quiet --track -b fix origin/fix",
        ),
        (
            git.checkout_command(SITE, git.Ref(git.RefKind.COMMIT, "HEAD~1", "abc")),
            "$ git checkout --quiet --detach abc",
        ),
        (
            node.install_command(SITE, locked=True),
            "$ npm ci --include=dev --fetch-retries=1 --no-audit --no-fund",
        ),
        (
            node.install_command(SITE, locked=False),
            "$ npm install --include=dev --fetch-retries=1 --no-audit --no-fund",
        ),
        (node.script_command(SITE, "build"), "$ npm run build"),
        (node.script_command(SITE, "test"), "$ npm test"),
        (pm2.restart_command(TARGET, "restart"), "$ /opt/pm2 restart shop --update-env"),
        (pm2.restart_command(TARGET, "reload"), "$ /opt/pm2 reload shop --update-env"),
        (pm2.list_command(TARGET), "$ /opt/pm2 jlist --silent"),
    ],
)
def test_command_lines(command: Any, line: str) -> None:
    assert command.line() == line
    assert command.cwd == Path("/srv/shop")


@pytest.mark.parametrize(("verb", "word"), [("restart", "startOrRestart"), ("reload", "startOrReload")])
def test_an_ecosystem_starts_what_is_missing(verb: str, word: str) -> None:
    target = TARGET.model_copy(
        update={"pm2": TARGET.pm2.model_copy(update={"ecosystem": "e.config.cjs", "names": ()})}
    )
    assert pm2.restart_command(target, verb).line() == f"$ /opt/pm2 {word} e.config.cjs --update-env"


def test_without_names_all_processes_are_meant() -> None:
    target = TARGET.model_copy(update={"pm2": TARGET.pm2.model_copy(update={"names": ()})})
    assert pm2.restart_command(target, "restart").argv[-2:] == ("all", "--update-env")


def test_pm2_inherits_no_secret_and_no_marker() -> None:
    inherits = pm2.list_command(TARGET).inherits
    assert inherits is not None
    assert {"PATH", "NODE_ENV", "PM2_HOME"} <= inherits
    assert not {"HANDRAIL_REPORT", "AWS_SECRET_ACCESS_KEY", "SSH_AUTH_SOCK"} & inherits


def test_the_database_address_is_environment_never_argument() -> None:
    assert TARGET.database is not None
    for command in (
        postgres.query(TARGET, TARGET.database, "select 1"),
        postgres.dump(TARGET, TARGET.database, Path("/s.sql"), Path("/b.dump")),
        postgres.restore(TARGET, TARGET.database, libpq.connection(URL), Path("/b.dump")),
        postgres.schema(TARGET, TARGET.database),
        postgres.npm_script(TARGET, TARGET.database, "migrate:prod"),
    ):
        assert PASSWORD not in command.line()
        assert "p%40ss" not in command.line()
    by_hand = postgres.restore_line(TARGET.database, Path("/b.dump"))
    assert PASSWORD not in by_hand
    assert "/opt/pg/pg_restore -h db.example.com -p 6432" in by_hand
    environment = postgres.query(TARGET, TARGET.database, "select 1").environment
    assert environment["PGPASSWORD"] == PASSWORD
    assert (environment["PGHOST"], environment["PGPORT"]) == ("db.example.com", "6432")
    assert environment["PGSSLMODE"] == "require"


@pytest.mark.parametrize("url", ["mysql://u:secret@h/d", "nonsense secret", "postgres://h:secret/d"])
def test_a_wrong_address_is_refused_without_being_shown(url: str) -> None:
    with pytest.raises(WrongUsage) as caught:
        libpq.connection(url)
    assert "secret" not in str(caught.value)


def test_other_sessions_are_read() -> None:
    (one,) = postgres.sessions("12|active|30|ALTER TABLE a ADD b int | c\n\n")
    assert (one.pid, one.state, one.seconds, one.query) == (12, "active", 30, "ALTER TABLE a ADD b int | c")


@pytest.mark.parametrize(
    ("said", "advice"),
    [
        ('FATAL:  password authentication failed for user "x"', "refuses this password"),
        ("connection refused", "whether PostgreSQL runs"),
        ("server version mismatch", "database.programs"),
        ('FATAL:  database "x" does not exist', "no such database"),
        ("FATAL:  sorry, too many clients already", "no connection left"),
    ],
)
def test_advice_for_a_database_that_gives_no_answer(said: str, advice: str) -> None:
    assert advice in postgres.explain(said, {"PGHOST": "h", "PGPORT": "1"})


@pytest.mark.parametrize(
    ("zone", "served", "watched", "measured", "expected"),
    [
        (
            "UTC",
            "2026-11-23T10:05:00",
            "2026-11-23T10:35:00",
            True,
            "10:05 UTC, watched until 10:35 UTC (as earlier runs took)",
        ),
        ("UTC", "2026-11-23T10:05:00", "2026-11-23T10:05:00", False, "10:05 UTC (estimated)"),
        (
            "UTC",
            "2026-11-23T23:50:00",
            "2026-11-24T00:20:00",
            False,
            "23:50 UTC, watched until Tue 00:20 UTC (estimated)",
        ),
        (
            "America/Los_Angeles",
            "2026-11-23T18:05:00",
            "2026-11-23T18:35:00",
            True,
            "10:05 PST, watched until 10:35 PST (as earlier runs took)",
        ),
        # The night on which the clocks go back: half an hour later, it is earlier on the clock's face.
        (
            "America/Los_Angeles",
            "2026-11-01T08:45:00",
            "2026-11-01T09:15:00",
            True,
            "01:45 PDT, watched until 01:15 PST (as earlier runs took)",
        ),
    ],
)
def test_an_eta_is_a_time_of_the_targets_zone(
    zone: str, served: str, watched: str, measured: bool, expected: str
) -> None:
    moments = (datetime.fromisoformat(text).replace(tzinfo=UTC) for text in (served, watched))
    assert announce.eta_text(*moments, ZoneInfo(zone), measured=measured) == expected


def test_the_announcement_has_the_words_of_the_workflow() -> None:
    text = announce.deployment_text("gift <notes>", "14:50", "http://plan", "someone", "v1.3.0", "production")
    assert text == (
        "Deploying gift &lt;notes&gt; (v1.3.0) to production\n"
        "ETA: 14:50\nRollback plan: http://plan\nOn-call: @someone"
    )


def test_the_webhook_is_never_shown() -> None:
    request = announce.post_request(
        Announce.model_validate({"webhook": "https://x.example/T/SECRET"}), "<!here> hi"
    )
    assert "SECRET" not in request.line()
    assert request.json == {"text": "&lt;!here> hi"}


@pytest.mark.parametrize(
    ("answer", "pause"),
    [
        (None, 2.0),
        (Answer(500, ""), 2.0),
        (Answer(503, ""), 2.0),
        (Answer(404, "no_service"), None),
        (Answer(400, "invalid_payload"), None),
        (Answer(429, ""), 2.0),
        (Answer(429, "", {"retry-after": "7"}), 7.0),
        (Answer(429, "", {"retry-after": "9999"}), 30.0),
        (Answer(429, "", {"retry-after": "soon"}), 2.0),
        (Answer(302, ""), None),
    ],
)
def test_when_to_post_again(answer: Answer | None, pause: float | None) -> None:
    assert announce.pause_after(answer, 2.0) == pause


@pytest.mark.parametrize(
    ("status", "body", "headers", "up", "passed"),
    [
        (503, "we are in maintenance", {"retry-after": "30"}, True, True),
        (503, "we are in maintenance", {}, True, False),
        (503, "no server", {"retry-after": "30"}, True, False),
        (200, "we are in maintenance", {"retry-after": "30"}, True, False),
        (200, "welcome", {}, False, True),
        (302, "", {}, False, True),
        (200, "we are in maintenance", {}, False, False),
        (502, "bad gateway", {}, False, False),
        (404, "", {}, False, False),
    ],
)
def test_what_the_public_address_shows(
    status: int, body: str, headers: dict[str, str], up: bool, passed: bool
) -> None:
    assert maintenance.judge(Answer(status, body, headers), "maintenance", up=up)[0] is passed


COMMIT, OTHER = "a1b2c3d4e5" * 4, "0011223344" * 4


def served(commit: str) -> str:
    return json.dumps({"version": "1.3.0", "commit": commit})


@pytest.mark.parametrize(
    ("body", "version", "commit", "same"),
    [
        (served(COMMIT), "v1.3.0", "", True),
        (served(COMMIT), "", COMMIT, True),
        (served(COMMIT[:8]), "", COMMIT, True),
        (served(OTHER), "v1.3.0", COMMIT, False),
        (served(COMMIT), COMMIT, "", True),
        ('{"version": "1.3.0", "commit": "a"}', "", COMMIT, False),
        ('{"version": "1.2.3"}', "v1.3.0", COMMIT, False),
        ('{"version": "1.3.0"}', "v1.3.0", COMMIT, True),
        ("v1.3.0\n", "1.3.0", "", True),
        ("", "1.3.0", "", False),
        ("{}", "1.3.0", COMMIT, False),
    ],
)
def test_whether_the_release_is_served(body: str, version: str, commit: str, same: bool) -> None:
    assert app.is_release(app.served_release(Answer(200, body)), version, commit) is same


@pytest.mark.parametrize(
    ("path", "address"),
    [("/", "http://127.0.0.1:3000/"), ("version", "http://127.0.0.1:3000/version")],
)
def test_the_application_is_asked_past_the_maintenance_page(path: str, address: str) -> None:
    assert app.address(TARGET, path) == address


def test_error_lines_in_any_case() -> None:
    lines = ["all good", "ERROR x", "an Exception", "terror", "fine"]
    assert smoke.error_lines(lines, [r"\berror\b", "exception"]) == ["ERROR x", "an Exception"]


@pytest.mark.parametrize(
    ("offset", "lines"),
    [(0, ["old", "new"]), (4, ["new"]), (8, []), (900, ["old", "new"]), (None, ["old", "new"])],
)
def test_new_lines_of_a_log(tmp_path: Path, offset: int | None, lines: list[str]) -> None:
    log = tmp_path / "log"
    log.write_text("old\nnew\n")
    assert smoke.new_lines(log, offset) == lines
    assert smoke.new_lines(tmp_path / "absent", offset) == []


def samples(words: str, restarts: int = 0) -> list[Sample]:
    return [Sample(n, "bad" if w == "b" else "", 10.0, restarts, 1) for n, w in enumerate(words)]


@pytest.mark.parametrize(
    ("words", "over", "verdict"),
    [
        ("ggg", False, None),
        ("gbb", False, None),
        ("gbbb", False, "fail"),
        ("gbgbg", True, "pass"),
        ("ggggg", True, "pass"),
        ("gggg", True, "unknown"),
        ("", True, "unknown"),
        ("bgbgb", True, "fail"),
    ],
)
def test_the_verdict_of_a_watch(words: str, over: bool, verdict: str | None) -> None:
    found = monitor.verdict(samples(words), over=over)
    assert (found and found[0]) == verdict


def test_a_restart_during_the_watch_fails_it() -> None:
    found = monitor.verdict([*samples("gg"), *samples("g", restarts=1)], over=False)
    assert found is not None
    assert found[0] == "fail"
