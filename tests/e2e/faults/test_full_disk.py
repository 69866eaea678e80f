"""A disk that is full: below the journal and the logs, below the build."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from e2e.faults.desk import PATH, Desk
from e2e.faults.disk import SmallDisk

pytestmark = pytest.mark.e2e
STEPS = """
### First
```bash
echo first
```
### Second
```bash
echo second >> done
```
"""
LONG = """
### Long
```bash
echo began; until test -e go; do sleep 0.05; done; head -c 200000 /dev/zero | tr '\\0' x; echo long >> done
```
### Last
```bash
echo last
```
"""


@pytest.fixture
def full_desk(tmp_path: Path, project: Path, small_disk: SmallDisk) -> Desk:
    """An operator whose state directory lies on the small disk."""
    return Desk(tmp_path, project, small_disk.folder / "state")


def test_with_no_room_for_the_journal_nothing_is_started_and_the_run_goes_on_afterwards(
    full_desk: Desk, small_disk: SmallDisk, runbook: Callable[[str], Path]
) -> None:
    desk = full_desk
    try:
        with desk.at_screen("run", str(runbook(STEPS)), "--plain") as screen:
            screen.types("run")
            screen.shows("Next: Second")
            small_disk.fill()
            screen.types("run")
            screen.shows("can't grow: the disk is full")
            screen.shows("Still safe: what was journaled before is unchanged")
            screen.shows("Do now: free space")
            screen.shows("type it again")
            assert not (desk.project / "checkout" / "done").exists()
            assert len(desk.run().attempts) == 1
            assert len(desk.locks()) == 1
            desk.nothing_lost()
            small_disk.free()
            screen.types("run")
            screen.shows("Passed: Second")
            assert screen.ends() == 0
        assert (desk.project / "checkout" / "done").read_text() == "second\n"
        desk.nothing_lost()
    finally:
        small_disk.free()
        desk.end()


def test_a_disk_that_fills_during_a_step_is_told_and_the_step_is_not_lost(
    full_desk: Desk, small_disk: SmallDisk, runbook: Callable[[str], Path]
) -> None:
    desk, checkout = full_desk, full_desk.project / "checkout"
    try:
        with desk.at_screen("run", str(runbook(LONG)), "--plain") as screen:
            screen.types("run")
            screen.shows("| began")
            small_disk.fill()
            (checkout / "go").touch()
            screen.shows("The engine can't go on, and starts nothing; what runs goes on.")
            screen.shows("the disk is full. Do now: free space")
            small_disk.free()
            screen.shows("Failed: Long: the disk of its log was full")
            screen.shows("> retry")
            screen.types("retry")
            screen.shows("Passed: Long")
            screen.types("run")
            screen.shows("Passed: Last")
            assert screen.ends() == 0
        assert (checkout / "done").read_text() == "long\n"
        desk.nothing_lost()
    finally:
        small_disk.free()
        desk.end()


def test_a_build_on_a_full_disk_fails_with_npms_words_and_can_be_repeated(
    desk: Desk, small_disk: SmallDisk, runbook: Callable[[str], Path]
) -> None:
    if shutil.which("npm", path=PATH) is None:
        pytest.skip("this machine has no npm of its own")
    (desk.project / "checkout" / "package.json").write_text('{"scripts": {"build": "node build.js"}}')
    (desk.project / "checkout" / "build.js").write_text(
        f"require('fs').writeFileSync('{small_disk.folder}/app.js', 'x'.repeat(100000)); console.log('built')"
    )
    small_disk.fill()
    said = desk.auto(runbook("### Build\n```yaml step\ntask: node.build\n```\n"))
    said.says("ENOSPC: no space left on device", "`npm run build` ended with exit code 1", "Do now:", code=1)
    small_disk.free()
    desk.type("retry", "wait").says("| built", "The run is finished", code=0)
    desk.nothing_lost()
