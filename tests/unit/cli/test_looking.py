"""The look at gates before a run: real checks in a process beside, and nothing left of it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from handrail.cli.looking import GateLooks, why_left
from handrail.clock import SystemClock
from handrail.journal.sqlite import SqliteJournal
from handrail.paths import StateFolder
from handrail.project.model import Suite, Target
from handrail.project.window import Window
from handrail.run.plan import Plan, PlannedCall, PlannedGate, PlannedUndo, UndoKind
from handrail.runbook.model import StepKind
from handrail.tasks.collection import known_tasks
from handrail.tui.looking import GateLook, Look
from waiting import wait_for
from walk import OPERATOR, plan, task

TASKS = dict(known_tasks(None))
NOBODY = "http://127.0.0.1:9"
NOTHING = PlannedUndo(kind=UndoKind.NOTHING, reason="x")


def gate(name: str, **arguments: object) -> PlannedGate:
    return PlannedGate(call=PlannedCall(task=name, arguments=arguments), timeout=timedelta(seconds=60))


def target(folder: Path, address: str) -> Target:
    window = Window(enabled=False)
    return Target(name="production", production=True, checkout=folder, window=window, url=address)


@pytest.fixture
def state(tmp_path: Path) -> StateFolder:
    return StateFolder(tmp_path / "state").create()


@pytest.fixture
def looks(state: StateFolder) -> Iterator[GateLooks]:
    looks = GateLooks(state, OPERATOR, SystemClock(), TASKS)
    yield looks
    looks.stop()
    wait_for(lambda: threading.active_count() == 1, "the look's reader to end")


def seen(looks: GateLooks) -> list[GateLook]:
    def all_seen() -> bool:
        looks.poll()
        return all(each.look in (Look.SEEN, Look.LEFT) for each in looks.findings)

    wait_for(all_seen, "the look", 60)
    return list(looks.findings)


def gated(folder: Path, *gates: PlannedGate, address: str = NOBODY, **fields: object) -> Plan:
    before = task("fetch", undo=NOTHING)
    steps = (before, task("maintenance", gate=gates), task("migrate", gate=(gate("window.open"),)))
    return plan(*steps, target=target(folder, address), project_root=str(folder), **fields)  # type: ignore[arg-type]


def test_checks_are_looked_at_by_their_own_tasks_and_nothing_is_left(
    tmp_path: Path, state: StateFolder, looks: GateLooks
) -> None:
    journal = SqliteJournal(state.journal)
    version = journal.data_version()
    checks = (gate("window.open"), gate("postmortem.none_overdue"), gate("app.healthy"))
    made = gated(tmp_path, *checks, gate("git.at", ref="${facts.release_commit}"))
    looks.begin(made, again=False)
    assert {each.look for each in looks.findings} == {Look.WAITING, Look.LEFT}
    found = {(each.step, each.check): each for each in seen(looks)}
    for name in ("window.open", "postmortem.none_overdue"):
        assert found["maintenance", name].verdict == "pass", found["maintenance", name]
        assert found["maintenance", name].seen is not None
    refused = found["maintenance", "app.healthy"]
    assert refused.verdict in ("fail", "unknown")
    assert refused.evidence
    assert not refused.later, "what only fetches changes nothing"
    assert found["migrate", "window.open"].later
    left = found["maintenance", "git.at"]
    assert (left.look, left.why) == (Look.LEFT, "it needs release_commit, which an earlier step finds out")
    wait_for(lambda: list((state.root / "runs").iterdir()) == [], "the look's folder to go")
    assert journal.data_version() == version
    assert journal.runs() == []
    journal.close()


def test_what_was_seen_stays_while_the_plan_changes_until_one_looks_again(
    tmp_path: Path, looks: GateLooks
) -> None:
    looks.begin(gated(tmp_path, gate("window.open")), again=False)
    first = seen(looks)[0]
    looks.begin(gated(tmp_path, gate("window.open"), parameters={"feature": "x"}), again=False)
    assert looks.findings[0] == first
    looks.begin(gated(tmp_path, gate("window.open")), again=True)
    assert looks.findings[0].look is Look.WAITING
    again = seen(looks)[0]
    assert again.seen is not None
    assert first.seen is not None
    assert again.seen.boot > first.seen.boot


def test_leaving_ends_the_look_and_all_that_it_started(
    tmp_path: Path, state: StateFolder, looks: GateLooks
) -> None:
    # Whoever connects here is never answered.
    silent = socket.create_server(("127.0.0.1", 0))
    address = f"http://127.0.0.1:{silent.getsockname()[1]}"
    try:
        looks.begin(gated(tmp_path, gate("app.healthy"), address=address), again=False)

        def looking() -> bool:
            looks.poll()
            return looks.findings[0].look is Look.LOOKING

        wait_for(looking, "the look's beginning")
        folders = wait_for(lambda: list((state.root / "runs").glob("look-*/attempts/*")), "its folder")
        assert folders
        looks.stop()
        wait_for(lambda: list((state.root / "runs").iterdir()) == [], "the look to tidy up", 30)
    finally:
        silent.close()


@pytest.mark.parametrize(
    ("call", "suite", "words"),
    [
        (PlannedCall(task="window.open"), Suite(), ""),
        (PlannedCall(task="window-open"), Suite(), "its code runs only in a run"),
        (PlannedCall(task="own.check"), Suite(), "the project's own"),
        (PlannedCall(task="tests.passed", arguments={"ref": "v1"}), Suite(), "more than a look"),
        (PlannedCall(task="tests.passed", arguments={"ref": "v1"}), Suite(by="ci"), ""),
        (PlannedCall(task="git.at", arguments={"ref": ["${facts.a}", "${facts.b}"]}), Suite(), "needs a, b"),
    ],
)
def test_what_is_left_for_the_run_says_why(call: PlannedCall, suite: Suite, words: str) -> None:
    made = plan(task("x", kind=StepKind.TASK), target=Target(name="t", tests=suite))
    why = why_left(call, made, TASKS)
    assert words in why if words else why == ""
