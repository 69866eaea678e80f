"""The run by lines: what is typed, what is answered, and how it is left; on the real machine and journal."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

import pytest

from handrail.cli.auto import OnFailure
from handrail.cli.following import Following
from handrail.cli.narrator import Narrator
from handrail.cli.plain import PlainScreen
from handrail.cli.unattended import UnattendedScreen
from handrail.errors import ExitCode
from handrail.run.actors import Actor
from memory_engine import MemoryEngine
from walk import WATCHER, attest, smoke, task, undo

BACK = "handrail attach it"


class Typed:
    """Lines that are typed one by one; between them the engine takes its turns, and time may pass."""

    def __init__(self, engine: MemoryEngine, lines: Iterable[str | timedelta]) -> None:
        self._engine = engine
        self._lines = list(lines)
        self.ended = False

    def next(self, seconds: float) -> str | None:
        self._engine.turn()
        if not self._lines:
            self.ended = True
            return None
        line = self._lines.pop(0)
        if isinstance(line, timedelta):
            self._engine.clock.advance(line)
            self._engine.see_time()
            return None
        return line

    def pause(self, seconds: float) -> None:
        self._engine.turn()


def drive(
    engine: MemoryEngine,
    *lines: str | timedelta,
    actor: Actor | None = None,
    events: io.StringIO | None = None,
) -> tuple[ExitCode, str]:
    out = io.StringIO()
    session = engine.session(actor) if actor else engine.session()
    narrator = Narrator(session, engine.log_path, out, secrets=("hunter2-secret",), events_to=events)
    screen = PlainScreen(Following(session, narrator), Typed(engine, lines), attach_command=BACK)
    return screen.drive(), out.getvalue()


def automatic(engine: MemoryEngine, **options: object) -> tuple[ExitCode, str]:
    out = io.StringIO()
    session = engine.session()
    narrator = Narrator(session, engine.log_path, out)
    screen = UnattendedScreen(
        Following(session, narrator),
        attach_command=BACK,
        pause=lambda seconds: engine.turn(),
        **options,  # type: ignore[arg-type]
    )
    return screen.drive(), out.getvalue()


def test_a_deployment_by_lines(tmp_path: Path) -> None:
    engine = MemoryEngine(task("build"), attest("look"), task("restart"), logs=tmp_path)
    code, out = drive(engine, "", "wait", "yes all green", "run", "wait", "status")
    assert code is ExitCode.FINISHED
    assert engine.calls == ["StartStep", "Attest", "StartStep"]
    for words in ("Started Build", "Passed: Build", "Look holds (all green)", "The run is finished"):
        assert words in out


def test_the_end_of_input_detaches_and_says_how_to_come_back(tmp_path: Path) -> None:
    engine = MemoryEngine(task("build"), logs=tmp_path)
    code, out = drive(engine)
    assert code is ExitCode.DETACHED
    assert BACK in out
    assert engine.calls == []
    assert engine.state.phase.is_open


def test_ctrl_c_detaches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = MemoryEngine(task("build"), logs=tmp_path)

    def interrupt(self: Typed, seconds: float) -> str | None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Typed, "next", interrupt)
    code, out = drive(engine)
    assert code is ExitCode.DETACHED
    assert "Interrupted" in out
    assert BACK in out


@pytest.mark.parametrize("line", ["rum", "run everything", "skip", "yes", "\x1b]52;c;cHduZWQ=\x07"])
def test_what_is_not_understood_runs_nothing_and_is_shown_harmlessly(tmp_path: Path, line: str) -> None:
    engine = MemoryEngine(task("build"), logs=tmp_path)
    code, out = drive(engine, line)
    assert code is ExitCode.DETACHED
    assert engine.calls == []
    assert "nothing was done" in out.lower()
    assert "\x1b" not in out
    assert "\x07" not in out


def test_a_refusal_gives_the_rules_reason_without_asking_the_engine(tmp_path: Path) -> None:
    engine = MemoryEngine(task("build"), logs=tmp_path)
    _, out = drive(engine, "rollback production", "retry")
    assert engine.calls == []
    assert "Nothing has been run yet" in out
    assert "there is nothing to retry" in out


def test_a_rollback_needs_the_targets_name(tmp_path: Path) -> None:
    engine = MemoryEngine(task("build", undo=undo("build")), smoke(), endings={"do.smoke": 1}, logs=tmp_path)
    code, out = drive(
        engine,
        "run",
        "wait",
        "run",
        "wait",
        "undo",
        "rollback",
        "rollback prod",
        "rollback production",
        "wait",
    )
    assert code is ExitCode.FAILED_OR_ROLLED_BACK
    assert engine.calls == ["StartStep", "StartStep", "RollBack"]
    assert out.count("Type the target's name, production") == 2
    assert "Undo: Build" in out
    assert "The run is rolled back" in out


def test_a_step_in_doubt_is_put_to_the_operator_with_its_evidence(tmp_path: Path) -> None:
    engine = MemoryEngine(task("migrate"), task("restart"), endings={"do.migrate": "doubt"}, logs=tmp_path)
    code, out = drive(engine, "run", "wait")
    assert code is ExitCode.IN_DOUBT
    assert "In doubt: Migrate: killed" in out
    assert "notdone REASON" in out


def test_cancelling_what_runs(tmp_path: Path) -> None:
    engine = MemoryEngine(task("build"), endings={"do.build": "wait"}, logs=tmp_path)
    code, out = drive(engine, "run", timedelta(seconds=1), "cancel", "wait", "skip not today")
    assert engine.calls == ["StartStep", "CancelStep", "SkipStep"]
    assert "Cancelled: Build" in out
    assert code is ExitCode.FINISHED


def test_a_watcher_is_refused_until_it_takes_over(tmp_path: Path) -> None:
    engine = MemoryEngine(task("build"), logs=tmp_path)
    code, out = drive(
        engine, "run", "note I see it", "takeover they are asleep", "run", "wait", actor=WATCHER
    )
    assert engine.calls == ["AddNote", "TakeControl", "StartStep"]
    assert "You are watching" in out
    assert code is ExitCode.FINISHED


def test_the_log_is_told_cleaned_masked_and_prefixed(tmp_path: Path) -> None:
    engine = MemoryEngine(task("build"), endings={"do.build": "wait"}, logs=tmp_path)
    log = b"one\nprogress 10%\rprogress 100%\n\x1b]0;title\x07two\nkey hunter2-secret\nunfinished"
    engine.log_path("", 1).write_bytes(log)
    _, out = drive(engine, "run", timedelta(seconds=1), timedelta(seconds=1), "cancel", "wait", "log 2")
    told = [line for line in out.splitlines() if line.startswith("    | ")]
    assert told[:4] == ["    | one", "    | progress 100%", "    | ␛]0;title␇two", "    | key ••••••"]
    assert told.count("    | unfinished") == 2
    assert "\x1b" not in out
    assert "hunter2" not in out


def test_a_long_log_never_floods_the_line(tmp_path: Path) -> None:
    engine = MemoryEngine(task("build"), endings={"do.build": "wait"}, logs=tmp_path)
    engine.log_path("", 1).write_bytes(b"a line of a very talkative build\n" * 100_000)
    _, out = drive(engine, "run", timedelta(seconds=1))
    assert len(out) < 100_000
    assert "bytes are not shown here" in out


def test_countdowns_are_told_at_their_moments(tmp_path: Path) -> None:
    engine = MemoryEngine(task("build", undo=undo("build")), smoke(), endings={"do.smoke": 1}, logs=tmp_path)
    seconds = [timedelta(seconds=1)] * 330
    code, out = drive(engine, "run", "wait", "run", "wait", *seconds)
    told = [line for line in out.splitlines() if "Rollback due in" in line]
    assert code is ExitCode.DETACHED
    assert "ROLLBACK TRIGGER 1" in out
    assert "due in 5:00" in told[0]
    for face in ("3:59", "2:59", "1:59", "0:49", "0:09"):
        assert any(f"due in {face}" in line for line in told), (face, told)
    assert any("TOO LATE" in line for line in told)
    assert "deadline MISSED" in out
    assert "ROLLBACK DEADLINE MISSED" in out
    assert len(told) < 15


def test_each_event_is_a_line_of_json(tmp_path: Path) -> None:
    engine = MemoryEngine(task("build"), logs=tmp_path)
    events = io.StringIO()
    drive(engine, "run", "wait", events=events)
    bodies = [json.loads(line) for line in events.getvalue().splitlines()]
    assert [body["seq"] for body in bodies] == list(range(1, len(bodies) + 1))
    assert bodies[0]["type"] == "RunOpened"
    assert bodies[-1]["type"] == "RunFinished"


@pytest.mark.parametrize(
    ("endings", "options", "code", "calls"),
    [
        ({}, {"attest": "a trial"}, ExitCode.FINISHED, ["StartStep", "StartStep", "Attest"]),
        ({}, {}, ExitCode.DETACHED, ["StartStep", "StartStep"]),
        ({"do.smoke": 1}, {}, ExitCode.FAILED_OR_ROLLED_BACK, ["StartStep", "StartStep"]),
        (
            {"do.smoke": 1},
            {"on_failure": OnFailure.ROLL_BACK},
            ExitCode.FAILED_OR_ROLLED_BACK,
            ["StartStep", "StartStep", "RollBack"],
        ),
        ({"do.build": "doubt"}, {}, ExitCode.IN_DOUBT, ["StartStep"]),
    ],
)
def test_an_unattended_run(tmp_path: Path, endings, options, code, calls) -> None:
    engine = MemoryEngine(
        task("build", undo=undo("build")), smoke(), attest("look"), endings=endings, logs=tmp_path
    )
    found, out = automatic(engine, **options)
    assert (found, engine.calls) == (code, calls)
    assert (BACK in out) is engine.state.phase.is_open
