"""How runbooks become a plan: nothing that a runbook says is dropped on the way."""

from __future__ import annotations

from pathlib import Path

import pytest

from handrail.cli.opening import plan_files
from handrail.errors import WrongUsage
from handrail.project.model import Project
from handrail.run import commands as c
from handrail.run.plan import Plan
from handrail.run.planning import make_plan
from handrail.runbook.loader import load
from walk import OPERATOR, TARGET, Walk, task

BACK = """---
parameters:
  release: {prompt: "Which?"}
  mode: {prompt: "How?", default: "a ${b"}
---
# Back
## Back
### Check out ${param.release}
```yaml step
task: git.checkout
with: {ref: "${param.release}", mode: "${param.mode}"}
```
### Verify
```yaml step
task: app.verify
with: {version: "${param.release}", commit: "${facts.commit}", text: "${param.mode}/${param.release}"}
```
"""


def planned(folder: Path, steps: str, *, back: str = BACK) -> Plan:
    (folder / "back.md").write_text(back)
    (folder / "deploy.md").write_text(f"# Deploy\n## Steps\n{steps}")
    runbook = load(folder / "deploy.md", search=[folder])
    return make_plan(runbook, TARGET, {}, digests={}, project_root=folder)


def step(title: str, block: str) -> str:
    return f"### {title}\n```yaml step\n{block}\n```\n"


def test_an_undo_runbook_goes_back_to_what_was_so_before_the_rollback(tmp_path: Path) -> None:
    undo = 'undo: {runbook: back, with: {release: "${facts.previous}"}}'
    plan = planned(tmp_path, step("One", f"task: git.checkout\n{undo}") + step("Two", "task: a.b"))
    walk = Walk(*plan.steps, undo_runbooks=plan.undo_runbooks)
    walk.start("steps/one")
    walk.end(0, facts={"previous": "v1", "commit": "new"})
    walk.do(c.RollBack(confirm="production"), OPERATOR)
    assert walk.state.undo_steps[0].planned.title == "Check out v1"
    assert walk.state.running is not None
    assert walk.state.running.call.arguments == {"ref": "v1", "mode": "a ${b"}
    walk.end(0, facts={"previous": "v2", "commit": "old"})
    assert walk.state.running is not None
    assert walk.state.running.call.arguments == {"version": "v1", "commit": "old", "text": "a ${b/v1"}


def test_another_way_is_frozen_with_the_plan_and_its_facts_are_left_for_the_rollback(tmp_path: Path) -> None:
    undo = 'undo: {task: a.c, otherwise: {runbook: back, with: {release: "${facts.dump} of ${target.name}"}}}'
    plan = planned(tmp_path, step("One", f"task: a.b\n{undo}"))
    otherwise = plan.steps[0].undo.otherwise
    assert otherwise is not None
    assert (otherwise.runbook, otherwise.title) == ("back", "Back")
    assert otherwise.arguments == {"release": "${facts.dump} of production"}
    assert [each.call.task for each in plan.undo_runbooks["back"]] == ["git.checkout", "app.verify"]
    assert Plan.model_validate_json(plan.model_dump_json(by_alias=True)) == plan
    walk = Walk(*plan.steps, task("b"), undo_runbooks=plan.undo_runbooks)
    walk.start("steps/one")
    walk.end(0, facts={"dump": "x.dump"})
    walk.roll_back()
    walk.end(1)
    walk.do(c.TakeOtherWay(step="undo/steps/one", confirm="production"))
    assert walk.state.current.planned.title == "Check out x.dump of production"
    assert walk.state.running.call.arguments == {"ref": "x.dump of production", "mode": "a ${b"}


def test_the_files_of_another_way_are_the_plans(tmp_path: Path) -> None:
    (tmp_path / "back.md").write_text(BACK)
    undo = 'undo: {task: a.c, otherwise: {runbook: back, with: {release: "v1"}}}'
    (tmp_path / "deploy.md").write_text(f"# Deploy\n## Steps\n{step('One', f'task: a.b{chr(10)}{undo}')}")
    project = Project(root=tmp_path, targets={"production": TARGET})
    digests, sources = plan_files(load(tmp_path / "deploy.md", search=[tmp_path]), project)
    assert {Path(path).name for path in digests} == {"deploy.md", "back.md"}
    assert sources[str(tmp_path / "back.md")] == BACK


def test_a_gate_of_an_including_step_holds_the_first_included_one(tmp_path: Path) -> None:
    included = 'runbook: back\nwith: {release: "v1"}\ngate: [db.up, db.up]'
    plan = planned(tmp_path, step("All", included))
    assert [gate.check for gate in plan.steps[0].gate] == ["db.up", "db.up (2)"]


def test_a_runbook_included_twice_has_steps_of_their_own(tmp_path: Path) -> None:
    included = 'runbook: back\nwith: {release: "v1"}'
    plan = planned(tmp_path, step("One", included) + step("Two", included))
    assert len({each.key for each in plan.steps}) == 4


@pytest.mark.parametrize(
    ("steps", "complaint"),
    [
        (
            step("All", 'runbook: back\nwith: {release: "v1"}\non_failure: fast'),
            "on_failure beside runbook",
        ),
        (step("All", 'runbook: back\nwith: {release: "v1"}\ntimeout: 5m'), "timeout beside runbook"),
        (step("Say", "attest: It is so.\ngate: [db.up]"), "would never be asked"),
        (
            step("One", 'task: a.b\nundo: {runbook: back, with: {release: "v1"}}')
            + step("Two", 'task: a.b\nundo: {runbook: back, with: {release: "v2"}}'),
            "other values than by an earlier step",
        ),
        (
            step("One", 'task: a.b\nundo: {runbook: back, with: {release: "v1"}, timeout: 5m}'),
            "timeout beside an undo's runbook",
        ),
        (step("One", "task: a.b\nundo: {runbook: back, with: {mode: x}}"), "param.release"),
        (step("One", "task: a.b\nundo: {task: a.c, otherwise: {runbook: back}}"), "param.release"),
        (
            step("One", 'task: a.b\nundo: {runbook: back, with: {release: "v1"}}')
            + step("Two", 'task: a.b\nundo: {task: a.c, otherwise: {runbook: back, with: {release: "v2"}}}'),
            "other values than by an earlier step",
        ),
    ],
)
def test_what_would_have_no_effect_is_refused(tmp_path: Path, steps: str, complaint: str) -> None:
    with pytest.raises(WrongUsage, match=complaint):
        planned(tmp_path, steps)
