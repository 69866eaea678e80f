"""A file that is edited after the plan was made: refused with the difference, or without any effect."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.faults.desk import Desk
from handrail.errors import ExitCode
from handrail.run.events import Purpose
from handrail.run.state import StepStatus

pytestmark = pytest.mark.e2e
SHIP = "deploy/bring-it-out/inner/ship"
FILES = {
    "small.md": """\
# Small deployment
## Deploy
### Bring it out
```yaml step
runbook: inner
gate: [{check: is_ready, with: {file: ready}}]
```
""",
    "runbooks/inner.md": """\
# Inner
## Inner
### Ship
```yaml step
gate: [{check: is_ready, with: {file: ready}}]
undo: {runbook: back}
```
```bash
touch shipped
```
""",
    "runbooks/back.md": """\
# The way back
## Back
### Take it back
```bash
rm shipped
```
""",
    "tasks.py": """\
from pathlib import Path

from invoke import task

from handrail.tasks import report
from readiness import is_there


@task
def is_ready(context, file):
    found = is_there(Path(file))
    report.verdict("pass" if found else "fail", f"{file} is {'there' if found else 'not there'}")
    if not found:
        raise SystemExit(1)
""",
    "readiness.py": "def is_there(path):\n    return path.exists()\n",
    "handrail.toml": """\
tasks = "tasks.py"

[targets.production]
production = true
checkout = "checkout"
never_waive = ["is_ready"]
""",
}
GATE = "gate: [{check: is_ready, with: {file: ready}}]\n"
HIDDEN = "its lines are not shown: they may hold secrets"
EDITS = [
    ("small.md", GATE, "", f"-{GATE}"),
    ("small.md", "file: ready", "file: .", "+gate: [{check: is_ready, with: {file: .}}]"),
    ("runbooks/inner.md", GATE, "", f"-{GATE}"),
    ("runbooks/inner.md", "touch shipped", "touch shipped twice", "+touch shipped twice"),
    ("runbooks/back.md", "rm shipped", "true", "-rm shipped"),
    ("tasks.py", "is_there(Path(file))", "True", "+ found = True"),
    ("readiness.py", "path.exists()", "True", "+ return True"),
    ("handrail.toml", 'never_waive = ["is_ready"]\n', "", HIDDEN),
    ("handrail.toml", "production = true\n", 'window = {opens = "00:00", closes = "24:00"}\n', HIDDEN),
]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    project = tmp_path / "project"
    for name, text in FILES.items():
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text(text)
    (project / "checkout").mkdir()
    desk = Desk(tmp_path, project)
    yield desk
    desk.end()


def test_each_is_refused_with_its_difference_until_it_is_put_back(desk: Desk) -> None:
    desk.auto("./small.md").says("is_ready says fail: ready is not there", code=ExitCode.REFUSED)
    tried = len(desk.run().attempts)
    with desk.at_screen("attach", "--plain") as screen:
        screen.shows("Next: Ship")
        for name, planned, now, difference in EDITS:
            path = desk.project / name
            assert planned in FILES[name]
            path.write_text(FILES[name].replace(planned, now, 1))
            for word in ("retry", "run"):
                screen.types(word)
                screen.shows(f"Changed since the plan was made: {path}. Put it back as it was")
            screen.types("status")
            screen.shows(difference.strip())
            screen.types("waive is_ready in a hurry")
            screen.shows("The target never waives is_ready.")
            screen.types("skip in a hurry")
            screen.shows("The target never waives is_ready.")
            path.write_text(FILES[name])
            screen.shows("The plan's files are again what the plan was made from")
        (desk.project / "tasks.py").unlink()
        screen.types("retry")
        screen.shows("Put it back as it was")
        screen.types("status")
        screen.shows("it is gone, or can't be read")
        (desk.project / "tasks.py").write_text(FILES["tasks.py"])
        screen.shows("The plan's files are again what the plan was made from")
        assert len(desk.run().attempts) == tried
        screen.types("retry")
        screen.shows("is_ready says fail: ready is not there")
        assert not (desk.project / "checkout" / "shipped").exists()
        (desk.project / "checkout" / "ready").touch()
        screen.types("retry")
        assert screen.ends() == ExitCode.FINISHED
    state = desk.run()
    assert state.steps[SHIP].status is StepStatus.PASSED
    assert len([a for a in state.attempts.values() if a.purpose is Purpose.STEP]) == 1
    assert (desk.project / "checkout" / "shipped").exists()
    desk.nothing_lost()


def test_what_is_edited_as_the_check_runs_is_not_what_runs_next(desk: Desk) -> None:
    """A file that comes and goes between two looks: what ran is what the plan promised, from the plan."""
    desk.auto("./small.md").says(code=ExitCode.REFUSED)
    (desk.project / "small.md").write_text(FILES["small.md"].replace("runbook: inner", "runbook: back"))
    desk.type("retry", "wait").says("Changed since the plan was made")
    assert list((desk.project / "checkout").iterdir()) == []
