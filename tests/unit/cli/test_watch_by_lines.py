"""A watch and its deadlines by lines: what is told, what is waited for, and the commands without a screen."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

import pytest

from handrail.cli.following import Following
from handrail.cli.main import main
from handrail.cli.narrator import Narrator
from handrail.cli.plain import PlainScreen
from handrail.clock import SystemClock
from handrail.errors import ExitCode
from handrail.journal.sqlite import SqliteJournal
from handrail.project.model import Target
from handrail.run import events as e
from handrail.run import watch_events as w
from handrail.run.events import write_event
from handrail.run.plan import PlannedStep
from handrail.runbook.model import StepKind
from handrail.values import TriggerClass
from memory_engine import MemoryEngine
from walk import OPERATOR, plan, task, undo
from windows import CALM, SIGNALS, window

TROUBLED = {**CALM, "health": [1.0] * 5}


def steps(minutes: float = 6) -> tuple[PlannedStep, ...]:
    """A release, and a watch of so many minutes."""
    watch = PlannedStep(
        key="watch",
        section="Steps",
        title="Watch the release",
        kind=StepKind.WATCH,
        watch_for=timedelta(minutes=minutes),
    )
    return (task("build", undo=undo("build")), watch)


class Watched:
    """Lines that are typed; a number is so many windows of a well application, `bad` one of a sick one."""

    def __init__(self, engine: MemoryEngine, script: Iterable[str | int | timedelta]) -> None:
        self._engine = engine
        self._script = list(script)
        self.ended = False

    def next(self, seconds: float) -> str | None:
        self._engine.turn()
        if not self._script:
            self.ended = True
            return None
        line = self._script.pop(0)
        if isinstance(line, str):
            return line
        self._go_on(line)
        return None

    def pause(self, seconds: float) -> None:
        """What happens while a line is waited for: the next windows of the script."""
        self._engine.turn()
        if self._script and isinstance(self._script[0], int):
            self._engine.see_windows(CALM)
            self._script[0] -= 1
            if self._script[0] == 0:
                self._script.pop(0)

    def _go_on(self, what: int | timedelta) -> None:
        if isinstance(what, timedelta):
            self._engine.clock.advance(what)
            self._engine.see_time()
        else:
            self._engine.see_windows(*[TROUBLED if what < 0 else CALM] * abs(what), why="GET / answered 500")


def drive(engine: MemoryEngine, *script: str | int | timedelta) -> tuple[ExitCode, str]:
    out = io.StringIO()
    session = engine.session()
    narrator = Narrator(session, engine.log_path, out)
    screen = PlainScreen(Following(session, narrator), Watched(engine, script), attach_command="back")
    return screen.drive(), out.getvalue()


def test_wait_waits_for_the_watchs_end_and_tells_its_progress(tmp_path: Path) -> None:
    engine = MemoryEngine(*steps(), signals=SIGNALS, logs=tmp_path)
    code, out = drive(engine, 12, "run", "wait", "run", "wait", 72, "status")
    assert code is ExitCode.FINISHED
    told = [
        line
        for line in out.splitlines()
        if "Watch the release: " in line and " clean" in line and "must" not in line
    ]
    assert [line.partition("Watch the release: ")[2] for line in told][:-1] == [
        "1m 00s of 6m clean",
        "2m 00s of 6m clean",
        "3m 00s of 6m clean",
        "4m 00s of 6m clean",
        "5m 00s of 6m clean",
    ]
    assert "Passed: Watch the release: 6m 00s clean" in told[-1]
    assert "Now: Watch the release (watch, running)" in out
    assert "stretch MINUTES [REASON], skip REASON, signals, trouble TEXT" in out


def test_wait_ends_where_the_watch_has_found_trouble(tmp_path: Path) -> None:
    engine = MemoryEngine(*steps(), signals=SIGNALS, logs=tmp_path)
    code, out = drive(engine, 12, "run", "wait", "run", 6, -3, "wait", "note seen", "signals")
    assert code is ExitCode.DETACHED
    assert engine.calls[-1] == "AddNote"
    assert "BAD: health" in out
    assert "BAD       health: now " in out.replace("BAD health", "BAD       health")
    assert "close REASON, extend MINUTES REASON, trouble TEXT" in out


def test_a_foretold_rollback_is_announced_and_kept_back(tmp_path: Path) -> None:
    target = Target(name="production", production=True, on_deadline={TriggerClass.FAST: "rollback"})
    engine = MemoryEngine(*steps(), signals=SIGNALS, target=target, logs=tmp_path)
    second = timedelta(seconds=1)
    code, out = drive(
        engine,
        12,
        "run",
        "wait",
        "run",
        6,
        -3,
        second,
        "keep the fix is coming",
        "extend 5 it restarts",
        second,
    )
    assert code is ExitCode.DETACHED
    assert engine.calls[-2:] == ["KeepRelease", "ExtendDeadline"]
    assert "ROLLS BACK BY ITSELF in 14:" in out
    assert "`keep REASON`: the release stays" in out
    assert "keep REASON" in out
    assert "confirmed that the release stays, for trigger 1: the fix is coming" in out
    assert "trigger 1, extended: " in out


def test_each_stage_of_a_countdown_is_told_once(tmp_path: Path) -> None:
    engine = MemoryEngine(*steps(), signals=SIGNALS, logs=tmp_path)
    seconds = [timedelta(seconds=1)] * 20
    _, out = drive(engine, 12, "run", "wait", "run", 6, -3, timedelta(seconds=570), *seconds)
    told = [line for line in out.splitlines() if "start it soon, within" in line]
    assert 1 <= len(told) <= 2


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a journal in which a release is being watched."""
    for name in ("HANDRAIL_STATE", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    folder = tmp_path / "shop"
    (folder / "state").mkdir(parents=True)
    (folder / "handrail.toml").write_text('name = "shop"\nstate = "state"\n[targets.production]\n')
    monkeypatch.chdir(folder)
    journal = SqliteJournal(folder / "state" / "journal.db")
    at = SystemClock().now()
    opening = e.RunOpened(plan=plan(*steps(), signals=SIGNALS), operator=OPERATOR)
    journal.open_run("run-1", "production", {"name": "operator"}, "Deploy", [write_event(opening)], at)
    seen = window(at, {**CALM, "memory": [None]}, why="pm2 is \x1b[2Jgone")
    happened = [w.SignalsSampled(windows=(seen,)), w.WatchStarted(step="watch", seconds=360)]
    journal.append("run-1", 0, 1, [write_event(event) for event in happened], at)
    journal.close()
    return folder


def test_the_table_of_a_run(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["signals", "run-1"]) == ExitCode.FINISHED
    out = capsys.readouterr().out
    assert out.splitlines()[0] == "5s of 6m clean"
    assert "  signal " in out
    assert "health" in out
    assert "\x1b" not in out
    assert main(["signals", "run-1", "--json"]) == ExitCode.FINISHED
    values = json.loads(capsys.readouterr().out)
    assert [each["signal"] for each in values["signals"]] == [signal.name for signal in SIGNALS]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["signals", "nope"], ExitCode.WRONG_USAGE),
        (["trouble", "run-1"], ExitCode.WRONG_USAGE),
        (["extend", "run-1"], ExitCode.WRONG_USAGE),
        (["extend", "run-1", "ten", "--reason", "x"], ExitCode.WRONG_USAGE),
        (["extend", "run-1", "0", "--reason", "x"], ExitCode.WRONG_USAGE),
        (["extend", "run-1", "10"], ExitCode.WRONG_USAGE),
        (["keep", "run-1"], ExitCode.WRONG_USAGE),
        (["stretch", "run-1", "1441"], ExitCode.WRONG_USAGE),
        # Somebody else drives the run.
        (["extend", "run-1", "10", "--reason", "x"], ExitCode.REFUSED),
        (["keep", "run-1", "--reason", "x"], ExitCode.REFUSED),
        (["stretch", "run-1", "10"], ExitCode.REFUSED),
        # Nothing has been changed yet that users could have met.
        (["trouble", "run-1", "cards", "are", "declined"], ExitCode.REFUSED),
    ],
)
def test_what_is_wrong_or_refused_changes_nothing(here: Path, arguments: list[str], code: ExitCode) -> None:
    assert main(arguments) == code
    journal = SqliteJournal(here / "state" / "journal.db")
    assert journal.commands("run-1", 0) == []
    journal.close()
