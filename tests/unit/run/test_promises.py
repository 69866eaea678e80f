"""A run does what its plan promised, and what its target requires."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from msgspec.structs import replace

from handrail.engine.promises import changed_files, frozen_tasks_file
from handrail.paths import StateFolder
from handrail.project.model import Announce, RequiredCheck, Secret
from handrail.run import commands as c
from handrail.run.events import Purpose
from handrail.run.machine import Rejected
from handrail.run.planning import with_required_checks
from walk import TARGET, Walk, attest, check, gate, plan, smoke, task, undo

CHANGED = c.ObserveFiles(changed=(("runbooks/deploy.md", "-a\n+b"),))


def test_a_changed_file_keeps_a_run_from_going_forward_until_it_is_back() -> None:
    walk = Walk(task("a"), task("b"))
    walk.see(CHANGED)
    with pytest.raises(Rejected, match=r"Changed since the plan was made: runbooks/deploy\.md"):
        walk.start("a")
    assert walk.state.changed_files[0].difference == "-a\n+b"
    assert walk.see(CHANGED) == [], "said once"
    walk.see(c.ObserveFiles())
    walk.run("a", "b")


def test_a_failed_step_is_not_retried_with_another_tasks_file() -> None:
    walk = Walk(task("a"), task("b"))
    walk.start("a")
    walk.end(1)
    walk.see(CHANGED)
    with pytest.raises(Rejected, match="Changed since"):
        walk.do(c.RetryStep(step="a", after_attempt=1))


def test_the_way_back_is_never_held_up_by_it() -> None:
    walk = Walk(task("a", undo=undo("a")), smoke(), task("b"))
    walk.run("a")
    walk.start("smoke")
    walk.end(1)
    walk.see(CHANGED)
    walk.roll_back()
    assert walk.running_task() == "undo.a"
    walk.end(1)
    walk.do(c.RetryStep(step="undo/a", after_attempt=walk.state.steps["undo/a"].attempts[-1]))
    assert walk.running_task() == "undo.a"


def files_of(tmp_path: Path, **texts: str) -> tuple[dict[str, str], dict[str, str]]:
    digests, sources = {}, {}
    for name, text in texts.items():
        path = tmp_path / f"{name}.md"
        path.write_text(text)
        digests[str(path)] = hashlib.sha256(text.encode()).hexdigest()
        sources[str(path)] = text
    return digests, sources


def test_what_changed_is_shown_by_line(tmp_path: Path) -> None:
    digests, sources = files_of(tmp_path, book="one\ntwo\n", other="same\n")
    walk = Walk(task("a"), digests=digests, sources=sources)
    assert changed_files(walk.state) == ()
    (tmp_path / "book.md").write_text("one\n2\n")
    (found,) = changed_files(walk.state)
    assert found[0] == str(tmp_path / "book.md")
    assert "-two" in found[1].splitlines()
    assert "+2" in found[1].splitlines()
    (tmp_path / "other.md").unlink()
    assert "gone" in changed_files(walk.state)[1][1]


def test_a_file_that_may_hold_secrets_is_named_and_not_shown(tmp_path: Path) -> None:
    digests, _ = files_of(tmp_path, project="url = 'postgresql://shop:secret@db'")
    walk = Walk(task("a"), digests=digests)
    (tmp_path / "project.md").write_text("url = 'postgresql://shop:other@db'")
    ((_, difference),) = changed_files(walk.state)
    assert "other" not in difference
    assert "secret@" not in difference


def test_files_of_the_checkout_change_with_the_release(tmp_path: Path) -> None:
    digests, sources = files_of(tmp_path, book="one\n")
    walk = Walk(task("a"), task("b"), digests=digests, sources=sources, target=replace_checkout(tmp_path))
    (tmp_path / "book.md").write_text("other\n")
    assert len(changed_files(walk.state)) == 1, "nothing was deployed yet: somebody edited it"
    walk.run("a")
    assert changed_files(walk.state) == ()


def replace_checkout(path: Path):
    return TARGET.model_copy(update={"checkout": path})


def test_a_changed_tasks_file_is_run_as_it_was_promised(tmp_path: Path) -> None:
    digests, sources = files_of(tmp_path, tasks="promised\n")
    name = str(tmp_path / "tasks.md")
    walk = Walk(task("a"), digests=digests, sources=sources, tasks_file=name)
    folder = StateFolder(tmp_path / "state")
    assert frozen_tasks_file(walk.state, folder) == name
    Path(name).write_text("edited\n")
    copy = frozen_tasks_file(walk.state, folder)
    assert copy is not None
    assert Path(copy).read_text() == "promised\n"
    assert frozen_tasks_file(replace(walk.state, plan=plan(task("a"))), folder) is None


def value(template, where):
    return template


def required(name: str, **fields) -> RequiredCheck:
    return RequiredCheck.model_validate({"check": name, **fields})


@pytest.mark.parametrize(
    ("steps", "check_", "gated"),
    [
        ([check("look"), attest("agree"), task("change"), task("more")], required("window.open"), ["change"]),
        ([task("git"), task("migrate")], required("db.ok", before="do.migrate"), ["migrate"]),
        ([task("a"), task("a2"), check("b")], required("x.y", before="do.nothing"), ["a"]),
        (
            [task("same"), task("again", call=task("same").call)],
            required("x.y", before="do.same"),
            ["same", "again"],
        ),
        ([check("look"), attest("agree")], required("x.y"), []),
    ],
)
def test_a_targets_checks_stand_whatever_the_runbook_says(steps, check_, gated) -> None:
    found = with_required_checks(steps, [check_], value)
    assert [step.key for step in found if check_.check in [g.check for g in step.gate]] == gated


def test_a_check_that_the_runbook_has_already_is_not_asked_twice() -> None:
    steps = [task("a", gate=(gate("window.open"),))]
    found = with_required_checks(
        steps, [required("window.open"), required("window.open", **{"with": {"x": 1}})], value
    )
    assert [g.check for g in found[0].gate] == ["window.open", "window.open (2)"]


def test_a_waiver_is_told_to_the_team() -> None:
    target = TARGET.model_copy(update={"announce": Announce(webhook=Secret(value="http://127.0.0.1/x"))})
    walk = Walk(task("a", gate=(gate("db.up"),)), target=target)
    walk.do(c.WaiveCheck(step="a", check="db.up", reason="the replica is enough"))
    (notice,) = walk.state.attempts.values()
    assert notice.purpose is Purpose.NOTICE
    assert "db.up" in notice.call.arguments["text"]
    assert "the replica is enough" in notice.call.arguments["text"]
