"""Wrong calls and wrong files: refused with exit code 2 before anything is started."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from e2e.faults.desk import Desk

pytestmark = pytest.mark.e2e
MISTAKES = Path(__file__).parents[2] / "unit" / "runbook" / "twenty_mistakes.md"
LINES = {3, 5, 6, 7, 8, 12, 19, 20, 24, 26, 27, 28, 29, 34, 35, 40, 45, 47, 52, 53, 57, 61}
GOOD = """
### First
```bash
echo first
```
### Second
```bash
test -e mended
```
"""
STAGING = '[targets.staging]\ncheckout = "checkout"\n'


def test_twenty_mistakes_are_named_with_their_lines_and_nothing_is_started(desk: Desk) -> None:
    for said in (desk.call("check", str(MISTAKES)), desk.auto(MISTAKES)):
        said.says(code=2)
        named = {int(line) for line in re.findall(rf"{re.escape(str(MISTAKES))}:(\d+): ", said.text)}
        assert named >= LINES
    said.says("Still safe: nothing was started.", "Do now: correct the lines above")
    assert not desk.state.root.exists()


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (("run", "deplyo", "--auto"), ("'deplyo'", "production-deploy", "nothing was started")),
        (("run", "GOOD", "--auto", "-t", "moon"), ("'moon'", "staging", "nothing was started")),
        (("run", "GOOD", "--auto", "-p", "speed=1"), ("speed", "unknown parameter", "nothing was started")),
        (("run", "GOOD", "--auto", "-p", "speed"), ("'speed'", "NAME=VALUE")),
        (
            ("run", "production-deploy", "--auto", "-t", "staging", "-p", "ref=; reboot"),
            ("feature", "ref: found", "; reboot", "nothing was started", "--param NAME=VALUE"),
        ),
        (("run", "GOOD", "--plain", "--auto"), ("--plain and --auto",)),
        (("attach", "no-such-run"), ("'no-such-run'", "handrail runs")),
        (("--project", "/nonexistent", "run", "GOOD", "--auto"), ("/nonexistent", "nothing was started")),
    ],
)
def test_a_wrong_call_says_what_is_right(
    desk: Desk, runbook: Callable[[str], Path], words: tuple[str, ...], parts: tuple[str, ...]
) -> None:
    good = str(runbook(GOOD))
    said = desk.call(*(word.replace("GOOD", good) for word in words))
    said.says(*parts, code=2)
    assert said.out == ""
    assert not desk.state.root.exists()


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (
            'default_target = "stagign"\ncolour = 3\n[targets.staging]\ncheckout = 5\nurl = "web-1"\n',
            (
                ":1: default_target",
                "did you mean 'staging'",
                ":2: colour",
                ":4: targets.staging.checkout",
                ":5: targets.staging.url",
            ),
        ),
        ("[targets.staging\n", (":1: ", "TOML")),
        (f'tasks = "tasks.py"\n{STAGING}', ("tasks.py:5", "SyntaxError")),
    ],
)
def test_a_wrong_project_is_named_by_line(
    desk: Desk, runbook: Callable[[str], Path], text: str, parts: tuple[str, ...]
) -> None:
    (desk.project / "handrail.toml").write_text(text)
    (desk.project / "tasks.py").write_text(
        "from invoke import task\n\n@task\ndef hello(context):\n    print('hello'\n"
    )
    desk.auto(runbook(GOOD)).says(*parts, "nothing was started", "Do now:", code=2)
    assert not desk.state.root.exists()


def test_a_second_run_is_refused_with_who_holds_the_target(
    desk: Desk, runbook: Callable[[str], Path]
) -> None:
    good = runbook(GOOD)
    desk.auto(good).says("Second failed", "The run stays open", code=1)
    first = desk.run()
    refused = desk.auto(good)
    refused.says("The target staging is locked", first.run, "held by", "since", "Do now:", code=4)
    assert desk.runs() == [first.run]
    (desk.project / "checkout" / "mended").touch()
    desk.type("retry", "wait").says("Passed: Second", "The run is finished", code=0)
    assert desk.locks() == []
    desk.nothing_lost()


def test_a_state_directory_that_is_no_directory_is_named(
    desk: Desk, runbook: Callable[[str], Path], tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    # A file in the way refuses root, too, which file permissions don't.
    said = desk.auto(runbook(GOOD), environment={"HANDRAIL_STATE": str(tmp_path / "file" / "state")})
    said.says(f"{tmp_path}/file/state can't be made", "nothing was started", "HANDRAIL_STATE", code=1)


def test_a_damaged_journal_is_left_alone_and_named(desk: Desk, runbook: Callable[[str], Path]) -> None:
    good = runbook(GOOD)
    (desk.project / "checkout" / "mended").touch()
    desk.auto(good).says("The run is finished", code=0)
    whole = desk.state.journal.read_bytes()
    desk.state.journal.write_bytes(b"no database at all " * 1000)
    for said in (desk.auto(good), desk.call("runs")):
        said.says("journal.db is not a journal", "Still safe:", "Do now: move the file away", code=1)
    desk.call("doctor").says("bad   journal", "is not a journal", code=1)
    assert desk.state.journal.read_bytes() == b"no database at all " * 1000
    desk.state.journal.write_bytes(whole)
    desk.auto(good).says("The run is finished", code=0)
    desk.nothing_lost()
