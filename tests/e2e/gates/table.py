"""The gates, a row each: what makes it fail, what keeps it from knowing, and what it says of both."""

from __future__ import annotations

import json
import os
import pwd
import subprocess
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import github_standin as hub
from handrail.clock import Instant
from handrail.journal.sqlite import SqliteJournal
from handrail.paths import StateFolder
from handrail.project.loader import load
from handrail.run import events as e
from handrail.run.actors import Actor
from handrail.run.events import Event, Purpose, Result, write_event
from handrail.run.plan import Emergency, Plan, PlannedCall, PlannedStep
from handrail.runbook.model import StepKind
from reviewed_repository import Reviewed
from sandbox_fixture import Shop

PENDING = "1790000000000_next.sql"
NOWHERE = "http://127.0.0.1:9"
SILENT = "postgresql://127.0.0.1:9/shop"
OPERATOR = pwd.getpwuid(os.getuid()).pw_name


@dataclass
class Place:
    """A project whose one acting step is to be held, and what a row of the table makes of it."""

    folder: Path
    shop: Shop
    never_waive: tuple[str, ...] = ()
    settings: str = ""
    arguments: dict[str, Any] = field(default_factory=dict)
    parts: ExitStack = field(default_factory=ExitStack)
    setenv: Callable[[str, str], None] = os.environ.__setitem__

    @property
    def project(self) -> Path:
        return self.folder / "project"

    @property
    def checkout(self) -> Path:
        return self.folder / "checkout"

    @property
    def state(self) -> StateFolder:
        return StateFolder(self.folder / "state")

    @property
    def ran(self) -> Path:
        """What the gated step would leave behind."""
        return self.folder / "it-ran"

    def git(self, *arguments: str) -> str:
        """Call git in the project."""
        done = subprocess.run(
            ["git", "-c", "user.name=Release", "-c", "user.email=release@team.invalid", *arguments],
            cwd=self.project,
            env={**os.environ, "GIT_CONFIG_GLOBAL": os.devnull},
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    def repository(self) -> str:
        """Make a repository with one commit of the checkout; the commit's name."""
        made = Reviewed(self.folder)
        made.git("init", "--quiet")
        return made.commit()

    def database(self, url: str = "") -> str:
        """The target's database in the project file: the shop's, or another address."""
        real = self.shop.target.database
        assert real is not None
        return (
            f'[targets.production.database]\nurl = "{url or real.url.reveal()}"\n'
            f'programs = "{real.programs}"\n'
        )

    def migrations(self, pending: str) -> None:
        """The shop's migrations in the checkout, and one more."""
        folder = self.checkout / "migrations"
        folder.mkdir()
        for file in (self.shop.production / "migrations").glob("*.sql"):
            (folder / file.name).write_text(file.read_text())
        (folder / PENDING).write_text(pending)

    def github(self) -> hub.GitHubStandIn:
        """A stand-in for GitHub, and the target's settings for it."""
        standin = self.parts.enter_context(hub.github())
        self.settings += (
            f'[targets.production.github]\nrepository = "{hub.REPOSITORY}"\napi = "{standin.api}"\n'
            'checks = ["build"]\n'
        )
        return standin


def closed_window(place: Place) -> None:
    morning = datetime.now(UTC).hour < 12
    hours = ("20:00", "21:00") if morning else ("02:00", "03:00")
    place.settings = (
        '[targets.production.window]\ntimezone = "UTC"\ncountry = ""\n'
        f'opens = "{hours[0]}"\ncloses = "{hours[1]}"\n'
    )


def window_without_holidays(place: Place) -> None:
    """The package that knows the holidays is there as the plan is made, and gone as the check asks."""
    place.settings = '[targets.production.window]\ntimezone = "UTC"\nopens = "00:00"\ncloses = "24:00"\n'
    broken = place.folder / "broken"
    broken.mkdir()
    (broken / "holidays.py").write_text("raise ImportError('it is not installed')\n")
    place.setenv("PYTHONPATH", os.pathsep.join([str(broken), os.environ.get("PYTHONPATH", "")]).rstrip(":"))


def emergency_of_long_ago(place: Place) -> SqliteJournal:
    """An emergency that ended two days ago, and that nobody has written about."""
    journal = SqliteJournal(place.state.create().journal)
    ended = datetime.now(UTC) - timedelta(days=2)
    at = Instant(ended.timestamp(), 100.0, "an-earlier-boot")
    call = PlannedCall(task="shell.fence", arguments={"script": "true"})
    step = PlannedStep(key="mend", section="Mend", title="Mend", kind=StepKind.FENCE, call=call)
    target = load(place.project / "handrail.toml").targets["production"]
    emergency = Emergency(incident="INC-1", on_call="the on-call engineer")
    plan = Plan(
        runbook="hotfix",
        title="Hotfix",
        target=target,
        steps=(step,),
        emergency=emergency,
        project_root=str(place.project),
    )
    somebody = Actor(user="colleague", host="elsewhere", session="long-ago")
    bodies: list[Event] = [
        e.RunOpened(plan=plan, operator=somebody),
        e.AttemptStarted(attempt=1, purpose=Purpose.STEP, step="mend", call=call, timeout_seconds=60),
        e.AttemptEnded(attempt=1, result=Result.PASSED, exit_code=0, started=at, ended=at),
    ]
    written = [write_event(body) for body in bodies]
    journal.open_run("long-ago", "production", {"name": "colleague"}, "Hotfix", written, at)
    over = [write_event(e.RunFinished())]
    journal.append("long-ago", 0, len(written), over, at, release_lock=True)
    return journal


def overdue_postmortem(place: Place) -> None:
    place.parts.callback(emergency_of_long_ago(place).close)


def altered_emergency(place: Place) -> None:
    """The same, but somebody made an ordinary run of it, with SQL."""
    overdue_postmortem(place)
    change(place.state.journal, "UPDATE events SET body = replace(body, '\"emergency\":{', '\"usual\":{')")


def change(journal: Path, statement: str) -> None:
    """Change the journal's file past every trigger, as somebody with an SQL shell can."""
    import sqlite3

    db = sqlite3.connect(journal)
    try:
        with db:
            for (trigger,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
                db.execute(f"DROP TRIGGER {trigger}")
            db.execute(statement)
    finally:
        db.close()


def staging(place: Place, url: str) -> None:
    place.arguments = {"commit": "1" * 40}
    place.settings = (
        '[targets.production.staging]\ntarget = "staging"\n'
        f'[targets.staging]\nurl = "{url}"\napp_url = "{url}"\nversion_path = "/version"\n'
    )


def mirror(place: Place, *, currency: str = "EUR", url: str = "") -> None:
    place.settings = (
        '[targets.production.mirror]\nof = "real"\nsettings = []\n'
        f'[targets.production.environment]\nCURRENCY = "{currency}"\n'
        '[targets.real.environment]\nCURRENCY = "EUR"\n'
        f"{place.database()}{place.database(url).replace('targets.production', 'targets.real')}"
    )


def unreachable(place: Place, pending: str = "") -> None:
    if pending:
        place.migrations(pending)
    place.settings = place.database(SILENT)


def with_migration(place: Place, pending: str) -> None:
    place.migrations(pending)
    place.settings = place.database()


def unreviewed(place: Place) -> None:
    commit = place.repository()
    place.arguments = {"ref": "main"}
    standin = place.github()
    standin.pulls[commit] = [hub.pull(1, commit, "author")]
    standin.commits[1] = [hub.commit(commit, "author@team.invalid", "author")]
    standin.reviews[1] = [hub.review("reviewer", "0" * 40)]
    place.settings += (
        '[targets.production.review]\nsource = "github"\n'
        f'people = [{{ users = ["{OPERATOR}"], logins = ["operator"], emails = ["operator@t.invalid"] }}]\n'
    )


def silent_github(place: Place) -> None:
    place.repository()
    place.arguments = {"ref": "main"}
    place.settings = '[targets.production.review]\nsource = "github"\n'
    place.github().faults["/"] = hub.refusing(500, "Server Error")


def failed_ci(place: Place) -> None:
    commit = place.repository()
    place.arguments = {"ref": "main"}
    place.github().check_runs[commit] = [hub.check_run("build", commit, conclusion="failure")]


def suite(place: Place, script: str) -> None:
    place.repository()
    package = {"name": "shop", "version": "1.0.0", "scripts": {"test:unit": script}}
    lock = {"name": "shop", "version": "1.0.0", "lockfileVersion": 3, "packages": {"": package}}
    (place.checkout / "package.json").write_text(json.dumps(package))
    (place.checkout / "package-lock.json").write_text(json.dumps(lock))
    (place.checkout / "it.test.js").write_text("require('node:test').test('it', () => { throw 1; });\n")
    Reviewed(place.folder).commit()
    place.arguments = {"ref": "main"}
    place.settings = (
        '[targets.production.tests]\nscripts = ["test:unit"]\n'
        'without = { integration = "it has no parts", e2e = "it has no page" }\n'
    )


def hotfix(place: Place, *, branch: bool) -> None:
    place.git("init", "--quiet", "-b", "main")
    place.git("commit", "--quiet", "--allow-empty", "-m", "released")
    place.git("tag", "v1.0.0")
    if branch:
        place.git("branch", "hotfix/INC-1")
    place.arguments = {"incident": "INC-1", "base": "v1.0.0"}


@dataclass(frozen=True)
class Gate:
    """One check as a gate, and the words by which its answer is known."""

    name: str
    fails: Callable[[Place], None]
    said: str
    is_unknown: Callable[[Place], None]
    said_unknown: str
    verdict_unknown: str = "unknown"
    after_project: bool = False
    """Whether its preparation reads the project file."""


GATES = (
    Gate(
        "window.open",
        closed_window,
        "the deployment window is closed",
        window_without_holidays,
        "holidays",
    ),
    Gate(
        "postmortem.none_overdue",
        overdue_postmortem,
        "INC-1 (run long-ago) is overdue since",
        altered_emergency,
        "was changed by hand, or is damaged",
        after_project=True,
    ),
    Gate(
        "staging.verified",
        lambda place: staging(place, place.shop.target.app_url),
        "staging serves",
        lambda place: staging(place, NOWHERE),
        "staging doesn't answer",
    ),
    Gate(
        "staging.soaked",
        lambda place: staging(place, place.shop.target.app_url),
        "staging serves",
        lambda place: staging(place, NOWHERE),
        "staging doesn't answer",
    ),
    Gate(
        "staging.mirrors",
        lambda place: mirror(place, currency="USD"),
        "environment CURRENCY",
        lambda place: mirror(place, url=SILENT),
        "couldn't be read",
    ),
    Gate(
        "database.reachable",
        unreachable,
        "database",
        lambda place: None,
        "names no database",
    ),
    Gate(
        "database.backed_up",
        lambda place: with_migration(place, "ALTER TABLE orders ADD COLUMN n int;"),
        "this run has made no backup",
        lambda place: unreachable(place, "ALTER TABLE orders ADD COLUMN n int;"),
        "The database can't be asked",
    ),
    Gate(
        "database.down_rehearsed",
        lambda place: with_migration(place, "ALTER TABLE orders DROP COLUMN coupon;"),
        "have no way down",
        lambda place: unreachable(place, "ALTER TABLE orders DROP COLUMN coupon;"),
        "The database can't be asked",
    ),
    Gate(
        "database.atomic",
        lambda place: with_migration(place, "CREATE INDEX CONCURRENTLY i ON orders (item);"),
        "not one transaction",
        lambda place: unreachable(place, "CREATE INDEX CONCURRENTLY i ON orders (item);"),
        "The database can't be asked",
    ),
    Gate("review.approved", unreviewed, "approval", silent_github, "GitHub has a fault (status 500"),
    Gate(
        "tests.run",
        lambda place: suite(place, "node --test"),
        "tests failed for",
        lambda place: suite(place, "true"),
        "no counts found in its output",
    ),
    Gate("ci.verdict", failed_ci, "build", silent_github, "GitHub has a fault (status 500"),
    Gate(
        "hotfix.size",
        lambda place: hotfix(place, branch=True),
        "nothing is fixed yet",
        lambda place: hotfix(place, branch=False),
        "can't be counted",
    ),
)
