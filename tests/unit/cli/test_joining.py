"""Which screen, which run, and whether to drive it: the questions before anything is shown."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from handrail.cli.actors import current_actor, has_ended
from handrail.cli.commands.log import choose_attempt
from handrail.cli.joining import pick_run, why_only_watch
from handrail.cli.narrator import LogTail, last_lines
from handrail.cli.opening import new_run_id, read_parameters
from handrail.cli.screens import why_plain
from handrail.clock import ManualClock
from handrail.errors import WrongUsage
from handrail.processes import ProcessIdentity
from handrail.project.model import Announce, Database, Secret, Target
from handrail.project.secret import secrets_of
from memory_engine import RUN, MemoryEngine
from walk import OPERATOR, Walk, task

GOOD = {"TERM": "xterm-256color"}


@pytest.mark.parametrize(
    ("environment", "terminals", "size", "plain"),
    [
        (GOOD, True, (80, 24), False),
        (GOOD, True, (40, 15), False),
        (GOOD, True, None, False),
        (GOOD, True, (0, 0), False),
        (GOOD, False, (80, 24), True),
        (GOOD, True, (39, 24), True),
        (GOOD, True, (80, 14), True),
        ({"TERM": "dumb"}, True, (80, 24), True),
        ({"TERM": ""}, True, (80, 24), True),
        ({}, True, (80, 24), True),
    ],
)
def test_which_terminals_get_plain_lines(environment, terminals, size, plain) -> None:
    assert (why_plain(environment, terminals=terminals, size=size) is not None) is plain


@pytest.mark.parametrize(
    ("environment", "behind_sudo"),
    [({}, False), ({"SUDO_USER": "somebody"}, True), ({"USER": "forged"}, False)],
)
def test_an_actor_is_the_systems_account_and_notes_sudo(environment, behind_sudo) -> None:
    actor = current_actor(environment)
    assert ("somebody (as " in actor.user) is behind_sudo
    assert "forged" not in actor.user
    assert actor.process == ProcessIdentity.own().as_dict()
    assert actor.session != current_actor(environment).session


def ended_process() -> dict[str, str | int]:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    identity = ProcessIdentity.of(child.pid)
    assert identity is not None
    child.communicate(b"\n")
    return identity.as_dict()


@pytest.mark.parametrize(
    ("change", "watches"),
    [
        ({"process": "ended"}, False),
        ({"process": "alive"}, True),
        ({"process": None}, True),
        ({"process": "ended", "host": "another"}, True),
        ({"process": "ended", "user": "colleague"}, True),
    ],
)
def test_only_the_successor_of_ones_own_dead_screen_drives_at_once(change, watches) -> None:
    processes = {"ended": ended_process(), "alive": ProcessIdentity.own().as_dict(), None: None}
    operator = OPERATOR.model_copy(update={**change, "process": processes[change["process"]]})
    state = replace(Walk(task("build")).state, operator=operator)
    comer = OPERATOR.model_copy(update={"session": "another", "process": ProcessIdentity.own().as_dict()})
    assert (why_only_watch(state, comer) is not None) is watches


def test_a_screen_on_another_machine_is_never_called_ended() -> None:
    assert not has_ended(OPERATOR.model_copy(update={"process": ended_process()}), "another-host")


def test_picking_a_run(tmp_path: Path) -> None:
    engine = MemoryEngine(task("build"), logs=tmp_path)
    assert pick_run(engine.journal, None) == RUN
    assert pick_run(engine.journal, RUN) == RUN
    assert pick_run(engine.journal, "x7k2") == RUN
    for named in ("nope", ""):
        with pytest.raises(WrongUsage):
            pick_run(engine.journal, named)
    with pytest.raises(WrongUsage):
        pick_run(None, None)


@pytest.mark.parametrize(
    ("which", "number"), [(None, 2), ("1", 1), ("2", 2), ("build", 1), ("restart", 2), ("uild", 1)]
)
def test_choosing_an_attempt(which, number) -> None:
    walk = Walk(task("build"), task("restart"))
    walk.run("build", "restart")
    assert choose_attempt(walk.state, which).number == number


@pytest.mark.parametrize("which", ["3", "0", "t", "nope"])
def test_an_attempt_that_is_not_there_is_not_guessed(which) -> None:
    walk = Walk(task("built"), task("restart"))
    walk.run("built", "restart")
    with pytest.raises(WrongUsage):
        choose_attempt(walk.state, which)


@pytest.mark.parametrize(
    ("runbook", "middle"),
    [
        ("production-deploy", "production-deploy"),
        ("Deploy it! (now)", "deploy-it-now"),
        ("../../etc", "etc"),
        ("x" * 200, "x" * 40),
        ("写真", ""),
    ],
)
def test_a_runs_id_is_fit_for_a_folder(runbook, middle) -> None:
    clock = ManualClock()
    run = new_run_id(runbook, clock)
    when = clock.now().datetime().strftime("%Y%m%d-%H%M")
    assert run.startswith("-".join(part for part in (when, middle) if part) + "-")
    assert all(c.isalnum() or c == "-" for c in run)
    assert run != new_run_id(runbook, clock)
    clock.advance(timedelta(days=1))
    assert run[:8] < new_run_id(runbook, clock)[:8]


def test_parameters_keep_what_stands_after_the_first_equals_sign() -> None:
    assert read_parameters(["a=b=c", "empty="]) == {"a": "b=c", "empty": ""}


def test_the_secrets_of_a_target_and_the_passwords_in_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOOK", "https://hooks.example.com/T000/very-secret")
    file = tmp_path / "url"
    file.write_text("postgresql://shop:p%40ss-word@db/shop\n")
    target = Target(
        name="production",
        announce=Announce(webhook=Secret(env="HOOK")),
        database=Database(url=Secret(file=file)),
    )
    found = secrets_of(target)
    assert {"https://hooks.example.com/T000/very-secret", "p%40ss-word", "p@ss-word"} <= set(found)
    monkeypatch.delenv("HOOK")
    assert "p@ss-word" in secrets_of(target)
    written = target.model_copy(
        update={"database": Database(url=Secret(value="postgresql://shop:open@db/shop"))}
    )
    assert secrets_of(written) == ("open",)


def test_a_log_is_followed_by_whole_lines(tmp_path: Path) -> None:
    path = tmp_path / "log"
    tail = LogTail(path)
    assert tail.read() == []
    path.write_bytes(b"one\ntw")
    assert tail.read() == ["one"]
    with path.open("ab") as file:
        file.write(b"o\nthree")
    assert tail.read() == ["two"]
    assert tail.read(whole=True) == ["three"]
    assert tail.read(whole=True) == []
    assert LogTail(path, at_end=True).read(whole=True) == []


@pytest.mark.parametrize(
    ("content", "count", "lines"),
    [
        (b"", 3, []),
        (b"a\nb\nc\n", 2, ["b", "c"]),
        (b"a\nb", 5, ["a", "b"]),
        (b"\xff\xfe\n", 1, ["\ufffd\ufffd"]),
    ],
)
def test_the_last_lines_of_a_log(tmp_path: Path, content, count, lines) -> None:
    path = tmp_path / "log"
    path.write_bytes(content)
    assert last_lines(path, count) == lines
    assert last_lines(tmp_path / "missing", count) == []
