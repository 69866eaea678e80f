"""The runbooks that ship: they load, their tasks exist, and every step has prose, times and a way back."""

from __future__ import annotations

import pytest

from handrail.runbook import loader
from handrail.runbook.model import StepKind
from handrail.tasks.collection import known_tasks

SHIPPED = [
    "feature-visible",
    "hotfix",
    "production-deploy",
    "restore-database",
    "rollback-code",
    "rollback-revert",
    "staging-deploy",
    "staging-verify",
]


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_runbook_is_whole(name: str) -> None:
    known = known_tasks(None)
    for step in loader.load(name, known_tasks=known).steps:
        block = step.block
        assert len(step.prose) > 60, step.title
        takes_its_own_time = block.watch or block.baseline or block.runbook
        assert takes_its_own_time or (block.timeout and block.estimate), step.title
        if step.kind is StepKind.TASK:
            assert block.undo or block.irreversible, step.title
        calls = [(block.task or block.check, block.arguments)]
        calls += [(gate.check, gate.arguments) for gate in block.gate]
        calls += [(call.task, call.arguments) for call in (block.probe, block.undo) if call and call.task]
        for task, arguments in calls:
            assert task is None or known[task].complaints(arguments) == [], step.title


@pytest.mark.parametrize("name", ["production-deploy", "staging-deploy"])
def test_every_migration_has_another_way_back_than_its_way_down(name: str) -> None:
    undos = [step.block.undo for step in loader.load(name).steps if step.block.undo]
    down = [undo for undo in undos if undo.task == "database.migrate_down"]
    assert down
    for undo in down:
        assert undo.otherwise is not None
        assert undo.otherwise.runbook == "restore-database"
        assert undo.otherwise.arguments == {"backup": "${facts.backup}", "sha256": "${facts.backup_sha256}"}


def test_every_step_that_rollback_code_repeats_is_idempotent() -> None:
    steps = loader.load("rollback-code").steps
    assert all(step.block.idempotent for step in steps if step.kind is StepKind.TASK)


def test_the_first_step_that_acts_waits_for_the_whole_checklist() -> None:
    steps = loader.load("production-deploy").steps
    acts = next(step for step in steps if step.block.task == "maintenance.enable")
    for gate in acts.block.gate:
        assert gate.waivable
        judged = set(gate.arguments.values())
        assert judged <= {"${facts.release_commit}"}, (
            f"{gate.check} would judge whatever the name means by then"
        )
    assert {gate.check for gate in acts.block.gate} >= {
        "window.open",
        "staging.verified",
        "staging.soaked",
        "review.approved",
        "tests.passed",
    }
    fetched = next(step for step in steps if step.block.task == "git.fetch")
    assert fetched.block.arguments == {"ref": "${param.ref}"}
    install = next(step for step in steps if step.block.task == "node.install")
    [same] = install.block.gate
    assert (same.check, same.arguments) == ("git.at", {"ref": "${facts.release_commit}"})


def test_an_emergency_asks_for_review_and_tests_like_any_other() -> None:
    skips = loader.load("hotfix").front_matter.emergency.skips
    skipped = {check for checks in skips.values() for check in checks}
    assert skipped == {"window.open", "staging.verified", "staging.soaked"}
