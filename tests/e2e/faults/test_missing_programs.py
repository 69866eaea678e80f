"""Programs that aren't there: found by the doctor beforehand, and named by the step that needs them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from e2e.faults.desk import PATH, Desk

pytestmark = pytest.mark.e2e
PROJECT = """
[targets.staging]
checkout = "checkout"
path = ["PROGRAMS"]

[targets.staging.pm2]
program = ["pm2-of-nobody"]

[targets.staging.database]
url = "postgresql://shop:secret-word@127.0.0.1:9/shop"
programs = "PROGRAMS"
"""
STEPS = """
### Build
```yaml step
task: node.build
```
### Back up
```yaml step
task: database.backup
```
### List
```yaml step
check: pm2.status
```
"""


def test_each_is_found_by_the_doctor_and_named_by_its_step_and_the_run_goes_on_once_it_is_there(
    desk: Desk, runbook: Callable[[str], Path], tmp_path: Path
) -> None:
    npm = shutil.which("npm", path=PATH)
    if npm is None:
        pytest.skip("this machine has no npm of its own that could be taken away")
    # A PATH of chosen programs, for the machine's own folders have npm.
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("bash", "sh", "env", "node", "mkdir", "rm", "git"):
        (programs / name).symlink_to(str(shutil.which(name, path=PATH)))
    desk.environment["PATH"] = str(programs)
    (desk.project / "handrail.toml").write_text(PROJECT.replace("PROGRAMS", str(programs)))
    (desk.project / "checkout" / "package.json").write_text('{"scripts": {"build": "echo built"}}')

    doctor = desk.call("doctor")
    for missing in ("npm", "pm2-of-nobody", "psql", "pg_dump", "pg_restore"):
        doctor.says(f"bad   programs: {missing} is missing, needed for", code=1)
    doctor.says("mend: install it, or name its folder")

    desk.auto(runbook(STEPS)).says(
        "The program `npm` isn't on this machine's PATH.",
        f"PATH={programs}",
        "Still safe: nothing was changed",
        "Do now: install it into one of these folders, then retry",
        "A run keeps the settings that it was opened with",
        "The run stays open",
        code=1,
    )
    (programs / "npm").symlink_to(npm)
    rest = desk.type("retry", "wait", "run", "wait", "skip no database here", "run", "wait", "done by hand")
    rest.says(
        "Passed: Build",
        f"There is no backup: The program `{programs}/psql` isn't there.",
        "the database and the application are as before; nothing was migrated",
        "Do now: install it there, then retry",
        "The program `pm2-of-nobody` isn't on this machine's PATH.",
        "The run is finished",
        code=0,
    )
    assert "secret-word" not in rest.text
    desk.nothing_lost()
